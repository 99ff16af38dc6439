//! Random traces: metadata, and streams of packets of events that keep to it.

use super::bits::{Bits, Order};
use super::modern::{self, Length, Modern};
use super::random::Random;
use super::shape::{Dialect, Int, Label, Named, Shaper, Type, limits, unsigned};
use super::tsdl::Writer;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

/// What a trace holds.
#[derive(Debug, Default)]
pub struct Written {
    /// Nanoseconds since the clock's origin of all events, in order.
    pub times: Vec<i64>,
    /// What `metadata` says, without packets around it.
    pub metadata: String,
    /// The same as metadata of CTF 2.
    pub json: String,
}

/// How the header of an event is laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Header {
    /// `id` and `timestamp`, of these sizes.
    Plain(u64, u64),
    /// `id` and `timestamp`, of variable length.
    Variable,
    /// As LTTng's: 5 bits of ID, 27 of time.
    Compact,
    /// As LTTng's: 16 bits of ID, 32 of time.
    Large,
}

struct Class {
    id: u64,
    context: Option<Type>,
    fields: Option<Type>,
}

struct Stream {
    id: u64,
    packet_context: Option<Type>,
    header: Header,
    header_type: Type,
    context: Option<Type>,
    classes: Vec<Class>,
    /// Names of the packet context's fields that have a meaning.
    known: HashSet<String>,
}

struct Trace {
    native: Order,
    uuid: Option<[u8; 16]>,
    packet_header: Option<Type>,
    streams: Vec<Stream>,
    frequency: u64,
    offset_s: i64,
    offset: u64,
    absolute: bool,
    lengths: HashSet<String>,
}

/// Writes the trace of this seed to the folder `dir`, which is made.
pub fn write(seed: u64, dialect: Dialect, dir: &Path) -> Written {
    let mut rng = Random::new(seed);
    let (trace, metadata) = trace(&mut rng, dialect);
    fs::create_dir_all(dir).unwrap();
    let json = trace.json();
    let file = match rng.chance(50) {
        _ if dialect.is_ctf_2() => json.clone().into_bytes(),
        true => packetized(&mut rng, &metadata, trace.uuid.unwrap_or_default()),
        false => metadata.clone().into_bytes(),
    };
    fs::write(dir.join("metadata"), file).unwrap();
    let mut written = Written {
        json,
        metadata,
        times: Vec::new(),
    };
    let mut instance = 0;
    for stream in &trace.streams {
        for _ in 0..rng.within(1, 2) {
            let bytes = trace.file(&mut rng, stream, instance, &mut written.times);
            fs::write(dir.join(format!("stream_{instance}")), bytes).unwrap();
            instance += 1;
        }
    }
    written.times.sort_unstable();
    written
}

/// Metadata in packets (CTF 1.8.3 section 7.1), of either byte order.
fn packetized(rng: &mut Random, text: &str, uuid: [u8; 16]) -> Vec<u8> {
    let order = rng.pick(&[Order::Little, Order::Big]);
    let size = rng.within(40, 2000) as usize;
    let mut out = Vec::new();
    for piece in text.as_bytes().chunks(size) {
        let padding = rng.below(9);
        let content = (37 + piece.len()) as u64 * 8;
        let mut bits = Bits::default();
        bits.put(32, 0x75D1_1D57, order);
        bits.text(&uuid);
        bits.put(32, 0, order);
        bits.put(32, content, order);
        bits.put(32, content + padding * 8, order);
        bits.text(&[0, 0, 0, 1, 8]);
        bits.text(piece);
        bits.bytes.resize(bits.bytes.len() + padding as usize, 0);
        out.extend(bits.bytes);
    }
    out
}

