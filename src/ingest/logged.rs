//! The access log that `sysds record` left with a recording.

use crate::access_log::{AccessLog, Tally};
use crate::dataset::access_lines::AccessLines;
use crate::dataset::record_metadata::{ACCESS_LOG, CopiedLog, RECORD};
use crate::error::{Error, Place, Result};
use crate::foreign;
use std::path::PathBuf;

/// Where the copy of a log is.
pub(super) struct LogFile {
    /// The folder.
    pub dir: PathBuf,
    /// What the record says of it.
    pub copied: CopiedLog,
}

impl LogFile {
    /// Reads it.
    ///
    /// # Errors
    /// [`Error::Input`] where it is not the one that the record tells of, and as [`AccessLog::read`].
    pub(super) fn read(&self) -> Result<AccessLog> {
        let path = self.dir.join(ACCESS_LOG);
        let file = foreign::open_in(&self.dir, ACCESS_LOG)?;
        let metadata = file.metadata().map_err(Error::io("read", &path))?;
        let (bytes, told) = (metadata.len(), self.copied.bytes);
        if bytes != told {
            return Err(Error::input(
                format!("it has {bytes} bytes, but {RECORD} says {told}"),
                Place::file(&path),
                format!(
                    "Copy the recording again, or take access_log out of {RECORD} to do without it."
                ),
            ));
        }
        AccessLog::read(file, &path)
    }
}

/// What the manifest tells of it.
pub(super) fn counts(tally: Tally) -> AccessLines {
    AccessLines {
        lines: tally.lines,
        matched: tally.matched,
        unmatched: tally.lines - tally.matched,
        cut_off: tally.cut_off,
        requests_with_one: tally.with_one,
        requests_with_several: tally.with_several,
        requests_with_none: tally.with_none,
    }
}
