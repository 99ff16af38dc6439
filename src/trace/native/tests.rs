//! Plans and what they decode, on small packets written by hand.

use super::stream_plan::{Classes, StreamPlan};
use crate::trace::ctf::fields::decoder::{Decoder, Memory, Stop};
use crate::trace::ctf::fields::output::Output;
use crate::trace::ctf::fields::plan::Step;
use crate::trace::ctf::metadata::parse;
use crate::trace::ctf::packet_plan::HeaderPlan;
use crate::trace::event::{Cursor, EventClass, UNKNOWN};
use crate::trace::select::Selection;
use crate::trace::tracer::Tracer;
use std::path::Path;

/// A stream class with one event class of these contexts and fields.
fn compile(context: &str, fields: &str) -> (StreamPlan, EventClass) {
    let text = format!(
        "/* CTF 1.8 */
        trace {{ major = 1; minor = 8; byte_order = le; }};
        clock {{ name = c; }};
        typealias integer {{ size = 64; align = 8; signed = false; map = clock.c.value; }} := time;
        typealias integer {{ size = 32; align = 8; signed = true; }} := int;
        typealias integer {{ size = 8; align = 8; signed = false; }} := u8;
        stream {{
            event.header := struct {{ time timestamp; }};
            event.context := struct {{ {context} }};
        }};
        event {{ name = e; fields := struct {{ {fields} }}; }};"
    );
    let metadata = parse(&text, Path::new("metadata")).unwrap();
    let mut classes = Classes::default();
    let plan = StreamPlan::new(
        &metadata,
        &HeaderPlan::new(&metadata),
        &metadata.streams[0],
        &Selection::default(),
        &Tracer::default(),
        &mut classes,
    );
    (plan, classes.events.remove(0))
}

/// Decodes the event's context and payload, which begin at a packet's begin.
fn decode(plan: &StreamPlan, bytes: &[u8]) -> Result<Output, Stop> {
    let mut out = Output::default();
    out.begin(UNKNOWN);
    let mut decoder = Decoder::new(bytes, 0, 0, bytes.len() as u64 * 8, Memory::default());
    decoder.memory.slots.resize(plan.slots, 0);
    decoder.begin_event(0);
    decoder.root(&plan.commons[0].plan, &mut out)?;
    decoder.root(&plan.events[0].payload, &mut out)?;
    Ok(out)
}

#[test]
fn neighbours_of_whole_bytes_become_one_step() {
    let (plan, _) = compile(
        "",
        "int a; u8 b; integer { size = 16; align = 16; } c; int d;",
    );
    let [Step::Align(16), Step::Bytes(12, items)] = &plan.events[0].payload[..] else {
        panic!("{:?}", plan.events[0].payload)
    };
    let places: Vec<_> = items.iter().map(|i| (i.at, i.bytes)).collect();
    assert_eq!(places, [(0, 4), (4, 1), (6, 2), (8, 4)]);
}

#[test]
fn context_goes_to_the_head_and_other_values_in_order() {
    let context =
        "int _pid; int _prio; integer { size = 8; encoding = UTF8; } _procname[4]; int _tid;";
    let (plan, class) = compile(context, "u8 _x;");
    assert_eq!(class.context.len(), 1);
    assert_eq!(class.context[0].name, "prio");
    let bytes = [
        7, 0, 0, 0, 20, 0, 0, 0, b'a', b'b', 0, b'z', 0xff, 0xff, 0xff, 0xff, 9,
    ];
    let out = decode(&plan, &bytes).unwrap();
    assert_eq!((out.pid, out.tid), (7, -1));
    assert_eq!(out.names.all(), [b"ab".to_vec()]);
    let mut cursor = Cursor::new(&out.values);
    assert_eq!(cursor.integer(), 20);
    assert_eq!(cursor.integer(), 9);
    assert!(cursor.rest().is_empty());
}

#[test]
fn sequences_take_their_length_and_leave_its_field_out() {
    let (plan, class) = compile("", "u8 __v_length; u8 _v[ __v_length ]; string _s;");
    let names: Vec<_> = class.payload.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(names, ["v", "s"]);
    let out = decode(&plan, b"\x03\x01\x02\x03hi\0").unwrap();
    let mut cursor = Cursor::new(&out.values);
    assert_eq!(cursor.count(), 3);
    assert_eq!(
        [cursor.integer(), cursor.integer(), cursor.integer()],
        [1, 2, 3]
    );
    assert_eq!(cursor.text(), b"hi");
    assert!(cursor.rest().is_empty());
    assert_eq!(decode(&plan, b"\x03\x01\x02").unwrap_err(), Stop::End);
    assert_eq!(decode(&plan, b"\x00hi").unwrap_err(), Stop::End);
}

#[test]
fn a_length_that_cannot_be_ends_before_anything_is_allocated() {
    let (plan, _) = compile(
        "",
        "integer { size = 64; align = 8; } n; u8 v[n]; struct {} e[n];",
    );
    let mut bytes = [0xff; 8].to_vec();
    bytes.push(1);
    assert_eq!(decode(&plan, &bytes).unwrap_err(), Stop::End);
    let (plan, _) = compile("", "integer { size = 64; align = 8; } n; struct {} e[n];");
    assert!(matches!(decode(&plan, &bytes), Err(Stop::Bad(_))));
}

#[test]
fn variants_choose_by_signed_tags_too() {
    let (plan, class) = compile(
        "",
        "enum : integer { size = 8; signed = true; } { minus = -1, plus = 1 ... 9 } t;
         variant <t> { int plus; string minus; } v; u8 end;",
    );
    assert_eq!(class.payload.len(), 3);
    let out = decode(&plan, b"\xffno\0\x05").unwrap();
    let mut cursor = Cursor::new(&out.values);
    assert_eq!(cursor.integer() as i64, -1);
    assert_eq!(cursor.count(), 1);
    assert_eq!(cursor.text(), b"no");
    assert_eq!(cursor.integer(), 5);
    let none = decode(&plan, b"\x00\0\0\0\0\0").unwrap_err();
    assert!(matches!(none, Stop::Bad(what) if what.contains("its tag 0")));
}

#[test]
fn bits_of_two_byte_orders_do_not_share_a_byte() {
    let (plan, _) = compile(
        "",
        "integer { size = 4; byte_order = le; } a; integer { size = 4; byte_order = be; } b;",
    );
    assert!(matches!(decode(&plan, &[0x21]), Err(Stop::Bad(_))));
    let (plan, _) = compile(
        "",
        "integer { size = 3; signed = true; } a; integer { size = 13; } b; floating_point { exp_dig = 8; mant_dig = 24; align = 8; } f;",
    );
    let mut bytes = vec![0b1010_0111, 0b0000_0011];
    bytes.extend(1.5f32.to_le_bytes());
    let out = decode(&plan, &bytes).unwrap();
    let mut cursor = Cursor::new(&out.values);
    assert_eq!(cursor.integer() as i64, -1);
    assert_eq!(cursor.integer(), 0b11_10100);
    assert_eq!(cursor.float(), 1.5);
}
