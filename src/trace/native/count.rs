//! Counting without order: each thread takes packets as it gets to them, and counts what it decodes.
//!
//! The one idea: where nobody asks for the order, no stream and no packet waits for another. Threads that hand nothing to
//! each other are also left by the system on the CPUs where they are.

use super::piece::{Block, Outcome, Progress, decode};
use super::streams::Stream;
use crate::error::{Error, Result};
use crate::process::threads;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Packets of a stream that are decoded one after the other: one, or all where each needs the one before.
struct Task<'a> {
    stream: &'a Stream,
    packets: Range<usize>,
}

/// What a thread needs and keeps.
struct Counter {
    counts: Vec<u64>,
    window: Vec<u8>,
    block: Block,
}

/// Counts the selected events of each of `classes` classes.
///
/// # Errors
/// [`Error::Input`] where a stream cannot be read to its end: the first such place, streams one after the other.
pub fn count(streams: &[Arc<Stream>], most: usize, classes: usize) -> Result<Vec<u64>> {
    let tasks: Vec<Task> = streams.iter().flat_map(|stream| tasks(stream)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut counter = Counter {
            counts: vec![0; classes],
            window: Vec::new(),
            block: Block::default(),
        };
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(number) else {
                return Ok(counter.counts);
            };
            if let Err(error) = counter.count(task) {
                // Tasks before this one are being done, and go on; those after it are not begun any more.
                next.fetch_max(tasks.len(), Ordering::Relaxed);
                return Err((number, error));
            }
        }
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..most.min(tasks.len()))
            // With fewer threads it takes longer.
            .map_while(|_| threads::spawn_scoped(scope, "count", work).ok())
            .collect();
        let own = work();
        let others = others.into_iter().map(|thread| {
            let result = thread.join();
            result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        std::iter::once(own).chain(others).collect()
    });
    let mut counts = vec![0; classes];
    let mut errors: Vec<(usize, Error)> = Vec::new();
    for result in results {
        match result {
            Ok(some) => counts.iter_mut().zip(some).for_each(|(all, n)| *all += n),
            Err(error) => errors.push(error),
        }
    }
    match errors.into_iter().min_by_key(|(number, _)| *number) {
        None => Ok(counts),
        Some((_, error)) => Err(error),
    }
}

fn tasks(stream: &Stream) -> Vec<Task<'_>> {
    let task = |packets| Task { stream, packets };
    let all = 0..stream.packets.len();
    match stream.plan.independent {
        true => all.map(|packet| task(packet..packet + 1)).collect(),
        false => vec![task(all)],
    }
}

impl Counter {
    fn count(&mut self, task: &Task) -> Result<()> {
        let stream = task.stream;
        let mut clock = 0;
        for located in &stream.packets[task.packets.clone()] {
            stream.check(located)?;
            if let Some(left) = stream.leaves_out(located) {
                clock = left;
                continue;
            }
            let mut progress = Progress::default();
            progress.memory.clock = clock;
            loop {
                let outcome = decode(stream, located, progress, &mut self.window, &mut self.block);
                for head in &self.block.heads {
                    self.counts[head.class as usize] += 1;
                }
                self.block.clear();
                match outcome {
                    Outcome::More(further) => progress = further,
                    Outcome::Done(last) => {
                        clock = stream.clock_after(&located.packet, last.memory.clock);
                        break;
                    }
                    Outcome::Broken(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}
