//! What comes out of one stream, in its order: losses, begins and ends of packets, and events.
//!
//! The one idea: a lane asks for pieces ahead of what is taken from it, of several packets at a time where packets do
//! not need the ones before, and gives out [`Item`]s in the order in which babeltrace2's message iterator gives its
//! messages, with the same times. So whoever merges lanes merges as babeltrace2 does.

use super::piece::{Block, Outcome, Progress};
use super::pool::{Done, Job, Pool};
use super::streams::{Located, Stream};
use crate::error::Error;
use crate::shown::path_text;
use crate::trace::event::Loss;
use std::collections::VecDeque;
use std::sync::Arc;

/// What a stream has in its order.
#[derive(Debug)]
pub enum Item {
    /// Something was lost; the time at which it is told.
    Loss(Option<i64>, Loss),
    /// A packet begins at this time, where it tells.
    Begin(Option<i64>),
    /// A packet ends at this time.
    End(Option<i64>),
    /// Events of a packet, given by its position in the stream.
    Events {
        /// The packet.
        packet: usize,
        /// The events.
        block: Block,
    },
    /// The stream cannot be read on.
    Broken(Error),
}

/// What a lane answers when asked for its next item.
#[derive(Debug)]
pub enum Next {
    /// The item.
    Item(Item),
    /// Pieces must come in first.
    Wait,
    /// There is none.
    End,
}

/// A stream being read.
pub struct Lane {
    /// The stream.
    pub stream: Arc<Stream>,
    number: usize,
    items: VecDeque<Item>,
    open: VecDeque<Open>,
    /// Position of the packet that is opened next.
    next: usize,
    /// Pieces that are decoded, or wait, at most.
    ahead: usize,
    /// Pieces that are being decoded, or wait in `open`.
    out: usize,
    /// What the last packet that was given out said of itself.
    before: Option<Counters>,
    /// The clock where packets need the one before.
    clock: u64,
    broken: bool,
    /// CPU of the packet that was given out last.
    cpu: Option<i32>,
    /// Time of the last event that was taken.
    pub last: Option<i64>,
}

/// A packet that is being decoded.
struct Open {
    packet: usize,
    blocks: VecDeque<Block>,
    state: State,
    begun: bool,
}

enum State {
    /// It can go on there.
    Idle(Progress),
    /// A thread has it.
    Away,
    Done(Progress),
    Broken(Error),
}

/// What a packet says of the stream up to its end.
#[derive(Clone, Copy)]
struct Counters {
    discarded: Option<u64>,
    sequence: Option<u64>,
    end: Option<u64>,
}

impl Lane {
    /// The lane of stream number `number`, of which at most `ahead` pieces are under way at a time.
    pub fn new(stream: Arc<Stream>, number: usize, ahead: usize) -> Self {
        Lane {
            stream,
            number,
            items: VecDeque::new(),
            open: VecDeque::new(),
            next: 0,
            ahead: ahead.max(1),
            out: 0,
            before: None,
            clock: 0,
            broken: false,
            cpu: None,
            last: None,
        }
    }

    /// Has pieces decoded, as many as may be under way; of the packet in front one in any case, since all others wait
    /// for it.
    pub fn ask(&mut self, pool: &Pool, spare: &mut Vec<Block>) {
        for i in 0.. {
            let front = i == 0 && self.open.front().is_none_or(|o| o.blocks.is_empty());
            let full = self.out >= self.ahead && !front;
            if self.broken || full || i == self.open.len() && !self.open_next() {
                return;
            }
            let open = &mut self.open[i];
            if let State::Idle(progress) = &mut open.state {
                let progress = std::mem::take(progress);
                open.state = State::Away;
                self.out += 1;
                pool.submit(Job {
                    lane: self.number,
                    stream: Arc::clone(&self.stream),
                    packet: open.packet,
                    progress,
                    block: spare.pop().unwrap_or_default(),
                });
            }
        }
    }

    /// Opens the next packet, if there is one that can be read already.
    fn open_next(&mut self) -> bool {
        let ready = self.open.is_empty() || self.stream.plan.independent;
        if self.broken || !ready || self.next == self.stream.packets.len() {
            return false;
        }
        let mut progress = Progress::default();
        if !self.stream.plan.clock_restarts {
            progress.memory.clock = self.clock;
        }
        let state = match self.stream.leaves_out(&self.stream.packets[self.next]) {
            Some(clock) => {
                progress.memory.clock = clock;
                State::Done(progress)
            }
            None => State::Idle(progress),
        };
        self.open.push_back(Open {
            packet: self.next,
            blocks: VecDeque::new(),
            state,
            begun: false,
        });
        self.next += 1;
        true
    }

    /// Takes in a piece of this lane; gives the block back if there is nothing in it.
    pub fn take_in(&mut self, done: Done) -> Option<Block> {
        let open = self.open.iter_mut().find(|o| o.packet == done.packet);
        let open = open.expect("pieces are of open packets");
        let mut empty = None;
        match done.block.heads.is_empty() {
            true => {
                self.out -= 1;
                empty = Some(done.block);
            }
            false => open.blocks.push_back(done.block),
        }
        open.state = match done.outcome {
            Outcome::More(progress) => State::Idle(progress),
            Outcome::Done(progress) => State::Done(progress),
            Outcome::Broken(error) => State::Broken(error),
        };
        empty
    }

