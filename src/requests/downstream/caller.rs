//! Who asks another process for work: the thread, and the request that it works for.

use crate::requests::facts::Now;
use crate::requests::work::Work;

/// For whom something is asked, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Caller {
    /// The request.
    pub request: i64,
    /// 1 where the request itself asks, one more where it is asked for by downstream work.
    pub depth: i32,
    pub tid: i32,
    /// Nanoseconds since the Unix epoch.
    pub at: i64,
}

impl Caller {
    /// What the event's thread asks, if it works for a request.
    pub(crate) fn by(now: &Now, work: &Work) -> Option<Self> {
        let open = work.of_thread(now)?;
        let (request, depth) = match &open.serves {
            Some(serves) => (serves.request_id, serves.depth + 1),
            None => (open.request.id, 1),
        };
        Some(Caller {
            request,
            depth,
            tid: now.event.observed.head.tid,
            at: now.timestamp(),
        })
    }
}
