//! How far the whole events go that are there of a packet which the end of its file cuts off.
//!
//! The one idea: the same plans decode them as decode any event, only that no value goes anywhere.

use super::fields::decoder::{Decoder, Memory, Stop};
use super::fields::output::Output;
use super::fields::plan::{Dest, Step};
use super::fields::planner::{Known, Planner};
use super::fields::slots::Slots;
use super::fields::tree::Node;
use super::metadata::model::{FieldClass, Scope, StreamClass};
use super::packet::Packet;
use super::packet_plan::PacketPlan;
use super::window::Window;
use std::io;

/// Bytes that are read at once, as long as events are smaller.
const WINDOW: u64 = 128 * 1024;

/// How the events of a stream class are passed over.
struct Events<'m> {
    stream: &'m StreamClass,
    packet: &'m PacketPlan,
    header: Vec<Step>,
    common: Vec<Step>,
    /// For each event class its own context and its payload.
    own: Vec<[Vec<Step>; 2]>,
    slots: usize,
}

/// Where the last event ends that is whole in a packet of which only `there` bytes are there, in bits from the packet's
/// first; where its events begin if there is none.
///
/// # Errors
/// That of the system.
pub(super) fn events_end(
    window: &mut Window,
    stream: &StreamClass,
    plan: &PacketPlan,
    packet: &Packet,
    there: u64,
) -> io::Result<u64> {
    let events = Events::new(stream, plan);
    let limit = packet.content_size.min(there.saturating_mul(8));
    let (mut bit, mut memory, mut size) = (0, Memory::default(), WINDOW);
    loop {
        let first = bit / 8;
        let wanted = size.min(limit.div_ceil(8) - first);
        let bytes = window.bytes(packet.offset + first, wanted as usize)?;
        let bytes = &bytes[..bytes.len().min(wanted as usize)];
        let mut decoder = Decoder::new(bytes, first, bit, limit, memory.clone());
        let stopped = events.pass(&mut decoder, limit);
        let whole =
            first + bytes.len() as u64 >= limit.div_ceil(8) || (bytes.len() as u64) < wanted;
        if decoder.bit() > bit {
            (bit, memory) = (decoder.bit(), decoder.memory);
            size = WINDOW;
        } else {
            size = size.saturating_mul(4);
        }
        if whole || stopped != Err(Stop::End) {
            return Ok(bit.max(packet.header_size));
        }
    }
}

impl<'m> Events<'m> {
    fn new(stream: &'m StreamClass, packet: &'m PacketPlan) -> Self {
        let steps = |slots: &Slots, class: Option<&FieldClass>, scope| {
            let tree = class.map(Node::hidden);
            let planner = Planner::new(slots, scope, Known::NOTHING);
            planner.plan(tree.as_ref(), |_| Dest::Nowhere).0
        };
        let shared = &packet.slots;
        let mut most = shared.count();
        let own = stream.events.iter().map(|event| {
            let slots = shared.with_event(event);
            most = most.max(slots.count());
            [
                steps(&slots, event.context.as_deref(), Scope::EventContext),
                steps(&slots, event.fields.as_deref(), Scope::EventFields),
            ]
        });
        Events {
            own: own.collect(),
            header: steps(shared, stream.event_header.as_deref(), Scope::EventHeader),
            common: steps(
                shared,
                stream.event_context.as_deref(),
                Scope::StreamEventContext,
            ),
            slots: most,
            stream,
            packet,
        }
    }

    /// Passes over whole events up to the bit `limit`, and leaves the decoder behind the last one.
    fn pass(&self, decoder: &mut Decoder, limit: u64) -> Result<(), Stop> {
        let mut out = Output::default();
        if decoder.bit() == 0 {
            let done = self.packet.decode(decoder, &mut out);
            if done.is_err() {
                decoder.back_to(0);
                return done;
            }
            decoder.begin_events(self.slots);
        }
        while decoder.bit() < limit {
            let before = decoder.place();
            let done = self.event(decoder, &mut out);
            if done.is_err() {
                decoder.back_to(before);
                return done;
            }
            if decoder.place() == before {
                break; // Events without a single bit have no end.
            }
        }
        Ok(())
    }

    /// Passes over an event (CTF 1.8.3 section 6).
    fn event(&self, decoder: &mut Decoder, out: &mut Output) -> Result<(), Stop> {
        decoder.begin_event(out.values.len());
        decoder.root(&self.header, out)?;
        decoder.root(&self.common, out)?;
        let id = decoder.memory.event_id.unwrap_or(0);
        let class = self.stream.events.iter().position(|e| e.id == id);
        let class = class.ok_or_else(|| Stop::Bad(format!("no event class {id}")))?;
        for steps in &self.own[class] {
            decoder.root(steps, out)?;
        }
        Ok(())
    }
}
