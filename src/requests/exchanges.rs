//! Exchanges: what is read on a connection and answered by writes. The rule `exchange` and downstream work are cut by
//! them.
//!
//! An exchange ends at its last write before the next read, which is known only when that comes: each write sets a mark,
//! and the exchange ends at the last one.

use super::facts::Now;
use super::request::EndReason;
use super::trackers::endpoint::Endpoint;
use super::work::Work;

/// So many bytes were written to a connection: an exchange on it may end here.
pub(crate) fn wrote(work: &mut Work, end: Endpoint, bytes: i64) {
    if let Some(open) = work.on(end) {
        open.written(bytes);
        open.mark();
    }
}

/// Ends the exchange that is open on a connection, if one is: with its last write if it has one, else at `at` or with its
/// last event. Gives when that was.
pub(crate) fn end(
    now: &Now,
    work: &mut Work,
    end: Endpoint,
    reason: EndReason,
    at: Option<i64>,
) -> Option<i64> {
    let reason = match reason {
        _ if work.on(end)?.is_marked() => EndReason::Response,
        EndReason::Close | EndReason::Exit => EndReason::NoResponse,
        reason => reason,
    };
    work.end_on(now, end, reason, at)
}
