//! Whole metadata texts, good and bad.

use super::model::*;
use super::parse;
use crate::random::Random;
use std::path::Path;
use std::time::{Duration, Instant};

const TRACE: &str = "trace { major = 1; minor = 8; byte_order = be; };\n";

/// A little of everything that TSDL has.
const FULL: &str = r#"/* CTF 1.8 */
typealias integer { size = 8; } := uint8_t;
typealias integer { size = 32; align = 8; signed = 1; base = hex; } := unsigned long;
typealias integer { size = 64; align = 8; map = clock.late.value; } := stamp_t;
typealias integer { size = 64; byte_order = le; } := void *;
typedef uint8_t uuid_t[16];
struct head { uint8_t n; uint8_t list[n]; } align(32);
trace {
	major = 1; minor = 0x8; byte_order = be; // comes after types that need it
	uuid = "00010203-0405-0607-0809-0a0b0c0d0e0f";
	packet.header := struct { integer { size = 32; } magic; uuid_t uuid; uint8_t stream_id; };
};
env { host = "a\"b"; major = -3; kind = bare; };
clock { name = "late"; freq = 1000; offset_s = -5; offset = 7; precision = 2; absolute = true; };
callsite { name = "x"; file = "y"; line = 1; };
strange { nested { x = 1; }; };
stream {
	id = 1;
	typealias integer { size = 3; } := own;
	packet.context := struct { stamp_t timestamp_begin; own bits; };
	event.header := struct {
		enum : uint8_t { small = 0 ... 30, large = 31, next, "odd one" = 40 } id;
		variant <id> { uint8_t small; struct { uint8_t id; } large; } v;
	};
};
stream { id = 2; };
event { name = "one"; id = 4; stream_id = 1; loglevel = 13; unknown = 7;
	context := struct { uint8_t k; };
	fields := struct {
		void *p, *q;
		unsigned long m[2][3];
		floating_point { exp_dig = 11; mant_dig = 53; } d;
		string { encoding = ASCII; } s;
		struct head h;
		uint8_t here[h.n];
		uint8_t above[k];
		uint8_t far[stream.packet.context.bits];
		variant choice { uint8_t small; string next; };
		variant choice <stream.event.header.id> c;
	};
};
"#;

fn model(text: &str) -> Metadata {
    parse(text, Path::new("metadata")).unwrap()
}

fn fault(text: &str) -> String {
    parse(text, Path::new("m")).unwrap_err().to_string()
}

/// The structure that the fields of the first event of the first stream are.
fn fields(metadata: &Metadata) -> &[Field] {
    let event = &metadata.streams[0].events[0];
    &event.fields.as_ref().unwrap().structure().unwrap().fields
}

#[test]
fn blocks_come_out_whole() {
    let metadata = model(FULL);
    assert_eq!(metadata.uuid.unwrap()[15], 15);
    assert_eq!(metadata.byte_order, ByteOrder::Big);
    let text = |s: &str| EnvValue::Text(s.to_owned());
    let env: Vec<_> = metadata
        .env
        .iter()
        .map(|(n, v)| (n.as_str(), v.clone()))
        .collect();
    assert_eq!(
        env,
        [
            ("host", text("a\"b")),
            ("major", EnvValue::Integer(-3)),
            ("kind", text("bare"))
        ]
    );
    let clock = &metadata.clocks[0];
    assert_eq!(
        (clock.offset_s, clock.offset_cycles, clock.frequency),
        (-5, 7, 1000)
    );
    assert!(clock.absolute && clock.precision == 2);
    let ids: Vec<_> = metadata
        .streams
        .iter()
        .map(|s| (s.id, s.events.len()))
        .collect();
    assert_eq!(ids, [(1, 1), (2, 0)]);
    let event = &metadata.streams[0].events[0];
    assert_eq!(
        (event.id, event.loglevel, event.name.as_deref()),
        (4, Some(13), Some("one"))
    );
}

