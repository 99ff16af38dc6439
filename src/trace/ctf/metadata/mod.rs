//! The metadata of a CTF 1.8 trace: from its file to a typed model.
//!
//! The one idea: four steps that know nothing of each other's work. `text` undoes packets, `lexer` makes tokens, the
//! parser (`parser` the blocks, `declare`, `types` and `scalars` the types, `cursor` the tokens' reading) makes types of which
//! only tags and lengths are still names, and `resolve` turns those into fields. `model` is what comes out.

mod cursor;
mod declare;
mod lexer;
pub mod model;
mod parser;
mod resolve;
mod scalars;
mod text;
mod types;

#[cfg(test)]
mod tests;

pub use model::Metadata;
pub use parser::parse;

use crate::error::Result;
use std::path::Path;

/// Reads the metadata of the CTF 1.8 trace in the folder `dir`.
///
/// # Errors
/// [`Error::Io`](crate::error::Error::Io) where `dir/metadata` cannot be read;
/// [`Error::Input`](crate::error::Error::Input) where it is CTF 2, damaged, or not what CTF 1.8 allows. Lines and columns
/// are those of the text; where the file carries it in packets, of all packets' text joined, as
/// `babeltrace2 -o ctf-metadata` prints it.
pub fn read_metadata(dir: &Path) -> Result<Metadata> {
    let file = dir.join("metadata");
    parse(&text::read(&file)?, &file)
}
