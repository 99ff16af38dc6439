//! Chunks: what one thread decodes at once.
//!
//! The one idea: a chunk is a window of a packet's bytes and the events that are whole in it. It knows nothing of other
//! chunks but where in the packet it goes on, so that packets are decoded beside each other and memory is bounded by the
//! windows at work, not by packets or traces.

use super::stream::{Located, Stream};
use super::stream_plan::{EventPlan, StreamPlan};
use crate::error::{Error, Hint, Place, Remedy};
use crate::trace::ctf::fields::decoder::{Decoder, Memory, Stop};
use crate::trace::ctf::fields::output::Output;
use crate::trace::event::{Head, NO_NAME, UNKNOWN};
use std::io;

/// Bytes of a window, as long as events are smaller.
const WINDOW: u64 = 128 * 1024;
/// Bytes of values after which a chunk is full, however large the window is.
const FULL: usize = 64 << 20;

/// Events of a stream, in the order stored, with the values of each behind the ones of the one before.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    /// One per event; `procname` is a number in `names`.
    pub heads: Vec<Head>,
    /// Values and process names.
    pub out: Output,
    /// Where decoding began; boxed, since chunks are handed on.
    begin: Box<ResumePoint>,
}

impl Chunk {
    /// Empties it and keeps its memory.
    pub(super) fn clear(&mut self) {
        self.heads.clear();
        self.out.values.clear();
        self.out.names.clear();
    }
}

/// Where in a packet decoding goes on.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ResumePoint {
    /// The next bit; 0 before the packet's header.
    pub bit: u64,
    /// What is remembered.
    pub memory: Memory,
}

/// What became of a decoding.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The packet goes on there.
    More(ResumePoint),
    /// The packet has ended, and what is remembered.
    Done(ResumePoint),
    /// It cannot be read on.
    Broken(Error),
}

/// Decodes the next chunk of a packet of `stream`: fills `chunk`, which is empty. `window` is a buffer to use.
pub(super) fn decode(
    stream: &Stream,
    located: &Located,
    mut progress: ResumePoint,
    window: &mut Vec<u8>,
    chunk: &mut Chunk,
) -> Outcome {
    let packet = &located.packet;
    let content = packet.content_size.div_ceil(8);
    let mut size = WINDOW;
    (*chunk.begin).clone_from(&progress);
    loop {
        let first = progress.bit / 8;
        let there = size.min(content - first);
        if let Err(error) = read(stream, located, first, there, window) {
            return Outcome::Broken(error);
        }
        let mut decoding = Decoding {
            stream,
            located,
            decoder: Decoder::new(
                window,
                first,
                progress.bit,
                packet.content_size,
                std::mem::take(&mut progress.memory),
            ),
            chunk: &mut *chunk,
        };
        let stopped = decoding.run();
        progress = ResumePoint {
            bit: decoding.decoder.bit(),
            memory: decoding.decoder.memory,
        };
        let whole = first + there == content;
        match stopped {
            Ok(()) => return Outcome::Done(progress),
            Err(Broken::Full) => return Outcome::More(progress),
            Err(Broken::Stop(Stop::End)) if whole => {
                let what = "an event goes beyond the content of its packet";
                return Outcome::Broken(error(stream, located, progress.bit, what));
            }
            Err(Broken::Stop(Stop::End)) if !chunk.heads.is_empty() => {
                return Outcome::More(progress);
            }
            // Not even one event is whole in the window.
            Err(Broken::Stop(Stop::End)) => size = size.saturating_mul(4),
            Err(Broken::Stop(Stop::Bad(what))) => {
                return Outcome::Broken(error(stream, located, progress.bit, &what));
            }
            Err(Broken::Error(error)) => return Outcome::Broken(error),
        }
    }
}

/// The byte in the file where event number `index` of a chunk begins, which was decoded from a packet of `stream`: it is
/// decoded once more, event by event. `None` where the file is not what it was.
pub(super) fn byte_of(
    stream: &Stream,
    located: &Located,
    chunk: &Chunk,
    index: usize,
) -> Option<u64> {
    let packet = &located.packet;
    let first = chunk.begin.bit / 8;
    let rest = packet.content_size.div_ceil(8) - first;
    let (mut window, mut size) = (Vec::new(), WINDOW);
    loop {
        let there = size.min(rest);
        read(stream, located, first, there, &mut window).ok()?;
        let memory = chunk.begin.memory.clone();
        let mut decoding = Decoding {
            stream,
            located,
            decoder: Decoder::new(&window, first, chunk.begin.bit, packet.content_size, memory),
            chunk: &mut Chunk::default(),
        };
        match decoding.bit_of(index) {
            Ok(bit) => return Some(packet.offset + bit / 8),
            Err(Broken::Stop(Stop::End)) if there < rest => size = size.saturating_mul(4),
            Err(_) => return None,
        }
    }
}

/// Reads bytes of the packet, from its byte `first` on, into the window.
fn read(
    stream: &Stream,
    located: &Located,
    first: u64,
    bytes: u64,
    window: &mut Vec<u8>,
) -> Result<(), Error> {
    let file = &stream.files[located.file];
    window.resize(bytes as usize, 0);
    let read = file.read_exact_at(window, located.packet.offset + first);
    read.map_err(|source| match source.kind() {
        io::ErrorKind::UnexpectedEof => error(
            stream,
            located,
            first * 8,
            "the file became shorter while it was read",
        ),
        _ => Error::io("read", &file.path)(source),
    })
}

/// The error for something at bit `bit` of a packet.
fn error(stream: &Stream, located: &Located, bit: u64, what: &str) -> Error {
    let packet = &located.packet;
    let path = &stream.files[located.file].path;
    Error::damaged(
        what,
        Place::packet(path, packet.number, packet.offset + bit / 8),
        Remedy::with("The stream is damaged from this byte on.", Hint::KeepGoing),
    )
}

