//! Small CTF 1.8 traces of one stream class, packet by packet: what tells recordings apart, and nothing else.

use super::bits::{Bits, Order::Little};
use std::fs;
use std::path::Path;

/// A trace's identity, and what its packets say.
#[derive(Debug, Clone, Copy)]
pub struct Small {
    /// The last byte of its UUID, if it has one.
    pub uuid: Option<u8>,
    /// Whether packets have a `stream_instance_id`.
    pub instances: bool,
    /// Whether packets have a `packet_seq_num`.
    pub numbers: bool,
    /// Its environment, as TSDL.
    pub env: &'static str,
}

/// A trace of LTTng.
pub const LTTNG: Small = Small {
    uuid: Some(1),
    instances: true,
    numbers: true,
    env: "domain = \"ust\"; tracer_name = \"lttng-ust\"; tracer_major = 2; tracer_minor = 13;",
};

/// A trace of barectf: one UUID for all runs.
pub const BARECTF: Small = Small {
    uuid: Some(2),
    instances: false,
    numbers: false,
    env: "domain = \"bare\"; tracer_name = \"barectf\"; tracer_major = 3; tracer_minor = 1;",
};

const TYPES: &str = "/* CTF 1.8 */
typealias integer { size = 8; align = 8; signed = false; } := u8;
typealias integer { size = 32; align = 8; signed = false; } := u32;
typealias integer { size = 64; align = 8; signed = false; } := u64;
clock { name = mono; freq = 1000000000; offset_s = 1700000000; absolute = true; };
typealias integer { size = 64; align = 8; signed = false; map = clock.mono.value; } := t64;
";

/// A packet: its number, the events that were discarded since the stream began, and its events as times and numbers.
#[derive(Debug, Clone, Copy)]
pub struct Packet<'a>(pub u64, pub u64, pub &'a [(u64, u32)]);

impl Small {
    fn uuid(&self) -> Option<[u8; 16]> {
        let mut uuid = [0x11; 16];
        uuid[15] = self.uuid?;
        Some(uuid)
    }

    fn metadata(&self) -> String {
        let uuid = self.uuid().map(|bytes| {
            let digits: Vec<String> = bytes.iter().map(|b| format!("{b:02x}")).collect();
            let ends = [0..4, 4..6, 6..8, 8..10, 10..16];
            format!(
                "uuid = \"{}\"; ",
                ends.map(|r| digits[r].concat()).join("-")
            )
        });
        let of = |has: bool, text: &'static str| if has { text } else { "" };
        format!(
            "{TYPES}trace {{ major = 1; minor = 8; {} byte_order = le; packet.header := struct {{ u32 magic; {} u32 stream_id; {} }}; }};
env {{ {} }};
stream {{ id = 0;
  packet.context := struct {{ t64 timestamp_begin; t64 timestamp_end; u64 content_size; u64 packet_size; {} u64 events_discarded; u32 cpu_id; }};
  event.header := struct {{ t64 timestamp; }}; }};
event {{ name = e; stream_id = 0; fields := struct {{ u32 n; }}; }};
",
            uuid.clone().unwrap_or_default(),
            of(uuid.is_some(), "u8 uuid[16];"),
            of(self.instances, "u64 stream_instance_id;"),
            self.env,
            of(self.numbers, "u64 packet_seq_num;"),
        )
    }

    /// Writes a trace of these stream files, of which each is the CPU of its number, to the folder `dir`.
    pub fn write(&self, dir: &Path, files: &[&[Packet]]) {
        fs::create_dir_all(dir).unwrap();
        fs::write(dir.join("metadata"), self.metadata()).unwrap();
        for (cpu, packets) in files.iter().enumerate() {
            let bytes: Vec<u8> = packets
                .iter()
                .flat_map(|p| self.packet(cpu as u64, p))
                .collect();
            fs::write(dir.join(format!("c_{cpu}")), bytes).unwrap();
        }
    }

    fn packet(&self, cpu: u64, packet: &Packet) -> Vec<u8> {
        let Packet(number, discarded, events) = packet;
        let mut body = Bits::default();
        for (time, n) in *events {
            body.put(64, *time, Little);
            body.put(32, u64::from(*n), Little);
        }
        let mut bits = Bits::default();
        bits.put(32, 0xC1FC_1FC1, Little);
        if let Some(uuid) = self.uuid() {
            bits.text(&uuid);
        }
        bits.put(32, 0, Little);
        if self.instances {
            bits.put(64, cpu, Little);
        }
        let times = [events.first(), events.last()].map(|e| e.expect("a packet has events").0);
        times.iter().for_each(|time| bits.put(64, *time, Little));
        let more = 8 + 8 + if self.numbers { 8 } else { 0 } + 8 + 4;
        let size = (bits.bytes.len() + more + body.bytes.len()) as u64 * 8;
        bits.put(64, size, Little);
        bits.put(64, size, Little);
        if self.numbers {
            bits.put(64, *number, Little);
        }
        bits.put(64, *discarded, Little);
        bits.put(32, cpu, Little);
        bits.text(&body.bytes);
        bits.bytes
    }
}
