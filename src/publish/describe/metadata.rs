//! What the files that describe a release are made of: its manifest, `dataset.toml`, the licence, and the tables' schemas.

use crate::compare::Compared;
use crate::dataset::tables;
use crate::error::Result;
use crate::publish::about::{About, Gap};
use crate::publish::figures::Given;
use crate::publish::license::License;
use crate::publish::options::PublishOptions;
use crate::publish::release::ReleaseManifest;
use crate::publish::rows::Rows;
use crate::split::names::word;
use arrow::datatypes::SchemaRef;
use std::collections::BTreeMap;
use std::path::Path;

/// What the files beside the data are made of.
pub(crate) struct ReleaseMetadata<'a> {
    pub(super) manifest: &'a ReleaseManifest,
    pub(super) about: &'a About,
    pub(super) license: Option<&'a License>,
    pub(super) figures: Option<&'a Given>,
    pub(super) gaps: &'a [Gap],
    /// How its labels compare.
    pub(super) compared: &'a Compared,
    /// Name of the release's folder.
    pub(super) folder: String,
    /// The schema of each table.
    pub(super) schemas: BTreeMap<String, SchemaRef>,
}

impl<'a> ReleaseMetadata<'a> {
    /// What is to be said of the release in `root`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io) and [`Error::Columns`](crate::error::Error::Columns) where a table cannot be
    /// read.
    pub(crate) fn new(
        root: &Path,
        manifest: &'a ReleaseManifest,
        options: &'a PublishOptions,
        (gaps, compared): (&'a [Gap], &'a Compared),
    ) -> Result<Self> {
        let mut schemas = BTreeMap::new();
        for (table, files) in &manifest.dataset.tables {
            if let Some(file) = files.files.first() {
                let schema = Rows::open(&root.into(), &file.path)?.schema().clone();
                schemas.insert(table.clone(), schema);
            }
        }
        let folder = options.output.path().file_name().unwrap_or_default();
        Ok(ReleaseMetadata {
            manifest,
            about: &options.about,
            license: options.license.as_ref(),
            figures: options.figures.as_ref(),
            gaps,
            compared,
            folder: folder.to_string_lossy().into_owned(),
            schemas,
        })
    }

    /// The title, or the folder's name.
    pub(super) fn title(&self) -> &str {
        self.about.title.as_deref().unwrap_or(&self.folder)
    }

    /// The description, or what can be said without one.
    pub(super) fn description(&self) -> String {
        let m = &self.manifest.dataset;
        self.about.description.clone().unwrap_or_else(|| {
            format!(
                "Kernel traces of a web server as tables: {} events with their arguments, {} requests.",
                m.events, m.requests
            )
        })
    }

    /// The tables, the one that most people want first.
    pub(super) fn tables(&self) -> Vec<&'static str> {
        let all = [
            tables::REQUESTS,
            tables::EVENTS,
            tables::DOWNSTREAM,
            tables::LOSSES,
        ];
        let known = |t: &&str| self.schemas.contains_key(*t);
        all.into_iter().filter(known).collect()
    }

    /// The shards of a split of a table, as a pattern of paths.
    pub(super) fn shards_of(&self, table: &str, split: &str) -> String {
        let split = word(split);
        match self.manifest.by_label() {
            true => format!("data/{table}/*/{split}-*.parquet"),
            false => format!("data/{table}/{split}-*.parquet"),
        }
    }
}