/// Why decoding a chunk ends.
enum Broken {
    Full,
    Stop(Stop),
    Error(Error),
}

impl From<Stop> for Broken {
    fn from(stop: Stop) -> Self {
        Broken::Stop(stop)
    }
}

/// A chunk being decoded.
struct Decoding<'a> {
    stream: &'a Stream,
    located: &'a Located,
    decoder: Decoder<'a>,
    chunk: &'a mut Chunk,
}

impl Decoding<'_> {
    /// Decodes events up to number `index` of those that are taken, and says at which bit of the packet it begins.
    fn bit_of(&mut self, index: usize) -> Result<u64, Broken> {
        let plan = &*self.stream.plan;
        if self.decoder.bit() == 0 {
            self.packet_begin(plan)?;
        }
        loop {
            let bit = self.decoder.bit().next_multiple_of(plan.align);
            self.event(plan, UNKNOWN)?;
            if self.chunk.heads.len() > index {
                return Ok(bit);
            }
        }
    }

    /// Decodes events up to the packet's end.
    fn run(&mut self) -> Result<(), Broken> {
        let plan = &*self.stream.plan;
        let packet = &self.located.packet;
        if self.decoder.bit() == 0 {
            self.packet_begin(plan)?;
        }
        let cpu = packet.cpu().unwrap_or(UNKNOWN);
        while self.decoder.bit() < packet.content_size {
            if self.chunk.out.values.len() > FULL {
                return Err(Broken::Full);
            }
            self.event(plan, cpu)?;
        }
        Ok(())
    }

    fn packet_begin(&mut self, plan: &StreamPlan) -> Result<(), Broken> {
        let before = self.decoder.clone();
        let out = &mut self.chunk.out;
        let begin = plan.packet.decode(&mut self.decoder, out);
        match begin {
            Ok(()) => {
                self.decoder.begin_events(plan.slots);
                self.decoder.memory.packet = out.values.as_slice().into();
            }
            Err(_) => self.decoder = before,
        }
        // The chunk has no events yet.
        out.values.clear();
        Ok(begin?)
    }

    /// Decodes an event, or leaves everything as it was before.
    #[inline]
    fn event(&mut self, plan: &StreamPlan, cpu: i32) -> Result<(), Broken> {
        let (bit, clock) = (self.decoder.place(), self.decoder.memory.clock);
        let begin = self.chunk.out.values.len();
        let done = self.whole_event(plan, cpu, begin);
        if done.is_err() {
            self.decoder.back_to(bit);
            self.decoder.memory.clock = clock;
            self.chunk.out.values.truncate(begin);
        }
        done
    }

    #[inline]
    fn whole_event(&mut self, plan: &StreamPlan, cpu: i32, begin: usize) -> Result<(), Broken> {
        let place = self.decoder.place();
        let out = &mut self.chunk.out;
        out.begin(cpu);
        self.decoder.begin_event(begin);
        self.decoder.root(&plan.header, out)?;
        let event = self.class(plan)?;
        let out = &mut self.chunk.out;
        out.pid = event.pid;
        if !self.decoder.memory.packet.is_empty() {
            out.values.extend_from_slice(&self.decoder.memory.packet);
        }
        let clock = self.decoder.memory.clock;
        self.decoder.root(&plan.commons[event.common].plan, out)?;
        self.decoder.root(&event.context, out)?;
        self.decoder.root(&event.payload, out)?;
        if self.decoder.place() == place {
            let what = "an event without a single bit: there is no end of them";
            return Err(Broken::Stop(Stop::Bad(what.to_owned())));
        }
        let timestamp = self.time(plan, clock)?;
        if !event.taken || !self.stream.selection.takes_time(timestamp) {
            self.chunk.out.values.truncate(begin);
            return Ok(());
        }
        let out = &mut self.chunk.out;
        let of_trace = event.procname.as_ref();
        let named = || of_trace.map(|name| out.names.number(name.as_bytes()));
        let head = Head {
            timestamp,
            class: event.class,
            // A chunk is full, and an event's values end, long before 4 GiB.
            values: begin as u32,
            cpu: out.cpu,
            pid: out.pid,
            tid: out.tid,
            procname: out.procname.or_else(named).unwrap_or(NO_NAME),
        };
        self.chunk.heads.push(head);
        Ok(())
    }

    #[inline]
    fn class<'p>(&self, plan: &'p StreamPlan) -> Result<&'p EventPlan, Broken> {
        let id = self.decoder.memory.event_id;
        plan.event(id).ok_or_else(|| {
            let stream = plan.id;
            Broken::Stop(Stop::Bad(match id {
                Some(id) => format!("an event {id}, which the stream class {stream} has not"),
                None => format!(
                    "an event that does not tell its class, of which the stream class {stream} has {}",
                    plan.events.len()
                ),
            }))
        })
    }

    #[inline]
    fn time(&self, plan: &StreamPlan, clock: u64) -> Result<i64, Broken> {
        let path = || Place::file(&self.stream.files[self.located.file].path);
        match &plan.clock {
            None => Err(Broken::Error(Error::input(
                "its events have no time: the trace describes no clock for them",
                path(),
                "sysds orders events by time and needs a trace with timestamps, as LTTng makes them.",
            ))),
            Some(own) => own.converter.at(clock).ok_or_else(|| {
                Broken::Error(Error::input(
                    format!(
                        "the clock value {clock} does not fit into nanoseconds since 1970 (64 bits)"
                    ),
                    path(),
                    "The clock's offset or frequency in the metadata is wrong, or the stream is damaged.",
                ))
            }),
        }
    }
}
