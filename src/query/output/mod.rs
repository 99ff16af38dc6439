//! What comes out of a query, in the format that was asked for.
//!
//! Results arrive batch by batch and leave as they come, so that memory doesn't grow with them. Values are exact in
//! every format: integers are never floats, times are RFC 3339 with all nine digits, nested values are JSON. A NULL is
//! nothing in CSV (an empty string is `""`) and `null` in JSON; only fields *inside* nested values are left out where
//! they are null, since a structure of arguments has a field for every argument of every event.

mod cells;
mod file;
mod results;
mod table;
mod text;

#[cfg(test)]
pub(crate) use cells::tests::sample;
pub(crate) use cells::{json_options, text_columns};
pub(crate) use file::{FileOutput, ParquetOutput};
pub(crate) use results::{Collected, Format, Results};
pub(crate) use text::TextOutput;
