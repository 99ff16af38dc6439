//! Damaged streams: what a walk says of them, and what their shadow holds.

use super::metadata::{self, Metadata, read_metadata};
use super::repair::shadow;
use super::stream_files::stream_files;
use super::walk::{Walk, Walker};
use crate::error::{Error, Result};
use crate::random::Random;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Packets of 64 bytes: 24 bytes of header and context (some at odd bits), then events of 5 bytes.
const METADATA: &str = r#"
typealias integer { size = 8; } := u8;
trace { major = 1; minor = 8; byte_order = BO; uuid = "01010101-0101-0101-0101-010101010101";
	packet.header := struct { integer { size = 32; } magic; u8 uuid[16]; u8 stream_id; }; };
stream { id = 3;
	packet.context := struct {
		integer { size = 3; } cpu_id; integer { size = 13; } content_size;
		integer { size = 12; } packet_size; integer { size = 4; } events_discarded; u8 packet_seq_num; };
	event.header := struct { u8 id; };
};
event { name = e; id = 7; stream_id = 3; fields := struct { integer { size = 32; } x; }; };
"#;
const HEADER: usize = 26;

fn walk(path: &Path, metadata: &Metadata) -> Result<Walk> {
    Walker::new(metadata).walk(path)
}

struct Trace {
    dir: TempDir,
    metadata: Metadata,
    big: bool,
}

fn trace(big: bool) -> Trace {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("t")).unwrap();
    let text = METADATA.replace("BO", if big { "be" } else { "le" });
    fs::write(dir.path().join("t/metadata"), text).unwrap();
    let metadata = read_metadata(&dir.path().join("t")).unwrap();
    Trace { dir, metadata, big }
}

impl Trace {
    /// A packet with `content` and `size` in bits, 64 bytes long.
    fn packet(&self, content: u64, size: u64, sequence: u8) -> Vec<u8> {
        let magic = 0xC1FC_1FC1_u32;
        let mut bytes = match self.big {
            true => magic.to_be_bytes().to_vec(),
            false => magic.to_le_bytes().to_vec(),
        };
        bytes.extend([1; 16]);
        bytes.push(3);
        // cpu_id 5, events_discarded 9
        let context = match self.big {
            true => ((5 << 29 | content << 16 | size << 4 | 9) as u32).to_be_bytes(),
            false => ((5 | content << 3 | size << 16 | 9 << 28) as u32).to_le_bytes(),
        };
        bytes.extend(context);
        bytes.push(sequence);
        assert_eq!(bytes.len(), HEADER);
        for _ in 0..7 {
            bytes.extend([7, 1, 2, 3, 4]);
        }
        bytes.resize(64, 0);
        bytes
    }

    fn good(&self, sequence: u8) -> Vec<u8> {
        self.packet((HEADER as u64 + 35) * 8, 512, sequence)
    }

    fn write(&self, bytes: &[u8]) -> PathBuf {
        let path = self.dir.path().join("t/stream");
        fs::write(&path, bytes).unwrap();
        path
    }

    fn walk(&self, bytes: &[u8]) -> Walk {
        walk(&self.write(bytes), &self.metadata).unwrap()
    }

    /// What is wrong with a second packet after a good one.
    fn second(&self, packet: &[u8]) -> String {
        let found = self.walk(&[self.good(0), packet.to_vec(), self.good(2)].concat());
        assert_eq!(found.packets.len(), 1);
        let damage = found.damage.unwrap();
        let place = &damage.place;
        assert!(place.packet == Some(1) && place.offset == Some(64));
        damage.to_string()
    }

    /// The shadow's stream file, walked, if there is one.
    fn shadow(&self, bytes: &[u8]) -> (Option<Walk>, PathBuf) {
        let walks = [(self.write(bytes), self.walk(bytes))];
        let scratch = self.dir.path().join("scratch");
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir(&scratch).unwrap();
        let folder = shadow(&self.dir.path().join("t"), &walks, &scratch).unwrap();
        assert_eq!(read_metadata(&folder).unwrap(), self.metadata);
        let stream = folder.join("stream");
        let found = stream
            .exists()
            .then(|| walk(&stream, &self.metadata).unwrap());
        (found, stream)
    }
}

