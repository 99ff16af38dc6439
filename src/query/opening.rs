//! What SQL can name of a dataset: its tables, and the views and tables that are made of them.

use super::access::Access;
use super::reach::Reach;
use super::stored::{self, Stored};
use super::{calls, damage, derived, recordings, request_arguments, request_lists, spans, wide};
use crate::dataset::manifest::Manifest;
use crate::dataset::tables::EVENTS;
use crate::dataset::{Dataset, Table};
use crate::error::{Error, Place, Result};
use arrow::datatypes::{DataType, Fields};
use datafusion::catalog::TableProvider;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the files of `events` are called where no event has a payload: SQL then has a column `args` all the same, without
/// a value and without members, so that whatever goes over all arguments finds none.
pub(super) const BARE_EVENTS: &str = "events_without_args";

/// Views over the tables of every dataset, in an order in which each finds what it uses.
const VIEWS: [(&str, &str); 5] = [
    ("errnos", include_str!("../../schemas/views/errnos.sql")),
    (
        "own_events",
        include_str!("../../schemas/views/own_events.sql"),
    ),
    (
        "causal_events",
        include_str!("../../schemas/views/causal_events.sql"),
    ),
    (
        "window_events",
        include_str!("../../schemas/views/window_events.sql"),
    ),
    (
        "request_arguments",
        include_str!("../../schemas/views/request_arguments.sql"),
    ),
];

/// What a row is of the tables that no SQL defines: said as at the top of the definition of a view.
const TABLES_OF_OURS: [(&str, &str); 3] = [
    (
        calls::NAME,
        "-- System calls, one row each, of the two events that are its sides.",
    ),
    (
        request_lists::TABLE,
        "-- The events of requests as lists, one row for each request.",
    ),
    (
        request_arguments::TABLE,
        "-- How often each value of an argument occurs in each request.",
    ),
];

/// The definitions of tables and views that are not in files.
pub(super) fn definitions() -> Vec<(&'static str, &'static str)> {
    [&TABLES_OF_OURS[..], &VIEWS[..]].concat()
}

/// A dataset whose tables and views are made known to SQL.
pub(super) struct Opening<'d> {
    pub context: &'d SessionContext,
    pub dataset: &'d Dataset,
    /// Its folder, links followed; its URL where it is in a store.
    pub root: &'d Path,
    /// How DataFusion reads the files in it.
    pub reach: &'d Reach,
    pub access: &'d Access,
}

/// What SQL knows.
#[derive(Default)]
pub(super) struct Known {
    /// The tables on disk, as SQL reads them.
    pub origins: Vec<wide::Origin>,
    /// The names of tables and views.
    pub tables: Vec<String>,
    /// The names of fields below columns, sorted.
    pub fields: Vec<String>,
    /// Why there are no tables of the manifest.
    pub unread: Option<Error>,
    /// Views that the tables do not have the columns for.
    pub left_out: Vec<&'static str>,
}

