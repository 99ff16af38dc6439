//! Streams on one time line.
//!
//! The one idea: runs of events are moved, not events. The lane whose next item is first gives all of its events up to
//! the first item of any other lane in one copy. Ties are broken as babeltrace2's muxer breaks them (see
//! [`Rank`](super::streams::Rank)), and like it, this stops where a stream's time goes backwards.

use super::lane::{Item, Lane, Next};
use super::names::Names;
use super::piece::{Block, byte_of};
use super::pool::Pool;
use super::streams::Stream;
use crate::error::{Error, Place, Result};
use crate::trace::event::{EventBatch, Head, Loss, NO_NAME, escape};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Where an item stands in the order of all. `None` is what has no time, and comes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    time: Option<i64>,
    /// Number of the lane, the same for lanes whose streams differ only in their files.
    rank: u32,
    /// Where the rank is the same: packet begins, events by their classes, losses of events, packet ends, losses of
    /// packets.
    kind: u64,
    lane: u32,
}

/// Lanes being merged.
pub struct Merge {
    lanes: Vec<Lane>,
    ranks: Vec<u32>,
    fronts: Vec<Option<Front>>,
    /// Keys of the fronts.
    order: BinaryHeap<Reverse<Key>>,
    pool: Pool,
    spare: Vec<Block>,
    names: Names,
    /// Time of the last event.
    last: i64,
    keep_going: bool,
    /// End of the recording, where packets tell.
    end: Option<i64>,
    /// What could not be read.
    pub damage: Vec<Error>,
}

/// The next item of a lane.
enum Front {
    Loss(Loss),
    Mark,
    Events(Events),
    Broken(Error),
}

/// Events of which some are taken.
struct Events {
    packet: usize,
    block: Block,
    taken: usize,
    /// For each of the block's names its number in the recording.
    numbers: Vec<u32>,
}

