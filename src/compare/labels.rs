//! The labels that are compared.

use crate::dataset::manifest::{Manifest, Recording};

/// What recordings without a label are called.
pub(super) const UNLABELLED: &str = "(no label)";

/// The label of a recording; [`UNLABELLED`] where it has none.
pub(super) fn label(recording: &Recording) -> &str {
    let label = recording.label.as_deref().filter(|label| !label.is_empty());
    label.unwrap_or(UNLABELLED)
}

/// The labels of a dataset, in the order of its recordings.
pub(super) fn labels(manifest: &Manifest) -> Vec<&str> {
    let mut labels = Vec::new();
    for label in manifest.recordings.iter().map(label) {
        if !labels.contains(&label) {
            labels.push(label);
        }
    }
    labels
}