#[test]
fn good_packets_are_read_in_both_byte_orders() {
    for big in [false, true] {
        let t = trace(big);
        let found = t.walk(&[t.good(0), t.good(200)].concat());
        assert!(found.damage.is_none(), "{:?}", found.damage);
        let packet = &found.packets[1];
        assert_eq!(
            (packet.number, packet.offset, packet.stream_class),
            (1, 64, 3)
        );
        assert_eq!((packet.content_size, packet.packet_size), (61 * 8, 512));
        assert_eq!((packet.cpu_id, packet.events_discarded), (Some(5), Some(9)));
        assert_eq!(
            (packet.sequence_number, packet.timestamp_begin),
            (Some(200), None)
        );
        assert_eq!(packet.header_size, HEADER as u64 * 8);
        let field = packet.packet_size_field.unwrap();
        assert_eq!((field.bit, field.size), (21 * 8 + 16, 12));
        assert!(t.walk(&[]).packets.is_empty());
    }
}

#[test]
fn every_damage_is_named_with_its_place() {
    let t = trace(true);
    let with = |at: usize, value: u8| {
        let mut packet = t.good(1);
        packet[at] = value;
        t.second(&packet)
    };
    assert!(with(0, 0xFF).contains("found 0xfffc1fc1"));
    assert!(with(19, 9).contains("of another trace"));
    assert!(with(20, 4).contains("stream class 4"));
    assert!(
        t.second(&t.packet(600, 512, 1))
            .contains("content size of 600 bits in a packet of 512")
    );
    assert!(
        t.second(&t.packet(0, 0, 1))
            .contains("packet size of 0 bits")
    );
    assert!(
        t.second(&t.packet(300, 509, 1))
            .contains("packet size of 509 bits")
    );
    assert!(
        t.second(&t.packet(200, 512, 1))
            .contains("less than the 208 bits of header")
    );
}

#[test]
fn a_cut_at_every_byte_says_what_is_missing() {
    let t = trace(false);
    let whole = [t.good(0), t.good(1)].concat();
    for length in 1..whole.len() {
        let found = t.walk(&whole[..length]);
        assert_eq!(found.packets.len(), length / 64);
        let there = length % 64;
        let said = found.damage.map(|d| d.to_string()).unwrap_or_default();
        assert_eq!(said.is_empty(), there == 0);
        if there >= HEADER {
            assert!(
                said.contains(&format!("announces 64 bytes, {there} are there")),
                "{said}"
            );
        } else if there > 0 {
            assert!(
                said.contains(&format!("more than the {there} bytes there")),
                "{said}"
            );
        }
    }
}

#[test]
fn without_sizes_a_file_is_one_packet() {
    let t = trace(true);
    let text = "trace { major = 1; minor = 8; byte_order = be; }; event { name = e; };";
    let metadata = metadata::parse(text, Path::new("m")).unwrap();
    let found = walk(&t.write(&[1, 2, 3]), &metadata).unwrap();
    assert_eq!((found.packets.len(), found.packets[0].packet_size), (1, 24));
    let text = "trace { major = 1; minor = 8; byte_order = be; };
        stream { packet.context := struct { integer { size = 8; } content_size; }; };";
    let metadata = metadata::parse(text, Path::new("m")).unwrap();
    let found = walk(&t.write(&[20, 0, 0, 12, 0]), &metadata).unwrap();
    let sizes: Vec<_> = found
        .packets
        .iter()
        .map(|p| (p.content_size, p.packet_size))
        .collect();
    assert_eq!(sizes, [(20, 24), (12, 16)]);
}

