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

/// The labels of a dataset, in the order of its recordings: the first [`MOST`], and how many more there are.
pub(super) fn labels(manifest: &Manifest) -> (Vec<&str>, usize) {
    let mut seen = BTreeSet::new();
    let labels = manifest.recordings.iter().map(label);
    let mut labels: Vec<&str> = labels.filter(|label| seen.insert(*label)).collect();
    let more = labels.len().saturating_sub(MOST);
    labels.truncate(MOST);
    (labels, more)
}
