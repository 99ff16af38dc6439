//! Types as field classes of CTF 2: the same bytes, said otherwise.

use super::bits::Order;
use super::modern::{self, Length, Modern};
use super::shape::{Int, Label, Reference, Type};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Roles, by the absolute paths of the fields that have them.
const ROLES: [(&str, &str); 15] = [
    ("trace.packet.header.magic", "packet-magic-number"),
    ("trace.packet.header.uuid", "metadata-stream-uuid"),
    ("trace.packet.header.stream_id", "data-stream-class-id"),
    ("trace.packet.header.stream_instance_id", "data-stream-id"),
    (
        "stream.packet.context.timestamp_begin",
        "default-clock-timestamp",
    ),
    (
        "stream.packet.context.timestamp_end",
        "packet-end-default-clock-timestamp",
    ),
    (
        "stream.packet.context.content_size",
        "packet-content-length",
    ),
    ("stream.packet.context.packet_size", "packet-total-length"),
    (
        "stream.packet.context.events_discarded",
        "discarded-event-record-counter-snapshot",
    ),
    (
        "stream.packet.context.packet_seq_num",
        "packet-sequence-number",
    ),
    ("stream.event.header.id", "event-record-class-id"),
    ("stream.event.header.timestamp", "default-clock-timestamp"),
    (
        "stream.event.header.v.compact.timestamp",
        "default-clock-timestamp",
    ),
    ("stream.event.header.v.extended.id", "event-record-class-id"),
    (
        "stream.event.header.v.extended.timestamp",
        "default-clock-timestamp",
    ),
];

const ORIGINS: [(&str, &str); 6] = [
    ("trace.packet.header.", "packet-header"),
    ("stream.packet.context.", "packet-context"),
    ("stream.event.header.", "event-record-header"),
    ("stream.event.context.", "event-record-common-context"),
    ("event.context.", "event-record-specific-context"),
    ("event.fields.", "event-record-payload"),
];

/// Makes field classes.
#[derive(Default)]
pub struct Writer {
    /// The labels of enumerations met so far, by their absolute paths.
    labels: HashMap<String, Vec<Label>>,
    /// Absolute paths of the structures around this place.
    around: Vec<String>,
}

impl Writer {
    /// The field class of a type whose field has this absolute path.
    pub fn class(&mut self, key: &str, ty: &Type) -> Value {
        match ty {
            Type::Int(int) => integer(key, int, &[]),
            Type::Enum(int, labels) => {
                self.labels.insert(key.to_owned(), labels.clone());
                integer(key, int, labels)
            }
            Type::Float {
                double,
                align,
                order,
            } => json!({
                "type": "fixed-length-floating-point-number",
                "length": if *double { 64 } else { 32 },
                "alignment": align,
                "byte-order": byte_order(*order),
            }),
            Type::Text => json!({"type": "null-terminated-string"}),
            Type::Modern(ty) => self.modern(key, ty),
            Type::Struct { align, fields } => {
                self.around.push(key.to_owned());
                let members = fields.iter().map(|(name, ty)| {
                    json!({"name": shown(name), "field-class": self.class(&format!("{key}.{name}"), ty)})
                });
                let members: Vec<Value> = members.collect();
                self.around.pop();
                json!({"type": "structure", "member-classes": members, "minimum-alignment": align.unwrap_or(1)})
            }
            Type::Variant { tag, options } => {
                let labels = self.labels[&tag.key].clone();
                let options = options.iter().map(|(name, ty)| {
                    let ranges = labels.iter().filter(|(label, ..)| label == name);
                    let ranges: Vec<Value> =
                        ranges.map(|(_, low, high)| range(*low, *high)).collect();
                    json!({
                        "name": shown(name),
                        "field-class": self.class(&format!("{key}.{name}"), ty),
                        "selector-field-ranges": ranges,
                    })
                });
                let options: Vec<Value> = options.collect();
                json!({"type": "variant", "selector-field-location": self.location(tag), "options": options})
            }
            Type::Array(length, _) if key == "trace.packet.header.uuid" => json!({
                "type": "static-length-blob", "length": length, "roles": ["metadata-stream-uuid"],
            }),
            Type::Array(length, element) => match is_text(element) {
                true => json!({"type": "static-length-string", "length": length}),
                false => json!({
                    "type": "static-length-array", "length": length, "element-field-class": self.class(key, element),
                }),
            },
            Type::Sequence(length, element) => {
                let location = self.location(length);
                match is_text(element) {
                    true => {
                        json!({"type": "dynamic-length-string", "length-field-location": location})
                    }
                    false => json!({
                        "type": "dynamic-length-array",
                        "length-field-location": location,
                        "element-field-class": self.class(key, element),
                    }),
                }
            }
        }
    }