#[test]
fn fields_and_structures_are_aligned() {
    let t = trace(true);
    let text = "typealias integer { size = 8; } := u8; typealias integer { size = 2; } := bits;
        trace { major = 1; minor = 8; byte_order = be; packet.header := struct { bits a; }; };
        stream { packet.context := struct {
            bits b; struct { bits c; } align(16) d; bits none[0]; integer { size = 8; align = 32; } packet_size;
        } align(16); };";
    let metadata = metadata::parse(text, Path::new("m")).unwrap();
    let found = walk(&t.write(&[9, 9, 9, 9, 9, 9, 9, 9, 80, 5]), &metadata).unwrap();
    let packet = &found.packets[0];
    assert_eq!((packet.packet_size, packet.header_size), (80, 72));
    assert_eq!(packet.packet_size_field.unwrap().bit, 64);
}

#[test]
fn a_cut_through_a_field_that_is_only_passed_over_counts() {
    let t = trace(true);
    let text = "trace { major = 1; minor = 8; byte_order = be; };
        stream { packet.context := struct { integer { size = 8; } packet_size; }; };
        event { name = e; fields := struct { floating_point { exp_dig = 8; mant_dig = 24; } x; }; };";
    let metadata = metadata::parse(text, Path::new("m")).unwrap();
    let found = walk(&t.write(&[96, 0, 0, 0, 0, 0, 0]), &metadata).unwrap();
    assert_eq!((found.packets.len(), found.cut_events_end), (0, 40));
}

#[test]
fn contexts_with_tags_and_lengths_are_followed() {
    let t = trace(true);
    let text = "typealias integer { size = 8; } := u8;
        trace { major = 1; minor = 8; byte_order = be; };
        stream { packet.context := struct {
            u8 n; struct { } list[n]; u8 m; u8 more[m]; string s;
            enum : u8 { a = 1, b = 2 } tag; variant <tag> { u8 a; u8 b[3]; } v; u8 packet_size; }; };";
    let metadata = metadata::parse(text, Path::new("m")).unwrap();
    let found = walk(
        &t.write(&[3, 2, 9, 9, b'x', 0, 2, 0, 0, 0, 96, 5]),
        &metadata,
    )
    .unwrap();
    assert_eq!(found.packets[0].packet_size, 96, "{:?}", found.damage);
    let found = walk(&t.write(&[0, 0, 0, 3, 0, 0, 0, 96]), &metadata).unwrap();
    assert!(
        found
            .damage
            .unwrap()
            .to_string()
            .contains("no option for its tag 3")
    );
    let huge = metadata::parse(
        &text.replacen("u8 n", "integer { size = 64; } n", 1),
        Path::new("m"),
    );
    let found = walk(&t.write(&[255; 40]), &huge.unwrap()).unwrap();
    assert!(
        found
            .damage
            .unwrap()
            .to_string()
            .contains("more than 1048576 fields")
    );
}

#[test]
fn a_context_longer_than_what_is_read_at_once_is_read_on() {
    let t = trace(true);
    let text = "typealias integer { size = 8; } := u8;
        trace { major = 1; minor = 8; byte_order = be; };
        stream { packet.context := struct {
            string s; integer { size = 32; } packet_size; integer { size = 32; } content_size; }; };";
    let metadata = metadata::parse(text, Path::new("m")).unwrap();
    let packet = |length: u32| {
        let size = (length + 9) * 8;
        let sizes = [size.to_be_bytes(), size.to_be_bytes()].concat();
        [&vec![b'x'; length as usize][..], &[0], &sizes].concat()
    };
    let found = walk(
        &t.write(&[packet(10), packet(20_000), packet(5_000)].concat()),
        &metadata,
    )
    .unwrap();
    let sizes: Vec<_> = found.packets.iter().map(|p| p.header_size / 8).collect();
    assert_eq!((sizes, found.damage), (vec![19, 20_009, 5_009], None));
    let cut = walk(&t.write(&packet(20_000)[..20_004]), &metadata).unwrap();
    let said = cut.damage.unwrap().to_string();
    assert!(said.contains("more than the 20004 bytes there"), "{said}");
}

