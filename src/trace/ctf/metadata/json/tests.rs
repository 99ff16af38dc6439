//! Whole metadata of CTF 2, good and bad. That its fields are decoded as those of CTF 1.8 is shown in tests/it/readers.rs,
//! and what only CTF 2 has in tests/it/ctf2.rs.

use super::*;

fn sequence(fragments: &[&str]) -> String {
    fragments.iter().map(|f| format!("\u{1E}{f}\n")).collect()
}

const PREAMBLE: &str =
    r#"{"type": "preamble", "version": 2, "uuid": [0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]}"#;
const STREAM: &str = r#"{"type": "data-stream-class", "id": 3}"#;

fn model(fragments: &[&str]) -> Metadata {
    parse(&sequence(fragments), Path::new("metadata")).unwrap()
}

fn fault_of(fragments: &[&str]) -> String {
    parse(&sequence(fragments), Path::new("m"))
        .unwrap_err()
        .to_string()
}

/// The payload's fields of an event record class whose payload has these member classes.
fn payload(members: &str) -> Result<Vec<Field>, String> {
    let event = format!(
        r#"{{"type": "event-record-class", "data-stream-class-id": 3, "payload-field-class":
            {{"type": "structure", "member-classes": [{members}]}}}}"#
    );
    let text = sequence(&[PREAMBLE, STREAM, &event]);
    let metadata = parse(&text, Path::new("m")).map_err(|e| e.to_string())?;
    let root = metadata.streams[0].events[0].fields.clone().unwrap();
    Ok(root.structure().unwrap().fields.clone())
}

const LENGTH: &str = r#"{"name": "n", "field-class": {"type": "fixed-length-unsigned-integer", "length": 8,
    "byte-order": "big-endian", "mappings": {"few": [[0, 3]], "many": [[4, 9], [20, 255]]}}}"#;

#[test]
fn fragments_come_out_whole() {
    let metadata = model(&[
        PREAMBLE,
        r#"{"type": "field-class-alias", "name": "u64", "field-class": {"type": "fixed-length-unsigned-integer",
            "length": 64, "alignment": 8, "byte-order": "little-endian", "roles": ["default-clock-timestamp"]}}"#,
        r#"{"type": "trace-class", "environment": {"host": "a", "n": -3}, "packet-header-field-class":
            {"type": "structure", "member-classes": [{"name": "what", "field-class":
             {"type": "static-length-blob", "length": 16, "roles": ["metadata-stream-uuid"]}}]}}"#,
        r#"{"type": "clock-class", "id": "c", "name": "monotonic", "frequency": 1000, "origin": "unix-epoch",
            "offset-from-origin": {"seconds": -5, "cycles": 7}}"#,
        r#"{"type": "data-stream-class", "id": 3, "default-clock-class-id": "c", "event-record-header-field-class":
            {"type": "structure", "minimum-alignment": 32, "member-classes": [{"name": "t", "field-class": "u64"}]}}"#,
        r#"{"type": "event-record-class", "id": 9, "data-stream-class-id": 3, "name": "e"}"#,
    ]);
    assert_eq!(metadata.uuid.unwrap()[15], 15);
    assert_eq!(metadata.env[1], ("n".to_owned(), EnvValue::Integer(-3)));
    let header = metadata.packet_header.unwrap();
    let uuid = &header.structure().unwrap().fields[0];
    assert_eq!(uuid.name, "what");
    let FieldClass::Array {
        length: 16,
        element,
        ..
    } = &*uuid.class
    else {
        panic!("{uuid:?}")
    };
    assert!(element.integer().unwrap().roles.has(Role::Uuid));
    let clock = &metadata.clocks[0];
    assert_eq!(
        (clock.offset_s, clock.offset_cycles, clock.absolute),
        (-5, 7, true)
    );
    let stream = &metadata.streams[0];
    let root = stream.event_header.as_ref().unwrap();
    assert_eq!(root.alignment(), 32);
    let time = &root.structure().unwrap().fields[0];
    assert_eq!(time.name, "t");
    assert_eq!(time.class.integer().unwrap().clock, Some(0));
    assert_eq!(
        (stream.events[0].id, stream.events[0].name.as_deref()),
        (9, Some("e"))
    );
}

