//! Describes a trace or a dataset: what is in it, and what was lost. As data, which `text` puts into words.

mod dataset;
mod text;
mod trace;

pub use dataset::{ColumnReport, DatasetReport, TableReport, inspect_dataset};
pub use text::{dataset_text, trace_text};
pub use trace::{ClassReport, RecordingReport, TraceReport, inspect_trace};
