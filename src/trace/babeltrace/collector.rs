//! The sink of the graph: messages of babeltrace2 become batches of events.

use super::describe::{clock_of, cpu_of, source_of};
use super::fields;
use super::graph::Sink;
use crate::error::{Error, Place, Result};
use crate::trace::context::{Context, uses_of};
use crate::trace::event::{EventBatch, EventClass, Field, Head, Loss, NO_NAME, UNKNOWN, escape};
use crate::trace::{Source, SourceStream};
use babeltrace2_sys::ffi::*;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// What the collector knows of a stream.
pub(super) struct Stream {
    pub stream: *const bt_stream,
    pub name: String,
    pub cpu: i32,
    pub has_clock: bool,
    /// Time of its last event.
    pub last: Option<i64>,
}

/// An event class as babeltrace knows it: where its parts are.
struct Plan {
    class: u32,
    /// Fields of the common and the specific context, each with what it is.
    common: Vec<(Context, Field)>,
    specific: Vec<(Context, Field)>,
}

/// The sink: turns messages into batches.
#[derive(Default)]
pub(super) struct Collector {
    pub batch: EventBatch,
    pub classes: Vec<EventClass>,
    pub contexts: Vec<String>,
    pub sources: Vec<Source>,
    traces: Vec<*const bt_trace>,
    plans: Vec<Plan>,
    by_class: HashMap<*const bt_event_class, usize, PointerHash>,
    pub streams: Vec<Stream>,
    /// Streams that have ended since the last batch, with the position in the batch.
    pub ended: Vec<(usize, usize)>,
    procnames: HashMap<Vec<u8>, u32>,
}

impl Sink for Collector {
    unsafe fn message(&mut self, message: *const bt_message) -> Result<()> {
        // SAFETY: each message is asked for what its type has.
        unsafe {
            match bt_message_get_type(message) {
                bt_message_type::BT_MESSAGE_TYPE_EVENT => self.event(message),
                bt_message_type::BT_MESSAGE_TYPE_PACKET_BEGINNING => {
                    self.packet(bt_message_packet_beginning_borrow_packet_const(message));
                    Ok(())
                }
                bt_message_type::BT_MESSAGE_TYPE_STREAM_BEGINNING => {
                    self.stream(bt_message_stream_beginning_borrow_stream_const(message))
                }
                bt_message_type::BT_MESSAGE_TYPE_STREAM_END => {
                    let stream = self.find(bt_message_stream_end_borrow_stream_const(message));
                    self.ended.push((self.batch.heads.len(), stream));
                    Ok(())
                }
                bt_message_type::BT_MESSAGE_TYPE_DISCARDED_EVENTS => {
                    let loss = self.discarded_events(message);
                    self.batch.losses.push((self.batch.heads.len(), loss));
                    Ok(())
                }
                bt_message_type::BT_MESSAGE_TYPE_DISCARDED_PACKETS => {
                    let loss = self.discarded_packets(message);
                    self.batch.losses.push((self.batch.heads.len(), loss));
                    Ok(())
                }
                _ => Ok(()),
            }
        }
    }
}

impl Collector {
    unsafe fn event(&mut self, message: *const bt_message) -> Result<()> {
        // SAFETY: an event message has an event, whose parts live as long as the message.
        unsafe {
            let event = bt_message_event_borrow_event_const(message);
            let stream = self.find(bt_event_borrow_stream_const(event));
            let stream = &mut self.streams[stream];
            if !stream.has_clock {
                return Err(clockless(&stream.name));
            }
            let clock = bt_message_event_borrow_default_clock_snapshot_const(message);
            let mut timestamp = 0;
            if bt_clock_snapshot_get_ns_from_origin(clock, &mut timestamp) != 0 {
                return Err(out_of_time(
                    &stream.name,
                    bt_clock_snapshot_get_value(clock),
                ));
            }
            stream.last = Some(timestamp);
            let mut head = Head {
                timestamp,
                class: 0,
                values: u32::try_from(self.batch.values.len()).expect("batches are small"),
                cpu: stream.cpu,
                pid: UNKNOWN,
                tid: UNKNOWN,
                procname: NO_NAME,
            };
            let plan = self.by_class[&bt_event_borrow_class_const(event)];
            head.class = self.plans[plan].class;
            let common = bt_event_borrow_common_context_field_const(event);
            self.context(plan, false, common, &mut head);
            let specific = bt_event_borrow_specific_context_field_const(event);
            self.context(plan, true, specific, &mut head);
            let payload = bt_event_borrow_payload_field_const(event);
            if !payload.is_null() {
                let members = &self.classes[head.class as usize].payload;
                fields::encode_members(payload, members, &mut self.batch.values);
            }
            self.batch.heads.push(head);
        }
        Ok(())
    }

