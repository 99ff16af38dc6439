//! The tables of a dataset, and the running of scripts on them.

use super::access::{self, Access};
use super::machines::{Machines, Whose};
use super::names::{self, Column, Names, TableName};
use super::opening::{BARE_EVENTS, Known, Opening, definitions};
use super::output::Results;
use super::reach::Reach;
use super::runtime::Runtime;
use super::source::Source;
use super::statements::{self, Parsed};
use super::{copy, damage, limits, mistakes, parameters, set_comparisons, shipped, tables, wide};
use crate::dataset::root::Root;
use crate::dataset::{Dataset, Table};
use crate::error::{Error, Result};
use crate::foreign::{self, Kind};
use datafusion::error::DataFusionError;
use datafusion::execution::memory_pool::MemoryReservation;
use datafusion::logical_expr::{DdlStatement, LogicalPlan};
use datafusion::prelude::{DataFrame, SessionContext};
use datafusion::sql::parser::{CreateExternalTable, Statement};
use futures::StreamExt;
use std::collections::HashMap;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

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
    /// Whether statements are carried out on this machine only.
    alone: bool,
    /// The dataset's folder, as it was named.
    folder: Root,
    /// The same, links followed; its URL where it is in a store.
    root: PathBuf,
    /// How DataFusion reads the files in it; open as long as they are read.
    reach: Reach,
    access: Access,
    /// The tables on disk.
    files: Vec<Table>,
    /// What SQL knows of it.
    known: Known,
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
        Self::open_with(dataset, memory, interrupted, Access::default(), None)
    }

    /// As [`Session::open`], for SQL that may touch what `access` says, carried out on `machines` if there are some.
    ///
    /// # Errors
    /// As [`Session::open`], and as [`Machines::join`].
    pub(crate) fn open_with(
        dataset: &Dataset,
        memory: Option<usize>,
        interrupted: Arc<AtomicBool>,
        access: Access,
        machines: Option<&dyn Machines>,
    ) -> Result<Self> {
        let runtime = Runtime::start(memory, interrupted)?;
        let mut context = runtime.context();
        let root = match dataset.root.disk() {
            Some(folder) => access::real(folder)?,
            None => dataset.root.path().to_path_buf(),
        };
        let reach = Reach::new(&dataset.root, &root, &context)?;
        if let Some(machines) = machines {
            let whose = Whose::new(&dataset.root, &root, &reach)?;
            let state = runtime.wait(machines.join(context.state(), whose))??;
            context = SessionContext::new_with_state(state);
        }
        let mut session = Session {
            reach,
            context,
            alone: machines.is_none(),
            runtime,
            folder: dataset.root.clone(),
            root,
            access,
            files: dataset.tables.clone(),
            known: Known::default(),
            made: Mutex::default(),
        };
        let opening = Opening {
            context: &session.context,
            dataset,
            root: &session.root,
            reach: &session.reach,
            access: &session.access,
        };
        session.known = session.wait(opening.known())??;
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
                let rows = rows.map_err(|e| {
                    damage::in_writing(&e, staged.target()).unwrap_or_else(|| wrong(e))
                })?;
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
        limits::check_steps(&statement, &self.context).await?;
        set_comparisons::check_sets(&statement)?;
        let mut state = self.context.state();
        let plan = state.statement_to_plan(statement).await?;
        limits::check_plan(&plan, true)?;
        if let LogicalPlan::Copy(copy) = &plan
            && let Some(copied) = wide::Copied::plan(&state, copy, &self.known.origins)?
        {
            if !self.alone {
                crate::say!(
                    "note: this machine carries the COPY out by itself: its lists go from file to file as they are"
                );
            }
            return copied.write(target, folder).await;
        }
        wide::set(&plan, &mut state)?;
        let returned = DataFrame::new(state, plan).collect().await?;
        Ok(copy::count(&returned))
    }

    async fn plan(&self, statement: Statement) -> Result<DataFrame, DataFusionError> {
        limits::check_steps(&statement, &self.context).await?;
        set_comparisons::check_sets(&statement)?;
        let state = self.context.state();
        let plan = state.statement_to_plan(statement).await?;
        if let LogicalPlan::Dml(dml) = &plan
            && self
                .known
                .tables
                .iter()
                .any(|t| t == dml.table_name.table())
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
        let mut all = names::tables(&self.context, &definitions());
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
        let mut tables = self.known.tables.clone();
        let made = self.tables().into_iter().map(|table| table.name);
        tables.extend(made.filter(|name| !self.known.tables.contains(name)));
        let mistake = mistakes::read(e).in_statement(begin);
        if let Some(e) = self.known.without_manifest(|name| mistake.misses(name)) {
            return e;
        }
        let mistake = mistake.with_names(&tables, &self.known.fields, &self.functions());
        match self
            .known
            .left_out
            .iter()
            .any(|view| mistake.is_about(view))
        {
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
}
