//! The folder for copies of damaged traces, which only the reader babeltrace2 needs: what is not made cannot be left behind.

use crate::error::{Error, Result};
use crate::trace::reader::ReaderChoice;
use std::path::Path;
use tempfile::TempDir;

/// A folder that goes with this, where the reader needs one.
pub(super) struct Scratch(Option<TempDir>);

impl Scratch {
    /// The folder for this reader.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be made.
    pub(super) fn new(choice: ReaderChoice) -> Result<Self> {
        let made = match choice {
            ReaderChoice::Native => None,
            ReaderChoice::Babeltrace2 => {
                Some(tempfile::tempdir().map_err(Error::io("create", &std::env::temp_dir()))?)
            }
        };
        Ok(Scratch(made))
    }

    /// Its path; none where the reader makes no copies.
    pub(super) fn path(&self) -> &Path {
        self.0.as_ref().map_or(Path::new(""), TempDir::path)
    }
}