    /// Reads a context structure: known fields into the head, others into the values.
    unsafe fn context(
        &mut self,
        plan: usize,
        specific: bool,
        context: *const bt_field,
        head: &mut Head,
    ) {
        let plan = &self.plans[plan];
        let members = if specific {
            &plan.specific
        } else {
            &plan.common
        };
        for (use_, member) in members {
            // SAFETY: the members were made from the class of this very structure.
            unsafe {
                let field =
                    bt_field_structure_borrow_member_field_by_index_const(context, member.index);
                match use_ {
                    Context::Pid => head.pid = bt_field_integer_signed_get_value(field) as i32,
                    Context::Tid => head.tid = bt_field_integer_signed_get_value(field) as i32,
                    Context::Procname => {
                        let name = fields::string_bytes(field);
                        head.procname =
                            number(&mut self.procnames, &mut self.batch.new_procnames, name);
                    }
                    Context::Other => fields::encode(field, &member.ty, &mut self.batch.values),
                }
            }
        }
    }

    /// Position of a stream that has begun.
    fn find(&self, stream: *const bt_stream) -> usize {
        self.streams
            .iter()
            .position(|s| s.stream == stream)
            .expect("every stream begins before its messages")
    }

    unsafe fn packet(&mut self, packet: *const bt_packet) {
        // SAFETY: the packet is alive during the message.
        unsafe {
            let stream = self.find(bt_packet_borrow_stream_const(packet));
            let context = bt_packet_borrow_context_field_const(packet);
            self.streams[stream].cpu = cpu_of(context);
        }
    }

    unsafe fn stream(&mut self, stream: *const bt_stream) -> Result<()> {
        // SAFETY: the stream and its trace live as long as the graph.
        unsafe {
            let class = bt_stream_borrow_class_const(stream);
            let trace = bt_stream_borrow_trace_const(stream);
            let name = fields::text(bt_stream_get_name(stream)).unwrap_or_default();
            let clock = bt_stream_class_borrow_default_clock_class_const(class);
            if !self.traces.contains(&trace) {
                self.trace(trace, &name)?;
            }
            let source = self
                .traces
                .iter()
                .position(|t| *t == trace)
                .expect("just added");
            if !clock.is_null() {
                self.sources[source].clock = Some(clock_of(clock));
            }
            self.sources[source].streams.push(SourceStream {
                file: PathBuf::from(&name),
                class_id: bt_stream_class_get_id(class),
            });
            self.streams.push(Stream {
                stream,
                name,
                cpu: UNKNOWN,
                has_clock: !clock.is_null(),
                last: None,
            });
        }
        Ok(())
    }

    /// Takes in a trace that appears for the first time, with its event classes.
    unsafe fn trace(&mut self, trace: *const bt_trace, stream: &str) -> Result<()> {
        if !self.batch.heads.is_empty() || !self.procnames.is_empty() {
            return Err(Error::input(
                "a trace begins after events of another were read: its event classes come too late",
                Place::file(stream),
                "Ingest the traces one by one.",
            ));
        }
        // SAFETY: the trace lives as long as the graph.
        unsafe {
            self.traces.push(trace);
            self.sources.push(source_of(trace, Path::new(stream)));
            let class = bt_trace_borrow_class_const(trace);
            for i in 0..bt_trace_class_get_stream_class_count(class) {
                let stream_class = bt_trace_class_borrow_stream_class_by_index_const(class, i);
                for j in 0..bt_stream_class_get_event_class_count(stream_class) {
                    self.event_class(
                        stream_class,
                        bt_stream_class_borrow_event_class_by_index_const(stream_class, j),
                    );
                }
            }
        }
        Ok(())
    }

    unsafe fn event_class(
        &mut self,
        stream_class: *const bt_stream_class,
        event_class: *const bt_event_class,
    ) {
        // SAFETY: classes live as long as the graph.
        unsafe {
            let common = members_of(
                bt_stream_class_borrow_event_common_context_field_class_const(stream_class),
            );
            let specific = members_of(bt_event_class_borrow_specific_context_field_class_const(
                event_class,
            ));
            let payload = members_of(bt_event_class_borrow_payload_field_class_const(event_class));
            for field in common.iter().chain(&specific) {
                if let Err(place) = self.contexts.binary_search(&field.name) {
                    self.contexts.insert(place, field.name.clone());
                }
            }
            let uses = uses_of(common.iter().chain(&specific));
            let others = common.iter().chain(&specific).zip(&uses);
            let others: Vec<Field> = others
                .filter(|(_, u)| **u == Context::Other)
                .map(|(f, _)| f.clone())
                .collect();
            let name = fields::text(bt_event_class_get_name(event_class)).unwrap_or_default();
            let (of_common, of_specific) = uses.split_at(common.len());
            self.by_class.insert(event_class, self.plans.len());
            self.plans.push(Plan {
                class: self.classes.len() as u32,
                common: of_common.iter().copied().zip(common).collect(),
                specific: of_specific.iter().copied().zip(specific).collect(),
            });
            self.classes.push(EventClass::new(&name, others, payload));
        }
    }

