//! Row groups of finished files into a file of one schema.
//!
//! What [`join`](super::join) does with parts: encoded column chunks are copied as they are, with their statistics, page
//! indexes and bloom filters, and columns that a row group lacks are null. The files that they come from stay.

use super::join::{Joint, Target};
use super::source::Source;
use crate::error::{Error, Result};
use crate::foreign::guarded;
use parquet::file::reader::ChunkReader;
use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A row group of a finished file.
#[derive(Debug)]
pub struct Group<R> {
    /// The name of its file, for errors.
    pub path: PathBuf,
    /// The file.
    pub file: R,
    /// Its number in it.
    pub number: usize,
    /// Its rows.
    pub rows: usize,
}

/// Writes the row groups into the new file `path`, in their order.
///
/// # Errors
/// [`Error::Io`] and [`Error::Columns`] where a file cannot be read or written, or a column is not as the target's schema
/// has it: nothing is left out. Those of `go_on`, which is asked before each.
pub fn rejoin<R: ChunkReader + 'static>(
    path: &Path,
    target: &Target,
    groups: Vec<Group<R>>,
    go_on: &dyn Fn() -> Result<()>,
) -> Result<()> {
    let file = File::create_new(path).map_err(Error::io("create", path))?;
    let mut joint = Joint::new(file, target).map_err(Error::columns(path))?;
    for group in groups {
        go_on()?;
        guarded(&group.path, || {
            let source = Source::open_at(group.file, group.number);
            let source = source.map_err(Error::columns_read(&group.path))?;
            let checked = source.check(&joint.schema);
            checked.map_err(Error::columns_read(&group.path))?;
            joint
                .add_group(&source, group.rows, HashMap::new())
                .map_err(Error::columns(path))
        })?;
    }
    joint.finish(path)
}
