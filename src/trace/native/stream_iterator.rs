//! What comes out of one stream, in its order: losses, begins and ends of packets, and events.
//!
//! The one idea: an iterator asks for chunks ahead of what is taken from it, of several packets at a time where packets do
//! not need the ones before, and gives out [`Item`]s in the order in which babeltrace2's message iterator gives its
//! messages, with the same times. So whoever merges iterators merges as babeltrace2 does.

use super::chunk::{Chunk, Outcome, ResumePoint};
use super::pool::{Done, Job, Pool};
use super::stream::Stream;
use crate::error::Error;
use crate::shown::path_text;
use crate::trace::counters::{Counter, Seen};
use crate::trace::ctf::packet::Packet;
use crate::trace::event::Loss;
use std::collections::VecDeque;
use std::sync::Arc;

/// What a stream has in its order.
#[derive(Debug)]
pub(super) enum Item {
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
        chunk: Chunk,
    },
    /// The stream cannot be read on.
    Broken(Error),
}

/// What an iterator answers when asked for its next item.
#[derive(Debug)]
pub(super) enum Next {
    /// The item.
    Item(Item),
    /// Chunks must come in first.
    Wait,
    /// There is none.
    End,
}

/// A stream being read.
pub(super) struct StreamIterator {
    /// The stream.
    pub stream: Arc<Stream>,
    number: usize,
    items: VecDeque<Item>,
    /// How many of `items`, at the end, wait for the time of the next event.
    marks: usize,
    open: VecDeque<OpenPacket>,
    /// Position of the packet that is opened next.
    next: usize,
    /// Chunks that are decoded, or wait, at most.
    ahead: usize,
    /// Chunks that are being decoded, or wait in `open`.
    out: usize,
    /// The stream's counters up to the last packet that was given out, and that one's end.
    discarded: Counter<u64>,
    sequence: Counter<u64>,
    before: Option<u64>,
    /// The clock where packets need the one before.
    clock: u64,
    broken: bool,
    /// CPU of the packet that was given out last.
    cpu: Option<i32>,
    /// Time of the last event that was taken.
    pub last: Option<i64>,
}

/// A packet that is being decoded.
struct OpenPacket {
    packet: usize,
    chunks: VecDeque<Chunk>,
    state: State,
    begun: bool,
}

enum State {
    /// It can go on there.
    Idle(ResumePoint),
    /// A thread has it.
    Away,
    Done(ResumePoint),
    Broken(Error),
}