fn trace(rng: &mut Random, dialect: Dialect) -> (Trace, String) {
    let native = rng.pick(&[Order::Little, Order::Big]);
    let has_uuid = rng.chance(70);
    let uuid = has_uuid.then(|| {
        let mut uuid = [0; 16];
        uuid.fill_with(|| rng.bits() as u8);
        uuid
    });
    let several = rng.chance(40);
    let has_header = several || rng.chance(80);
    let mut shaper = Shaper::new(rng, native, dialect);
    let packet_header = has_header.then(|| packet_header(&mut shaper, has_uuid));
    let known = shaper.known();
    let mut streams = Vec::new();
    for number in 0..if several { shaper.rng.within(2, 3) } else { 1 } {
        shaper.forget(known);
        let id = if several { number * 3 + 1 } else { 0 };
        streams.push(stream(&mut shaper, id));
    }
    let lengths = shaper.lengths.iter().cloned().collect();
    let trace = Trace {
        native,
        uuid,
        packet_header,
        streams,
        frequency: rng.pick(&[
            1_000_000_000,
            1_000_000_000,
            1_000_000,
            2_400_000_000,
            123_456_789,
        ]),
        offset_s: rng.pick(&[0, 0, -3, 1_700_000_000]),
        offset: rng.pick(&[0, 7, 5_000_000_000]),
        absolute: rng.chance(70),
        lengths,
    };
    let text = match dialect {
        Dialect::Ctf2 | Dialect::Ctf2Judged => String::new(),
        _ => metadata(rng, &trace, several),
    };
    (trace, text)
}

fn packet_header(shaper: &mut Shaper, has_uuid: bool) -> Type {
    let native = shaper.native;
    let mut first = Vec::new();
    if shaper.rng.chance(80) {
        first.push(("magic".to_owned(), Type::Int(unsigned(32, 8, native))));
        if has_uuid && shaper.rng.chance(80) {
            let byte = Type::Int(unsigned(8, 8, native));
            first.push(("uuid".to_owned(), Type::Array(16, Box::new(byte))));
        }
    }
    let (size, align) = shaper.rng.pick(&[(8, 8), (32, 32), (64, 8), (13, 1)]);
    first.push((
        "stream_id".to_owned(),
        Type::Int(unsigned(size, align, native)),
    ));
    // Without it babeltrace2 takes each file for a stream of its own.
    if shaper.rng.chance(50) {
        first.push((
            "stream_instance_id".to_owned(),
            Type::Int(unsigned(64, 8, native)),
        ));
    }
    let more = shaper.rng.pick(&[0, 0, 2]);
    exact_root(shaper, "trace.packet.header", first, more)
}

/// A root that may have no more than what it is given.
fn exact_root(shaper: &mut Shaper, key: &str, first: Vec<Named>, more: u64) -> Type {
    match more {
        0 => Type::Struct {
            align: None,
            fields: first,
        },
        more => shaper.root(key, first, more),
    }
}

