//! A dataset as a release: a folder that one uploads as it is, and that its receiver can check.
//!
//! ```text
//!  DATASET/ ──► rows ──► event_splits ─► rewrite ─► shards  RELEASE/
//!                (which split)         (anonymize)  │           data/TABLE/SPLIT-00000-of-00012.parquet
//!  dataset.toml ──► about ─┐                     ▼           schemas/*.json, classes.json, manifest.json
//!                license ──┴─────────────► describe ──────►  README.md, LICENSE, CITATION.cff
//!                version (what has changed since)            croissant.json, ro-crate-metadata.json, SHA256SUMS
//! ```
//!
//! What writes the data (`making`, `tables`, `shards`) knows nothing of what describes it: `describe` is given the finished
//! manifest, and writes all that is not data. `verify` checks a release, made here or fetched.

pub(crate) mod about;
mod ahead;
pub(crate) mod anonymize;
mod describe;
mod event_splits;
pub(crate) mod figures;
pub(crate) mod license;
mod making;
mod options;
pub(crate) mod release;
pub(crate) mod rewrite;
pub(crate) mod rows;
mod shards;
mod tables;
pub(crate) mod united;
pub(crate) mod verify;
mod version;

pub(crate) use making::publish;
pub(crate) use options::{Control, PublishOptions, Published};
