//! The text of a script, from wherever it comes, and how much of it there may be.

use crate::error::{Error, Result};
use std::fs::File;
use std::io::Read;
use std::path::Path;

const BYTE_ORDER_MARK: char = '\u{feff}';
/// Bytes of a script.
pub(super) const TEXT: usize = 4 << 20;

/// A text of SQL statements and the name under which errors speak of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
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
    pub(crate) fn file(path: &Path) -> Result<Self> {
        let file = File::open(path).map_err(Error::io("read", path))?;
        Self::read(file, path)
    }

    /// The SQL that comes out of `from`, which errors call `name`.
    ///
    /// # Errors
    /// As [`Source::file`].
    pub(crate) fn read(from: impl Read, name: &Path) -> Result<Self> {
        let mut text = String::new();
        let read = from.take(TEXT as u64 + 1).read_to_string(&mut text);
        if text.len() > TEXT {
            return Err(Error::usage(
                format!("{}: more than {} MB", name.display(), TEXT >> 20),
                "Name a file of SQL.",
            ));
        }
        read.map_err(Error::io("read", name))?;
        // What some editors of Windows put before a text.
        if let Some(rest) = text.strip_prefix(BYTE_ORDER_MARK) {
            text = rest.to_owned();
        }
        Ok(Source {
            name: name.display().to_string(),
            text,
        })
    }

    /// What the query answers: the first line of its leading comment, empty where there is none.
    pub(crate) fn title(&self) -> &str {
        let first = self.text.lines().next().unwrap_or_default().trim();
        first.strip_prefix("--").map_or("", str::trim)
    }
}