    fn modern(&mut self, key: &str, ty: &Modern) -> Value {
        let (inner, location) = match ty {
            Modern::Wide(_, Length::Said(length)) | Modern::Blob(Length::Said(length)) => {
                (None, Some(self.location(length)))
            }
            Modern::Aligned(_, of) => (Some(self.class(key, of)), None),
            Modern::Optional(tag, _, present) => {
                let inner = self.class(&format!("{key}.present"), present);
                (Some(inner), Some(self.location(tag)))
            }
            _ => (None, None),
        };
        let mut class = modern::class(ty, inner, location);
        if let Modern::Variable(_, labels) = ty {
            self.labels.insert(key.to_owned(), labels.clone());
            finish(&mut class, key, labels);
        }
        if let Modern::Optional(tag, Some(chosen), _) = ty {
            let ranges = self.labels[&tag.key]
                .iter()
                .filter(|(name, ..)| chosen.contains(name));
            let ranges: Vec<Value> = ranges.map(|(_, low, high)| range(*low, *high)).collect();
            class["selector-field-ranges"] = json!(ranges);
        }
        class
    }

    /// Where a length or a tag is: from the structure around this place that holds it, or from its root.
    fn location(&self, reference: &Reference) -> Value {
        let holds = |key: &&String| reference.key == format!("{key}.{}", reference.written);
        let names = |path: &str| {
            path.split('.')
                .map(|name| json!(shown(name)))
                .collect::<Vec<_>>()
        };
        match self.around.iter().rev().position(|key| holds(&key)) {
            Some(up) => {
                let mut path = vec![Value::Null; up];
                path.extend(names(&reference.written));
                json!({"path": path})
            }
            None => {
                let origin = ORIGINS.iter().find_map(|(prefix, origin)| {
                    Some((reference.key.strip_prefix(prefix)?, origin))
                });
                let (path, origin) = origin.unwrap();
                json!({"origin": origin, "path": names(path)})
            }
        }
    }
}

fn is_text(ty: &Type) -> bool {
    matches!(ty, Type::Int(int) if int.text)
}

/// CTF 1.8 writes an underscore before names that could be keywords.
fn shown(name: &str) -> &str {
    name.strip_prefix('_').unwrap_or(name)
}

pub fn byte_order(order: Order) -> &'static str {
    match order {
        Order::Little => "little-endian",
        Order::Big => "big-endian",
    }
}

/// JSON's numbers have 64 bits.
fn range(low: i128, high: i128) -> Value {
    let number = |n: i128| match i64::try_from(n) {
        Ok(n) => json!(n),
        Err(_) => json!(n as u64),
    };
    json!([number(low), number(high)])
}

fn integer(key: &str, int: &Int, labels: &[Label]) -> Value {
    let sign = if int.signed { "signed" } else { "unsigned" };
    let mut class = json!({
        "type": format!("fixed-length-{sign}-integer"),
        "length": int.size,
        "alignment": int.align,
        "byte-order": byte_order(int.order),
    });
    finish(&mut class, key, labels);
    class
}

/// Adds the role and the labels.
fn finish(class: &mut Value, key: &str, labels: &[Label]) {
    if let Some((_, role)) = ROLES.iter().find(|(of, _)| *of == key) {
        class["roles"] = json!([role]);
    }
    let mut mappings = serde_json::Map::new();
    for (name, low, high) in labels {
        let ranges = mappings.entry(name.as_str()).or_insert_with(|| json!([]));
        ranges.as_array_mut().unwrap().push(range(*low, *high));
    }
    if !mappings.is_empty() {
        class["mappings"] = Value::Object(mappings);
    }
}
