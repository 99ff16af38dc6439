//! Threads that decode chunks.
//!
//! The one idea: a chunk goes to whichever thread is free and comes back with the number of its stream; who is in which
//! order is the business of [`merge`](super::merge).

use super::chunk::{Chunk, Outcome, ResumePoint, decode};
use super::stream::Stream;
use crate::error::Result;
use crate::process::threads;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

/// A chunk to decode.
#[derive(Debug)]
pub(super) struct Job {
    /// Number of the stream, for who asked.
    pub number: usize,
    /// The stream.
    pub stream: Arc<Stream>,
    /// Position of the packet in the stream.
    pub packet: usize,
    /// Where in it to go on.
    pub progress: ResumePoint,
    /// An empty chunk to fill.
    pub chunk: Chunk,
}

/// A decoded chunk.
#[derive(Debug)]
pub(super) struct Done {
    /// As in its [`Job`].
    pub number: usize,
    /// As in its [`Job`].
    pub packet: usize,
    /// The events.
    pub chunk: Chunk,
    /// What became of it.
    pub outcome: Outcome,
}

/// The threads. They end when this is dropped.
#[derive(Debug)]
pub(super) struct Pool {
    jobs: Option<Sender<Job>>,
    done: Receiver<thread::Result<Done>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts `threads` threads, or as many of them as the system gives.
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io) where it gives none.
    pub(super) fn new(threads: usize) -> Result<Self> {
        let (jobs, waiting) = channel::<Job>();
        let (results, done) = channel();
        let waiting = Arc::new(Mutex::new(waiting));
        let mut pool = Pool {
            threads: Vec::new(),
            jobs: Some(jobs),
            done,
        };
        for number in 0..threads.max(1) {
            let (waiting, results) = (Arc::clone(&waiting), results.clone());
            let work = move || work(&waiting, &results);
            match threads::spawn(&format!("decode-{number}"), work) {
                Ok(thread) => pool.threads.push(thread),
                Err(error) if pool.threads.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(pool)
    }

    /// Has a chunk decoded.
    pub(super) fn submit(&self, job: Job) {
        let jobs = self.jobs.as_ref().expect("open until dropped");
        // The threads live as long as the pool: their panics are caught.
        let _ = jobs.send(job);
    }

    /// Waits for the next chunk that is decoded; there must be one that was submitted.
    pub(super) fn next(&self) -> Done {
        let done = self.done.recv().expect("threads live as long as the pool");
        done.unwrap_or_else(|panic| resume_unwind(panic))
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.jobs = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn work(waiting: &Mutex<Receiver<Job>>, results: &Sender<thread::Result<Done>>) {
    let mut window = Vec::new();
    loop {
        let job = {
            let waiting = waiting.lock().unwrap_or_else(|e| e.into_inner());
            waiting.recv()
        };
        let Ok(job) = job else { return };
        let done = catch_unwind(AssertUnwindSafe(|| run(job, &mut window)));
        if results.send(done).is_err() {
            return;
        }
    }
}

fn run(job: Job, window: &mut Vec<u8>) -> Done {
    let mut chunk = job.chunk;
    let located = &job.stream.packets[job.packet];
    let outcome = decode(&job.stream, located, job.progress, window, &mut chunk);
    Done {
        number: job.number,
        packet: job.packet,
        chunk,
        outcome,
    }
}
