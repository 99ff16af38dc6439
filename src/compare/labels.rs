//! The labels that are compared.
//!
//! Each is compared with each other one, so there must not be many: who sent a dataset may have given every recording a label
//! of its own.

use crate::dataset::manifest::{Manifest, Recording};
use std::collections::BTreeSet;

/// How many labels are compared at most.
const MOST: usize = 20;

/// What recordings without a label are called.
pub(super) const UNLABELLED: &str = "(no label)";

/// The label of a recording; [`UNLABELLED`] where it has none.
pub(super) fn label(recording: &Recording) -> &str {
    let label = recording.label.as_deref().filter(|label| !label.is_empty());
    label.unwrap_or(UNLABELLED)
}

/// The labels that requests of a dataset can have, in the order of its recordings: of each its own, and those of its spans. The
/// first [`MOST`], and how many more there are.
pub(super) fn of_requests(manifest: &Manifest) -> (Vec<&str>, usize) {
    let all = manifest.recordings.iter().flat_map(|recording| {
        let spans = recording.spans.iter().map(|span| span.label.as_str());
        std::iter::once(label(recording)).chain(spans)
    });
    first(all)
}

/// The labels of a dataset, in the order of its recordings: the first [`MOST`], and how many more there are.
pub(super) fn labels(manifest: &Manifest) -> (Vec<&str>, usize) {
    first(manifest.recordings.iter().map(label))
}

/// The first [`MOST`] different ones of `all`, and how many more there are.
fn first<'a>(all: impl Iterator<Item = &'a str>) -> (Vec<&'a str>, usize) {
    let mut seen = BTreeSet::new();
    let mut labels: Vec<&str> = all.filter(|label| seen.insert(*label)).collect();
    let more = labels.len().saturating_sub(MOST);
    labels.truncate(MOST);
    (labels, more)
}
