//! SQL over a dataset.
//!
//! The one idea: a query is a *script* (a [`Source`] of several statements with `$name` parameters), and everything
//! about it is settled on its tokens before anything runs: parameters are put in as literal tokens that keep their
//! place, so that they work wherever SQL takes a literal (also in `COPY … TO $out`), statements are split by the
//! parser and not at semicolons, and every mistake can be shown in the line where it stands.
//!
//! A [`Session`] knows the tables of one dataset and runs scripts; what comes out goes batch by batch to a
//! [`output::Results`]. DataFusion appears in this folder only.

mod access;
mod copy;
mod damage;
mod limits;
mod members;
mod merge;
mod mistakes;
pub mod output;
mod parameters;
mod reach;
mod recordings;
mod runtime;
mod session;
pub mod shipped;
mod statements;
mod tables;

pub use access::Access;
pub use session::Session;

use crate::error::{Error, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// A text of SQL statements and the name under which errors speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// A file's name, or `-e`, or `stdin`.
    pub name: String,
    /// The statements.
    pub text: String,
}

impl Source {
    /// The SQL in a file.
    ///
    /// # Errors
    /// [`Error::Io`], also where it is no text; [`Error::Usage`] where it is too long for SQL.
    pub fn file(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        Self::read(file, path)
    }

    /// The SQL that comes out of `from`, which errors call `name`.
    ///
    /// # Errors
    /// As [`Source::file`].
    pub fn read(from: impl Read, name: &Path) -> Result<Self> {
        let mut text = String::new();
        let read = from.take(limits::TEXT as u64 + 1).read_to_string(&mut text);
        if text.len() > limits::TEXT {
            return Err(Error::usage(
                format!("{}: more than {} MB", name.display(), limits::TEXT >> 20),
                "Name a file of SQL.",
            ));
        }
        read.map_err(Error::io("read", name))?;
        Ok(Source {
            name: name.display().to_string(),
            text,
        })
    }

    /// What the query answers: the first line of its leading comment, empty where there is none.
    pub fn title(&self) -> &str {
        let first = self.text.lines().next().unwrap_or_default().trim();
        first.strip_prefix("--").map_or("", str::trim)
    }
}
