//! Counting without order: pieces are taken as they come.
//!
//! The one idea: where nobody asks for the order, no stream and no packet waits for another, and what remains is what
//! decoding takes.

use super::piece::{Block, Outcome, Progress};
use super::pool::{Job, Pool};
use super::streams::Stream;
use crate::error::Result;
use std::sync::Arc;

/// A packet that is to be decoded, or decoded on.
struct Task {
    lane: usize,
    packet: usize,
    progress: Progress,
}

/// Counts the selected events of each of `classes` classes.
///
/// # Errors
/// [`Error::Input`](crate::error::Error::Input) where a stream cannot be read to its end.
pub fn count(streams: &[Arc<Stream>], threads: usize, classes: usize) -> Result<Vec<u64>> {
    let pool = Pool::new(threads);
    let mut counts = vec![0; classes];
    let mut begun = streams.iter().enumerate().flat_map(|(lane, stream)| {
        // Packets that need the one before come when that has been decoded.
        let free = match stream.plan.independent {
            true => stream.packets.len(),
            false => stream.packets.len().min(1),
        };
        (0..free).map(move |packet| Task {
            lane,
            packet,
            progress: Progress::default(),
        })
    });
    let mut tasks: Vec<Task> = Vec::new();
    let mut spare: Vec<Block> = Vec::new();
    let mut away = 0;
    loop {
        while away < 2 * threads
            && let Some(task) = tasks.pop().or_else(|| begun.next())
        {
            let stream = &streams[task.lane];
            let located = &stream.packets[task.packet];
            stream.check(located)?;
            if let Some(clock) = stream.leaves_out(located) {
                tasks.extend(after(streams, task.lane, task.packet, clock));
                continue;
            }
            away += 1;
            pool.submit(Job {
                lane: task.lane,
                stream: Arc::clone(stream),
                packet: task.packet,
                progress: task.progress,
                block: spare.pop().unwrap_or_default(),
            });
        }
        if away == 0 {
            return Ok(counts);
        }
        let mut done = pool.next();
        away -= 1;
        for head in &done.block.heads {
            counts[head.class as usize] += 1;
        }
        done.block.clear();
        spare.push(done.block);
        match done.outcome {
            Outcome::More(progress) => tasks.push(Task {
                lane: done.lane,
                packet: done.packet,
                progress,
            }),
            Outcome::Done(progress) => {
                let stream = &streams[done.lane];
                let packet = &stream.packets[done.packet].packet;
                let clock = stream.clock_after(packet, progress.memory.clock);
                tasks.extend(after(streams, done.lane, done.packet, clock));
            }
            Outcome::Broken(error) => return Err(error),
        }
    }
}

/// The packet after this one, where it had to wait for it; `clock` is how it left the clock.
fn after(streams: &[Arc<Stream>], lane: usize, packet: usize, clock: u64) -> Option<Task> {
    let stream = &streams[lane];
    let next = packet + 1;
    (!stream.plan.independent && next < stream.packets.len()).then(|| {
        let mut progress = Progress::default();
        progress.memory.clock = clock;
        Task {
            lane,
            packet: next,
            progress,
        }
    })
}
