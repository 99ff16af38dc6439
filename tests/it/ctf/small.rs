//! Small CTF 1.8 traces by hand: events of a few classes, each a number, a time and bytes.

use std::fs;
use std::path::Path;

const TYPES: &str = "/* CTF 1.8 */
typealias integer { size = 8; align = 8; signed = false; } := u8;
typealias integer { size = 32; align = 8; signed = false; } := u32;
typealias integer { size = 64; align = 8; signed = false; } := u64;
typealias integer { size = 32; align = 8; signed = true; } := i32;
typealias integer { size = 64; align = 8; signed = true; } := i64;
typealias integer { size = 8; align = 8; signed = false; encoding = UTF8; } := ch;
trace { major = 1; minor = 8; uuid = \"UUID\"; byte_order = le; packet.header := struct { u32 magic; u8 uuid[16]; }; };
clock { name = mono; freq = 1000000000; CLOCK };
typealias integer { size = 64; align = 8; signed = false; map = clock.mono.value; } := time;
stream {
  packet.context := struct { time timestamp_begin; time timestamp_end; u32 content_size; u32 packet_size; u32 cpu_id; };
  event.header := struct { time timestamp; u8 id; };
  CONTEXT
};
";

/// An event: number of its class, time, and the bytes of its context and payload.
pub type Event = (u8, u64, Vec<u8>);

/// A trace to be written.
#[derive(Default)]
pub struct Small<'a> {
    /// The last byte of its UUID.
    pub number: u8,
    /// Members of `env`.
    pub env: &'a str,
    /// What the metadata says of the clock's origin; where it is empty, that it is 2023.
    pub clock: &'a str,
    /// Members of the event context; none where it is empty.
    pub context: &'a str,
    /// Name and members of the payload of each class.
    pub classes: &'a [(&'a str, &'a str)],
    /// The events of each CPU, in a packet.
    pub cpus: &'a [Vec<Event>],
}

impl Small<'_> {
    /// Writes it to the folder `dir`, which is made.
    pub fn write(&self, dir: &Path) {
        let mut uuid = [0x11; 16];
        uuid[15] = self.number;
        let text: Vec<String> = uuid.iter().map(|b| format!("{b:02x}")).collect();
        let text = [
            &text[..4],
            &text[4..6],
            &text[6..8],
            &text[8..10],
            &text[10..],
        ];
        let text = text.map(<[String]>::concat).join("-");
        let clock = match self.clock {
            "" => "offset_s = 1700000000; absolute = true;",
            clock => clock,
        };
        let context = match self.context {
            "" => String::new(),
            members => format!("event.context := struct {{ {members} }};"),
        };
        let mut metadata = TYPES
            .replace("UUID", &text)
            .replace("CONTEXT", &context)
            .replace("CLOCK", clock);
        metadata += &format!("env {{ {} }};\n", self.env);
        for (id, (name, members)) in self.classes.iter().enumerate() {
            metadata += &format!(
                "event {{ name = \"{name}\"; id = {id}; fields := struct {{ {members} }}; }};\n"
            );
        }
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join("metadata"), metadata).unwrap();
        for (cpu, events) in self.cpus.iter().enumerate() {
            let mut body = Vec::new();
            for (id, time, bytes) in events {
                body.extend(time.to_le_bytes());
                body.push(*id);
                body.extend(bytes);
            }
            let bits = (20 + 28 + body.len() as u32) * 8;
            let mut packet = 0xC1FC_1FC1u32.to_le_bytes().to_vec();
            packet.extend(uuid);
            let time = |event: Option<&Event>| event.map_or(0, |e| e.1).to_le_bytes();
            packet.extend(time(events.first()));
            packet.extend(time(events.last()));
            packet.extend(bits.to_le_bytes());
            packet.extend(bits.to_le_bytes());
            packet.extend((cpu as u32).to_le_bytes());
            packet.extend(body);
            fs::write(dir.join(format!("stream_{cpu}")), packet).unwrap();
        }
    }
}