#[test]
fn types_have_their_attributes_and_defaults() {
    let metadata = model(FULL);
    let context = metadata.streams[0].packet_context.as_ref().unwrap();
    let context = &context.structure().unwrap().fields;
    let stamp = context[0].class.integer().unwrap();
    assert_eq!((stamp.clock, stamp.byte_order), (Some(0), ByteOrder::Big));
    assert_eq!(context[1].class.alignment(), 1);
    let fields = fields(&metadata);
    let names: Vec<_> = fields.iter().map(|f| f.name.as_str()).collect();
    assert_eq!(
        names,
        ["p", "q", "m", "d", "s", "h", "here", "above", "far", "c"]
    );
    assert_eq!(
        fields[0].class.integer().unwrap().byte_order,
        ByteOrder::Little
    );
    let FieldClass::Array {
        length: 2, element, ..
    } = &*fields[2].class
    else {
        panic!("{:?}", fields[2]);
    };
    let FieldClass::Array {
        length: 3, element, ..
    } = &**element
    else {
        panic!("{element:?}");
    };
    let long = element.integer().unwrap();
    assert!(long.signed && long.base == 16 && long.size == 32);
    assert_eq!(fields[3].class.alignment(), 8);
    assert_eq!(*fields[4].class, FieldClass::String(Encoding::Ascii));
    assert_eq!(fields[5].class.alignment(), 32);
}

#[test]
fn tags_and_lengths_are_found_where_the_scopes_say() {
    let metadata = model(FULL);
    let fields = fields(&metadata);
    let length = |i: usize| match &*fields[i].class {
        FieldClass::Sequence { length, .. } => (length.scope, length.path.clone()),
        other => panic!("{other:?}"),
    };
    assert_eq!(length(6), (Scope::EventFields, vec![5, 0]));
    assert_eq!(length(7), (Scope::EventContext, vec![0]));
    assert_eq!(length(8), (Scope::PacketContext, vec![1]));
    let head = fields[5].class.structure().unwrap();
    let FieldClass::Sequence { length, .. } = &*head.fields[1].class else {
        panic!("{head:?}");
    };
    assert_eq!(length.path, [5, 0]);
    let FieldClass::Variant(variant) = &*fields[9].class else {
        panic!("{:?}", fields[9]);
    };
    assert_eq!(variant.tag.as_ref().unwrap().scope, Scope::EventHeader);
    let choices: Vec<_> = variant
        .choices
        .iter()
        .map(|c| (c.low, c.high, c.option))
        .collect();
    assert_eq!(choices, [(0, 30, 0), (32, 32, 1)]);
}

#[test]
fn the_nearest_of_several_fields_is_meant() {
    let u8 = "typealias integer { size = 8; } := u8;";
    let text = format!(
        "{TRACE}{u8} stream {{ event.header := struct {{ u8 n; u8 m; }};
        event.context := struct {{ u8 m; }}; }};
        event {{ name = e; fields := struct {{ u8 n; struct {{ u8 k; u8 n; string a[n]; string b[m]; }} s;
        string c[s.n]; string d[n]; string e[stream.event.header.n]; }}; }};"
    );
    let metadata = model(&text);
    let found = |fields: &[Field], name: &str| {
        let field = fields.iter().find(|f| f.name == name).unwrap();
        match &*field.class {
            FieldClass::Sequence { length, .. } => (length.scope, length.path.clone()),
            other => panic!("{other:?}"),
        }
    };
    let outer = fields(&metadata);
    let inner = &outer[1].class.structure().unwrap().fields;
    assert_eq!(found(inner, "a"), (Scope::EventFields, vec![1, 1]));
    assert_eq!(found(inner, "b"), (Scope::StreamEventContext, vec![0]));
    assert_eq!(found(outer, "c"), (Scope::EventFields, vec![1, 1]));
    assert_eq!(found(outer, "d"), (Scope::EventFields, vec![0]));
    assert_eq!(found(outer, "e"), (Scope::EventHeader, vec![0]));
}

#[test]
fn an_event_without_stream_and_ids_gets_both() {
    let metadata = model(&format!("{TRACE}event {{ name = a; }};"));
    assert_eq!(
        (metadata.streams[0].id, metadata.streams[0].events[0].id),
        (0, 0)
    );
}