#[test]
fn locations_name_earlier_fields() {
    let nested = r#"{"name": "s", "field-class": {"type": "structure", "member-classes": [
        {"name": "here", "field-class": {"type": "dynamic-length-blob", "length-field-location": {"path": [null, "n"]}}},
        {"name": "_there", "field-class": {"type": "dynamic-length-string", "length-field-location":
            {"origin": "event-record-payload", "path": ["n"]}}}]}}"#;
    let fields = payload(&format!("{LENGTH}, {nested}")).unwrap();
    let inner = &fields[1].class.structure().unwrap().fields;
    assert_eq!(inner[1].name, "__there");
    for field in inner {
        let FieldClass::Sequence { length, .. } = &*field.class else {
            panic!("{field:?}")
        };
        assert_eq!(
            (length.scope, &length.path[..]),
            (Scope::EventFields, &[0][..])
        );
    }
    let later = r#"{"name": "s", "field-class": {"type": "dynamic-length-blob", "length-field-location": {"path": ["n"]}}}"#;
    let e = payload(&format!("{later}, {LENGTH}")).unwrap_err();
    assert!(e.contains("no earlier field"), "{e}");
}

/// The field classes of the spec's examples 88 and 89: a length in the element, or the option, that is being decoded.
#[test]
fn locations_lead_into_what_is_being_decoded() {
    let length = r#"{"name": "n", "field-class": {"type": "variable-length-unsigned-integer"}}"#;
    for (path, location) in [
        (vec![1, 0], r#"{"path": ["n"]}"#),
        (
            vec![1, 0],
            r#"{"origin": "event-record-payload", "path": ["a", "n"]}"#,
        ),
        (vec![1, 0], r#"{"path": [null, "a", "n"]}"#),
        (vec![1, 0], r#"{"path": [null, "t", null, "a", "n"]}"#),
    ] {
        let blob = format!(
            r#"{{"name": "b", "field-class": {{"type": "dynamic-length-blob", "length-field-location": {location}}}}}"#
        );
        let fields = payload(&format!(
            r#"{LENGTH}, {{"name": "a", "field-class": {{"type": "static-length-array", "length": 3, "minimum-alignment": 64,
                "element-field-class": {{"type": "structure", "member-classes": [{length}, {blob}]}}}}}}"#
        ))
        .unwrap();
        assert_eq!(fields[1].class.alignment(), 64);
        let FieldClass::Array { element, .. } = &*fields[1].class else {
            panic!("{fields:?}")
        };
        let FieldClass::Sequence { length, .. } = &*element.structure().unwrap().fields[1].class
        else {
            panic!("{element:?}")
        };
        assert_eq!((length.scope, &length.path), (Scope::EventFields, &path));
    }
    for location in [
        r#"{"path": []}"#,
        r#"{"path": ["n", null]}"#,
        r#"{"path": [null, "n"]}"#,
    ] {
        let e = payload(&format!(
            r#"{LENGTH}, {{"name": "b", "field-class": {{"type": "dynamic-length-blob", "length-field-location": {location}}}}}"#
        ));
        assert!(e.unwrap_err().contains("no earlier field"));
    }
}

const ROOTS: &str = r#"{"type": "clock-class", "id": "c", "frequency": 1000}"#;

