//! How the lines of an access log and the requests of a recording went together, as the manifest tells it.

use serde::{Deserialize, Serialize};

/// Counts of lines and requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessLines {
    /// Lines of the log.
    pub lines: u64,
    /// Those that belong to a request.
    pub matched: u64,
    /// Those that belong to none.
    pub unmatched: u64,
    /// Whether a last line was cut off, which is not one of them.
    pub cut_off: bool,
    /// Requests with one line.
    pub requests_with_one: u64,
    /// Requests with several.
    pub requests_with_several: u64,
    /// Requests with none.
    pub requests_with_none: u64,
}
