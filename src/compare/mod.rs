//! Whether the recordings of different labels can be compared: what differs between labels though it should not, and how
//! well a request's label is told by figures that say nothing of what is being studied.
//!
//! A model that is to tell labels apart learns whatever tells them apart. Where one recording has events of the scheduler
//! and another has none, counting events is enough. So `conditions` holds against each other how the recordings of each
//! label were made, by the manifest and the event classes, and `features` finds how well a few plain figures of requests
//! separate each pair of labels. Both are told as rows, for a table, and in sentences, for those that matter.

mod auroc;
mod conditions;
mod facts;
mod features;
mod labels;
mod rows;

pub(crate) use conditions::conditions;
pub(crate) use features::features;
pub(crate) use rows::Compared;

use crate::dataset::manifest::Manifest;
use crate::dataset::{Dataset, classes};
use crate::error::Result;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Compares the labels of a dataset or release. `memory` and `interrupted` are those of
/// [`Session::open`](crate::query::Session::open).
///
/// # Errors
/// As [`classes::read`] and [`features()`].
pub(crate) fn compare(
    dataset: &Dataset,
    memory: Option<usize>,
    interrupted: Arc<AtomicBool>,
) -> Result<Compared> {
    let manifest = Manifest::read(&dataset.root)?;
    let classes = classes::read(&dataset.root, &manifest)?;
    let mut compared = conditions(&manifest, &classes);
    compared.extend(features(dataset, &manifest, memory, interrupted)?);
    Ok(compared)
}