fn stream(shaper: &mut Shaper, id: u64) -> Stream {
    let native = shaper.native;
    let mut known = HashSet::new();
    // babeltrace2 2.1 aborts where packets of a stream with a clock do not say when they begin.
    let times = match shaper.dialect {
        Dialect::Ctf2Judged => 100,
        _ => 80,
    };
    let packet_context = shaper.rng.chance(times.max(90)).then(|| {
        let mut first = Vec::new();
        let mut add = |name: &str, int: Int| {
            known.insert(name.to_owned());
            first.push((name.to_owned(), Type::Int(int)));
        };
        let rng = &mut *shaper.rng;
        if rng.chance(times) {
            let clocked = Int {
                clock: true,
                ..unsigned(64, rng.pick(&[8, 64]), native)
            };
            add("timestamp_begin", clocked.clone());
            add("timestamp_end", clocked);
        }
        add("content_size", unsigned(rng.pick(&[32, 64]), 8, native));
        add("packet_size", unsigned(rng.pick(&[32, 64]), 8, native));
        if rng.chance(60) {
            add("events_discarded", unsigned(rng.pick(&[32, 64]), 8, native));
        }
        if rng.chance(50) {
            add("packet_seq_num", unsigned(64, rng.pick(&[8, 64]), native));
        }
        if rng.chance(60) {
            add("cpu_id", unsigned(rng.pick(&[8, 32]), 8, native));
        }
        if rng.chance(30) {
            first.reverse();
        }
        let more = rng.pick(&[0, 0, 0, 3]);
        exact_root(shaper, "stream.packet.context", first, more)
    });
    let header = match shaper.rng.below(4) {
        _ if shaper.dialect.is_ctf_2() && shaper.rng.chance(30) => Header::Variable,
        0 => Header::Compact,
        1 => Header::Large,
        _ => {
            let id = shaper.rng.pick(&[8, 16, 32, 5]);
            // Only the packet's begin can tell what a short time stamp leaves out.
            let time = match known.contains("timestamp_begin") {
                true => shaper.rng.pick(&[64, 64, 32, 24, 27, 40]),
                false => 64,
            };
            Header::Plain(id, time)
        }
    };
    let header_type = header_type(header, native, shaper.dialect);
    let context = shaper.rng.chance(60).then(|| {
        let mut first = Vec::new();
        if shaper.rng.chance(60) {
            first.extend(lttng_contexts(shaper));
        }
        let more = shaper.rng.within(1, 3);
        shaper.root("stream.event.context", first, more)
    });
    let known_here = shaper.known();
    let mut classes = Vec::new();
    for number in 0..shaper.rng.within(1, 4) {
        shaper.forget(known_here);
        let context = shaper.rng.chance(25);
        let context = context.then(|| shaper.root("event.context", Vec::new(), 3));
        let has_fields = packet_context.is_none() || shaper.rng.chance(92);
        let mut fields = has_fields.then(|| shaper.root("event.fields", Vec::new(), 7));
        if let (None, Some(Type::Struct { fields, .. })) = (&packet_context, &mut fields) {
            // A packet that does not say how long it is ends with an event, and so with a whole byte.
            fields.push(("last".to_owned(), Type::Text));
        }
        classes.push(Class {
            // The IDs of both halves of LTTng's headers.
            id: number * 7,
            context,
            fields,
        });
    }
    Stream {
        id,
        packet_context,
        header,
        header_type,
        context,
        classes,
        known,
    }
}

fn lttng_contexts(shaper: &mut Shaper) -> Vec<Named> {
    let native = shaper.native;
    let signed = Int {
        signed: true,
        ..unsigned(32, 8, native)
    };
    let letter = Int {
        signed: true,
        text: true,
        ..unsigned(8, 8, native)
    };
    let name = Type::Array(17, Box::new(Type::Int(letter)));
    let mut all = vec![
        ("_procname".to_owned(), name),
        ("_pid".to_owned(), Type::Int(signed.clone())),
        ("_tid".to_owned(), Type::Int(signed)),
    ];
    let left_out = shaper.rng.below(5) as usize;
    if left_out < all.len() {
        all.remove(left_out);
    }
    all
}

