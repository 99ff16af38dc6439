//! The table `losses`: what the tracer discarded.

use super::columns::{self, NamedColumn};
use super::part::write_part;
use super::rows::Rows;
use super::value::Time;
use crate::columns::parquet::part::Part;
use crate::columns::schema::contract::Contract;
use crate::error::Result;
use crate::trace::event::Loss;
use parquet::file::properties::WriterPropertiesPtr;
use std::path::PathBuf;

/// Writes the losses of a recording, in the order of their beginnings, as a part at `path`; no losses give no part.
///
/// # Errors
/// [`Error::Io`](crate::error::Error::Io) and [`Error::Columns`](crate::error::Error::Columns) where it cannot be
/// written.
pub fn write(
    path: PathBuf,
    contract: &Contract,
    trace_id: &str,
    losses: &[Loss],
    properties: &WriterPropertiesPtr,
) -> Result<Option<Part>> {
    if losses.is_empty() {
        return Ok(None);
    }
    let columns = columns::of(contract, columns(trace_id))?;
    write_part(path, &columns, losses, properties).map(Some)
}

/// What fills each column.
pub(super) fn columns(trace_id: &str) -> Vec<NamedColumn<[Loss]>> {
    let count = |n: Option<u64>| n.and_then(|n| i64::try_from(n).ok());
    let losses = Rows::<Loss>::all();
    vec![
        losses.constant("trace_id", Some(trace_id)),
        losses.column("stream", |l| l.stream.clone()),
        losses.column("cpu", |l| l.cpu),
        losses.column("begin", |l| l.begin.map(Time)),
        losses.column("end", |l| l.end.map(Time)),
        losses.column("discarded_events", move |l| count(l.events)),
        losses.column("discarded_packets", move |l| count(l.packets)),
    ]
}
