//! Columns into Parquet: pages, row groups, and files that are joined of row groups.
//!
//! Nothing here knows what a column means. Which columns a table has becomes known only at the end of the trace, but a row
//! group must be written long before, or memory would grow with the trace. So each row group is first a file of its own,
//! a [`Part`](part::Part), with the columns that its rows use. At the end [`join`] copies the encoded column chunks of
//! the parts, unchanged, into files of one schema.
//!
//! | file | what it owns |
//! |---|---|
//! | [`properties`] | compression and encodings of all tables |
//! | [`sparse`] | values at some rows of many |
//! | [`slot`], [`content`] | where a column stands in a row group, and what it is given |
//! | [`pages`] | leaves of columns, encoded from the values that are there |
//! | `tree`, [`mod@column`] | a column being encoded, from arrays or from values that are there |
//! | [`part`] | a row group as a file |
//! | [`encoders`] | a row group whose columns are encoded by threads |
//! | [`side_by_side`] | a row group whose columns are encoded by the caller's thread |
//! | [`nested`] | the columns of a list's elements |
//! | [`batches`], [`arrays`] | batches of Arrow into the row groups of a file |
//! | `file`, `footer` | a file being written, and what stands at its end, packed until then |
//! | [`join`], [`rejoin`], [`source`], [`nulls`], [`late`] | parts, and row groups of finished files, into files of one schema |
//! | [`any`] | columns of types that no table has |
//! | [`fitting`], [`records`], `sink` | rows of files put apart into others, lists as they are |

pub mod any;
pub mod arrays;
pub mod batches;
pub mod column;
pub mod content;
pub mod encoders;
mod file;
pub mod fitting;
mod footer;
pub mod join;
pub mod late;
pub mod nested;
mod nulls;
pub mod pages;
pub mod part;
pub mod properties;
pub mod records;
pub mod rejoin;
pub mod side_by_side;
mod sink;
pub mod slot;
mod source;
pub mod sparse;
mod tree;
