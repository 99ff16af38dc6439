//! Reads all recordings, one after the other or several at once.
//!
//! The one idea: whatever is numbered (`event_id`, `request_id`, `service_id`, connections) is numbered within its
//! recording, and each recording is read into parts of its own. What goes across recordings, their `trace_id`s and the
//! columns that they have together, is known before the first is read. So it does not matter when a recording is read:
//! the parts, put together in the order of the recordings, are the same byte for byte.

use super::abreast::{Stop, abreast};
use super::pipeline::{self, Read};
use super::plan::{Ingested, Plan};
use super::progress::{Control, Progress};
use super::task::{About, Task};
use crate::error::Result;
use crate::process::stop::go_on;
use crate::trace::reader::MovableReader;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Reads the recordings of `tasks`, `at_once` at a time, and gives what came out in their order; `bytes` is what they have
/// together.
///
/// # Errors
/// As [`super::ingest`]: the error of the first recording in order that fails.
pub(super) fn read_all(
    plan: &Plan,
    tasks: Vec<Task>,
    at_once: usize,
    bytes: u64,
    control: &mut Control,
) -> Result<Vec<Ingested>> {
    let progress = Progress {
        total_bytes: bytes,
        recordings: tasks.len(),
        ..Progress::default()
    };
    // What babeltrace2 opened stays with this thread.
    let movable = tasks.iter().all(|task| task.reader.is_movable());
    match at_once > 1 && movable {
        true => several(plan, tasks, at_once, progress, control),
        false => one_by_one(plan, tasks, progress, control),
    }
}

/// Reads one recording after the other, from this thread.
fn one_by_one(
    plan: &Plan,
    tasks: Vec<Task>,
    mut progress: Progress,
    control: &mut Control,
) -> Result<Vec<Ingested>> {
    let read = |task: Task| {
        let before = progress;
        let ingested = pipeline::run(plan, task, &mut |read| {
            go_on(control.interrupted)?;
            progress.events = before.events + read.events;
            progress.bytes = before.bytes + read.bytes;
            (control.progress)(progress);
            Ok(())
        })?;
        progress.done += 1;
        Ok(ingested)
    };
    tasks.into_iter().map(read).collect()
}

/// How far all recordings are together that are read at once.
#[derive(Default)]
struct Sum {
    events: AtomicU64,
    bytes: AtomicU64,
    done: AtomicUsize,
}

/// Reads so many recordings at once, each from a thread of its own.
fn several(
    plan: &Plan,
    tasks: Vec<Task>,
    at_once: usize,
    progress: Progress,
    control: &mut Control,
) -> Result<Vec<Ingested>> {
    let tasks = tasks.into_iter();
    let tasks = tasks.filter_map(|task| Some((task.reader.movable()?, task.about)));
    let tasks: Vec<(MovableReader, About)> = tasks.collect();
    let (sum, interrupted) = (Sum::default(), control.interrupted);
    let read = |(reader, about): (MovableReader, About), stop: &Stop| {
        let reader = reader.into_reader();
        let mut before = Read::default();
        let ingested = pipeline::run(plan, Task { reader, about }, &mut |read| {
            go_on(interrupted)?;
            stop.check()?;
            sum.add(before, read);
            before = read;
            Ok(())
        })?;
        sum.done.fetch_add(1, Ordering::Relaxed);
        Ok(ingested)
    };
    let show = || (control.progress)(sum.of(progress));
    abreast(("recording", at_once), tasks, read, show)
}

impl Sum {
    /// Counts what a recording has come to since it was at `before`.
    fn add(&self, before: Read, now: Read) {
        let events = now.events.saturating_sub(before.events);
        let bytes = now.bytes.saturating_sub(before.bytes);
        self.events.fetch_add(events, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    fn of(&self, all: Progress) -> Progress {
        Progress {
            events: self.events.load(Ordering::Relaxed),
            bytes: self.bytes.load(Ordering::Relaxed),
            done: self.done.load(Ordering::Relaxed),
            ..all
        }
    }
}