    /// The next item, if it is known already.
    pub fn next(&mut self) -> Next {
        loop {
            if let Some(item) = self.items.pop_front() {
                return Next::Item(item);
            }
            if self.broken {
                return Next::End;
            }
            let Some(open) = self.open.front_mut() else {
                return match self.next == self.stream.packets.len() {
                    true => Next::End,
                    false => Next::Wait,
                };
            };
            let block = open.blocks.pop_front();
            if block.is_none() && matches!(open.state, State::Idle(_) | State::Away) {
                return Next::Wait;
            }
            self.advance(block);
        }
    }

    /// Adds items: those of the packet in front, of which `block` is the next block.
    fn advance(&mut self, block: Option<Block>) {
        let Some(open) = self.open.front_mut() else {
            return;
        };
        let packet = open.packet;
        if !std::mem::replace(&mut open.begun, true) {
            let first = block.as_ref().and_then(|b| b.heads.first());
            let first = first.map(|head| head.timestamp);
            self.begin(packet, first);
        }
        if let Some(block) = block {
            self.out -= 1;
            self.items.push_back(Item::Events { packet, block });
            return;
        }
        match self.open.pop_front().map(|open| open.state) {
            Some(State::Done(progress)) => self.end(packet, &progress),
            Some(State::Broken(error)) => {
                self.broken = true;
                self.items.push_back(Item::Broken(error));
            }
            _ => unreachable!("a packet in front without a block has ended"),
        }
    }

    /// Ends the stream here, because it cannot be read on; says what that means: its events are missing until `end`.
    pub fn give_up(&mut self, end: Option<i64>) -> Loss {
        self.broken = true;
        self.items.clear();
        Loss {
            stream: path_text(&self.stream.files[0].path),
            cpu: self.cpu,
            begin: self.last,
            end,
            events: None,
            packets: None,
        }
    }

    /// A packet begins: what was lost before it, and its begin.
    fn begin(&mut self, packet: usize, first_event: Option<i64>) {
        let located = &self.stream.packets[packet];
        let packet = &located.packet;
        let now = Counters {
            discarded: packet.events_discarded,
            sequence: packet.sequence_number,
            end: packet.timestamp_end,
        };
        if let Err(error) = self.stream.check(located) {
            self.items.push_back(Item::Broken(error));
            self.broken = true;
            return;
        }
        let events = self.discarded_events(located, now);
        let packets = self.discarded_packets(located, now);
        self.items.extend(events);
        self.items.extend(packets);
        self.before = Some(now);
        self.cpu = packet.cpu();
        let begin = self.time(packet.timestamp_begin);
        let begin = match (begin, first_event) {
            (Some(begin), Some(first)) if self.stream.quirks.event_before_packet => {
                Some(begin.min(first))
            }
            _ => begin,
        };
        self.items.push_back(Item::Begin(begin));
    }

    /// A packet ends.
    fn end(&mut self, packet: usize, progress: &Progress) {
        let packet = &self.stream.packets[packet].packet;
        self.clock = self.stream.clock_after(packet, progress.memory.clock);
        if packet.timestamp_end.is_some() {
            let end = self.time(Some(self.clock));
            self.items.push_back(Item::End(end));
        }
    }

    fn time(&self, cycles: Option<u64>) -> Option<i64> {
        self.stream.time(cycles?)
    }

    fn discarded_events(&self, located: &Located, now: Counters) -> Option<Item> {
        let packet = &located.packet;
        let count = now.discarded?;
        let before = self.before.and_then(|b| Some((b.discarded?, b.end)));
        let (known, begin) = match before {
            None if count == 0 => return None,
            // Before this packet, or in it: nobody knows how many.
            None => (None, packet.timestamp_begin),
            Some((before, _)) if before == count => return None,
            Some((before, end)) => (Some(count.wrapping_sub(before)), end),
        };
        let span = begin.zip(packet.timestamp_end);
        let span = span.filter(|_| packet.timestamp_begin.is_some());
        Some(self.loss(located, span, known, None))
    }

    fn discarded_packets(&self, located: &Located, now: Counters) -> Option<Item> {
        let before = self.before?;
        let missing = now.sequence?.wrapping_sub(before.sequence?);
        if missing <= 1 {
            return None;
        }
        let span = before.end.zip(located.packet.timestamp_begin);
        let span = span.filter(|_| now.end.is_some());
        Some(self.loss(located, span, None, Some(missing - 1)))
    }

    fn loss(
        &self,
        located: &Located,
        span: Option<(u64, u64)>,
        events: Option<u64>,
        packets: Option<u64>,
    ) -> Item {
        let begin = span.and_then(|(begin, _)| self.time(Some(begin)));
        let loss = Loss {
            // A stream is called by its first file.
            stream: path_text(&self.stream.files[0].path),
            // Until this packet begins, it is the one of the packet before.
            cpu: self.cpu.or_else(|| located.packet.cpu()),
            begin,
            end: span.and_then(|(_, end)| self.time(Some(end))),
            events,
            packets,
        };
        Item::Loss(begin, loss)
    }
}
