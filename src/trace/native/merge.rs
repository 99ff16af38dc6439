//! Streams on one time line.
//!
//! The one idea: runs of events are moved, not events. The iterator whose next item is first gives all of its events up to
//! the first item of any other iterator in one copy. Ties are broken as babeltrace2's muxer breaks them (see
//! [`Rank`](super::stream::Rank)), and like it, this stops where a stream's time goes backwards.

use super::chunk::{Chunk, byte_of};
use super::pool::Pool;
use super::stream::Stream;
use super::stream_iterator::{Item, Next, StreamIterator};
use crate::error::{Damage, Error, Hint, Place, Remedy, Result};
use crate::trace::ctf::fields::names::Names;
use crate::trace::event::{EventBatch, Head, Loss, NO_NAME, escape};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Where an item stands in the order of all. `None` is what has no time, and comes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    time: Option<i64>,
    /// Number of the iterator, the same for iterators whose streams differ only in their files.
    rank: u32,
    /// Where the rank is the same: packet begins, events by their classes, losses of events, packet ends, losses of
    /// packets.
    kind: u64,
    iterator: u32,
}

/// Iterators being merged.
pub(super) struct Merge {
    iterators: Vec<StreamIterator>,
    ranks: Vec<u32>,
    fronts: Vec<Option<Front>>,
    /// Keys of the fronts.
    order: BinaryHeap<Reverse<Key>>,
    pool: Pool,
    spare: Vec<Chunk>,
    names: Names,
    /// Time of the last event.
    last: i64,
    keep_going: bool,
    /// End of the recording, where packets tell.
    end: Option<i64>,
    /// What could not be read.
    pub damage: Vec<Damage>,
}

/// The next item of an iterator.
enum Front {
    Loss(Loss),
    Mark,
    Events(Events),
    Broken(Error),
}

/// Events of which some are taken.
struct Events {
    packet: usize,
    chunk: Chunk,
    taken: usize,
    /// For each of the chunk's names its number in the recording.
    numbers: Vec<u32>,
}

impl Merge {
    /// Merges `streams`, ordered by rank, with the threads of `pool`. A stream that cannot be read on ends there, if
    /// `keep_going`; then `end` is the time until which its events are missing.
    pub(super) fn new(
        streams: &[Arc<Stream>],
        pool: Pool,
        ahead: usize,
        keep_going: bool,
        end: Option<i64>,
    ) -> Self {
        let mut ranks: Vec<u32> = Vec::new();
        for (i, stream) in streams.iter().enumerate() {
            let same = i > 0 && streams[i - 1].rank.same_but_for_files(&stream.rank);
            ranks.push(if same { ranks[i - 1] } else { i as u32 });
        }
        let iterators = streams.iter().enumerate();
        let iterators =
            iterators.map(|(i, stream)| StreamIterator::new(Arc::clone(stream), i, ahead));
        let mut merge = Merge {
            iterators: iterators.collect(),
            ranks,
            fronts: streams.iter().map(|_| None).collect(),
            order: BinaryHeap::new(),
            pool,
            spare: Vec::new(),
            names: Names::default(),
            last: i64::MIN,
            keep_going,
            end,
            damage: Vec::new(),
        };
        for iterator in &mut merge.iterators {
            iterator.ask(&merge.pool, &mut merge.spare);
        }
        (0..merge.iterators.len()).for_each(|iterator| merge.advance(iterator));
        merge
    }

    /// Adds events (and what was lost) to `batch` until it has `events` or more.
    ///
    /// # Errors
    /// [`Error::Damaged`] where a stream cannot be read on, without `keep_going`.
    pub(super) fn fill(&mut self, events: usize, batch: &mut EventBatch) -> Result<()> {
        while batch.has_room(events) {
            let Some(Reverse(key)) = self.order.pop() else {
                return Ok(());
            };
            let iterator = key.iterator as usize;
            let front = self.fronts[iterator].take();
            match front.expect("what is ordered has a front") {
                Front::Mark => self.advance(iterator),
                Front::Loss(loss) => {
                    batch.losses.push((batch.heads.len(), loss));
                    self.advance(iterator);
                }
                Front::Broken(error) => self.broken(iterator, error, batch)?,
                Front::Events(front) => self.events(iterator, front, batch)?,
            }
        }
        Ok(())
    }

    /// Moves a run of events of `iterator`, which is first, to the batch.
    fn events(&mut self, iterator: usize, mut front: Events, batch: &mut EventBatch) -> Result<()> {
        let bound = self.order.peek().map(|Reverse(key)| *key);
        let begin = front.taken;
        let heads = &front.chunk.heads;
        let mut end = begin;
        let mut backwards = None;
        while let Some(head) = heads.get(end) {
            if head.timestamp < self.last {
                backwards = Some(self.backwards(iterator, &front, end));
                break;
            }
            if bound.is_some_and(|bound| !self.is_before(iterator, head, bound)) {
                break;
            }
            self.last = head.timestamp;
            end += 1;
        }
        self.copy(&mut front, begin..end, batch);
        front.taken = end;
        if end > begin {
            self.iterators[iterator].last = Some(self.last);
        }
        if let Some(error) = backwards {
            return self.broken(iterator, error, batch);
        }
        match front.chunk.heads.get(end) {
            Some(head) => {
                let key = self.key(
                    iterator,
                    Some(head.timestamp),
                    self.event_kind(iterator, head),
                );
                self.fronts[iterator] = Some(Front::Events(front));
                self.order.push(Reverse(key));
            }
            None => {
                front.chunk.clear();
                self.spare.push(front.chunk);
                self.advance(iterator);
            }
        }
        Ok(())
    }

