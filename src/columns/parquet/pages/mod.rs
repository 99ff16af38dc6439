//! Encoding columns: from values that are there to the pages of a column chunk.
//!
//! An event has five of 150 columns. Writers that take a place for every row walk over all places of each column; here a column
//! is told which rows have a value, and its cost is that of those values. What comes out is what any writer of the format
//! could give, and is handed to the crate `parquet`, which writes the file around it.
//!
//! | file | what it owns |
//! |---|---|
//! | [`chunk`] | a column chunk: values in, pages out |
//! | [`leaf`], `presence` | values that are there, which places have one |
//! | [`shape`], [`base`], [`deep`], `layout` | which places there are: in rows, in lists, in structures and lists in them |
//! | `repetition` | repetition levels, encoded once for all columns of a list |
//! | `plan` | how a column's values are to be encoded |
//! | `values`, `numbers`, `texts`, `dictionary` | the values of a column by their type |
//! | `hybrid`, `delta` | the format's encodings |
//! | `bounds`, `index` | what readers skip by |
//! | `compressor` | compressing pages |
//!
//! The crate could do the same if its `GenericColumnWriter` took definition levels as runs, or the positions of the values, and
//! if its encoders took dictionary keys as they are: it has both for levels that are equal throughout (`LevelDataRef::Uniform`),
//! behind an interface that is not public.

pub mod base;
mod bounds;
pub mod chunk;
mod compressor;
pub mod deep;
mod delta;
mod dictionary;
mod hybrid;
mod index;
mod layout;
pub mod leaf;
mod numbers;
mod plan;
mod presence;
mod repetition;
pub mod shape;
#[cfg(test)]
mod tests;
mod texts;
mod values;
