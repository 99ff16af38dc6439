//! Which split each event belongs to: that of its request.
//!
//! An event is where its request is, or the request that it was done for (`downstream`); all others are in
//! [`OTHER`](crate::split::names::OTHER). An event says which request or service it is of.

use super::rows::{Rows, ids};
use crate::dataset::root::Root;
use crate::error::{Error, Place, Result};
use crate::split::{IN_OTHER, Splits};
use arrow::array::{AsArray, Int64Array, RecordBatch};
use arrow::datatypes::Int64Type;
use std::collections::HashMap;
use std::path::Path;

/// Which split the events of a recording belong to.
pub(super) struct EventSplits<'a> {
    splits: &'a Splits,
    recording: usize,
    /// By `service_id`.
    services: HashMap<i64, u8>,
}

impl<'a> EventSplits<'a> {
    /// Where the events of a recording are: `downstream` are its files of that table in the dataset `root`.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`], [`Error::Input`] where it has not the columns.
    pub(super) fn open(
        splits: &'a Splits,
        recording: usize,
        root: &Root,
        downstream: &[String],
    ) -> Result<EventSplits<'a>> {
        let mut services = HashMap::new();
        for file in downstream {
            let path = &root.join(file);
            for batch in Rows::open(root, file)?.batches(Some(&["service_id", "request_id"]))? {
                let batch = batch?;
                let pairs = ids(&batch, "service_id", path)?.iter();
                let pairs = pairs.zip(ids(&batch, "request_id", path)?);
                services.extend(pairs.map(|(s, r)| (*s, splits.of_request(recording, *r))));
            }
        }
        Ok(EventSplits {
            splits,
            recording,
            services,
        })
    }

    /// The splits of the rows of `events` in `batch`, of the file `path`.
    ///
    /// # Errors
    /// [`Error::Input`] where it has not the columns.
    pub(super) fn of_rows(&self, batch: &RecordBatch, path: &Path) -> Result<Vec<u8>> {
        let requests = links(batch, "request_id", path)?;
        let services = links(batch, "service_id", path)?;
        let rows = requests.iter().zip(services.iter());
        let splits = rows.map(|links| match links {
            (Some(request), _) => self.splits.of_request(self.recording, request),
            (None, Some(service)) => self.services.get(&service).copied().unwrap_or(IN_OTHER),
            (None, None) => IN_OTHER,
        });
        Ok(splits.collect())
    }
}

/// A column of `events` that says to what each belongs.
fn links<'a>(batch: &'a RecordBatch, column: &str, path: &Path) -> Result<&'a Int64Array> {
    let found = batch.column_by_name(column);
    let found = found.and_then(|c| c.as_primitive_opt::<Int64Type>());
    found.ok_or_else(|| {
        Error::input(
            format!("has no column {column} of 64-bit integers"),
            Place::file(path),
            "Make the dataset again with this version of sysds ingest.",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::ArrayRef;
    use std::sync::Arc;

    #[test]
    fn events_are_where_their_request_is() {
        let splits = Splits::made_up(vec![vec![], vec![0, 2, 3]]);
        let events = EventSplits {
            splits: &splits,
            recording: 1,
            services: HashMap::from([(0, 3)]),
        };
        let column =
            |links: [Option<i64>; 5]| -> ArrayRef { Arc::new(Int64Array::from_iter(links)) };
        let batch = RecordBatch::try_from_iter([
            (
                "request_id",
                column([None, Some(0), Some(1), Some(2), None]),
            ),
            ("service_id", column([None, None, None, None, Some(0)])),
        ]);
        let found = events.of_rows(&batch.unwrap(), Path::new("f")).unwrap();
        assert_eq!(found, [IN_OTHER, 0, 2, 3, 3]);
        let none = RecordBatch::try_from_iter([("request_id", column([None; 5]))]).unwrap();
        let e = events.of_rows(&none, Path::new("f")).unwrap_err();
        assert!(e.to_string().contains("no column service_id"), "{e}");
    }
}