impl StreamIterator {
    /// The iterator of stream number `number`, of which at most `ahead` chunks are under way at a time.
    pub(super) fn new(stream: Arc<Stream>, number: usize, ahead: usize) -> Self {
        StreamIterator {
            discarded: stream.plan.discarded.clone(),
            sequence: stream.plan.sequence.clone(),
            stream,
            number,
            items: VecDeque::new(),
            marks: 0,
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

    /// Has chunks decoded, as many as may be under way; of the packet in front one in any case, since all others wait
    /// for it.
    pub(super) fn ask(&mut self, pool: &Pool, spare: &mut Vec<Chunk>) {
        for i in 0.. {
            let front = i == 0 && self.open.front().is_none_or(|o| o.chunks.is_empty());
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
                    number: self.number,
                    stream: Arc::clone(&self.stream),
                    packet: open.packet,
                    progress,
                    chunk: spare.pop().unwrap_or_default(),
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
        let mut progress = ResumePoint::default();
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
        self.open.push_back(OpenPacket {
            packet: self.next,
            chunks: VecDeque::new(),
            state,
            begun: false,
        });
        self.next += 1;
        true
    }

    /// Takes in a chunk of this iterator; gives the chunk back if there is nothing in it.
    pub(super) fn take_in(&mut self, done: Done) -> Option<Chunk> {
        let open = self.open.iter_mut().find(|o| o.packet == done.packet);
        let open = open.expect("chunks are of open packets");
        let mut empty = None;
        match done.chunk.heads.is_empty() {
            true => {
                self.out -= 1;
                empty = Some(done.chunk);
            }
            false => open.chunks.push_back(done.chunk),
        }
        open.state = match done.outcome {
            Outcome::More(progress) => State::Idle(progress),
            Outcome::Done(progress) => State::Done(progress),
            Outcome::Broken(error) => State::Broken(error),
        };
        empty
    }

    /// The next item, if it is known already.
    pub(super) fn next(&mut self) -> Next {
        loop {
            let at_end = self.open.is_empty() && self.next == self.stream.packets.len();
            if self.broken || at_end {
                // No event comes any more.
                self.marks = 0;
            }
            if self.items.len() > self.marks
                && let Some(item) = self.items.pop_front()
            {
                return Next::Item(item);
            }
            if self.broken || at_end {
                return Next::End;
            }
            let Some(open) = self.open.front_mut() else {
                return Next::Wait;
            };
            let chunk = open.chunks.pop_front();
            if chunk.is_none() && matches!(open.state, State::Idle(_) | State::Away) {
                return Next::Wait;
            }
            self.advance(chunk);
        }
    }

    /// Adds items: those of the packet in front, of which `chunk` is the next chunk.
    fn advance(&mut self, chunk: Option<Chunk>) {
        let Some(open) = self.open.front_mut() else {
            return;
        };
        let packet = open.packet;
        if !std::mem::replace(&mut open.begun, true) {
            self.begin(packet);
        }
        if let Some(chunk) = chunk {
            self.out -= 1;
            self.settle(chunk.heads[0].timestamp);
            self.items.push_back(Item::Events { packet, chunk });
            return;
        }
        match self.open.pop_front().map(|open| open.state) {
            Some(State::Done(progress)) => self.end(packet, &progress),
            Some(State::Broken(error)) => {
                self.broken = true;
                self.items.push_back(Item::Broken(error));
            }
            _ => unreachable!("a packet in front without a chunk has ended"),
        }
    }

    /// Ends the stream here, because it cannot be read on; says what that means: its events are missing until `end`.
    pub(super) fn give_up(&mut self, end: Option<i64>) -> Loss {
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

    /// Whether a thread has a chunk of it.
    pub(super) fn is_at_work(&self) -> bool {
        self.open.iter().any(|o| matches!(o.state, State::Away))
    }

    /// Adds a mark, which comes out once the time of the next event is known. Begins and ends of packets are not times
    /// of events: LTTng before 2.4 closed a packet after it had begun the next one.
    fn mark(&mut self, item: Item) {
        self.items.push_back(item);
        self.marks += 1;
    }

    /// The next event has this time: no mark before it comes later.
    fn settle(&mut self, event: i64) {
        let waiting = self.items.len() - std::mem::take(&mut self.marks);
        for item in self.items.range_mut(waiting..) {
            if let Item::Begin(time) | Item::End(time) | Item::Loss(time, _) = item {
                *time = time.map(|time| time.min(event));
            }
        }
    }

    /// A packet begins: what was lost before it, and its begin.
    fn begin(&mut self, packet: usize) {
        let stream = Arc::clone(&self.stream);
        let located = &stream.packets[packet];
        let packet = &located.packet;
        if let Err(error) = stream.check(located) {
            self.items.push_back(Item::Broken(error));
            self.broken = true;
            return;
        }
        let (end, cpu) = (packet.timestamp_end, packet.cpu());
        let begin = self.time(packet.timestamp_begin);
        let losses = [
            self.discarded_events(packet),
            self.discarded_packets(packet),
        ];
        for item in losses.into_iter().flatten() {
            self.mark(item);
        }
        self.before = end;
        self.cpu = cpu;
        self.mark(Item::Begin(begin));
    }

    /// A packet ends.
    fn end(&mut self, packet: usize, progress: &ResumePoint) {
        let packet = &self.stream.packets[packet].packet;
        self.clock = self.stream.clock_after(packet, progress.memory.clock);
        if packet.timestamp_end.is_some() {
            let end = self.time(Some(self.clock));
            self.mark(Item::End(end));
        }
    }

    fn time(&self, cycles: Option<u64>) -> Option<i64> {
        self.stream.time(cycles?)
    }

    fn discarded_events(&mut self, packet: &Packet) -> Option<Item> {
        let count = packet.events_discarded?;
        let (known, begin) = match self.discarded.see(count, self.before) {
            Seen::First if count == 0 => return None,
            // Before this packet, or in it: nobody knows how many.
            Seen::First => (None, packet.timestamp_begin),
            Seen::Nothing => return None,
            Seen::Counted(events, since) => (Some(events), since),
        };
        let span = begin.zip(packet.timestamp_end);
        let span = span.filter(|_| packet.timestamp_begin.is_some());
        Some(self.loss(packet, span, known, None))
    }

    fn discarded_packets(&mut self, packet: &Packet) -> Option<Item> {
        match self.sequence.see(packet.sequence_number?, self.before) {
            Seen::Counted(ahead, since) if ahead > 1 => {
                let span = since.zip(packet.timestamp_begin);
                let span = span.filter(|_| packet.timestamp_end.is_some());
                Some(self.loss(packet, span, None, Some(ahead - 1)))
            }
            _ => None,
        }
    }

    fn loss(
        &self,
        packet: &Packet,
        span: Option<(u64, u64)>,
        events: Option<u64>,
        packets: Option<u64>,
    ) -> Item {
        let begin = span.and_then(|(begin, _)| self.time(Some(begin)));
        let loss = Loss {
            // A stream is called by its first file.
            stream: path_text(&self.stream.files[0].path),
            // Until this packet begins, it is the one of the packet before.
            cpu: self.cpu.or_else(|| packet.cpu()),
            begin,
            end: span.and_then(|(_, end)| self.time(Some(end))),
            events,
            packets,
        };
        // Told where the packet before ends.
        let told = span.and_then(|(begin, _)| self.time(Some(self.before.unwrap_or(begin))));
        Item::Loss(told, loss)
    }
}
