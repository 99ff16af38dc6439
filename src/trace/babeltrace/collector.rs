//! The sink of the graph: messages of babeltrace2 become batches of events.

use super::describe::{clock_of, cpu_of, source_of};
use super::discarded::Discarded;
use super::fields;
use super::graph::Sink;
use super::heads::{number, take_in};
use super::losses::Counted;
use super::plan::{Plan, members_of, name_of};
use super::pointers::PointerHash;
use crate::error::{Error, Place, Result};
use crate::trace::context::{is_only_cpu, name_packet};
use crate::trace::event::{EventBatch, EventClass, Field, Head, Loss, NO_NAME, UNKNOWN};
use crate::trace::select::Selection;
use crate::trace::tracer::Tracer;
use crate::trace::{Clock, Source, SourceStream};
use babeltrace2_sys::ffi::*;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};

/// What the collector knows of a stream.
pub(super) struct Stream {
    pub stream: *const bt_stream,
    pub name: String,
    pub cpu: i32,
    pub has_clock: bool,
    /// Time of its last event.
    pub last: Option<i64>,
    /// Its packets' context fields that go to `context`, and their encoded values in the packet at hand.
    members: Vec<Field>,
    packet: Vec<u8>,
    counted: Option<Counted>,
}

/// The sink: turns messages into batches.
#[derive(Default)]
pub(super) struct Collector {
    selection: Selection,
    pub batch: EventBatch,
    pub classes: Vec<EventClass>,
    pub contexts: Vec<String>,
    pub sources: Vec<Source>,
    /// The clocks of the streams of each source.
    pub clocks: Vec<Vec<Clock>>,
    /// The counters of streams, by their first files.
    counted: HashMap<PathBuf, Counted>,
    /// The packets' context fields by stream class.
    packets: HashMap<*const bt_stream_class, Vec<Field>, PointerHash>,
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
                    let discarded = Discarded::events(message);
                    self.lose(self.loss(discarded));
                    Ok(())
                }
                bt_message_type::BT_MESSAGE_TYPE_DISCARDED_PACKETS => {
                    let discarded = Discarded::packets(message);
                    self.lose(self.loss(discarded));
                    Ok(())
                }
                _ => Ok(()),
            }
        }
    }
}

