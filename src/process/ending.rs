//! The end of the process where the work itself does not come to one: after Ctrl-C or SIGTERM, or without memory.
//!
//! Work looks at a flag every so often and ends in order. But planning a query, or a sort inside a library, looks at
//! nothing. So a thread watches: when the flag is set and the process is still there after `GRACE`, it removes what is
//! being written (which each writer names with [`remove_at_end`]) and ends the process. The same thread ends it where the
//! allocator has no memory, since the thread that asked cannot go on, and where the C library aborts the process: it has
//! allocations of its own, for what a new thread is to destroy at its end above all, and no other answer where one fails.
//!
//! What is being put in place must not be removed meanwhile: a writer holds the end up with [`hold`].

use crate::error::{Error, Result};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use signal_hook::consts::SIGABRT;
use signal_hook::low_level::exit;
use std::cell::Cell;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long work may go on after the wish to stop.
const GRACE: Duration = Duration::from_millis(600);
/// How often the watching thread looks.
const TICK: Duration = Duration::from_millis(20);
/// How long what threads still write to is removed again.
const REMOVING: Duration = Duration::from_millis(250);
/// How long the end of a process that a library aborts may take.
const ABORTING: Duration = Duration::from_secs(3);

/// What is being written.
static WRITTEN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());
/// Locked by whoever puts something in place, and for good by who ends the process.
static PLACING: Mutex<()> = Mutex::new(());
/// Where something was put that this process cannot remove as it ends.
static ELSEWHERE: Mutex<Option<PathBuf>> = Mutex::new(None);
/// Bytes that the allocator could not give; 0 while it could.
static MISSING: AtomicUsize = AtomicUsize::new(0);
/// Whether it was the limit, and not the system, that refused them.
static BY_LIMIT: AtomicBool = AtomicBool::new(false);
/// Whether a library aborts the process.
static ABORTED: AtomicBool = AtomicBool::new(false);
/// Whether what was to be made is in place.
static DONE: AtomicBool = AtomicBool::new(false);
/// How the terminal is to be set where the process ends early.
static TERMINAL: Mutex<Option<Termios>> = Mutex::new(None);
/// Whether a thread is to watch.
static ASKED: AtomicBool = AtomicBool::new(false);
/// Whether it does.
static WATCHED: AtomicBool = AtomicBool::new(false);

thread_local! {
    static IS_WATCHER: Cell<bool> = const { Cell::new(false) };
}

/// A path that is removed where the process ends early, as long as this is there.
#[derive(Debug)]
pub struct Removed(PathBuf);

/// Has `path`, a file or folder that is being written, removed where the process ends early.
pub fn remove_at_end(path: &Path) -> Removed {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
    locked(&WRITTEN).push(path.clone());
    Removed(path)
}

impl Drop for Removed {
    fn drop(&mut self) {
        let mut written = locked(&WRITTEN);
        if let Some(at) = written.iter().position(|path| *path == self.0) {
            written.swap_remove(at);
        }
    }
}

/// Has whoever ends the process early told that something of it stays in `store`, until this is called with `None`.
pub fn stays_in(store: Option<&Path>) {
    *locked(&ELSEWHERE) = store.map(Path::to_path_buf);
}

