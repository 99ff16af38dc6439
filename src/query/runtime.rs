//! The threads and the memory that queries run in, and the wish to stop.
//!
//! Threads are had before anything waits for them: tokio panics where the system gives none, and what waits for a thread
//! that never came would wait for ever. Memory is limited twice: operators account for what they hold and go on on disk,
//! and large blocks, which a single value may be, are counted by the allocator (see `process::memory`).

use super::claims::NullsBreakClaims;
use super::dependencies::{self, ForgetfulRelations};
use super::global_aggregates::GlobalAggregates;
use super::lists;
use super::members::members;
use super::ranks::nearest_ranks;
use super::refuse::refuse;
use super::request_count::count_requests;
use super::set_comparisons::NoSetComparisons;
use super::sort_keys::WholeSortKeys;
use super::structures;
use super::windows::WindowJoins;
use crate::dataset::temporary::Temporary;
use crate::error::{Error, Result};
use crate::process::{machine, memory, threads};
use datafusion::execution::disk_manager::{DiskManagerBuilder, DiskManagerMode};
use datafusion::execution::memory_pool::FairSpillPool;
use datafusion::execution::runtime_env::{RuntimeEnv, RuntimeEnvBuilder};
use datafusion::execution::session_state::SessionStateBuilder;
use datafusion::physical_optimizer::optimizer::PhysicalOptimizer;
use datafusion::prelude::{SessionConfig, SessionContext};
use futures::channel::oneshot;
use futures::future::{Either, FutureExt, Shared, select};
use std::future::Future;
use std::path::Path;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Barrier, Mutex};
use std::time::Duration;

/// How often the wish to stop is looked at.
const PATIENCE: Duration = Duration::from_millis(50);
/// Memory to use where the system doesn't say how much it has.
const DEFAULT_MEMORY: usize = 1 << 30;
/// What large blocks may have beyond the memory of operators: rows that are being decoded, in several threads.
const DECODED: usize = 1 << 30;
/// Threads that wait for files. More are started as they are needed and can be had.
const FILES: usize = 4;
/// What the names of folders for what goes to disk begin with; then come their owner and `-RANDOM`.
const TEMPORARY: &str = "sysds-query-";
/// Stack of a thread.
const STACK: usize = 8 << 20;
/// How long threads that the system gave may take to begin.
const BEGIN: Duration = Duration::from_secs(3);

/// Threads, memory, a place for what goes to disk.
pub(crate) struct Runtime {
    tokio: Option<tokio::runtime::Runtime>,
    environment: Arc<RuntimeEnv>,
    interrupted: Arc<AtomicBool>,
    stop: Shared<oneshot::Receiver<()>>,
    /// Removed when the threads that write there are told to end.
    disk: Option<Temporary>,
}

impl Runtime {
    /// Starts the threads. `memory` is how many bytes operators may use before they go to disk; half of what is
    /// available where it is not given.
    ///
    /// # Errors
    /// [`Error::Io`] where the system gives no threads.
    pub(crate) fn start(memory: Option<usize>, interrupted: Arc<AtomicBool>) -> Result<Self> {
        let memory = memory.unwrap_or_else(|| available_memory() / 2);
        let cores = std::thread::available_parallelism().map_or(1, |n| n.get());
        let stop = watch(Arc::clone(&interrupted))?.shared();
        probe(cores + FILES)?;
        let tokio = start_tokio(cores)?;
        // Where it can't be made, DataFusion says so when it needs it.
        let disk = Temporary::new(TEMPORARY).ok();
        let mode = match &disk {
            Some(dir) => DiskManagerMode::Directories(vec![dir.path().to_path_buf()]),
            None => DiskManagerMode::default(),
        };
        let environment = RuntimeEnvBuilder::new()
            .with_memory_pool(Arc::new(FairSpillPool::new(memory)))
            .with_disk_manager_builder(DiskManagerBuilder::default().with_mode(mode))
            .build_arc()
            .map_err(|e| {
                let dir = disk
                    .as_ref()
                    .map_or(std::env::temp_dir(), |d| d.path().into());
                let (dir, e) = (crate::shown::path_text(&dir), e.strip_backtrace());
                Error::usage(format!("the folder for temporary files {dir}: {e}"), "")
            })?;
        memory::limit(
            memory.max(memory::LARGE),
            memory.saturating_add(DECODED.max(memory / 2)),
        );
        let runtime = Runtime {
            tokio: Some(tokio),
            environment,
            interrupted,
            stop,
            disk,
        };
        // Last: where it fails, what was started ends as every runtime does, without waiting for threads that wait.
        start_file_threads(runtime.tokio())?;
        Ok(runtime)
    }

    fn tokio(&self) -> &tokio::runtime::Runtime {
        self.tokio.as_ref().expect("there until dropped")
    }

    /// The memory and the disk that operators share.
    pub(crate) fn environment(&self) -> Arc<RuntimeEnv> {
        Arc::clone(&self.environment)
    }

