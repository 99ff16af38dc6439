//! Writes traces in the Common Trace Format 1.8, with metadata and streams of the shape that LTTng 2.13 gives them: what
//! the tests make traces of their own with.
//!
//! One stream per CPU, packets of a few events, large event headers in their extended form, everything aligned to bytes.

use std::fmt::Write;
use std::fs;
use std::path::Path;

/// Magic number of a packet.
const MAGIC: u32 = 0xc1fc_1fc1;
/// Events of a packet.
const IN_PACKET: usize = 50;

/// Type of a field.
#[derive(Debug, Clone)]
pub enum Type {
    /// Unsigned integer of so many bits.
    U(u32),
    /// Signed integer of so many bits.
    S(u32),
    /// Unsigned integer of 16 bits in network order.
    Port,
    /// `char[16]`, as the kernel keeps a thread's name.
    Comm,
    /// String.
    Text,
    /// Sequence, after a field with its length.
    List(Box<Type>),
    /// Array of so many.
    Array(Box<Type>, usize),
}

/// A value of a field.
#[derive(Debug, Clone)]
pub enum Value {
    Int(i64),
    Text(String),
    List(Vec<Value>),
}

impl From<i64> for Value {
    fn from(n: i64) -> Self {
        Value::Int(n)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

/// Fields in order.
pub type Fields = Vec<(&'static str, Type)>;

/// A kind of event.
#[derive(Debug, Clone)]
pub struct Class {
    pub name: String,
    pub fields: Fields,
}

impl Class {
    pub fn new(name: &str, fields: &[(&'static str, Type)]) -> Self {
        Class {
            name: name.to_owned(),
            fields: fields.to_vec(),
        }
    }
}

/// An event, or a gap.
#[derive(Debug, Clone)]
pub struct Event {
    /// Nanoseconds since the Unix epoch; never less than those of the event before.
    pub ns: i64,
    pub cpu: usize,
    /// Number of its class.
    pub class: usize,
    /// Values of the context fields.
    pub context: Vec<Value>,
    pub payload: Vec<Value>,
    /// So many events of its CPU were discarded before it.
    pub lost_before: u64,
}

/// A trace to write.
#[derive(Debug, Clone)]
pub struct Trace {
    /// `kernel` or `ust`.
    pub domain: &'static str,
    /// Makes its UUID.
    pub number: u8,
    pub context: Fields,
    pub classes: Vec<Class>,
    pub events: Vec<Event>,
}

/// Offset of the clock, so that its values are small, as those of a monotonic clock are.
const OFFSET: i64 = 1_700_000_000_000_000_000;

impl Trace {
    /// Writes it to the folder `dir`, which is made.
    pub fn write(&self, dir: &Path) {
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join("metadata"), self.metadata()).unwrap();
        let cpus = self.events.iter().map(|e| e.cpu).max().unwrap_or(0);
        for cpu in 0..=cpus {
            fs::write(dir.join(format!("channel_{cpu}")), self.stream(cpu)).unwrap();
        }
    }

    fn uuid(&self) -> [u8; 16] {
        [self.number; 16]
    }

    fn metadata(&self) -> String {
        let hex: Vec<String> = self.uuid().iter().map(|b| format!("{b:02x}")).collect();
        let uuid = [0..4, 4..6, 6..8, 8..10, 10..16].map(|r| hex[r].concat());
        let context = members(&self.context);
        let mut text = format!(
            r#"/* CTF 1.8 */
typealias integer {{ size = 8; align = 8; signed = false; }} := uint8_t;
typealias integer {{ size = 16; align = 8; signed = false; }} := uint16_t;
typealias integer {{ size = 32; align = 8; signed = false; }} := uint32_t;
typealias integer {{ size = 64; align = 8; signed = false; }} := uint64_t;
trace {{
	major = 1; minor = 8; uuid = "{}"; byte_order = le;
	packet.header := struct {{ uint32_t magic; uint8_t uuid[16]; uint32_t stream_id; uint64_t stream_instance_id; }};
}};
env {{ hostname = "test"; domain = "{}"; tracer_name = "lttng-modules"; tracer_major = 2; tracer_minor = 13; }};
clock {{ name = "monotonic"; uuid = "8864b47c-f705-4cb5-b929-ba40a7bede31"; freq = 1000000000; offset = {OFFSET}; }};
typealias integer {{ size = 32; align = 8; signed = false; map = clock.monotonic.value; }} := uint32_clock_monotonic_t;
typealias integer {{ size = 64; align = 8; signed = false; map = clock.monotonic.value; }} := uint64_clock_monotonic_t;
struct packet_context {{
	uint64_clock_monotonic_t timestamp_begin; uint64_clock_monotonic_t timestamp_end; uint64_t content_size;
	uint64_t packet_size; uint64_t packet_seq_num; uint64_t events_discarded; uint32_t cpu_id;
}};
struct event_header_large {{
	enum : uint16_t {{ compact = 0 ... 65534, extended = 65535 }} id;
	variant <id> {{
		struct {{ uint32_clock_monotonic_t timestamp; }} compact;
		struct {{ uint32_t id; uint64_clock_monotonic_t timestamp; }} extended;
	}} v;
}} align(8);
stream {{
	id = 0;
	event.header := struct event_header_large;
	packet.context := struct packet_context;
	event.context := struct {{ {context}}};
}};
"#,
            uuid.join("-"),
            self.domain,
        );
        for (id, class) in self.classes.iter().enumerate() {
            let (name, fields) = (&class.name, members(&class.fields));
            let form =
                "event { name = \"NAME\"; id = ID; stream_id = 0; fields := struct { FIELDS}; };\n";
            let event = form.replace("NAME", name).replace("ID;", &format!("{id};"));
            text.push_str(&event.replace("FIELDS", &fields));
        }
        text
    }

    /// The packets of a CPU.
    fn stream(&self, cpu: usize) -> Vec<u8> {
        let events: Vec<&Event> = self.events.iter().filter(|e| e.cpu == cpu).collect();
        let mut packets: Vec<Vec<&Event>> = Vec::new();
        for event in events {
            match packets.last_mut() {
                Some(last) if event.lost_before == 0 && last.len() < IN_PACKET => last.push(event),
                _ => packets.push(vec![event]),
            }
        }
        let mut out = Vec::new();
        let mut lost = 0;
        for (number, packet) in packets.iter().enumerate() {
            lost += packet[0].lost_before;
            self.packet(&mut out, (cpu, number), packet, lost);
        }
        out
    }

    fn packet(&self, out: &mut Vec<u8>, at: (usize, usize), events: &[&Event], lost: u64) {
        let mut content = Vec::new();
        for event in events {
            content.extend(u16::MAX.to_le_bytes());
            content.extend((event.class as u32).to_le_bytes());
            content.extend((event.ns - OFFSET).to_le_bytes());
            encode_all(&mut content, &self.context, &event.context);
            encode_all(
                &mut content,
                &self.classes[event.class].fields,
                &event.payload,
            );
        }
        let bits = (4 + 16 + 4 + 8 + 6 * 8 + 4 + content.len() as u64) * 8;
        out.extend(MAGIC.to_le_bytes());
        out.extend(self.uuid());
        out.extend(0u32.to_le_bytes());
        out.extend((at.0 as u64).to_le_bytes());
        for time in [events[0].ns, events[events.len() - 1].ns] {
            out.extend((time - OFFSET).to_le_bytes());
        }
        for number in [bits, bits, at.1 as u64, lost] {
            out.extend(number.to_le_bytes());
        }
        out.extend((at.0 as u32).to_le_bytes());
        out.extend(content);
    }
}

/// Declares fields; LTTng puts an underscore before each name.
fn members(fields: &Fields) -> String {
    let mut text = String::new();
    for (name, ty) in fields {
        if let Type::List(_) = ty {
            write!(text, "uint32_t __{name}_length; ").unwrap();
        }
        let (ty, after) = declared(name, ty);
        write!(text, "{ty} _{name}{after}; ").unwrap();
    }
    text
}

fn declared(name: &str, ty: &Type) -> (String, String) {
    let integer = |size: u32, signed: bool, more: &str| {
        format!("integer {{ size = {size}; align = 8; signed = {signed}; {more}}}")
    };
    let plain = |ty: String| (ty, String::new());
    match ty {
        Type::U(size) => plain(integer(*size, false, "")),
        Type::S(size) => plain(integer(*size, true, "")),
        Type::Port => plain(integer(16, false, "byte_order = be; ")),
        Type::Comm => (integer(8, true, "encoding = UTF8; "), "[16]".to_owned()),
        Type::Text => plain("string".to_owned()),
        Type::List(element) => (declared(name, element).0, format!("[ __{name}_length ]")),
        Type::Array(element, n) => (declared(name, element).0, format!("[{n}]")),
    }
}

fn encode_all(out: &mut Vec<u8>, fields: &Fields, values: &[Value]) {
    assert_eq!(fields.len(), values.len(), "{fields:?} {values:?}");
    for ((_, ty), value) in fields.iter().zip(values) {
        encode(out, ty, value);
    }
}

fn encode(out: &mut Vec<u8>, ty: &Type, value: &Value) {
    match (ty, value) {
        (Type::U(size) | Type::S(size), Value::Int(n)) => {
            out.extend(&n.to_le_bytes()[..*size as usize / 8]);
        }
        (Type::Port, Value::Int(n)) => out.extend((*n as u16).to_be_bytes()),
        (Type::Comm, Value::Text(text)) => {
            let mut bytes = text.as_bytes()[..text.len().min(15)].to_vec();
            bytes.resize(16, 0);
            out.extend(bytes);
        }
        (Type::Text, Value::Text(text)) => {
            out.extend(text.as_bytes());
            out.push(0);
        }
        (Type::List(element), Value::List(items)) => {
            out.extend((items.len() as u32).to_le_bytes());
            items.iter().for_each(|item| encode(out, element, item));
        }
        (Type::Array(element, n), Value::List(items)) => {
            assert_eq!(*n, items.len());
            items.iter().for_each(|item| encode(out, element, item));
        }
        other => panic!("{other:?}"),
    }
}