impl Collector {
    /// Nothing collected, of what is selected, from streams with these counters (by their first files).
    pub(super) fn new(selection: Selection, counted: HashMap<PathBuf, Counted>) -> Self {
        Collector {
            selection,
            counted,
            ..Collector::default()
        }
    }

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
            if !self.plans[plan].taken || !self.selection.takes_time(timestamp) {
                return Ok(());
            }
            let plan = &self.plans[plan];
            (head.class, head.pid) = (plan.class, plan.pid);
            self.batch.values.extend_from_slice(&stream.packet);
            let (known, batch) = (&mut self.procnames, &mut self.batch);
            for (root, members) in [
                (
                    bt_event_borrow_common_context_field_const(event),
                    &plan.common,
                ),
                (
                    bt_event_borrow_specific_context_field_const(event),
                    &plan.specific,
                ),
                (bt_event_borrow_payload_field_const(event), &plan.payload),
            ] {
                take_in(root, members, &mut head, known, batch);
            }
            if let (NO_NAME, Some(name)) = (head.procname, &plan.procname) {
                head.procname = number(known, &mut batch.new_procnames, name.as_bytes());
            }
            self.batch.heads.push(head);
        }
        Ok(())
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
            let stream = &mut self.streams[stream];
            stream.cpu = cpu_of(context);
            stream.packet.clear();
            if !context.is_null() {
                fields::encode_members(context, &stream.members, &mut stream.packet);
            }
            if let Some(counted) = &mut stream.counted {
                counted.packet();
            }
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
                self.clocks[source].insert(0, clock_of(clock));
            }
            self.sources[source].streams.push(SourceStream {
                file: PathBuf::from(&name),
                class_id: bt_stream_class_get_id(class),
            });
            let counted = self.counted.get(Path::new(&name)).cloned();
            self.streams.push(Stream {
                stream,
                members: self.packets.get(&class).cloned().unwrap_or_default(),
                packet: Vec::new(),
                counted,
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
            self.clocks.push(Vec::new());
            let class = bt_trace_borrow_class_const(trace);
            let streams = (0..bt_trace_class_get_stream_class_count(class))
                .map(|i| bt_trace_class_borrow_stream_class_by_index_const(class, i));
            let streams: Vec<_> = streams.collect();
            let events = streams.iter().flat_map(|stream| {
                let stream = *stream;
                let events = 0..bt_stream_class_get_event_class_count(stream);
                events.map(move |i| bt_stream_class_borrow_event_class_by_index_const(stream, i))
            });
            let names = events.map(|event| name_of(event)).collect::<Vec<_>>();
            let env = &self.sources.last().expect("just added").env;
            let tracer = Tracer::new(env, names.iter().map(String::as_str));
            for stream in streams {
                self.stream_class(stream, &tracer);
            }
        }
        Ok(())
    }

    /// Takes in the event classes of a stream class.
    unsafe fn stream_class(&mut self, stream_class: *const bt_stream_class, tracer: &Tracer) {
        // SAFETY: classes live as long as the graph.
        unsafe {
            let common = members_of(
                bt_stream_class_borrow_event_common_context_field_class_const(stream_class),
            );
            let mut packet = members_of(bt_stream_class_borrow_packet_context_field_class_const(
                stream_class,
            ));
            packet.retain(|field| !is_only_cpu(field));
            let (first, mut names) = (self.plans.len(), BTreeSet::new());
            for i in 0..bt_stream_class_get_event_class_count(stream_class) {
                let event = bt_stream_class_borrow_event_class_by_index_const(stream_class, i);
                self.event_class(&common, event, tracer);
                let class = self.classes.last().expect("just added");
                names.extend(class.context.iter().map(|f| f.name.clone()));
            }
            name_packet(packet.iter_mut(), &names);
            for plan in &self.plans[first..] {
                let context = &mut self.classes[plan.class as usize].context;
                context.splice(0..0, packet.iter().cloned());
            }
            if self.plans.len() > first {
                self.contexts.extend(packet.iter().map(|f| f.name.clone()));
            }
            self.contexts.sort();
            self.contexts.dedup();
            self.packets.insert(stream_class, packet);
        }
    }

    /// Takes in an event class, whose events have the context fields `common`.
    unsafe fn event_class(
        &mut self,
        common: &[Field],
        event_class: *const bt_event_class,
        tracer: &Tracer,
    ) {
        // SAFETY: classes live as long as the graph.
        let (mut plan, class, contexts) =
            unsafe { Plan::new(event_class, common, tracer, &self.selection) };
        plan.class = self.classes.len() as u32;
        self.contexts.extend(contexts);
        self.by_class.insert(event_class, self.plans.len());
        self.plans.push(plan);
        self.classes.push(class);
    }

    /// The loss that a message tells, and the position of its stream.
    fn loss(&self, discarded: Discarded) -> (usize, Loss) {
        let number = self.find(discarded.stream);
        let stream = &self.streams[number];
        let loss = Loss {
            stream: stream.name.clone(),
            cpu: (stream.cpu != UNKNOWN).then_some(stream.cpu),
            begin: discarded.begin,
            end: discarded.end,
            events: discarded.events,
            packets: discarded.packets,
        };
        (number, loss)
    }

    /// Adds a loss to the batch, if its stream's counters bear it out.
    fn lose(&mut self, (stream, mut loss): (usize, Loss)) {
        if let Some(counted) = &mut self.streams[stream].counted {
            let (events, packets) = (loss.events, loss.packets);
            let lost = match packets {
                None => counted
                    .events(events, loss.begin)
                    .map(|(n, since)| (n, None, since)),
                Some(n) => {
                    let lost = counted.packets(n, loss.begin);
                    lost.map(|(n, since)| (None, Some(n), since))
                }
            };
            let Some((events, packets, since)) = lost else {
                return;
            };
            (loss.events, loss.packets) = (events, packets);
            loss.begin = since;
            loss.end = loss.end.filter(|_| since.is_some());
        }
        self.batch.losses.push((self.batch.heads.len(), loss));
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
