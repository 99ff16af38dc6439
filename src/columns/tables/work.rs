//! Columns that requests, and what others did for them, have in common.

use super::columns::NamedColumn;
use super::rows::Rows;
use super::value::Time;
use crate::requests::{EndReason, Request, Times};
use crate::trace::event::UNKNOWN;
use arrow::array::StringArray;
use std::sync::Arc;

/// The columns of a request's `work`, or of what was done for one, which a row of the type `R` is about.
pub(super) fn columns<R: 'static>(work: fn(&R) -> &Request) -> Vec<NamedColumn<[R]>> {
    let rows = Rows::<R>::all();
    let known = |n: i32| (n != UNKNOWN).then_some(n);
    let reasons = Arc::new(StringArray::from(
        EndReason::ALL.map(EndReason::as_str).to_vec(),
    ));
    let mut columns = vec![
        rows.texts("procname", move |r| work(r).procname.as_deref()),
        rows.column("pid", move |r| known(work(r).pid)),
        rows.column("tid", move |r| known(work(r).tid)),
        rows.column("fd", move |r| work(r).fd),
        rows.column("start", move |r| Time(work(r).start)),
        rows.column("end", move |r| Time(work(r).end)),
        rows.column("duration_ns", move |r| work(r).end - work(r).start),
        rows.column("wait_ns", move |r| work(r).wait),
        rows.column("read_bytes", move |r| work(r).read_bytes),
        rows.column("written_bytes", move |r| work(r).written_bytes),
        rows.column("n_events", move |r| work(r).n_events),
        rows.column("first_event", move |r| work(r).first_event),
        rows.column("last_event", move |r| work(r).last_event),
        rows.words("end_reason", &reasons, move |r| work(r).end_reason as i32),
        rows.column("lost_events", move |r| {
            i64::try_from(work(r).lost_events).unwrap_or(i64::MAX)
        }),
    ];
    columns.extend(breakdown(move |r| work(r).times.as_ref()));
    columns
}

/// Where the time went; null where the trace does not tell.
fn breakdown<R: 'static>(
    times: impl Fn(&R) -> Option<&Times> + Copy + Send + 'static,
) -> [NamedColumn<[R]>; 4] {
    let rows = Rows::<R>::all();
    [
        rows.column("on_cpu_ns", move |r| times(r).map(|t| t.on_cpu)),
        rows.column("runnable_ns", move |r| times(r).map(|t| t.runnable)),
        rows.column("blocked_ns", move |r| times(r).map(|t| t.blocked)),
        rows.column("unattended_ns", move |r| times(r).map(|t| t.unattended)),
    ]
}