impl Opening<'_> {
    /// Makes all of them known.
    ///
    /// # Errors
    /// [`Error::Input`] where a table's files do not fit together, [`Error::Columns`] where one is no Parquet file.
    pub(super) async fn known(&self) -> Result<Known> {
        let mut known = Known::default();
        for table in &self.dataset.tables {
            self.table(table, &mut known).await?;
        }
        self.recordings(&mut known)?;
        self.derived(&mut known).await?;
        self.views(&mut known).await?;
        self.calls(&mut known).await;
        known.fields.sort();
        known.fields.dedup();
        Ok(known)
    }

    async fn table(&self, table: &Table, known: &mut Known) -> Result<()> {
        let root = &self.dataset.root;
        let files = table.files.iter();
        let files = files.map(|file| match root.disk() {
            Some(_) => self.access.readable(file, self.root),
            None => Ok(file.clone()),
        });
        let files = files.collect::<Result<Vec<PathBuf>>>()?;
        let schema = stored::schema(root, table)?;
        nested_names(schema.fields(), &mut known.fields);
        let wrong = |e: DataFusionError| {
            Error::input(
                e.strip_backtrace(),
                Place::file(&table.dir),
                "Make the dataset again with sysds ingest.",
            )
        };
        let mut urls = Vec::new();
        for file in files {
            urls.push(ListingTableUrl::parse(self.reach.url(&file)?).map_err(wrong)?);
        }
        let bare = table.name == EVENTS && schema.column_with_name("args").is_none();
        let name = if bare { BARE_EVENTS } else { &table.name };
        let stored: Arc<dyn TableProvider> = Arc::new(Stored::new(schema, urls));
        let registered = self.context.register_table(name, Arc::clone(&stored));
        registered.map_err(wrong)?;
        known.origins.push(wide::Origin::new(root, table, stored));
        if bare {
            let text = format!("CREATE VIEW events AS SELECT *, NULL AS args FROM {BARE_EVENTS}");
            self.created(&text).await.map_err(wrong)?;
        }
        known.tables.push(table.name.clone());
        Ok(())
    }

    async fn created(&self, text: &str) -> Result<(), DataFusionError> {
        self.context.sql(text).await?.collect().await.map(drop)
    }

    /// An error of a table that is not in files.
    fn wrong(&self, e: &DataFusionError) -> Error {
        Error::input(e.strip_backtrace(), Place::file(&self.dataset.root), "")
    }

    /// What the files of events go by.
    fn events(&self) -> Result<&'static str> {
        let bare = self.context.table_exist(BARE_EVENTS);
        let bare = bare.map_err(|e| self.wrong(&e))?;
        Ok(if bare { BARE_EVENTS } else { EVENTS })
    }

    /// What the manifest tells of the recordings, and of the spans in them that have labels. A dataset whose manifest another
    /// version wrote has no such tables, and a query that names them is told why.
    fn recordings(&self, known: &mut Known) -> Result<()> {
        let manifest = match Manifest::read(&self.dataset.root) {
            Ok(manifest) => manifest,
            Err(e @ Error::Input { .. }) => {
                known.unread = Some(e);
                return Ok(());
            }
            // What could not be read is not what another version wrote.
            Err(e) => return Err(e),
        };
        for (name, batch) in [
            (recordings::TABLE, recordings::table(&manifest)),
            (spans::TABLE, spans::table(&manifest)),
        ] {
            nested_names(batch.schema().fields(), &mut known.fields);
            let registered = self.context.register_batch(name, batch);
            registered.map_err(|e| self.wrong(&e))?;
            known.tables.push(name.to_owned());
        }
        Ok(())
    }

    async fn derived(&self, known: &mut Known) -> Result<()> {
        let registered = derived::register(self.context, self.events()?).await;
        let [made, left_out] = registered.map_err(|e| self.wrong(&e))?;
        known.tables.extend(made.into_iter().map(str::to_owned));
        known.left_out.extend(left_out);
        Ok(())
    }

    /// Creates the views that fit the tables. One that does not is left out, and a query that names it is told so: a
    /// dataset of an older version may lack columns.
    async fn views(&self, known: &mut Known) -> Result<()> {
        for (name, text) in VIEWS {
            if known.tables.iter().any(|table| table == name) {
                continue;
            }
            match self.created(text).await {
                Ok(()) => known.tables.push(name.to_owned()),
                Err(e) => {
                    let (folder, files) = (&self.dataset.root, &self.dataset.tables);
                    if let Some(e) = damage::behind(&e, folder, files) {
                        return Err(e);
                    }
                    known.left_out.push(name);
                }
            }
        }
        Ok(())
    }

    /// The table of system calls, with what is said of views that do not fit.
    async fn calls(&self, known: &mut Known) {
        let events = self.events().unwrap_or(EVENTS);
        match calls::register(self.context, events).await {
            Ok(()) => known.tables.push(calls::NAME.to_owned()),
            Err(_) => known.left_out.push(calls::NAME),
        }
    }
}

impl Known {
    /// Why a table or view is not there, where that is the manifest's fault.
    pub(super) fn without_manifest(&self, misses: impl Fn(&str) -> bool) -> Option<Error> {
        let Some(Error::Input {
            what,
            place,
            remedy,
        }) = &self.unread
        else {
            return None;
        };
        let mut names = [recordings::TABLE, spans::TABLE]
            .into_iter()
            .chain(self.left_out.iter().copied());
        names.any(misses).then(|| Error::Input {
            what: what.clone(),
            place: place.clone(),
            remedy: remedy.clone(),
        })
    }
}

/// Names of the fields below columns, for suggestions.
fn nested_names(fields: &Fields, names: &mut Vec<String>) {
    for field in fields {
        let mut data_type = field.data_type();
        while let DataType::List(item) = data_type {
            data_type = item.data_type();
        }
        if let DataType::Struct(inner) = data_type {
            names.extend(inner.iter().map(|f| f.name().clone()));
            nested_names(inner, names);
        }
    }
}
