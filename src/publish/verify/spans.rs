//! Labels of parts of recordings: the spans that the manifest tells of, and what requests say of them.

use super::ids::{each, longs, texts};
use super::release::Release;
use super::report::{Kind, Report};
use crate::dataset::manifest::Recording;
use crate::dataset::{MANIFEST, tables};
use crate::error::Result;
use crate::label_spans::{Placed, faults, place};
use crate::publish::release::Shard;
use crate::split::names::{STRADDLING, is_of_complete};
use arrow::array::{Array, AsArray, BooleanArray, RecordBatch, StringArray};

/// Checks that the spans of each recording lie in it, one after the other.
pub(super) fn check(release: &Release, report: &mut Report) {
    for recording in &release.manifest.dataset.recordings {
        for fault in faults_of(recording) {
            let what = format_args!("{}: {fault}", recording.trace_id);
            report.add(Kind::Spans, MANIFEST, what);
        }
    }
}

fn faults_of(recording: &Recording) -> Vec<String> {
    faults(&recording.spans, recording.first_ns.zip(recording.last_ns))
}

/// The columns of requests that follow from the spans; those of a table of before there were spans are null.
struct Columns {
    labels: Option<StringArray>,
    straddles: Option<BooleanArray>,
}

impl Columns {
    fn of(batch: &RecordBatch) -> Self {
        let has = |name: &str| batch.column_by_name(name);
        Columns {
            labels: has("span_label").map(|_| texts(batch, "span_label")),
            straddles: has("straddles").and_then(|column| column.as_boolean_opt().cloned()),
        }
    }

    fn label(&self, row: usize) -> Option<&str> {
        let labels = self.labels.as_ref().filter(|labels| labels.is_valid(row));
        labels.map(|labels| labels.value(row))
    }

    /// Whether a border lies inside the request of this row, where that is said.
    fn straddles(&self, row: usize) -> Option<bool> {
        let straddles = self.straddles.as_ref().filter(|all| all.is_valid(row));
        straddles.map(|all| all.value(row))
    }
}

/// Columns that are read.
const COLUMNS: [&str; 6] = [
    "request_id",
    "trace_id",
    "start",
    "end",
    "span_label",
    "straddles",
];

/// Checks that the requests of a recording have the labels of its spans, and that those inside of which a border lies are in
/// no part.
///
/// # Errors
/// As [`each`].
pub(super) fn requests(
    release: &Release,
    recording: &Recording,
    report: &mut Report,
) -> Result<()> {
    // What requests are to be held against must be right itself; that it is not was told of.
    let sound = faults_of(recording).is_empty();
    let shards = release.shards(tables::REQUESTS, &recording.trace_id, None);
    each(release, &shards, &COLUMNS, |batch, path, shard| {
        let columns = Columns::of(batch);
        if sound {
            labelled(batch, &columns, recording, (path, report));
        }
        if is_of_complete(&shard.split) {
            in_no_part(batch, &columns, shard, (path, report));
        }
        Ok(())
    })
}

/// Checks that rows have the labels of spans.
fn labelled(
    batch: &RecordBatch,
    columns: &Columns,
    recording: &Recording,
    (path, report): (&str, &mut Report),
) {
    let spans = &recording.spans;
    let [ids, starts, ends] = ["request_id", "start", "end"].map(|column| longs(batch, column));
    for row in 0..ids.len() {
        let Placed { within, straddles } = place(spans, starts[row], ends[row]);
        let wanted = (
            within.map(|span| spans[span].label.as_str()),
            (!spans.is_empty()).then_some(straddles),
        );
        let told = (columns.label(row), columns.straddles(row));
        if told != wanted {
            let (id, told, wanted) = (ids[row], said(told), said(wanted));
            let what =
                format_args!("request {id} has {told}, but by the spans of its recording {wanted}");
            report.add(Kind::Spans, path, what);
        }
    }
}

fn said((label, straddles): (Option<&str>, Option<bool>)) -> String {
    let label = label.map_or("null".to_owned(), |label| format!("{label:?}"));
    let straddles = straddles.map_or("null".to_owned(), |s| s.to_string());
    format!("span_label {label} and straddles {straddles}")
}

/// Checks that those rows of a shard straddle that are in the split of these, and no others.
fn in_no_part(
    batch: &RecordBatch,
    columns: &Columns,
    shard: &Shard,
    (path, report): (&str, &mut Report),
) {
    for (row, id) in longs(batch, "request_id").into_iter().enumerate() {
        let straddles = columns.straddles(row) == Some(true);
        if straddles != (shard.split == STRADDLING) {
            let split = &shard.split;
            let what = format_args!("request {id} is in {split}, but straddles is {straddles}");
            report.add(Kind::Marked, path, what);
        }
    }
}