fn header_type(header: Header, native: Order, dialect: Dialect) -> Type {
    let clock = |size, align| {
        Type::Int(Int {
            clock: true,
            ..unsigned(size, align, native)
        })
    };
    let structure = |align, fields| Type::Struct { align, fields };
    let named = |name: &str, ty| (name.to_owned(), ty);
    let (id_size, time_size) = match header {
        Header::Plain(id, time) => {
            let id = Type::Int(unsigned(id, if id % 8 == 0 { 8 } else { 1 }, native));
            let align = if time % 8 == 0 { 8 } else { 1 };
            return structure(
                None,
                vec![named("id", id), named("timestamp", clock(time, align))],
            );
        }
        Header::Variable => {
            let variable = || Type::Modern(Modern::Variable(unsigned(64, 8, native), Vec::new()));
            // babeltrace2 2.1.1 leaves bits of the time before in one of variable length.
            let time = match dialect {
                Dialect::Ctf2Judged => clock(64, 8),
                _ => variable(),
            };
            return structure(
                None,
                vec![named("id", variable()), named("timestamp", time)],
            );
        }
        Header::Compact => (5, 27),
        Header::Large => (16, 32),
    };
    let last = (1i128 << id_size) - 1;
    let align = |size| if size % 8 == 0 { 8 } else { 1 };
    let labels = vec![
        ("compact".to_owned(), 0, last - 1),
        ("extended".to_owned(), last, last),
    ];
    let id = Type::Enum(unsigned(id_size, align(id_size), native), labels);
    let extended = vec![
        named("id", Type::Int(unsigned(32, 8, native))),
        named("timestamp", clock(64, 8)),
    ];
    let options = vec![
        named(
            "compact",
            structure(
                None,
                vec![named("timestamp", clock(time_size, align(time_size)))],
            ),
        ),
        named("extended", structure(Some(8), extended)),
    ];
    let tag = super::shape::Reference {
        written: "id".to_owned(),
        key: "stream.event.header.id".to_owned(),
    };
    structure(
        Some(8),
        vec![named("id", id), named("v", Type::Variant { tag, options })],
    )
}

fn metadata(rng: &mut Random, trace: &Trace, several: bool) -> String {
    let mut writer = Writer::new(rng, trace.native);
    let mut blocks = String::new();
    let order = match trace.native {
        Order::Little => "le",
        Order::Big => writer.rng.pick(&["be", "network"]),
    };
    let _ = writeln!(
        blocks,
        "trace {{ major = 1; minor = 8; byte_order = {order};"
    );
    if let Some(uuid) = trace.uuid {
        let _ = writeln!(blocks, "uuid = \"{}\";", uuid_text(uuid));
    }
    if let Some(header) = &trace.packet_header {
        let _ = writeln!(blocks, "packet.header := {};", writer.root(header));
    }
    let _ = writeln!(blocks, "}};");
    let _ = writeln!(
        blocks,
        "env {{ hostname = \"a\\\"b\\n\"; release = 0x10; low = -7; /* none */ }};"
    );
    for stream in &trace.streams {
        let mut block = String::new();
        if trace.packet_header.is_some() && (several || writer.rng.chance(50)) {
            let _ = writeln!(block, "id = {};", stream.id);
        }
        let roots = [
            ("packet.context", stream.packet_context.as_ref()),
            ("event.header", Some(&stream.header_type)),
            ("event.context", stream.context.as_ref()),
        ];
        for (name, ty) in roots.into_iter().filter_map(|(n, ty)| Some((n, ty?))) {
            let _ = writeln!(block, "{name} := {};", writer.root(ty));
        }
        let _ = writeln!(blocks, "stream {{\n{block}}};");
        for class in &stream.classes {
            events(&mut writer, stream, class, several, &mut blocks);
        }
    }
    let mut clock = format!("name = ticks; freq = {};", trace.frequency);
    let _ = write!(
        clock,
        " offset_s = {}; offset = {};",
        trace.offset_s, trace.offset
    );
    let absolute = if trace.absolute { "TRUE" } else { "FALSE" };
    let _ = write!(
        clock,
        " absolute = {absolute}; precision = 3; description = \"t\";"
    );
    let declared = writer.declared;
    format!(
        "/* CTF 1.8 */\nclock {{ {clock} }};\n{declared}\ncallsite {{ name = x; line = 3; }};\n{blocks}"
    )
}

fn events(writer: &mut Writer, stream: &Stream, class: &Class, several: bool, blocks: &mut String) {
    let mut block = format!("name = \"class {}\";\n", class.id % 3);
    if class.id > 0 || writer.rng.chance(50) {
        let _ = writeln!(block, "id = {};", class.id);
    }
    if several {
        let _ = writeln!(block, "stream_id = {};", stream.id);
    }
    if writer.rng.chance(30) {
        let _ = writeln!(block, "loglevel = {};", writer.rng.below(15));
    }
    if let Some(context) = &class.context {
        let _ = writeln!(block, "context := {};", writer.root(context));
    }
    if let Some(fields) = &class.fields {
        let _ = writeln!(block, "fields := {};", writer.root(fields));
    }
    let _ = writeln!(blocks, "event {{\n{block}}};");
}

