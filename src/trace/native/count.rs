//! Counting without order: each thread takes packets as it gets to them, and counts what it decodes.
//!
//! The one idea: where nobody asks for the order, no stream and no packet waits for another. Threads that hand nothing to
//! each other are also left by the system on the CPUs where they are. Only that each stream's events are in order is
//! looked at, because a stream that is not ends there.

use super::chunk::{Chunk, Outcome, ResumePoint, decode};
use super::stream::Stream;
use crate::process::threads;
use crate::trace::event::Head;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Packets of a stream that are decoded one after the other: one, or all where each needs the one before.
struct Task<'a> {
    number: usize,
    stream: &'a Stream,
    packets: Range<usize>,
}

/// The times of a task's first and last event.
type Span = Option<(i64, i64)>;

/// A stream cannot be read to its end, or its events are not in order.
struct Broken;

/// What a thread needs and keeps.
struct Counter {
    counts: Vec<u64>,
    spans: Vec<(usize, Span)>,
    window: Vec<u8>,
    chunk: Chunk,
}

/// Counts the selected events of each of `classes` classes; `None` where a stream cannot be read to its end.
pub(super) fn count(streams: &[Arc<Stream>], most: usize, classes: usize) -> Option<Vec<u64>> {
    let mut tasks: Vec<Task> = Vec::new();
    for (number, stream) in streams.iter().enumerate() {
        tasks.extend(packets(stream).into_iter().map(|packets| Task {
            number,
            stream,
            packets,
        }));
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut counter = Counter {
            counts: vec![0; classes],
            spans: Vec::new(),
            window: Vec::new(),
            chunk: Chunk::default(),
        };
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            let Some(task) = tasks.get(number) else {
                return Ok(counter);
            };
            match counter.count(task) {
                Ok(span) => counter.spans.push((number, span)),
                Err(Broken) => {
                    next.fetch_max(tasks.len(), Ordering::Relaxed);
                    return Err(Broken);
                }
            }
        }
    };
    let results: Vec<_> = std::thread::scope(|scope| {
        let others: Vec<_> = (1..most.min(tasks.len()))
            // With fewer threads it takes longer.
            .map_while(|_| threads::spawn_scoped(scope, "count", work).ok())
            .collect();
        let own = work();
        let others = others.into_iter().map(threads::joined);
        std::iter::once(own).chain(others).collect()
    });
    let mut counts = vec![0; classes];
    let mut spans: Vec<Span> = vec![None; tasks.len()];
    for result in results {
        let done: Counter = result.ok()?;
        let pairs = counts.iter_mut().zip(done.counts);
        pairs.for_each(|(all, n)| *all += n);
        for (task, span) in done.spans {
            spans[task] = span;
        }
    }
    in_order(&tasks, &spans).then_some(counts)
}

/// Whether no packet of a stream has events before those of an earlier packet.
fn in_order(tasks: &[Task], spans: &[Span]) -> bool {
    let mut last: Option<(usize, i64)> = None;
    tasks.iter().zip(spans).all(|(task, span)| {
        let Some((begin, end)) = *span else {
            return true;
        };
        let before = last.replace((task.number, end));
        before.is_none_or(|(stream, time)| stream != task.number || time <= begin)
    })
}

fn packets(stream: &Stream) -> Vec<Range<usize>> {
    let all = 0..stream.packets.len();
    match stream.plan.independent {
        true => all.map(|packet| packet..packet + 1).collect(),
        false => vec![all],
    }
}

impl Counter {
    fn count(&mut self, task: &Task) -> Result<Span, Broken> {
        let stream = task.stream;
        let mut clock = 0;
        let mut span = None;
        for located in &stream.packets[task.packets.clone()] {
            stream.check(located).map_err(|_| Broken)?;
            if let Some(left) = stream.leaves_out(located) {
                clock = left;
                continue;
            }
            let mut progress = ResumePoint::default();
            progress.memory.clock = clock;
            loop {
                let outcome = decode(stream, located, progress, &mut self.window, &mut self.chunk);
                let widened = self.take_in(span);
                span = widened.ok_or(Broken)?;
                self.chunk.clear();
                match outcome {
                    Outcome::More(further) => progress = further,
                    Outcome::Done(last) => {
                        clock = stream.clock_after(&located.packet, last.memory.clock);
                        break;
                    }
                    Outcome::Broken(_) => return Err(Broken),
                }
            }
        }
        Ok(span)
    }

    /// Counts the events of the chunk, which come after those of `span`; `None` where they are not in order.
    fn take_in(&mut self, span: Span) -> Option<Span> {
        let heads = &self.chunk.heads;
        for head in heads {
            self.counts[head.class as usize] += 1;
        }
        let (Some(first), Some(last)) = (heads.first(), heads.last()) else {
            return Some(span);
        };
        let within = heads.is_sorted_by_key(|head: &Head| head.timestamp);
        let (begin, end) = span.unwrap_or((first.timestamp, first.timestamp));
        (within && end <= first.timestamp).then_some(Some((begin, last.timestamp)))
    }
}