/// Keeps the process from ending early until it is dropped: while something is put in place.
#[derive(Debug)]
pub struct Hold(#[allow(dead_code)] MutexGuard<'static, ()>);

/// Begins to put something in place.
pub fn hold() -> Hold {
    Hold(locked(&PLACING))
}

/// Has the terminal be set again as it is now where the process ends early: while a line is edited, it is set otherwise.
pub fn restore_terminal_at_end() {
    *locked(&TERMINAL) = tcgetattr(std::io::stdin()).ok();
}

/// What the process was to make is in place: the wish to stop comes too late.
pub fn done() {
    DONE.store(true, Ordering::SeqCst);
}

/// More is to be made after what is in place: the wish to stop is heeded again.
pub fn more() {
    DONE.store(false, Ordering::SeqCst);
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the thread that ends the process after `interrupted` is set. Later calls do nothing.
///
/// # Errors
/// [`Error::Io`] where no thread can be had.
pub fn watch(interrupted: Arc<AtomicBool>) -> Result<()> {
    if ASKED.swap(true, Ordering::SeqCst) {
        return Ok(());
    }
    let started = super::threads::spawn("ending", move || watching(&interrupted));
    if started.is_err() {
        ASKED.store(false, Ordering::SeqCst);
    }
    started.map(drop)
}

fn watching(interrupted: &AtomicBool) {
    IS_WATCHER.set(true);
    // Not before: where there is no memory for this thread to begin with, nobody would end the process.
    WATCHED.store(true, Ordering::SeqCst);
    let mut since = None;
    loop {
        std::thread::sleep(TICK);
        let missing = MISSING.load(Ordering::SeqCst);
        if missing > 0 {
            end(&no_memory(missing), false);
        }
        if ABORTED.load(Ordering::SeqCst) {
            end(&aborted(), false);
        }
        if interrupted.load(Ordering::Relaxed) && !DONE.load(Ordering::SeqCst) {
            let since = *since.get_or_insert_with(Instant::now);
            if since.elapsed() >= GRACE {
                end(&Error::Interrupted, true);
            }
        }
    }
}

/// Removes what is being written, says why, and ends the process, unless its work is done.
fn end(why: &Error, interrupted: bool) {
    // Without memory the thread that puts something in place may be the one that waits.
    let placing = match interrupted {
        true => Some(locked(&PLACING)),
        false => PLACING.try_lock().ok(),
    };
    if interrupted && DONE.load(Ordering::SeqCst) {
        // It was put in place while this thread waited for that.
        return;
    }
    if placing.is_some() {
        remove_written();
    }
    if let Some(terminal) = &*locked(&TERMINAL) {
        let _ = tcsetattr(std::io::stdin(), OptionalActions::Now, terminal);
    }
    match &*locked(&ELSEWHERE) {
        Some(store) => {
            let (why, store) = (why.to_string(), store.display());
            let why = why.split(';').next().unwrap_or_default();
            crate::say!("error: {why}; objects stay in {store} that no manifest names");
            crate::say!("  help: sysds clean removes them when they are a day old.");
        }
        None => {
            crate::say!("error: {why}");
            let remedy = why.remedy();
            if !remedy.is_empty() {
                crate::say!("  help: {remedy}");
            }
        }
    }
    exit(i32::from(why.exit_status()))
}

fn remove_written() {
    let written = locked(&WRITTEN).clone();
    written.iter().for_each(|path| remove(path));
}

/// Removes a file or folder to which threads that are being stopped may still write: again, until it is gone, or some
/// time has passed.
pub fn remove(path: &Path) {
    let begun = Instant::now();
    loop {
        let removed = match fs::symlink_metadata(path) {
            Ok(kind) if kind.is_dir() => fs::remove_dir_all(path),
            Ok(_) => fs::remove_file(path),
            Err(e) if e.kind() == ErrorKind::NotFound => return,
            // Whether it is there the system does not say.
            Err(e) => Err(e),
        };
        if removed.is_err() {
            if begun.elapsed() > REMOVING {
                return;
            }
            std::thread::sleep(TICK);
        }
    }
}

/// Ends the process for want of `bytes` bytes; `by_limit` where it is the limit of `memory` that refuses them. It never
/// allocates in the thread that asked.
pub fn out_of_memory(bytes: usize, by_limit: bool) -> ! {
    end_unless_watched(b"error: out of memory\n");
    BY_LIMIT.store(by_limit, Ordering::SeqCst);
    MISSING.store(bytes.max(1), Ordering::SeqCst);
    loop {
        std::thread::sleep(Duration::from_secs(1));
    }
}

/// Has the process end with an error, and without leftovers, where a library aborts it (SIGABRT), as the C library does
/// where it has no memory for itself. It says why before.
///
/// # Errors
/// [`Error::Io`] where the system refuses the handler.
#[allow(unsafe_code)]
pub fn heed_aborts() -> Result<()> {
    // SAFETY: the handler reads and writes atomic numbers, sleeps, writes to stderr and ends the process, and allocates
    // nothing; its one thread-local has neither a destructor nor a first value to make. See signal-safety(7).
    let heeded = unsafe { signal_hook::low_level::register(SIGABRT, aborting) };
    heeded
        .map(drop)
        .map_err(Error::io("handle signals of", Path::new("this process")))
}

fn aborting() {
    end_unless_watched(b"error: aborted\n");
    ABORTED.store(true, Ordering::SeqCst);
    // Where it was the allocator that gave up, its lock is held, and the thread that watches may wait for it.
    std::thread::sleep(ABORTING);
    end_alone(b"error: aborted\n")
}

/// Ends the process from a thread that cannot allocate, where nobody else is there to end it.
fn end_unless_watched(words: &[u8]) {
    if !WATCHED.load(Ordering::SeqCst) || IS_WATCHER.get() {
        end_alone(words);
    }
}

/// Ends the process with `words`, and without allocating.
fn end_alone(words: &[u8]) -> ! {
    let _ = std::io::Write::write_all(&mut std::io::stderr(), words);
    exit(1);
}

fn aborted() -> Error {
    Error::Memory {
        what: "aborted, by a library, for the reason above".to_owned(),
        remedy: "Where that is memory, give the process more (ulimit -v, the control group, the machine), or have it do less at \
                 a time. Else please report it."
            .to_owned(),
    }
}

fn no_memory(bytes: usize) -> Error {
    let size = match bytes {
        0..100_000 => format!("{bytes} bytes"),
        _ => format!("{:.1} MB", bytes as f64 / 1e6),
    };
    match BY_LIMIT.load(Ordering::SeqCst) {
        true => Error::Memory {
            what: format!("a single block of {size} goes beyond the memory that this may use"),
            remedy: "Let values be shorter (repeat, lpad, string_agg, array_agg and the like make one value of many), or allow \
                     more with --memory SIZE."
                .to_owned(),
        },
        false => Error::Memory {
            what: format!("the system has no {size} of memory more"),
            remedy: "Give the process more (ulimit -v, the control group, the machine), or have it do less at a time."
                .to_owned(),
        },
    }
}
