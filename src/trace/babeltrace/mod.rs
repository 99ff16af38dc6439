//! Reads CTF traces with babeltrace2, through its C interface.
//!
//! Everything unsafe of this program is in this folder. What leaves it is plain data: [`Source`]s and
//! [`EventBatch`]es. The events come in the order of babeltrace2's muxer, so that they are in the order in which
//! `babeltrace2 TRACE` prints them.

mod classes;
mod failure;
mod fields;
mod graph;
mod guard;

use super::check::Checked;
use super::event::{EventBatch, EventClass, Field, Head, Loss, NO_NAME, UNKNOWN};
use super::{Clock, Source, SourceStream};
use crate::error::{Error, Place, Result};
use babeltrace2_sys::ffi::*;
use graph::{Graph, Sink, Status};
use guard::Break;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The version of the babeltrace2 library in this program.
pub fn version() -> String {
    // SAFETY: the calls have no conditions.
    unsafe {
        format!(
            "{}.{}.{}",
            bt_version_get_major(),
            bt_version_get_minor(),
            bt_version_get_patch()
        )
    }
}

/// Reads the events of one recording: of one or several CTF traces on one time line.
pub struct Reader {
    graph: Graph<Collector>,
    checked: Checked,
    done: bool,
}

impl Reader {
    /// Opens a recording that was checked, and reads up to the first event, so that all event classes are known. With
    /// `keep_going`, a stream that breaks ends there, and the others are read on; see [`Reader::damage`].
    ///
    /// # Errors
    /// [`Error::Input`] where babeltrace2 cannot open the traces.
    pub fn open(checked: Checked, keep_going: bool) -> Result<Self> {
        let mut reader = Reader {
            graph: Graph::new(&checked.groups, keep_going, Collector::default())?,
            checked,
            done: false,
        };
        while !reader.done && reader.collector().batch.heads.is_empty() {
            reader.turn()?;
        }
        let found_before = reader.checked.losses.iter().map(|loss| (0, loss.clone()));
        let found_before: Vec<_> = found_before.collect();
        reader.collector().batch.losses.extend(found_before);
        Ok(reader)
    }

    /// What was learned when the recording was checked.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }

    /// All event classes of the traces, whether such events occur or not.
    pub fn classes(&self) -> &[EventClass] {
        &self.graph.sink.sink.classes
    }

    /// Names of the context fields that events carry, sorted.
    pub fn contexts(&self) -> &[String] {
        &self.graph.sink.sink.contexts
    }

    /// What the CTF traces say of themselves.
    pub fn sources(&self) -> Vec<Source> {
        let mut sources = self.graph.sink.sink.sources.clone();
        for source in &mut sources {
            source.path = self.checked.original(&source.path);
            for stream in &mut source.streams {
                stream.file = self.checked.original(&stream.file);
            }
        }
        sources
    }

    /// What could not be read: streams that broke so far (at most one without `keep_going`), and what the check found
    /// and left out.
    pub fn damage(&self) -> Vec<Error> {
        let shared = self.graph.shared.borrow();
        let broken = shared.breaks.iter().map(|b| self.broken(b));
        broken
            .chain(self.checked.damage.iter().map(Error::duplicate))
            .collect()
    }

    /// The error for a stream that broke while it was read.
    fn broken(&self, found: &Break) -> Error {
        let file = found
            .stream
            .as_ref()
            .map(|s| self.checked.original(Path::new(s)));
        let file = file.unwrap_or_default();
        let place = Place {
            packet: Some(found.packet),
            offset: self.checked.offset(&file, found.packet),
            ..Place::file(file)
        };
        Error::input(
            &found.what,
            place,
            "The packet that begins at this byte is damaged. With --keep-going all that comes before is kept.",
        )
    }

    /// Fills `batch`, which is cleared first, with at least `events` events, or with fewer at the end. Returns false
    /// when there was nothing more.
    ///
    /// # Errors
    /// [`Error::Input`] where a stream breaks (without `keep_going`), or an event's time cannot be told.
    pub fn next(&mut self, events: usize, batch: &mut EventBatch) -> Result<bool> {
        while !self.done && self.collector().batch.heads.len() < events {
            self.turn()?;
        }
        self.lose_damaged();
        batch.clear();
        std::mem::swap(batch, &mut self.collector().batch);
        for (_, loss) in &mut batch.losses {
            loss.stream = self
                .checked
                .original(Path::new(&loss.stream))
                .display()
                .to_string();
        }
        Ok(!(batch.heads.is_empty() && batch.losses.is_empty()))
    }

    /// Adds to the batch a loss for every stream that broke while it was read: what followed there is gone.
    fn lose_damaged(&mut self) {
        for (position, stream) in std::mem::take(&mut self.collector().ended) {
            let stream = &self.graph.sink.sink.streams[stream];
            let file = self.checked.original(Path::new(&stream.name));
            let broken = self.graph.shared.borrow().breaks.iter().any(|b| {
                let name = b.stream.as_deref().map(Path::new);
                name.is_some_and(|name| self.checked.original(name) == file)
            });
            if broken {
                let loss = Loss {
                    stream: stream.name.clone(),
                    cpu: (stream.cpu != UNKNOWN).then_some(stream.cpu),
                    begin: stream.last,
                    end: self.checked.span.map(|(_, end)| end),
                    events: None,
                    packets: None,
                };
                self.collector().batch.losses.push((position, loss));
            }
        }
        self.collector()
            .batch
            .losses
            .sort_by_key(|(position, _)| *position);
    }