    /// DataFusion's side of it, without tables.
    pub(super) fn context(&self) -> SessionContext {
        let mut config = SessionConfig::new().with_information_schema(true);
        let options = config.options_mut();
        options.sql_parser.collect_spans = true;
        // Files that COPY writes shall have plain strings, which every reader knows.
        options.sql_parser.map_string_types_to_utf8view = false;
        // Columns have descriptions, of which a union of two keeps either; that is no reason to refuse to count its rows.
        options.execution.skip_physical_aggregate_schema_check = true;
        let rules = WindowJoins::among(PhysicalOptimizer::new().rules);
        let rules = NullsBreakClaims::among(rules);
        let state = SessionStateBuilder::new()
            .with_config(config)
            .with_runtime_env(self.environment())
            .with_expr_planners(vec![Arc::new(structures::Words)])
            .with_default_features()
            .with_relation_planners(vec![Arc::new(ForgetfulRelations::default())])
            .with_optimizer_rules(dependencies::logical())
            .with_analyzer_rule(Arc::new(NoSetComparisons))
            .with_analyzer_rule(Arc::new(GlobalAggregates))
            .with_physical_optimizer_rules(WholeSortKeys::among(rules))
            .build();
        let context = SessionContext::new_with_state(state);
        add_functions(&context);
        context
    }

    /// Forgets a wish to stop that is over, so that the next work goes on until the next one.
    ///
    /// # Errors
    /// [`Error::Io`] where the system gives no thread.
    pub(super) fn resume(&mut self) -> Result<()> {
        self.interrupted.store(false, Ordering::Relaxed);
        // Watched anew in any case: the thread that watched may just have seen the old wish, and not told it yet.
        self.stop = watch(Arc::clone(&self.interrupted))?.shared();
        Ok(())
    }

    /// Waits for `work`, or for the wish to stop.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(crate) fn wait<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        let work = pin!(work);
        match self.tokio().block_on(select(work, self.stop.clone())) {
            Either::Left((value, _)) => Ok(value),
            Either::Right(_) => Err(Error::Interrupted),
        }
    }
}

/// Makes our functions known.
pub(super) fn add_functions(context: &SessionContext) {
    context.register_udf(members());
    context.register_udf(refuse());
    context.register_udaf(nearest_ranks());
    context.register_udaf(count_requests());
    for function in structures::functions().chain(lists::functions()) {
        context.register_udf(function);
    }
}

impl Drop for Runtime {
    /// Does not wait for work that looks at nothing.
    fn drop(&mut self) {
        if let Some(tokio) = self.tokio.take() {
            tokio.shutdown_background();
        }
        memory::limit(usize::MAX, usize::MAX);
        self.disk = None;
    }
}

/// Sees whether the system gives so many threads, which tokio takes for granted.
fn probe(threads: usize) -> Result<()> {
    let (release, released) = channel::<()>();
    let released = Arc::new(Mutex::new(released));
    let mut started = Vec::new();
    let mut failed = None;
    for _ in 0..threads {
        let released = Arc::clone(&released);
        let wait = move || {
            let released = released.lock().unwrap_or_else(|e| e.into_inner());
            let _ = released.recv();
        };
        match threads::spawn_with("query", STACK, wait) {
            Ok(thread) => started.push(thread),
            Err(e) => {
                failed = Some(e);
                break;
            }
        }
    }
    drop(release);
    started.into_iter().for_each(|thread| drop(thread.join()));
    failed.map_or(Ok(()), Err)
}

/// Has tokio start its threads. Where it is given one of them and not the next it panics, and then waits for that one for ever:
/// so it is left alone with it.
fn start_tokio(cores: usize) -> Result<tokio::runtime::Runtime> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(cores)
        .thread_name("query")
        .thread_stack_size(STACK)
        .thread_keep_alive(Duration::from_secs(1 << 20))
        // By which requests to a store are tried again.
        .enable_time();
    #[cfg(feature = "cluster")]
    builder.enable_io();
    let (tell, told) = channel();
    threads::spawn("start", move || {
        let _ = tell.send(threads::quietly(|| builder.build()));
    })?;
    match told.recv_timeout(BEGIN) {
        Ok(Ok(built)) => built.map_err(Error::io("start", Path::new("threads"))),
        Ok(Err(_)) | Err(_) => Err(no_threads()),
    }
}

fn no_threads() -> Error {
    let none = std::io::Error::from(rustix::io::Errno::AGAIN);
    Error::io("start", Path::new("threads"))(none)
}

/// Has tokio start the threads that wait for files, and keep them: where it has none of them, and the system gives no more,
/// work would wait for ever.
fn start_file_threads(tokio: &tokio::runtime::Runtime) -> Result<()> {
    let all = Arc::new(Barrier::new(FILES));
    let (begun, begins) = channel();
    for _ in 0..FILES {
        let (all, begun) = (Arc::clone(&all), begun.clone());
        let wait = move || {
            all.wait();
            let _ = begun.send(());
        };
        // It panics where it has none of them, and the system gives none.
        threads::quietly(|| drop(tokio.spawn_blocking(wait))).map_err(|_| no_threads())?;
    }
    for _ in 0..FILES {
        match begins.recv_timeout(BEGIN) {
            Ok(()) => {}
            Err(_) => return Err(no_threads()),
        }
    }
    Ok(())
}

/// What the system has to give, and control groups allow, in bytes.
fn available_memory() -> usize {
    let bytes = machine::available_memory().and_then(|bytes| usize::try_from(bytes).ok());
    bytes.unwrap_or(DEFAULT_MEMORY)
}

/// Resolves when the flag is set.
fn watch(interrupted: Arc<AtomicBool>) -> Result<oneshot::Receiver<()>> {
    let (tell, told) = oneshot::channel();
    threads::spawn("stop", move || {
        while !interrupted.load(Ordering::Relaxed) {
            if tell.is_canceled() {
                return;
            }
            std::thread::sleep(PATIENCE);
        }
        let _ = tell.send(());
    })?;
    Ok(told)
}