#[test]
fn mistakes_are_refused_at_their_line() {
    let int = "integer { size = 8; }";
    let cases = [
        (
            "typealias integer { size = 8; ] := a;",
            "2, column 31: expected an attribute or `}`, found `]`",
        ),
        ("typealias integer { align = 8; } := a;", "without `size`"),
        (
            "typealias integer { size = 65; } := a;",
            "expected 1 to 64 bits, found 65",
        ),
        (
            "typealias integer { size = 8; align = 3; } := a;",
            "power of 2",
        ),
        (
            "typealias integer { size = 8; base = 7; } := a;",
            "expected 2, 8, 10 or 16",
        ),
        (
            "typealias integer { size = 8; signed = maybe; } := a;",
            "`true` or `false`, found `maybe`",
        ),
        (
            "typealias integer { size = 8; map = clock.x.value; } := a;",
            "clock `x` is not declared",
        ),
        (
            "typealias floating_point { exp_dig = 5; mant_dig = 11; } := a;",
            "exp_dig",
        ),
        (
            "typealias nothing := a;",
            "found `nothing`, which is not declared",
        ),
        (
            "struct a { }; struct a { };",
            "`struct a` is declared twice",
        ),
        (
            "struct a { string x; string x; };",
            "field `x` is declared twice",
        ),
        (
            "struct a { struct a x; };",
            "`struct a`, which is not declared",
        ),
        (
            "typealias string := s; enum e : s { a };",
            "an enumeration of a string",
        ),
        ("clock { name = c; freq = 0; };", "frequency 0"),
        ("clock { freq = 1; };", "a clock without a name"),
        (
            "clock { name = c; name = d; };",
            "2, column 19: a second `name`",
        ),
        (
            "typealias integer { size = 8; size = 16; } := a;",
            "a second `size`",
        ),
        ("stream { id = 1; };", "no field `stream_id`"),
        (
            "event { fields := struct { string a[env.n]; }; };",
            "`env` has no such number",
        ),
        (
            "clock { name = c; }; clock { name = c; };",
            "declared twice",
        ),
        (
            "trace { major = 1; minor = 8; byte_order = le; };",
            "second `trace`",
        ),
        (
            "stream { }; stream { };",
            "several stream classes without `id`",
        ),
        (
            "stream { id = 1; }; stream { id = 1; };",
            "second stream class with the ID 1",
        ),
        (
            "event { stream_id = 3; }; stream { };",
            "stream class 3, which is not declared",
        ),
        (
            "event { id = 1; }; event { id = 1; };",
            "second event with the ID 1",
        ),
        (
            "event { fields := string; };",
            "expected a structure, found a string",
        ),
        (
            "event { fields := struct { string a[n]; }; };",
            "earlier field, found `n`",
        ),
        (
            "event { fields := struct { variant { string a; } v; }; };",
            "variant without a tag",
        ),
        (
            "stream { packet.context = 5; };",
            "expected `:=` and a type, found 5",
        ),
        ("what is", "expected a block or a declaration, found `what`"),
        (";", "expected a block or a declaration, found `;`"),
        (
            "event { name = a;; };",
            "expected an attribute or `}`, found `;`",
        ),
        ("thing { a } stream { };", "expected `;`, found `stream`"),
        ("enum e : integer { size = 8; } { a = - -1 };", "found `-`"),
        ("thing { a { }", "a block without its end"),
        ("event { name = ", "found the end of the metadata"),
    ];
    for (text, expected) in cases {
        let found = fault(&format!("{TRACE}{text}"));
        assert!(found.contains(expected), "{text}: {found}");
        assert!(found.starts_with("m, line 2, column"), "{text}: {found}");
    }
    let tag =
        format!("event {{ fields := struct {{ {int} t; variant <t> {{ string a; }} v; }}; }};");
    assert!(
        fault(&(TRACE.to_owned() + &tag)).contains("expected an enumeration, found an integer")
    );
    let signed =
        "event { fields := struct { integer { size = 8; signed = 1; } n; string a[n]; }; };";
    assert!(fault(&(TRACE.to_owned() + signed)).contains("found a signed integer"));
    let range = format!("{TRACE}enum e : {int} {{ a = 5 ... 3 }};");
    assert!(fault(&range).contains("empty range of values: 5 ... 3"));
}

#[test]
fn traces_without_a_version_or_byte_order_are_refused() {
    assert!(fault("").contains("no `trace` block"));
    assert!(fault("trace { major = 1; minor = 8; };").contains("`byte_order`"));
    assert!(fault("trace { byte_order = le; };").contains("without its version"));
    let old = fault("trace { major = 0; minor = 1; byte_order = le; };");
    assert!(old.contains("found version 0.1"), "{old}");
    assert!(fault("trace { byte_order = native; };").contains("`le` or `be`"));
}

#[test]
fn an_event_without_a_name_is_refused() {
    let found = fault(&format!("{TRACE}event {{ id = 4; }};"));
    assert!(
        found.contains("the event 4 of the stream class 0 has no name"),
        "{found}"
    );
}

