//! Labels of parts of recordings (`ingest --labels`): from what a user wrote to the spans of each recording.
//!
//! A user writes when something went on, in the time of the clock or since the recording began. When that was, and whether
//! the recording goes on as long as is said, shows only while it is read. So what is wrong in itself is refused when the file
//! is read (`file`), of which recording each line is when these have their names (`assigned`), a begin when the first event
//! is known, before a row is written, and an end after the last (`resolved`). Nothing is in place before.

mod assigned;
mod file;
mod moment;
mod resolved;

pub(super) use assigned::{Names, assigned};
pub use file::LabelFile;
pub(super) use resolved::{Resolved, Wanted};