/// The fault of metadata whose packet header and packet context have these members.
fn fault_of_roots(preamble: &str, header: &str, context: &str) -> Option<String> {
    let structure =
        |members: &str| format!(r#"{{"type": "structure", "member-classes": [{members}]}}"#);
    let trace = format!(
        r#"{{"type": "trace-class", "packet-header-field-class": {}}}"#,
        structure(header)
    );
    let stream = format!(
        r#"{{"type": "data-stream-class", "default-clock-class-id": "c", "packet-context-field-class": {}}}"#,
        structure(context)
    );
    let text = sequence(&[preamble, ROOTS, &trace, &stream]);
    parse(&text, Path::new("m")).err().map(|e| e.to_string())
}

#[test]
fn roles_are_checked_wherever_they_stand() {
    let member = |class: &str| format!(r#"{{"name": "x", "field-class": {class}}}"#);
    let inside = |class: &str| {
        let inner = member(class);
        member(&format!(
            r#"{{"type": "structure", "member-classes": [{inner}]}}"#
        ))
    };
    let magic = r#"{"type": "fixed-length-unsigned-integer", "length": 32, "byte-order": "little-endian", "roles": ["packet-magic-number"]}"#;
    let short = magic.replace("32", "16");
    let uuid = r#"{"type": "static-length-blob", "length": 16, "roles": ["metadata-stream-uuid"]}"#;
    let long = uuid.replace("16", "17");
    let time = r#"{"type": "variable-length-unsigned-integer", "roles": ["default-clock-timestamp", "packet-end-default-clock-timestamp"]}"#;
    let bare = r#"{"type": "preamble", "version": 2}"#;
    for (preamble, header, context, expected) in [
        (PREAMBLE, member(magic), inside(time), None),
        (PREAMBLE, inside(uuid), String::new(), None),
        (
            PREAMBLE,
            inside(magic),
            String::new(),
            Some("not the first field"),
        ),
        (PREAMBLE, member(&short), String::new(), Some("not 32 bits")),
        (
            PREAMBLE,
            member(&long),
            String::new(),
            Some("a UUID of 17 bytes"),
        ),
        (bare, member(uuid), String::new(), Some("has no `uuid`")),
        (
            PREAMBLE,
            inside(time),
            String::new(),
            Some("without a default clock"),
        ),
        (PREAMBLE, String::new(), inside(magic), Some("cannot have")),
    ] {
        let fault = fault_of_roots(preamble, &header, &context);
        match expected {
            None => assert_eq!(fault, None),
            Some(expected) => assert!(fault.as_ref().unwrap().contains(expected), "{fault:?}"),
        }
    }
}

#[test]
fn variants_and_optional_fields_are_chosen_by_ranges() {
    let fields = payload(&format!(
        r#"{LENGTH}, {{"name": "v", "field-class": {{"type": "variant", "selector-field-location": {{"path": ["n"]}},
            "options": [{{"name": "a", "field-class": {{"type": "null-terminated-string"}}, "selector-field-ranges": [[1, 2], [7, 7]]}},
                        {{"field-class": {{"type": "static-length-blob", "length": 2}}, "selector-field-ranges": [[3, 3]]}}]}}}},
           {{"name": "o", "field-class": {{"type": "optional", "selector-field-location": {{"path": ["n"]}},
            "field-class": {{"type": "null-terminated-string"}}, "selector-field-ranges": [[5, 6]]}}}}"#
    ))
    .unwrap();
    let variant = |i: usize| match &*fields[i].class {
        FieldClass::Variant(variant) => variant.clone(),
        other => panic!("{other:?}"),
    };
    let chosen = |i: usize| {
        let choices = variant(i).choices.into_iter();
        choices
            .map(|c| (c.low, c.high, c.option))
            .collect::<Vec<_>>()
    };
    assert_eq!(chosen(1), [(1, 2, 0), (7, 7, 0), (3, 3, 1)]);
    assert_eq!(variant(1).options[1].name, "option1");
    assert_eq!(chosen(2)[0], (5, 6, 0));
    assert_eq!(chosen(2)[1].2, 1);
}