fn uuid_text(uuid: [u8; 16]) -> String {
    let digits: String = uuid.iter().map(|b| format!("{b:02x}")).collect();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]);
    parts.join("-")
}

/// What fields with a meaning hold, by their absolute paths.
type Forced = BTreeMap<String, u64>;

impl Trace {
    /// The packets of a stream file; the times of its events are added to `times`.
    fn file(
        &self,
        rng: &mut Random,
        stream: &Stream,
        instance: u64,
        times: &mut Vec<i64>,
    ) -> Vec<u8> {
        let mut out = Vec::new();
        let has = |name: &str| stream.known.contains(name);
        // A file whose packets do not say how long they are is one packet.
        let packets = if has("packet_size") {
            rng.within(1, 4)
        } else {
            1
        };
        let mut now = self.first_cycles(rng);
        let (mut discarded, mut sequence) = (rng.below(3), rng.below(9));
        for _ in 0..packets {
            let begin = now;
            let empty = has("packet_size") && rng.chance(20);
            let mut events = Vec::new();
            for number in 0..if empty { 0 } else { rng.within(1, 12) } {
                let class = rng.below(stream.classes.len() as u64) as usize;
                let known = number > 0 || has("timestamp_begin");
                let full = !known || rng.chance(10);
                now += self.step(rng, stream.header, full);
                events.push((class, now, full));
                times.push(self.nanoseconds(now));
            }
            now += rng.below(1000);
            let mut forced = Forced::new();
            let mut force = |name: &str, value: u64| {
                forced.insert(format!("stream.packet.context.{name}"), value);
            };
            force("timestamp_begin", begin);
            force("timestamp_end", now);
            force("events_discarded", discarded);
            force("packet_seq_num", sequence);
            force("cpu_id", instance);
            let header = [
                ("magic", 0xC1FC_1FC1),
                ("stream_id", stream.id),
                ("stream_instance_id", instance),
            ];
            for (name, value) in header {
                forced.insert(format!("trace.packet.header.{name}"), value);
            }
            let padding = rng.pick(&[0, 0, 8, 64, 4096]);
            let padding = if has("packet_size") { padding } else { 0 };
            out.extend(self.packet(rng, stream, forced, &events, padding));
            discarded += rng.pick(&[0, 0, 1, 17]);
            sequence += rng.pick(&[1, 1, 1, 3]);
            now += rng.below(100_000);
        }
        out
    }

    /// Cycles at which a stream begins, not so late that nanoseconds overflow.
    fn first_cycles(&self, rng: &mut Random) -> u64 {
        let seconds = rng.pick(&[0, 1000, 100_000_000]);
        seconds * self.frequency + rng.below(self.frequency)
    }

    /// Cycles to the next event: 0 now and then, and less than a short time stamp can tell.
    fn step(&self, rng: &mut Random, header: Header, full: bool) -> u64 {
        let size = match header {
            Header::Plain(_, size) => size,
            Header::Variable => 64,
            Header::Compact | Header::Large if full => 64,
            Header::Compact => 27,
            Header::Large => 32,
        };
        match rng.below(5) {
            0 => 0,
            1 => rng.below(1 << size.min(34)),
            _ => rng.below(10_000),
        }
    }

    /// As babeltrace2 counts: offset and value apart from each other, in floating point unless a cycle is a nanosecond.
    fn nanoseconds(&self, cycles: u64) -> i64 {
        let ns = |cycles: u64| match self.frequency {
            1_000_000_000 => cycles as i64,
            frequency => (1e9 * cycles as f64 / frequency as f64) as i64,
        };
        let seconds = self.offset_s + (self.offset / self.frequency) as i64;
        seconds * 1_000_000_000 + ns(self.offset % self.frequency) + ns(cycles)
    }

