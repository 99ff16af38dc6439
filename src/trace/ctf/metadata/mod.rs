//! The metadata of a trace: from its file to a typed model.
//!
//! The one idea: four steps that know nothing of each other's work. `text` undoes packets, `lexer` makes tokens, the
//! parser (`parser` the blocks, `declare`, `types` and `scalars` the types, `cursor` the tokens' reading) makes types of which
//! only tags and lengths are still names, and `resolve` turns those into fields. `model` is what comes out. The JSON of CTF 2
//! has a folder of its own, `json`, and comes out as the same model.

mod blocks;
mod cursor;
mod declare;
mod field_classes;
mod implicit;
mod json;
mod lexer;
mod meanings;
pub mod model;
mod parser;
mod resolve;
mod roles;
mod scalars;
mod text;
mod typed;
mod types;
mod validate;

#[cfg(test)]
mod tests;

pub use model::Metadata;

use crate::error::Result;
use std::path::Path;

/// Parses a metadata text: JSON of CTF 2 where it begins with a record separator, TSDL of CTF 1.8 otherwise. `file` is
/// what errors name.
///
/// # Errors
/// [`Error::Input`](crate::error::Error::Input) with the line and column of what is wrong.
pub fn parse(text: &str, file: &Path) -> Result<Metadata> {
    let metadata = match text.starts_with(json::RECORD_SEPARATOR) {
        true => json::parse(text, file)?,
        false => {
            let mut metadata = parser::parse(text, file)?;
            validate::names(&metadata, file)?;
            implicit::map(&mut metadata, file)?;
            metadata
        }
    };
    validate::validate(&metadata, file)?;
    if !text.starts_with(json::RECORD_SEPARATOR) {
        validate::events_have_names(&metadata, file)?;
    }
    Ok(metadata)
}

/// Reads the metadata of the trace in the folder `dir`.
///
/// # Errors
/// [`Error::Io`](crate::error::Error::Io) where `dir/metadata` cannot be read;
/// [`Error::Input`](crate::error::Error::Input) where it is damaged, not what CTF allows, or has what is not
/// read yet (see `json`). Lines and columns
/// are those of the text; where the file carries it in packets, of all packets' text joined, as
/// `babeltrace2 -o ctf-metadata` prints it.
pub fn read_metadata(dir: &Path) -> Result<Metadata> {
    let file = dir.join("metadata");
    parse(&text::read(&file)?, &file)
}
