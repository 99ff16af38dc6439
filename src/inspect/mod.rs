//! Describes a trace or a dataset: what is in it, and what was lost. As data, which `text` puts into words. `count` only
//! counts, and is quick.

mod count;
mod dataset;
mod text;
mod trace;

pub use count::{Count, count_events, count_text};
pub use dataset::{ColumnReport, DatasetReport, TableReport, inspect_dataset};
pub use text::{dataset_text, trace_text};
pub use trace::{ClassReport, RecordingReport, TraceReport, inspect_trace};
