//! Describes a trace or a dataset: what is in it, and what was lost. As data, which `text` puts into words. `count` only
//! counts, and is quick.

mod count;
mod dataset;
mod text;
mod trace;

pub(crate) use count::{count_events, count_text};
pub(crate) use dataset::inspect_dataset;
pub(crate) use text::{dataset_text, trace_text};
pub(crate) use trace::inspect_trace;