#[test]
fn a_length_can_be_a_number_of_the_environment() {
    let text = format!(
        "{TRACE}event {{ name = e; fields := struct {{ string a[env.n][2]; }}; }};\nenv {{ n = 3; n2 = 4; }};"
    );
    let metadata = model(&text);
    let FieldClass::Array {
        length: 3, element, ..
    } = &*fields(&metadata)[0].class
    else {
        panic!("{:?}", fields(&metadata))
    };
    assert!(matches!(**element, FieldClass::Array { length: 2, .. }));
}

#[test]
fn fields_with_a_meaning_are_what_they_have_to_be() {
    let int = |rest: &str| format!("integer {{ size = 8; {rest} }}");
    let trace = |header: &str| {
        format!(
            "trace {{ major = 1; minor = 8; byte_order = be; packet.header := struct {{ {header} }}; }};\n"
        )
    };
    let cases = [
        (
            trace(&format!("{} magic;", int(""))),
            "magic: expected 32 bits, found 8",
        ),
        (
            trace(&format!("{} x; integer {{ size = 32; }} magic;", int(""))),
            "magic: is not the first field",
        ),
        (
            trace("string stream_id;"),
            "stream_id: expected an unsigned integer, found a string",
        ),
        (
            trace(&format!("{} uuid[15];", int(""))),
            "uuid: expected an array of 16 bytes",
        ),
        (
            TRACE.to_owned()
                + &format!(
                    "stream {{ packet.context := struct {{ {} packet_size; }}; }};",
                    int("signed = 1;")
                ),
            "stream.packet.context.packet_size (stream class 0): expected an unsigned integer, found a signed one",
        ),
        (
            TRACE.to_owned() + "stream { }; event { id = 1; }; event { id = 2; };",
            "several event classes in the stream class 0, and no field id",
        ),
        (
            TRACE.to_owned()
                + &format!(
                    "clock {{ name = a; }}; clock {{ name = b; }}; event {{ fields := struct {{ {} x; {} y; }}; }};",
                    int("map = clock.a.value;"),
                    int("map = clock.b.value;")
                ),
            "several clocks",
        ),
    ];
    for (text, expected) in cases {
        let found = fault(&text);
        assert!(found.contains(expected), "{text}: {found}");
    }
}

#[test]
fn depth_and_size_are_limited() {
    let nested = "struct { ".repeat(100_000);
    assert!(fault(&format!("{TRACE}event {{ fields := {nested}")).contains("nested more than"));
    let arrays = "[1]".repeat(100_000);
    let text = format!("{TRACE}event {{ fields := struct {{ string a{arrays}; }}; }};");
    assert!(fault(&text).contains("nested more than"));
    let mut chain = format!("{TRACE}struct s0 {{ string a; }};");
    for i in 0..100 {
        chain += &format!("struct s{} {{ struct s{i} a; }};", i + 1);
    }
    assert!(fault(&chain).contains("nested more than"));
    let mut doubled = format!("{TRACE}struct s0 {{ string a; }};");
    for i in 0..60 {
        doubled += &format!("struct s{} {{ struct s{i} a; struct s{i} b; }};", i + 1);
    }
    doubled += "event { fields := struct s60; };";
    assert!(fault(&doubled).contains("fields and labels in all"));
}

#[test]
fn no_cut_and_no_mutation_makes_it_panic_or_hang() {
    let begin = Instant::now();
    for length in 0..FULL.len() {
        let cut = &FULL[..length];
        // Only what comes after the last block may be missing.
        assert!(parse(cut, Path::new("m")).is_err() || length + 3 > FULL.len() || is_whole(cut));
    }
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..5_000 {
        let mut bytes = FULL.as_bytes().to_vec();
        for _ in 0..1 + random.any() % 4 {
            let at = (random.any() % bytes.len() as u64) as usize;
            bytes[at] = random.any() as u8;
        }
        let _ = parse(&String::from_utf8_lossy(&bytes), Path::new("m"));
    }
    assert!(begin.elapsed() < Duration::from_secs(60));
}

/// Whether a text ends after a block, so that it is one by itself.
fn is_whole(text: &str) -> bool {
    let open = text.matches('{').count();
    let end = text.trim_end_matches(['\n', ' ', ';']);
    open == text.matches('}').count() && (end.ends_with('}') || end.is_empty())
}
