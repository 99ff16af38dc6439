//! SQL over a dataset.
//!
//! The one idea: a query is a *script* (a [`Source`] of several statements with `$name` parameters), and everything
//! about it is settled on its tokens before anything runs: parameters are put in as literal tokens that keep their
//! place, so that they work wherever SQL takes a literal (also in `COPY … TO $out`), statements are split by the
//! parser and not at semicolons, and every mistake can be shown in the line where it stands.
//!
//! A [`Session`] knows the tables of one dataset and runs scripts; what comes out goes batch by batch to a
//! [`output::Results`]. DataFusion appears in this folder only.

mod copy;
mod damage;
mod members;
mod merge;
mod mistakes;
pub mod output;
mod parameters;
mod recordings;
mod session;
pub mod shipped;
mod statements;

pub use session::Session;

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
    /// [`crate::error::Error::Io`].
    pub fn file(path: &Path) -> crate::error::Result<Self> {
        let text = std::fs::read_to_string(path).map_err(crate::error::Error::io("read", path))?;
        Ok(Source {
            name: path.display().to_string(),
            text,
        })
    }

    /// What the query answers: the first line of its leading comment, empty where there is none.
    pub fn title(&self) -> &str {
        let first = self.text.lines().next().unwrap_or_default().trim();
        first.strip_prefix("--").map_or("", str::trim)
    }
}