    #[inline]
    fn is_before(&self, iterator: usize, head: &Head, bound: Key) -> bool {
        match bound.time {
            Some(time) if head.timestamp != time => head.timestamp < time,
            _ => {
                self.key(
                    iterator,
                    Some(head.timestamp),
                    self.event_kind(iterator, head),
                ) < bound
            }
        }
    }

    fn copy(&mut self, front: &mut Events, run: std::ops::Range<usize>, batch: &mut EventBatch) {
        let heads = &front.chunk.heads;
        let Some(first) = heads[run.clone()].first() else {
            return;
        };
        let values = &front.chunk.out.values;
        let from = first.values as usize;
        let to = heads
            .get(run.end)
            .map_or(values.len(), |next| next.values as usize);
        let base = batch.values.len() as u32;
        batch.values.extend_from_slice(&values[from..to]);
        let names = front.chunk.out.names.all();
        for head in &heads[run] {
            let mut head = *head;
            head.values = head.values - from as u32 + base;
            if head.procname != NO_NAME {
                let number = &mut front.numbers[head.procname as usize];
                if *number == NO_NAME {
                    let known = self.names.all().len();
                    let name = &names[head.procname as usize];
                    *number = self.names.number(name);
                    if self.names.all().len() > known {
                        batch.new_procnames.push(escape(name));
                    }
                }
                head.procname = *number;
            }
            batch.heads.push(head);
        }
    }

    /// Puts the next item of `iterator` in front, waiting for it if need be.
    fn advance(&mut self, iterator: usize) {
        loop {
            match self.iterators[iterator].next() {
                Next::End => return,
                Next::Item(item) => return self.put_in_front(iterator, item),
                Next::Wait => {
                    self.iterators[iterator].ask(&self.pool, &mut self.spare);
                    if !self.iterators[iterator].is_at_work() {
                        // All packets that could be opened are left out.
                        continue;
                    }
                    let done = self.pool.next();
                    let of = done.number;
                    let empty = self.iterators[of].take_in(done);
                    self.spare.extend(empty);
                    self.iterators[of].ask(&self.pool, &mut self.spare);
                }
            }
        }
    }

    fn put_in_front(&mut self, iterator: usize, item: Item) {
        let (time, kind, front) = match item {
            Item::Begin(time) => (time, 0, Front::Mark),
            Item::Loss(time, loss) => {
                let kind = if loss.packets.is_some() { 4 } else { 2 };
                (time, kind << 32, Front::Loss(loss))
            }
            Item::End(time) => (time, 3 << 32, Front::Mark),
            Item::Broken(error) => (None, 0, Front::Broken(error)),
            Item::Events { packet, chunk } => {
                self.iterators[iterator].ask(&self.pool, &mut self.spare);
                let first = &chunk.heads[0];
                let (time, kind) = (Some(first.timestamp), self.event_kind(iterator, first));
                let numbers = vec![NO_NAME; chunk.out.names.all().len()];
                let events = Events {
                    packet,
                    chunk,
                    taken: 0,
                    numbers,
                };
                (time, kind, Front::Events(events))
            }
        };
        self.fronts[iterator] = Some(front);
        self.order.push(Reverse(self.key(iterator, time, kind)));
    }

    #[inline]
    fn key(&self, iterator: usize, time: Option<i64>, kind: u64) -> Key {
        Key {
            time,
            rank: self.ranks[iterator],
            kind,
            iterator: iterator as u32,
        }
    }

    /// Events of one time and rank come by the IDs of their classes.
    #[inline]
    fn event_kind(&self, iterator: usize, head: &Head) -> u64 {
        let first = self.iterators[iterator].stream.plan.events.first();
        let number = first.map_or(0, |e| head.class - e.class);
        let event = &self.iterators[iterator].stream.plan.events[number as usize];
        (1 << 32) + (event.id & 0xffff_ffff)
    }

    /// A stream cannot be read on.
    fn broken(&mut self, iterator: usize, error: Error, batch: &mut EventBatch) -> Result<()> {
        if !self.keep_going {
            return Err(error);
        }
        let loss = self.iterators[iterator].give_up(self.end);
        batch.losses.push((batch.heads.len(), loss));
        self.damage.push(error.into());
        Ok(())
    }

    /// The error for an event that is earlier than the one before it in its stream.
    fn backwards(&self, iterator: usize, events: &Events, index: usize) -> Error {
        let stream = &self.iterators[iterator].stream;
        let located = &stream.packets[events.packet];
        let packet = &located.packet;
        let file = &stream.files[located.file].path;
        let byte = byte_of(stream, located, &events.chunk, index);
        let (time, last) = (events.chunk.heads[index].timestamp, self.last);
        Error::damaged(
            format!("time goes backwards: {time} ns since 1970 comes after {last}"),
            Place::packet(file, packet.number, byte.unwrap_or(packet.offset)),
            Remedy::with(
                "The stream's times are damaged from this event on.",
                Hint::KeepGoing,
            ),
        )
    }
}