#[test]
fn mistakes_are_refused_at_their_fragment() {
    let cases: [(&[&str], &str); 10] = [
        (&[STREAM], "line 1, column 1: expected one preamble"),
        (
            &[PREAMBLE, "{"],
            "line 3, column 0: a fragment that is no JSON",
        ),
        (
            &[PREAMBLE, PREAMBLE],
            "line 2, column 1: expected one preamble",
        ),
        (
            &[r#"{"type": "preamble", "version": 3}"#],
            "found version 3",
        ),
        (&[PREAMBLE, r#"{"type": "x"}"#], "unknown"),
        (
            &[PREAMBLE, STREAM, STREAM],
            "line 3, column 1: a second data stream class",
        ),
        (
            &[PREAMBLE, r#"{"type": "event-record-class"}"#],
            "not declared",
        ),
        (&[PREAMBLE], "without a data stream class"),
        (
            &[PREAMBLE, r#"{"type": "data-stream-class", "idd": 3}"#],
            "a property \"idd\", which a fragment of the type \"data-stream-class\" does not have",
        ),
        (
            &[
                PREAMBLE,
                r#"{"type": "clock-class", "id": "c", "frequency": 1, "origin": {"name": "a"}}"#,
            ],
            "`uid` is missing",
        ),
    ];
    for (fragments, expected) in cases {
        let e = fault_of(fragments);
        assert!(e.contains(expected), "{e}");
    }
    for (class, expected) in [
        (r#"{"type": "variable-length-float"}"#, "unknown type"),
        (
            r#"{"type": "fixed-length-floating-point-number", "length": 128, "byte-order": "little-endian"}"#,
            "of 128 bits, which is not read: a column of 64-bit numbers cannot hold it exactly",
        ),
        (
            r#"{"type": "fixed-length-floating-point-number", "length": 80, "byte-order": "little-endian"}"#,
            "expected 16, 32 or 64",
        ),
        (
            r#"{"type": "variable-length-unsigned-integer", "roles": ["event-record-class-id"]}"#,
            "which a field here cannot have",
        ),
        (
            r#"{"type": "variable-length-signed-integer", "roles": ["data-stream-id"]}"#,
            "a property \"roles\", which a field class of the type \"variable-length-signed-integer\" does not have",
        ),
        (
            r#"{"type": "null-terminated-string", "extensions": {"my": {"piano": 1}}}"#,
            "extensions that change how the trace is read: my",
        ),
        (
            r#"{"type": "fixed-length-boolean", "length": 65, "byte-order": "little-endian"}"#,
            "1 to 64",
        ),
        (
            r#"{"type": "fixed-length-boolean", "length": 8}"#,
            "`byte-order` is missing",
        ),
        (
            r#"{"type": "null-terminated-string", "encoding": "utf-16"}"#,
            "the unknown encoding",
        ),
        (
            r#"{"type": "fixed-length-bit-map", "length": 8, "byte-order": "little-endian"}"#,
            "`flags` is missing",
        ),
        (
            r#"{"type": "fixed-length-bit-map", "length": 8, "byte-order": "little-endian", "flags": {"a": [[7, 8]]}}"#,
            "the flag \"a\" of the bits 7 to 8, of 8",
        ),
        (
            r#"{"type": "variable-length-unsigned-integer", "mappings": {"a": [[-1, 8]]}}"#,
            "the range [-1, 8] of unsigned integers",
        ),
        (
            r#"{"type": "null-terminated-string", "encoding": null}"#,
            "`encoding`: expected a text, found null",
        ),
        (r#""nobody""#, "not declared"),
        ("7", "a JSON object"),
    ] {
        let e = payload(&format!(r#"{{"name": "x", "field-class": {class}}}"#)).unwrap_err();
        assert!(e.contains(expected), "{e}");
    }
}

#[test]
fn aliases_neither_grow_without_end_nor_recurse() {
    let mut fragments = vec![PREAMBLE.to_owned()];
    let alias = |name: usize, class: String| {
        format!(r#"{{"type": "field-class-alias", "name": "a{name}", "field-class": {class}}}"#)
    };
    fragments.push(alias(0, r#"{"type": "null-terminated-string"}"#.to_owned()));
    for i in 1..25 {
        let member = |n| format!(r#"{{"name": "{n}", "field-class": "a{}"}}"#, i - 1);
        let class = format!(
            r#"{{"type": "structure", "member-classes": [{}, {}]}}"#,
            member("x"),
            member("y")
        );
        fragments.push(alias(i, class));
    }
    fragments
        .push(r#"{"type": "data-stream-class", "packet-context-field-class": "a24"}"#.to_owned());
    let all: Vec<&str> = fragments.iter().map(String::as_str).collect();
    assert!(
        fault_of(&all).contains("fields and labels"),
        "{}",
        fault_of(&all)
    );
    let own = r#"{"type": "field-class-alias", "name": "a", "field-class": "a"}"#;
    let use_it = r#"{"type": "data-stream-class", "packet-context-field-class": "a"}"#;
    assert!(fault_of(&[PREAMBLE, own, use_it]).contains("deep"));
}