    /// A packet. Its sizes are in its context, so it is made twice, with the same random numbers.
    fn packet(
        &self,
        rng: &mut Random,
        stream: &Stream,
        mut forced: Forced,
        events: &[(usize, u64, bool)],
        padding: u64,
    ) -> Vec<u8> {
        let sizes =
            ["content_size", "packet_size"].map(|name| format!("stream.packet.context.{name}"));
        forced.extend(sizes.iter().map(|name| (name.clone(), 0)));
        let first = self.encode(&mut rng.clone(), stream, &forced, events);
        let content = first.at;
        let size = content.next_multiple_of(8) + padding;
        forced.extend(sizes.into_iter().zip([content, size]));
        let mut second = self.encode(rng, stream, &forced, events);
        assert_eq!(second.at, content, "sizes do not change the layout");
        second.bytes.resize((size / 8) as usize, 0xFF);
        second.bytes
    }

    fn encode(
        &self,
        rng: &mut Random,
        stream: &Stream,
        forced: &Forced,
        events: &[(usize, u64, bool)],
    ) -> Bits {
        let mut encoder = Encoder {
            rng,
            bits: Bits::default(),
            numbers: HashMap::new(),
            chosen: HashMap::new(),
            forced: forced.clone(),
            trace: self,
        };
        encoder.root("trace.packet.header", self.packet_header.as_ref());
        encoder.root("stream.packet.context", stream.packet_context.as_ref());
        for (class, time, full) in events {
            let class = &stream.classes[*class];
            encoder.header(stream.header, class.id, *time, *full);
            encoder.root("stream.event.header", Some(&stream.header_type));
            encoder.root("stream.event.context", stream.context.as_ref());
            encoder.root("event.context", class.context.as_ref());
            encoder.root("event.fields", class.fields.as_ref());
        }
        encoder.bits
    }
}

impl Trace {
    /// The metadata as CTF 2 has it, in fragments.
    fn json(&self) -> String {
        let mut writer = super::json::Writer::default();
        let mut preamble = json!({"type": "preamble", "version": 2});
        if let Some(uuid) = self.uuid {
            preamble["uuid"] = json!(uuid);
        }
        let mut fragments = vec![preamble];
        let mut class = json!({"type": "trace-class"});
        class["environment"] = json!({"hostname": "a\"b\n", "release": 16, "low": -7});
        root(
            &mut class,
            "packet-header",
            "trace.packet.header",
            self.packet_header.as_ref(),
            &mut writer,
        );
        fragments.push(class);
        // Less than a second's cycles.
        let seconds = self.offset_s + (self.offset / self.frequency) as i64;
        let mut clock = json!({
            "type": "clock-class", "id": "ticks", "name": "ticks", "frequency": self.frequency, "precision": 3,
            "offset-from-origin": {"seconds": seconds, "cycles": self.offset % self.frequency},
            "description": "t",
        });
        if self.absolute {
            clock["origin"] = json!("unix-epoch");
        }
        fragments.push(clock);
        for stream in &self.streams {
            let mut class = json!({"type": "data-stream-class", "id": stream.id, "default-clock-class-id": "ticks"});
            let roots = [
                (
                    "packet-context",
                    "stream.packet.context",
                    stream.packet_context.as_ref(),
                ),
                (
                    "event-record-header",
                    "stream.event.header",
                    Some(&stream.header_type),
                ),
                (
                    "event-record-common-context",
                    "stream.event.context",
                    stream.context.as_ref(),
                ),
            ];
            for (name, key, ty) in roots {
                root(&mut class, name, key, ty, &mut writer);
            }
            fragments.push(class);
            for event in &stream.classes {
                let mut class = json!({
                    "type": "event-record-class", "id": event.id, "data-stream-class-id": stream.id,
                    "name": format!("class {}", event.id % 3),
                });
                root(
                    &mut class,
                    "specific-context",
                    "event.context",
                    event.context.as_ref(),
                    &mut writer,
                );
                root(
                    &mut class,
                    "payload",
                    "event.fields",
                    event.fields.as_ref(),
                    &mut writer,
                );
                fragments.push(class);
            }
        }
        fragments.iter().map(|f| format!("\u{1E}{f:#}\n")).collect()
    }
}