    unsafe fn discarded_events(&self, message: *const bt_message) -> Loss {
        // SAFETY: as the message's type says; snapshots only where the stream class has them.
        unsafe {
            let stream = bt_message_discarded_events_borrow_stream_const(message);
            let class = bt_stream_borrow_class_const(stream);
            let timed = bt_stream_class_discarded_events_have_default_clock_snapshots(class) != 0;
            let mut n = 0;
            let known = bt_message_discarded_events_get_count(message, &mut n)
                == bt_property_availability::BT_PROPERTY_AVAILABILITY_AVAILABLE;
            let span = timed.then(|| {
                (
                    bt_message_discarded_events_borrow_beginning_default_clock_snapshot_const(
                        message,
                    ),
                    bt_message_discarded_events_borrow_end_default_clock_snapshot_const(message),
                )
            });
            self.loss(stream, span, known.then_some(n), None)
        }
    }

    unsafe fn discarded_packets(&self, message: *const bt_message) -> Loss {
        // SAFETY: as above.
        unsafe {
            let stream = bt_message_discarded_packets_borrow_stream_const(message);
            let class = bt_stream_borrow_class_const(stream);
            let timed = bt_stream_class_discarded_packets_have_default_clock_snapshots(class) != 0;
            let mut n = 0;
            let known = bt_message_discarded_packets_get_count(message, &mut n)
                == bt_property_availability::BT_PROPERTY_AVAILABILITY_AVAILABLE;
            let span = timed.then(|| {
                (
                    bt_message_discarded_packets_borrow_beginning_default_clock_snapshot_const(
                        message,
                    ),
                    bt_message_discarded_packets_borrow_end_default_clock_snapshot_const(message),
                )
            });
            self.loss(stream, span, None, known.then_some(n))
        }
    }

    unsafe fn loss(
        &self,
        stream: *const bt_stream,
        span: Option<(*const bt_clock_snapshot, *const bt_clock_snapshot)>,
        events: Option<u64>,
        packets: Option<u64>,
    ) -> Loss {
        let stream = &self.streams[self.find(stream)];
        let ns = |snapshot| {
            let mut ns = 0;
            // SAFETY: the snapshot belongs to the message at hand.
            (unsafe { bt_clock_snapshot_get_ns_from_origin(snapshot, &mut ns) } == 0).then_some(ns)
        };
        Loss {
            stream: stream.name.clone(),
            cpu: (stream.cpu != UNKNOWN).then_some(stream.cpu),
            begin: span.and_then(|(begin, _)| ns(begin)),
            end: span.and_then(|(_, end)| ns(end)),
            events,
            packets,
        }
    }
}

/// The number of a process name; new names get the next one.
fn number(known: &mut HashMap<Vec<u8>, u32>, new: &mut Vec<String>, name: &[u8]) -> u32 {
    if let Some(n) = known.get(name) {
        return *n;
    }
    let n = known.len() as u32;
    known.insert(name.to_vec(), n);
    new.push(escape(name));
    n
}

/// The members of a structure class, none where there is no class.
unsafe fn members_of(class: *const bt_field_class) -> Vec<Field> {
    match class.is_null() {
        true => Vec::new(),
        // SAFETY: contexts and payloads are structures.
        false => unsafe { fields::members(class) },
    }
}

fn clockless(stream: &str) -> Error {
    Error::input(
        "its events have no time: the trace describes no clock for them",
        Place::file(stream),
        "sysds orders events by time and needs a trace with timestamps, as LTTng makes them.",
    )
}

fn out_of_time(stream: &str, cycles: u64) -> Error {
    Error::input(
        format!("the clock value {cycles} does not fit into nanoseconds since 1970 (64 bits)"),
        Place::file(stream),
        "The clock's offset or frequency in the metadata is wrong, or the stream is damaged.",
    )
}

/// Hashes an address: aligned pointers differ in their middle bits.
#[derive(Default)]
struct AddressHasher(u64);

impl std::hash::Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("pointers hash as usize")
    }
    fn write_usize(&mut self, n: usize) {
        self.0 = (n as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(20);
    }
}

type PointerHash = std::hash::BuildHasherDefault<AddressHasher>;