impl Merge {
    /// Merges `streams`, ordered by rank, with the threads of `pool`. A stream that cannot be read on ends there, if
    /// `keep_going`; then `end` is the time until which its events are missing.
    pub fn new(
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
        let lanes = streams.iter().enumerate();
        let lanes = lanes.map(|(i, stream)| Lane::new(Arc::clone(stream), i, ahead));
        let mut merge = Merge {
            lanes: lanes.collect(),
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
        for lane in &mut merge.lanes {
            lane.ask(&merge.pool, &mut merge.spare);
        }
        (0..merge.lanes.len()).for_each(|lane| merge.advance(lane));
        merge
    }

    /// Adds events (and what was lost) to `batch` until it has `events` or more.
    ///
    /// # Errors
    /// [`Error::Input`] where a stream cannot be read on, without `keep_going`.
    pub fn fill(&mut self, events: usize, batch: &mut EventBatch) -> Result<()> {
        while batch.has_room(events) {
            let Some(Reverse(key)) = self.order.pop() else {
                return Ok(());
            };
            let lane = key.lane as usize;
            let front = self.fronts[lane].take();
            match front.expect("what is ordered has a front") {
                Front::Mark => self.advance(lane),
                Front::Loss(loss) => {
                    batch.losses.push((batch.heads.len(), loss));
                    self.advance(lane);
                }
                Front::Broken(error) => self.broken(lane, error, batch)?,
                Front::Events(front) => self.events(lane, front, batch)?,
            }
        }
        Ok(())
    }

    /// Moves a run of events of `lane`, which is first, to the batch.
    fn events(&mut self, lane: usize, mut front: Events, batch: &mut EventBatch) -> Result<()> {
        let bound = self.order.peek().map(|Reverse(key)| *key);
        let begin = front.taken;
        let heads = &front.block.heads;
        let mut end = begin;
        let mut backwards = None;
        while let Some(head) = heads.get(end) {
            if head.timestamp < self.last {
                backwards = Some(self.backwards(lane, &front, end));
                break;
            }
            if bound.is_some_and(|bound| !self.is_before(lane, head, bound)) {
                break;
            }
            self.last = head.timestamp;
            end += 1;
        }
        self.copy(&mut front, begin..end, batch);
        front.taken = end;
        if end > begin {
            self.lanes[lane].last = Some(self.last);
        }
        if let Some(error) = backwards {
            return self.broken(lane, error, batch);
        }
        match front.block.heads.get(end) {
            Some(head) => {
                let key = self.key(lane, Some(head.timestamp), self.event_kind(lane, head));
                self.fronts[lane] = Some(Front::Events(front));
                self.order.push(Reverse(key));
            }
            None => {
                front.block.clear();
                self.spare.push(front.block);
                self.advance(lane);
            }
        }
        Ok(())
    }

    #[inline]
    fn is_before(&self, lane: usize, head: &Head, bound: Key) -> bool {
        match bound.time {
            Some(time) if head.timestamp != time => head.timestamp < time,
            _ => self.key(lane, Some(head.timestamp), self.event_kind(lane, head)) < bound,
        }
    }

    fn copy(&mut self, front: &mut Events, run: std::ops::Range<usize>, batch: &mut EventBatch) {
        let heads = &front.block.heads;
        let Some(first) = heads[run.clone()].first() else {
            return;
        };
        let values = &front.block.out.values;
        let from = first.values as usize;
        let to = heads
            .get(run.end)
            .map_or(values.len(), |next| next.values as usize);
        let base = batch.values.len() as u32;
        batch.values.extend_from_slice(&values[from..to]);
        let names = front.block.out.names.all();
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

    /// Puts the next item of `lane` in front, waiting for it if need be.
    fn advance(&mut self, lane: usize) {
        loop {
            match self.lanes[lane].next() {
                Next::End => return,
                Next::Item(item) => return self.put_in_front(lane, item),
                Next::Wait => {
                    self.lanes[lane].ask(&self.pool, &mut self.spare);
                    if !self.lanes[lane].is_at_work() {
                        // All packets that could be opened are left out.
                        continue;
                    }
                    let done = self.pool.next();
                    let of = done.lane;
                    let empty = self.lanes[of].take_in(done);
                    self.spare.extend(empty);
                    self.lanes[of].ask(&self.pool, &mut self.spare);
                }
            }
        }
    }

    fn put_in_front(&mut self, lane: usize, item: Item) {
        let (time, kind, front) = match item {
            Item::Begin(time) => (time, 0, Front::Mark),
            Item::Loss(time, loss) => {
                let kind = if loss.packets.is_some() { 4 } else { 2 };
                (time, kind << 32, Front::Loss(loss))
            }
            Item::End(time) => (time, 3 << 32, Front::Mark),
            Item::Broken(error) => (None, 0, Front::Broken(error)),
            Item::Events { packet, block } => {
                self.lanes[lane].ask(&self.pool, &mut self.spare);
                let first = &block.heads[0];
                let (time, kind) = (Some(first.timestamp), self.event_kind(lane, first));
                let numbers = vec![NO_NAME; block.out.names.all().len()];
                let events = Events {
                    packet,
                    block,
                    taken: 0,
                    numbers,
                };
                (time, kind, Front::Events(events))
            }
        };
        self.fronts[lane] = Some(front);
        self.order.push(Reverse(self.key(lane, time, kind)));
    }

    #[inline]
    fn key(&self, lane: usize, time: Option<i64>, kind: u64) -> Key {
        Key {
            time,
            rank: self.ranks[lane],
            kind,
            lane: lane as u32,
        }
    }

    /// Events of one time and rank come by the IDs of their classes.
    #[inline]
    fn event_kind(&self, lane: usize, head: &Head) -> u64 {
        let first = self.lanes[lane].stream.plan.events.first();
        let number = first.map_or(0, |e| head.class - e.class);
        let event = &self.lanes[lane].stream.plan.events[number as usize];
        (1 << 32) + (event.id & 0xffff_ffff)
    }

    /// A stream cannot be read on.
    fn broken(&mut self, lane: usize, error: Error, batch: &mut EventBatch) -> Result<()> {
        if !self.keep_going {
            return Err(error);
        }
        let loss = self.lanes[lane].give_up(self.end);
        batch.losses.push((batch.heads.len(), loss));
        self.damage.push(error);
        Ok(())
    }

    /// The error for an event that is earlier than the one before it in its stream.
    fn backwards(&self, lane: usize, events: &Events, index: usize) -> Error {
        let stream = &self.lanes[lane].stream;
        let located = &stream.packets[events.packet];
        let packet = &located.packet;
        let file = &stream.files[located.file].path;
        let byte = byte_of(stream, located, &events.block, index);
        let (time, last) = (events.block.heads[index].timestamp, self.last);
        Error::input(
            format!("time goes backwards: {time} ns since 1970 comes after {last}"),
            Place::packet(file, packet.number, byte.unwrap_or(packet.offset)),
            "The stream's times are damaged from this event on. With --keep-going all that comes before is kept.",
        )
    }
}