/// Adds a root to a class.
fn root(
    class: &mut Value,
    name: &str,
    key: &str,
    ty: Option<&Type>,
    writer: &mut super::json::Writer,
) {
    if let Some(ty) = ty {
        class[format!("{name}-field-class")] = writer.class(key, ty);
    }
}

struct Encoder<'a> {
    rng: &'a mut Random,
    bits: Bits,
    /// Values of integers, for lengths.
    numbers: HashMap<String, i128>,
    /// Labels of enumerations, for tags.
    chosen: HashMap<String, String>,
    forced: Forced,
    trace: &'a Trace,
}

impl Encoder<'_> {
    /// Says what the fields of the next event's header hold.
    fn header(&mut self, header: Header, id: u64, time: u64, full: bool) {
        let mut force = |name: &str, value: u64| {
            self.forced
                .insert(format!("stream.event.header.{name}"), value);
        };
        let last = match header {
            Header::Plain(..) | Header::Variable => {
                force("id", id);
                force("timestamp", time);
                return;
            }
            Header::Compact => 31,
            Header::Large => 65_535,
        };
        let extended = full || id >= last;
        force("id", if extended { last } else { id });
        force("v.compact.timestamp", time);
        force("v.extended.id", id);
        force("v.extended.timestamp", time);
    }

    fn root(&mut self, key: &str, ty: Option<&Type>) {
        if let Some(ty) = ty {
            self.field(key, ty);
        }
    }

    fn field(&mut self, key: &str, ty: &Type) {
        self.bits.align(ty.alignment());
        match ty {
            Type::Int(int) => self.int(key, int, None),
            Type::Enum(int, labels) => self.int(key, int, Some(labels)),
            Type::Float { double, order, .. } => {
                let size = if *double { 64 } else { 32 };
                let value = match self.rng.below(3) {
                    0 => 0,
                    1 if *double => 1.5f64.to_bits(),
                    1 => u64::from(1.5f32.to_bits()),
                    _ => self.rng.bits(),
                };
                self.bits.put(size, value, *order);
            }
            Type::Text => {
                let mut text = text(self.rng);
                text.push(0);
                self.bits.text(&text);
            }
            Type::Struct { fields, .. } => {
                for (name, ty) in fields {
                    self.field(&format!("{key}.{name}"), ty);
                }
            }
            Type::Variant { tag, options } => {
                let label = &self.chosen[&tag.key];
                let (name, ty) = options.iter().find(|(name, _)| name == label).unwrap();
                self.field(&format!("{key}.{name}"), ty);
            }
            Type::Modern(ty) => self.modern(key, ty),
            Type::Array(length, element) => self.elements(key, *length, element),
            Type::Sequence(length, element) => {
                let length = self.numbers[&length.key] as u64;
                self.elements(key, length, element);
            }
        }
    }

    fn modern(&mut self, key: &str, ty: &Modern) {
        let said = |numbers: &HashMap<String, i128>, length: &Length| match length {
            Length::Ended => None,
            Length::Always(length) => Some(*length),
            Length::Said(reference) => Some(numbers[&reference.key] as u64),
        };
        match ty {
            Modern::Variable(int, labels) => {
                let labels = (!labels.is_empty()).then_some(labels);
                let value = self.value(key, int, labels);
                let bytes = modern::leb128(self.rng, value, int.signed);
                self.bits.text(&bytes);
            }
            Modern::Half(_, order) => {
                // 1.5, both zeros, the least of all, infinity, no number.
                let value = self
                    .rng
                    .pick(&[0x3E00, 0x0000, 0x8000, 0x0001, 0x7C00, 0x7E00]);
                let value = if self.rng.chance(50) {
                    value
                } else {
                    self.rng.bits() & 0x7BFF
                };
                self.bits.put(16, value, *order);
            }
            Modern::Bits(_, int) => self.int(key, int, None),
            Modern::Reversed(int) => {
                let value = self.value(key, int, None);
                let value = modern::reversed(int.size, value as u64);
                self.bits.put(int.size, value, int.order);
            }
            Modern::Wide(coding, length) => {
                let bytes = match said(&self.numbers, length) {
                    Some(length) => coding.filled(self.rng, length),
                    None => coding.bytes(&(modern::wide_text(self.rng) + "\0")),
                };
                self.bits.text(&bytes);
            }
            Modern::Blob(length) => {
                for _ in 0..said(&self.numbers, length).unwrap() {
                    self.bits.text(&[self.rng.bits() as u8]);
                }
            }
            Modern::Aligned(_, of) => self.field(key, of),
            Modern::Optional(tag, labels, present) => {
                let there = match labels {
                    Some(labels) => labels.contains(&self.chosen[&tag.key]),
                    None => self.numbers[&tag.key] != 0,
                };
                if there {
                    self.field(&format!("{key}.present"), present);
                }
            }
        }
    }

    fn elements(&mut self, key: &str, length: u64, element: &Type) {
        if let Type::Int(int) = element
            && int.text
        {
            // Text, and then whatever is left.
            let mut bytes = text(self.rng);
            bytes.push(0);
            bytes.resize(length as usize, 0x7F);
            bytes.truncate(length as usize);
            self.bits.text(&bytes);
            return;
        }
        if key == "trace.packet.header.uuid" {
            self.bits.text(&self.trace.uuid.unwrap());
            return;
        }
        for _ in 0..length {
            self.field(key, element);
        }
    }

    fn int(&mut self, key: &str, int: &Int, labels: Option<&Vec<Label>>) {
        let value = self.value(key, int, labels);
        self.bits.put(int.size, value as u64, int.order);
    }

    /// The value of an integer, as it is from now on known to what names it.
    fn value(&mut self, key: &str, int: &Int, labels: Option<&Vec<Label>>) -> i128 {
        let (low, high) = limits(int);
        let value = if let Some(value) = self.forced.get(key) {
            i128::from(*value)
        } else if let Some(labels) = labels {
            let (_, low, high) = self.rng.pick(labels);
            low + i128::from(self.rng.below((high - low).min(1000) as u64 + 1))
        } else if self.trace.lengths.contains(key) {
            i128::from(self.rng.below(6)).min(high)
        } else {
            match self.rng.below(5) {
                0 => low,
                1 => high,
                2 => i128::from(self.rng.below(100)).clamp(low, high),
                _ => low + (i128::from(self.rng.bits()) & ((1 << int.size) - 1)),
            }
        };
        let value = match (value > high, int.signed) {
            (false, _) => value,
            // What is forced on a short time stamp.
            (true, false) => value & high,
            (true, true) => value - (1 << int.size),
        };
        if let Some(labels) = labels {
            let label = labels
                .iter()
                .find(|(_, low, high)| *low <= value && value <= *high);
            if let Some((name, ..)) = label {
                self.chosen.insert(key.to_owned(), name.clone());
            }
        }
        self.numbers.insert(key.to_owned(), value);
        value
    }
}

/// A text without NUL: often ASCII, at times other UTF-8, at times no UTF-8 at all.
fn text(rng: &mut Random) -> Vec<u8> {
    let length = rng.below(12);
    match rng.below(6) {
        0 => (0..length).map(|_| rng.within(1, 255) as u8).collect(),
        1 => "größe λ 文"
            .chars()
            .take(length as usize)
            .collect::<String>()
            .into_bytes(),
        _ => (0..length).map(|_| rng.within(32, 126) as u8).collect(),
    }
}