#[test]
fn an_option_that_was_not_chosen_says_nothing() {
    let t = trace(true);
    let text = "typealias integer { size = 8; } := u8;
        trace { major = 1; minor = 8; byte_order = be; };
        stream { packet.context := struct {
            enum : u8 { one = 1, two = 2 } tag;
            variant <tag> { struct { u8 n; } one; struct { u8 n; u8 m; } two; } v;
            u8 packet_size; u8 cpu_id; }; };";
    let metadata = metadata::parse(text, Path::new("m")).unwrap();
    let found = walk(&t.write(&[1, 9, 32, 5, 2, 9, 9, 40, 6]), &metadata).unwrap();
    let said: Vec<_> = found
        .packets
        .iter()
        .map(|p| (p.packet_size, p.cpu_id, p.packet_size_field.unwrap().bit))
        .collect();
    assert_eq!(said, [(32, Some(5), 16), (40, Some(6), 24)]);
}

#[test]
fn events_of_a_cut_packet_may_be_larger_than_what_is_read_at_once() {
    let t = trace(true);
    let text = "trace { major = 1; minor = 8; byte_order = be; };
        stream { packet.context := struct { integer { size = 32; } packet_size; }; };
        event { name = e; fields := struct { string s; }; };";
    let metadata = metadata::parse(text, Path::new("m")).unwrap();
    let mut bytes = (8 * 4_000_000u32).to_be_bytes().to_vec();
    for length in [10, 700_000, 300_000, 5] {
        bytes.extend(vec![b'x'; length]);
        bytes.push(0);
    }
    let whole = bytes.len() as u64 * 8;
    bytes.extend([b'x'; 100]);
    let found = walk(&t.write(&bytes), &metadata).unwrap();
    assert_eq!((found.packets.len(), found.cut_events_end), (0, whole));
}

#[test]
fn a_shadow_keeps_the_whole_events_of_a_cut_packet() {
    for big in [false, true] {
        let t = trace(big);
        let whole = [t.good(0), t.good(1)].concat();
        for length in 1..whole.len() {
            let (found, stream) = t.shadow(&whole[..length]);
            let events = (length % 64).saturating_sub(HEADER).min(35) / 5;
            let Some(found) = found else {
                assert!(length < HEADER + 5, "{length}");
                continue;
            };
            assert!(found.damage.is_none(), "{length}: {:?}", found.damage);
            assert_eq!(stream.is_symlink(), length == 64);
            assert_eq!(
                found.packets.len(),
                length / 64 + usize::from(events > 0),
                "{length}"
            );
            if events > 0 {
                let last = found.packets.last().unwrap();
                assert_eq!(last.content_size, (HEADER + events * 5) as u64 * 8);
                assert_eq!(last.packet_size, last.content_size);
                assert_eq!((last.cpu_id, last.events_discarded), (Some(5), Some(9)));
            }
        }
        assert!(t.shadow(&[0xFF; 100]).0.is_none());
    }
}

#[test]
fn no_mutation_makes_a_walk_panic_or_hang() {
    let t = trace(false);
    let whole = [t.good(0), t.good(1), t.good(2)].concat();
    let mut random = Random(0x2545_F491_4F6C_DD1D);
    for _ in 0..2_000 {
        let mut bytes = whole.clone();
        for _ in 0..1 + random.any() % 6 {
            let at = (random.any() % bytes.len() as u64) as usize;
            bytes[at] = random.any() as u8;
        }
        let found = t.walk(&bytes);
        assert!(found.good_bytes() <= bytes.len() as u64);
        assert!(found.damage.is_some() || found.good_bytes() == bytes.len() as u64);
    }
}

#[test]
fn stream_files_are_chosen_as_babeltrace2_does() {
    let t = trace(true);
    let dir = t.dir.path().join("t");
    fs::create_dir(dir.join("index")).unwrap();
    for name in ["b", "a", ".hidden"] {
        fs::write(dir.join(name), "").unwrap();
    }
    let names: Vec<_> = stream_files(&dir).unwrap();
    assert_eq!(names, [dir.join("a"), dir.join("b")]);
    assert!(matches!(
        stream_files(&dir.join("none")),
        Err(Error::Io { .. })
    ));
}
