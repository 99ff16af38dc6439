//! The tables of a dataset, and the running of scripts on them.

use super::access::{self, Access};
use super::names::{self, Column, Names, TableName};
use super::output::Results;
use super::reach::Reach;
use super::runtime::Runtime;
use super::source::Source;
use super::statements::{self, Parsed};
use super::{
    calls, copy, damage, derived, limits, mistakes, parameters, recordings, request_arguments,
    request_lists, shipped, tables, wide,
};
use crate::columns::schema::merge;
use crate::dataset::manifest::Manifest;
use crate::dataset::tables::EVENTS;
use crate::dataset::{Dataset, Table};
use crate::error::{Error, Place, Result};
use crate::foreign::{self, Kind};
use arrow::datatypes::{DataType, Fields, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{
    ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl,
};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::{CreateExternalTable, Statement};
use futures::StreamExt;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use std::collections::HashMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

/// What the files of `events` are called where no event has a payload: SQL then has a column `args` all the same, without
/// a value and without members, so that whatever goes over all arguments finds none.
const BARE_EVENTS: &str = "events_without_args";

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

/// What to do about a view that a dataset cannot have.
const LEFT_OUT: &str = "This view needs tables or columns that the dataset lacks, as events.request_id, which says of which request an \
                        event is: make the dataset again from its traces with this version of sysds ingest.";

/// A dataset that is open for queries.
///
/// Its tables go by their folders' names. Queries run on all cores; sorting, grouping and joining share a limited
/// memory, and go on on disk (in the folder for temporary files) beyond it.
pub(crate) struct Session {
    context: SessionContext,
    runtime: Runtime,
    /// The dataset's folder, as it was named.
    folder: PathBuf,
    /// The same, links followed.
    root: PathBuf,
    /// How DataFusion reads the files in it.
    reach: Reach,
    access: Access,
    /// The tables on disk.
    files: Vec<Table>,
    /// The same, as SQL reads them.
    origins: Vec<wide::Origin>,
    /// The names that SQL knows: tables and views.
    tables: Vec<String>,
    fields: Vec<String>,
    /// Views that the tables do not have the columns for.
    left_out: Vec<&'static str>,
    /// Memory of the tables that scripts made, by their names.
    made: Mutex<HashMap<String, MemoryReservation>>,
}

impl Session {
    /// Opens `dataset`; what runs ends soon after `interrupted` is set. `memory` is how many bytes sorting, grouping and
    /// joining may use before they go to disk; half of what is available where it is not given.
    ///
    /// # Errors
    /// [`Error::Input`] where a table's files do not fit together, [`Error::Columns`] where one is no Parquet file.
    pub(crate) fn open(
        dataset: &Dataset,
        memory: Option<usize>,
        interrupted: Arc<AtomicBool>,
    ) -> Result<Self> {
        Self::open_with(dataset, memory, interrupted, Access::default())
    }

    /// As [`Session::open`], for SQL that may touch what `access` says.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub(crate) fn open_with(
        dataset: &Dataset,
        memory: Option<usize>,
        interrupted: Arc<AtomicBool>,
        access: Access,
    ) -> Result<Self> {
        let runtime = Runtime::start(memory, interrupted)?;
        let root = access::real(&dataset.root)?;
        let mut session = Session {
            context: runtime.context(),
            runtime,
            folder: dataset.root.clone(),
            reach: Reach::new(&root)?,
            root,
            access,
            files: dataset.tables.clone(),
            origins: Vec::new(),
            tables: Vec::new(),
            fields: Vec::new(),
            left_out: Vec::new(),
            made: Mutex::default(),
        };
        for table in &dataset.tables {
            session.register(&dataset.root, table)?;
        }
        session.register_recordings(dataset)?;
        session.register_derived(&dataset.root)?;
        session.create_views()?;
        session.fields.sort();
        session.fields.dedup();
        Ok(session)
    }

    /// Runs the statements of a script one after another, with the values `given` for its parameters, and gives
    /// `results` what each selects. All of them are read before the first runs.
    ///
    /// # Errors
    /// [`Error::Sql`] for mistakes and failures, [`Error::Interrupted`], and whatever `results` returns.
    pub(crate) fn run(
        &self,
        source: &Source,
        given: &[(String, String)],
        results: &mut dyn Results,
    ) -> Result<()> {
        self.run_those(source, given, results, |_| true)
    }

    /// As [`Session::run`], without the script's `COPY` statements: what it prepares stays (its views), and what it
    /// selects is given to `results`, but nothing is written.
    ///
    /// # Errors
    /// As [`Session::run`].
    pub(crate) fn prepare(
        &self,
        source: &Source,
        given: &[(String, String)],
        results: &mut dyn Results,
    ) -> Result<()> {
        let reads = |statement: &Statement| !matches!(statement, Statement::CopyTo(_));
        self.run_those(source, given, results, reads)
    }

    fn run_those(
        &self,
        source: &Source,
        given: &[(String, String)],
        results: &mut dyn Results,
        chosen: impl Fn(&Statement) -> bool,
    ) -> Result<()> {
        let parsed = statements::parse(source, given)?;
        // Whose text is ours writes where the user says by a parameter, and nowhere else.
        let named: &[(String, String)] = match shipped::is_original(&source.text) {
            true => given,
            false => &[],
        };
        let mut chosen = parsed.into_iter().filter(|p| chosen(&p.statement));
        chosen.try_for_each(|parsed| self.run_one(source, parsed, named, results))
    }

    fn run_one(
        &self,
        source: &Source,
        parsed: Parsed,
        named: &[(String, String)],
        results: &mut dyn Results,
    ) -> Result<()> {
        let begin = parsed.begin;
        let wrong = |e: DataFusionError| self.explain(&e, begin, source);
        let statement = match parsed.statement {
            Statement::CopyTo(copy) => {
                let named = parameters::name(named, &copy.target);
                let mut staged = copy::Staged::begin(copy, &self.access, named, &self.root)?;
                let statement = Statement::CopyTo(staged.statement()?);
                let rows = self.wait(self.copy(statement, staged.rows()))?;
                let rows = rows.map_err(wrong)?;
                staged.commit()?;
                results.wrote(staged.target(), rows);
                return Ok(());
            }
            Statement::CreateExternalTable(table) => {
                Statement::CreateExternalTable(self.external(table)?)
            }
            other => other,
        };
        let frame = self.wait(self.plan(statement))?.map_err(wrong)?;
        if frame.schema().fields().is_empty() {
            self.wait(frame.collect())?.map_err(wrong)?;
            return Ok(());
        }
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let mut stream = self.wait(frame.execute_stream())?.map_err(wrong)?;
        results.begin(&schema)?;
        while let Some(batch) = self.wait(stream.next())? {
            results.rows(&batch.map_err(wrong)?)?;
        }
        results.end()
    }

    /// A table of files that may be read, with their resolved paths.
    fn external(&self, mut table: CreateExternalTable) -> Result<CreateExternalTable> {
        for location in &mut table.locations {
            let path = self.access.readable(&copy::local(location)?, &self.root)?;
            let folder = foreign::kind(&path)? == Some(Kind::Folder);
            *location = copy::url(&path)?;
            if folder {
                location.push('/');
            }
        }
        Ok(table)
    }

    /// Carries out a `COPY` to a file, or to files in a folder, and gives the number of rows.
    async fn copy(
        &self,
        statement: Statement,
        (target, folder): (&Path, bool),
    ) -> Result<u64, DataFusionError> {
        let mut state = self.context.state();
        let plan = state.statement_to_plan(statement).await?;
        limits::check_plan(&plan, true)?;
        if let LogicalPlan::Copy(copy) = &plan
            && let Some(copied) = wide::Copied::plan(&state, copy, &self.origins)?
        {
            return copied.write(target, folder).await;
        }
        wide::set(&plan, &mut state)?;
        let returned = DataFrame::new(state, plan).collect().await?;
        Ok(copy::count(&returned))
    }

    async fn plan(&self, statement: Statement) -> Result<DataFrame, DataFusionError> {
        let state = self.context.state();
        let plan = state.statement_to_plan(statement).await?;
        if let LogicalPlan::Dml(dml) = &plan
            && self.tables.iter().any(|t| t == dml.table_name.table())
        {
            let what = format!(
                "'{}' is part of a dataset, which stays as it is",
                dml.table_name.table()
            );
            return Err(DataFusionError::Plan(what));
        }
        limits::check_plan(&plan, false)?;
        match plan {
            LogicalPlan::Ddl(DdlStatement::CreateMemoryTable(table)) => {
                let name = table.name.table().to_owned();
                let reserved = tables::create(&self.context, table).await?;
                let mut made = self.made.lock().unwrap_or_else(|e| e.into_inner());
                made.extend(reserved.map(|reserved| (name, reserved)));
                self.context.read_empty()
            }
            LogicalPlan::Ddl(DdlStatement::DropTable(table)) => {
                let name = table.name.table().to_owned();
                let plan = LogicalPlan::Ddl(DdlStatement::DropTable(table));
                let dropped = self.context.execute_logical_plan(plan).await?;
                let mut made = self.made.lock().unwrap_or_else(|e| e.into_inner());
                made.remove(&name);
                Ok(dropped)
            }
            plan @ (LogicalPlan::Ddl(_) | LogicalPlan::Statement(_)) => {
                self.context.execute_logical_plan(plan).await
            }
            plan => {
                let mut state = state;
                wide::set(&plan, &mut state)?;
                Ok(DataFrame::new(state, plan))
            }
        }
    }

    /// Lets scripts run again after a wish to stop. What earlier ones made stays: views, tables and settings.
    ///
    /// # Errors
    /// [`Error::Io`] where the system gives no thread.
    pub(crate) fn resume(&mut self) -> Result<()> {
        self.runtime.resume()
    }

    /// The tables and views that SQL can name, sorted.
    pub(crate) fn tables(&self) -> Vec<TableName> {
        let definitions = [&TABLES_OF_OURS[..], &VIEWS[..]].concat();
        let mut all = names::tables(&self.context, &definitions);
        all.retain(|table| table.name != BARE_EVENTS);
        all
    }

    /// The columns of a table or view.
    ///
    /// # Errors
    /// [`Error::Usage`] where there is none of this name.
    pub(crate) fn columns(&self, table: &str) -> Result<Vec<Column>> {
        match names::columns(&self.context, table) {
            Some(columns) => Ok(columns),
            None => {
                let all: Vec<String> = self.tables().into_iter().map(|t| t.name).collect();
                Err(Error::usage(
                    format!("there is no table or view {table}"),
                    format!("There are {}.", all.join(", ")),
                ))
            }
        }
    }

    /// Everything that SQL can name.
    pub(crate) fn names(&self) -> Names {
        let tables = self.tables().into_iter().map(|table| table.name);
        Names::new(&self.context, tables, self.functions())
    }

    /// Waits for `work`. A panic in it, or in a thread that works for it, becomes an error.
    fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let done = catch_unwind(AssertUnwindSafe(|| self.runtime.wait(work)));
        done.unwrap_or_else(|panic| Err(damage::panicked(&*panic, &self.folder, &self.files)))
    }

    fn explain(
        &self,
        e: &DataFusionError,
        begin: datafusion::sql::sqlparser::tokenizer::Location,
        source: &Source,
    ) -> Error {
        if let Some(e) = damage::behind(e, &self.folder, &self.files) {
            return e;
        }
        let mut tables = self.tables.clone();
        let made = self.tables().into_iter().map(|table| table.name);
        tables.extend(made.filter(|name| !self.tables.contains(name)));
        let mistake = mistakes::read(e).in_statement(begin).with_names(
            &tables,
            &self.fields,
            &self.functions(),
        );
        match self.left_out.iter().any(|view| mistake.is_about(view)) {
            true => mistake.with_remedy(LEFT_OUT).in_source(source),
            false => mistake.in_source(source),
        }
    }

    /// Names of all functions.
    fn functions(&self) -> Vec<String> {
        let state = self.context.state();
        let scalar = state.scalar_functions().keys();
        let aggregate = state.aggregate_functions().keys();
        let window = state.window_functions().keys();
        let mut names: Vec<String> = scalar.chain(aggregate).chain(window).cloned().collect();
        names.sort();
        names.dedup();
        names
    }

    /// Creates the views that fit the tables. One that does not is left out, and a query that names it is told so: a
    /// dataset of an older version may lack columns.
    fn create_views(&mut self) -> Result<()> {
        for (name, text) in VIEWS {
            if self.tables.iter().any(|table| table == name) {
                continue;
            }
            let created = self.wait(async { self.context.sql(text).await?.collect().await })?;
            match created {
                Ok(_) => self.tables.push(name.to_owned()),
                Err(e) => {
                    if let Some(e) = damage::behind(&e, &self.folder, &self.files) {
                        return Err(e);
                    }
                    self.left_out.push(name);
                }
            }
        }
        self.register_calls()
    }

    /// The table of system calls, with what is said of views that do not fit.
    fn register_calls(&mut self) -> Result<()> {
        let bare = self.context.table_exist(BARE_EVENTS).unwrap_or(false);
        let events = if bare { BARE_EVENTS } else { EVENTS };
        match self.wait(calls::register(&self.context, events))? {
            Ok(()) => self.tables.push(calls::NAME.to_owned()),
            Err(_) => self.left_out.push(calls::NAME),
        }
        Ok(())
    }

    /// What the manifest tells of the recordings. A dataset whose manifest another version wrote has no such table.
    fn register_recordings(&mut self, dataset: &Dataset) -> Result<()> {
        let manifest = match Manifest::read(&dataset.root) {
            Ok(manifest) => manifest,
            // What could not be read is not what another version wrote.
            Err(e @ Error::Io { .. }) => return Err(e),
            Err(_) => return Ok(()),
        };
        let batch = recordings::table(&manifest);
        nested_names(batch.schema().fields(), &mut self.fields);
        let wrong =
            |e: DataFusionError| Error::input(e.strip_backtrace(), Place::file(&dataset.root), "");
        self.context
            .register_batch(recordings::TABLE, batch)
            .map_err(wrong)?;
        self.tables.push(recordings::TABLE.to_owned());
        Ok(())
    }

    fn register_derived(&mut self, root: &Path) -> Result<()> {
        let wrong = |e: DataFusionError| Error::input(e.strip_backtrace(), Place::file(root), "");
        let bare = self.context.table_exist(BARE_EVENTS).map_err(wrong)?;
        let events = if bare { BARE_EVENTS } else { EVENTS };
        let registered = self.wait(derived::register(&self.context, events))?;
        let [made, left_out] = registered.map_err(wrong)?;
        self.tables.extend(made.into_iter().map(str::to_owned));
        self.left_out.extend(left_out);
        Ok(())
    }

    fn register(&mut self, root: &Path, table: &Table) -> Result<()> {
        let files = table.files.iter();
        let files = files.map(|file| self.access.readable(file, &self.root));
        let files = files.collect::<Result<Vec<PathBuf>>>()?;
        let schema = table_schema(root, table)?;
        nested_names(schema.fields(), &mut self.fields);
        let wrong = |e: DataFusionError| {
            Error::input(
                e.strip_backtrace(),
                Place::file(&table.dir),
                "Make the dataset again with sysds ingest.",
            )
        };
        let options =
            ListingOptions::new(Arc::new(ParquetFormat::new())).with_file_extension(".parquet");
        let mut urls = Vec::new();
        for file in files {
            urls.push(ListingTableUrl::parse(self.reach.url(&file)?).map_err(wrong)?);
        }
        let config = ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options);
        let bare = table.name == EVENTS && schema.column_with_name("args").is_none();
        let config = config.with_schema(schema);
        let listing = ListingTable::try_new(config).map_err(wrong)?;
        let name = if bare { BARE_EVENTS } else { &table.name };
        let listing: Arc<dyn TableProvider> = Arc::new(listing);
        self.context
            .register_table(name, Arc::clone(&listing))
            .map_err(wrong)?;
        self.origins.push(wide::Origin::new(root, table, listing));
        if bare {
            let text = format!("CREATE VIEW events AS SELECT *, NULL AS args FROM {BARE_EVENTS}");
            let created = self.wait(async { self.context.sql(&text).await?.collect().await })?;
            created.map_err(wrong)?;
        }
        self.tables.push(table.name.clone());
        Ok(())
    }
}

fn table_schema(root: &Path, table: &Table) -> Result<SchemaRef> {
    let schemas = table
        .files
        .iter()
        .map(|path| {
            let file = foreign::open_in(root, path.strip_prefix(root).unwrap_or(path))?;
            let metadata = foreign::guarded(path, || {
                let options = ArrowReaderOptions::new();
                ArrowReaderMetadata::load(&file, options).map_err(Error::columns_read(path))
            })?;
            Ok(Arc::clone(metadata.schema()))
        })
        .collect::<Result<Vec<SchemaRef>>>()?;
    merge::merge(&schemas).map_err(|conflict| {
        let (a, b) = conflict.types;
        Error::input(
            format!("{} is {a} in one file and {b} in another", conflict.field),
            Place::file(&table.dir),
            "Make the dataset again with one version of sysds ingest.",
        )
    })
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