    fn collector(&mut self) -> &mut Collector {
        &mut self.graph.sink.sink
    }

    fn turn(&mut self) -> Result<()> {
        match self.graph.turn() {
            Ok(Status::More) => Ok(()),
            Ok(Status::End) => {
                self.done = true;
                Ok(())
            }
            Err(error) => {
                let shared = self.graph.shared.borrow();
                Err(shared.breaks.last().map_or(error, |b| self.broken(b)))
            }
        }
    }
}

/// What the collector knows of a stream.
struct Stream {
    stream: *const bt_stream,
    name: String,
    cpu: i32,
    has_clock: bool,
    /// Time of its last event.
    last: Option<i64>,
}

/// An event class as babeltrace knows it: where its parts are.
struct Plan {
    class: u32,
    /// Fields of the common and the specific context, each with what it is.
    common: Vec<(Context, Field)>,
    specific: Vec<(Context, Field)>,
}

/// What a context field is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Context {
    Pid,
    Tid,
    Procname,
    Other,
}

/// The sink: turns messages into batches.
#[derive(Default)]
struct Collector {
    batch: EventBatch,
    classes: Vec<EventClass>,
    contexts: Vec<String>,
    sources: Vec<Source>,
    traces: Vec<*const bt_trace>,
    plans: Vec<Plan>,
    by_class: HashMap<*const bt_event_class, usize, PointerHash>,
    streams: Vec<Stream>,
    /// Streams that have ended since the last batch, with the position in the batch.
    ended: Vec<(usize, usize)>,
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
    new.push(fields::escape(name));
    n
}

/// Which context field serves as what: `pid` before `vpid`, `tid` before `vtid`, signed integers of at most 32 bits.
fn uses_of<'a>(members: impl Iterator<Item = &'a Field> + Clone) -> Vec<Context> {
    use super::event::FieldType;
    let is_id = |f: &Field| matches!(f.ty, FieldType::Signed(bits, _) if bits <= 32);
    let find = |names: [&str; 2]| {
        names
            .iter()
            .find_map(|n| members.clone().position(|f| f.name == *n && is_id(f)))
    };
    let (pid, tid) = (find(["pid", "vpid"]), find(["tid", "vtid"]));
    let procname = members
        .clone()
        .position(|f| f.name == "procname" && f.ty == FieldType::Text);
    (0..members.count())
        .map(|i| match Some(i) {
            p if p == pid => Context::Pid,
            t if t == tid => Context::Tid,
            n if n == procname => Context::Procname,
            _ => Context::Other,
        })
        .collect()
}

/// The members of a structure class, none where there is no class.
unsafe fn members_of(class: *const bt_field_class) -> Vec<Field> {
    match class.is_null() {
        true => Vec::new(),
        // SAFETY: contexts and payloads are structures.
        false => unsafe { fields::members(class) },
    }
}

/// `cpu_id` of a packet's context, or [`UNKNOWN`].
unsafe fn cpu_of(context: *const bt_field) -> i32 {
    if context.is_null() {
        return UNKNOWN;
    }
    // SAFETY: a packet context is a structure; the field is asked by its own class.
    unsafe {
        let cpu = bt_field_structure_borrow_member_field_by_name_const(context, c"cpu_id".as_ptr());
        if cpu.is_null()
            || bt_field_get_class_type(cpu)
                != bt_field_class_type::BT_FIELD_CLASS_TYPE_UNSIGNED_INTEGER
        {
            return UNKNOWN;
        }
        i32::try_from(bt_field_integer_unsigned_get_value(cpu)).unwrap_or(UNKNOWN)
    }
}

unsafe fn source_of(trace: *const bt_trace, stream: &Path) -> Source {
    // SAFETY: the trace is alive; an environment entry is an integer or a string.
    unsafe {
        let uuid = bt_trace_get_uuid(trace);
        let uuid = (!uuid.is_null()).then(|| {
            let bytes: [u8; 16] = std::slice::from_raw_parts(uuid, 16)
                .try_into()
                .expect("16 bytes");
            super::uuid_text(bytes)
        });
        let env = (0..bt_trace_get_environment_entry_count(trace)).map(|i| {
            let (mut name, mut value) = (std::ptr::null(), std::ptr::null());
            bt_trace_borrow_environment_entry_by_index_const(trace, i, &mut name, &mut value);
            let value = match bt_value_get_type(value) {
                bt_value_type::BT_VALUE_TYPE_STRING => {
                    fields::text(bt_value_string_get(value)).unwrap_or_default()
                }
                _ => bt_value_integer_signed_get(value).to_string(),
            };
            (fields::text(name).unwrap_or_default(), value)
        });
        Source {
            path: stream.parent().map(Path::to_path_buf).unwrap_or_default(),
            uuid,
            env: env.collect(),
            clock: None,
            streams: Vec::new(),
        }
    }
}

unsafe fn clock_of(class: *const bt_clock_class) -> Clock {
    // SAFETY: the class lives as long as its trace class.
    unsafe {
        let (mut offset_s, mut offset_cycles) = (0, 0);
        bt_clock_class_get_offset(class, &mut offset_s, &mut offset_cycles);
        Clock {
            name: fields::text(bt_clock_class_get_name(class)),
            frequency: bt_clock_class_get_frequency(class),
            offset_s,
            offset_cycles,
            origin_is_unix_epoch: bt_clock_class_origin_is_unix_epoch(class) != 0,
        }
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
