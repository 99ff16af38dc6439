//! Field classes of CTF 2, made and resolved in one go.
//!
//! The one idea: a field location names fields that come earlier, so a root is walked in the order in which a reader
//! meets its fields, and the structures around the place are kept with what was met of them. An alias is kept as JSON
//! and walked where it is used: what it refers to depends on that place.

use super::object::{Fault, Object, fault};
use crate::trace::ctf::metadata::model::*;
use crate::trace::ctf::metadata::types::MAX_DEPTH;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// More fields and labels than this in all uses of aliases together are refused: a few fragments can double one again
/// and again.
const MAX_NODES: usize = 1 << 20;

/// Roles that an integer of a root may have, and the names that CTF 1.8 gives to fields that have them.
const ROLES: [(Scope, &str, &str); 12] = [
    (Scope::PacketHeader, "packet-magic-number", "magic"),
    (Scope::PacketHeader, "metadata-stream-uuid", "uuid"),
    (Scope::PacketHeader, "data-stream-class-id", "stream_id"),
    (Scope::PacketHeader, "data-stream-id", "stream_instance_id"),
    (Scope::PacketContext, "packet-total-length", "packet_size"),
    (
        Scope::PacketContext,
        "packet-content-length",
        "content_size",
    ),
    (
        Scope::PacketContext,
        "default-clock-timestamp",
        "timestamp_begin",
    ),
    (
        Scope::PacketContext,
        "packet-end-default-clock-timestamp",
        "timestamp_end",
    ),
    (
        Scope::PacketContext,
        "packet-sequence-number",
        "packet_seq_num",
    ),
    (
        Scope::PacketContext,
        "discarded-event-record-counter-snapshot",
        "events_discarded",
    ),
    (Scope::EventHeader, "event-record-class-id", "id"),
    (Scope::EventHeader, "default-clock-timestamp", "timestamp"),
];

/// A member's place: its data stream class (0 for packet headers, which all have in common), root and path.
type Place = (u64, Scope, Vec<usize>);

/// A structure whose members are being made.
struct Frame {
    /// Length of its own path.
    depth: usize,
    /// The members met so far, by their own names.
    members: Vec<(String, Arc<FieldClass>)>,
}

/// Makes field classes.
pub(super) struct Builder {
    aliases: HashMap<String, Value>,
    /// The roots that come before this one, by the names of their members.
    done: Vec<(Scope, Arc<FieldClass>)>,
    open: Vec<Frame>,
    path: Vec<usize>,
    scope: Scope,
    clock: Option<usize>,
    nesting: usize,
    left: usize,
    /// The data stream class that is being made, or that event record classes are made for.
    stream: u64,
    /// The names of members before roles renamed them.
    names: HashMap<Place, String>,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            aliases: HashMap::new(),
            done: Vec::new(),
            open: Vec::new(),
            path: Vec::new(),
            scope: Scope::PacketHeader,
            clock: None,
            nesting: 0,
            left: MAX_NODES,
            stream: 0,
            names: HashMap::new(),
        }
    }
}

impl Builder {
    /// Gives a field class a name.
    pub fn alias(&mut self, name: &str, class: &Value) -> Result<(), Fault> {
        match self.aliases.insert(name.to_owned(), class.clone()) {
            None => Ok(()),
            Some(_) => Err(format!("a second field class alias {name:?}")),
        }
    }

    /// Makes the roots before those of the data stream class `id`, or of an event record class of it (then it is `stream`),
    /// the earlier ones.
    pub fn enter(
        &mut self,
        packet_header: Option<&Arc<FieldClass>>,
        id: u64,
        stream: Option<&StreamClass>,
    ) {
        self.stream = id;
        let of_stream = |get: fn(&StreamClass) -> Option<&Arc<FieldClass>>| stream.and_then(get);
        let roots = [
            (Scope::PacketHeader, packet_header),
            (
                Scope::PacketContext,
                of_stream(|s| s.packet_context.as_ref()),
            ),
            (Scope::EventHeader, of_stream(|s| s.event_header.as_ref())),
            (
                Scope::StreamEventContext,
                of_stream(|s| s.event_context.as_ref()),
            ),
        ];
        let known = roots.into_iter();
        let known = known.filter_map(|(scope, class)| Some((scope, Arc::clone(class?))));
        self.done = known.collect();
    }

    /// Makes a root of fields; `clock` is the default clock of its data stream class.
    pub fn root(
        &mut self,
        class: Option<&Value>,
        scope: Scope,
        clock: Option<usize>,
    ) -> Result<Option<Arc<FieldClass>>, Fault> {
        let Some(class) = class else {
            return Ok(None);
        };
        (self.scope, self.clock) = (scope, clock);
        let class = self.class(class)?;
        if class.structure().is_none() {
            return Err(format!(
                "a root: expected a structure, found {}",
                class.kind()
            ));
        }
        self.done.push((scope, Arc::clone(&class)));
        Ok(Some(class))
    }

    fn place(&self, scope: Scope, path: Vec<usize>) -> Place {
        let common = scope == Scope::PacketHeader;
        (if common { 0 } else { self.stream }, scope, path)
    }

    fn spend(&mut self, nodes: usize) -> Result<(), Fault> {
        let left = self.left.checked_sub(nodes);
        self.left =
            left.ok_or_else(|| format!("more than {MAX_NODES} fields and labels in all"))?;
        Ok(())
    }

    fn class(&mut self, value: &Value) -> Result<Arc<FieldClass>, Fault> {
        self.spend(1)?;
        if self.nesting >= MAX_DEPTH {
            return Err(format!("field classes nested more than {MAX_DEPTH} deep"));
        }
        self.nesting += 1;
        let class = match value {
            Value::String(name) => {
                let known = self.aliases.get(name).cloned();
                let known = known
                    .ok_or_else(|| format!("a field class alias {name:?} that is not declared"))?;
                self.class(&known)?
            }
            _ => {
                let object = Object::new(value, "a field class")?;
                Arc::new(self.made(&object)?)
            }
        };
        self.nesting -= 1;
        Ok(class)
    }

    fn made(&mut self, object: &Object) -> Result<FieldClass, Fault> {
        let kind = object.text("type")?;
        Ok(match kind {
            "fixed-length-bit-array"
            | "fixed-length-bit-map"
            | "fixed-length-boolean"
            | "fixed-length-unsigned-integer" => self.integer(object, false)?,
            "fixed-length-signed-integer" => self.integer(object, true)?,
            "fixed-length-floating-point-number" => float(object)?,
            "null-terminated-string" => {
                utf8(object)?;
                FieldClass::String(Encoding::Utf8)
            }
            "static-length-string" => {
                utf8(object)?;
                array(object, byte(Encoding::Utf8))?
            }
            "static-length-blob" => array(object, byte(Encoding::None))?,
            "dynamic-length-string" => {
                utf8(object)?;
                self.sequence(object, byte(Encoding::Utf8))?
            }
            "dynamic-length-blob" => self.sequence(object, byte(Encoding::None))?,
            "static-length-array" => {
                let element = self.element(object)?;
                array(object, element)?
            }
            "dynamic-length-array" => {
                let length = self.length(object)?;
                let element = self.element(object)?;
                FieldClass::Sequence { length, element }
            }
            "structure" => self.structure(object)?,
            "optional" => self.optional(object)?,
            "variant" => self.variant(object)?,
            _ if kind.starts_with("variable-length-") => {
                return Err(format!(
                    "a field class of the type {kind:?}, which is not read yet"
                ));
            }
            _ => return Err(format!("a field class of the unknown type {kind:?}")),
        })
    }

    fn integer(&mut self, object: &Object, signed: bool) -> Result<FieldClass, Fault> {
        let size = match object.unsigned("length")? {
            Some(size @ 1..=64) => size as u32,
            other => return Err(format!("`length`: expected 1 to 64 bits, found {other:?}")),
        };
        let base = match object.unsigned("preferred-display-base")? {
            Some(base @ (2 | 8 | 10 | 16)) => base as u8,
            None => 10,
            Some(base) => return Err(format!("`preferred-display-base`: {base}")),
        };
        let base = Integer {
            size,
            align: alignment(object, "alignment")?,
            signed,
            byte_order: byte_order(object)?,
            base,
            encoding: Encoding::None,
            clock: None,
        };
        let labels = self.labels(object)?;
        Ok(match labels.is_empty() {
            true => FieldClass::Integer(base),
            false => FieldClass::Enumeration(Enumeration { base, labels }),
        })
    }

    fn labels(&mut self, object: &Object) -> Result<Vec<Label>, Fault> {
        let mut labels = Vec::new();
        if let Some(mappings) = object.object("mappings")? {
            for (name, ranges) in mappings.entries() {
                for (low, high) in ranges_of(ranges)? {
                    labels.push(Label {
                        name: name.to_owned(),
                        low,
                        high,
                    });
                }
            }
        }
        self.spend(labels.len())?;
        Ok(labels)
    }

    fn element(&mut self, object: &Object) -> Result<Arc<FieldClass>, Fault> {
        let element = self.class(object.required("element-field-class")?)?;
        if alignment(object, "minimum-alignment")? > element.alignment() {
            return Err(fault(
                "an array that is aligned more than its elements, which is not read yet",
            ));
        }
        Ok(element)
    }

    fn sequence(&mut self, object: &Object, element: Arc<FieldClass>) -> Result<FieldClass, Fault> {
        let length = self.length(object)?;
        Ok(FieldClass::Sequence { length, element })
    }

    fn length(&mut self, object: &Object) -> Result<Reference, Fault> {
        let (reference, class) = self.located(object.required("length-field-location")?)?;
        match class.integer() {
            Some(integer) if !integer.signed => Ok(reference),
            _ => Err(format!(
                "`length-field-location`: expected an unsigned integer, found {}",
                class.kind()
            )),
        }
    }

    fn structure(&mut self, object: &Object) -> Result<FieldClass, Fault> {
        let mut align = alignment(object, "minimum-alignment")?;
        self.open.push(Frame {
            depth: self.path.len(),
            members: Vec::new(),
        });
        let mut fields = Vec::new();
        for (i, member) in object
            .array("member-classes")?
            .unwrap_or(&[])
            .iter()
            .enumerate()
        {
            let member = Object::new(member, "a structure member class")?;
            let name = member.text("name")?;
            let value = member.required("field-class")?;
            self.path.push(i);
            let mut class = self.class(value)?;
            let role = self.role(value, &mut class)?;
            let place = self.place(self.scope, self.path.clone());
            self.names.insert(place, name.to_owned());
            self.path.pop();
            align = align.max(class.alignment());
            let members = self.open.last_mut().map(|frame| &mut frame.members);
            let members = members.ok_or_else(|| fault("a member without a structure"))?;
            if members.iter().any(|(known, _)| known == name) {
                return Err(format!("a second structure member {name:?}"));
            }
            members.push((name.to_owned(), Arc::clone(&class)));
            fields.push(Field {
                name: role.map_or_else(|| shown(self.scope, name), str::to_owned),
                class,
            });
        }
        self.open.pop();
        Ok(FieldClass::Struct(Struct { align, fields }))
    }

    /// The name that goes with the role of a member of this class, if it has one; a time stamp is mapped to the clock.
    fn role(
        &self,
        value: &Value,
        class: &mut Arc<FieldClass>,
    ) -> Result<Option<&'static str>, Fault> {
        let mut value = value;
        while let Value::String(name) = value {
            let Some(known) = self.aliases.get(name) else {
                return Ok(None);
            };
            value = known;
        }
        let object = Object::new(value, "a field class")?;
        let roles = object.array("roles")?.unwrap_or(&[]);
        let mut found = None;
        for role in roles.iter().filter_map(Value::as_str) {
            let Some((.., name)) = ROLES
                .iter()
                .find(|(s, r, _)| *s == self.scope && *r == role)
            else {
                continue;
            };
            if self.path.len() > 1 && self.scope != Scope::EventHeader {
                return Err(format!(
                    "the role {role:?} inside of another field, which is not read yet"
                ));
            }
            if role.ends_with("default-clock-timestamp") {
                let clock = self.clock;
                let clock = clock
                    .ok_or_else(|| format!("the role {role:?} without a default clock class"))?;
                map_clock(class, clock);
            }
            found = Some(*name);
        }
        Ok(found)
    }

    /// A field that may be missing: a variant whose other option is an empty list.
    fn optional(&mut self, object: &Object) -> Result<FieldClass, Fault> {
        let (tag, class) = self.located(object.required("selector-field-location")?)?;
        let ranges = match object.get("selector-field-ranges") {
            Some(ranges) => ranges_of(ranges)?,
            // A boolean selects where it is not 0.
            None => vec![(1, i128::from(u64::MAX))],
        };
        if class.integer().is_none() {
            return Err(format!("`selector-field-location`: found {}", class.kind()));
        }
        self.path.push(0);
        let present = self.class(object.required("field-class")?)?;
        self.path.pop();
        let nothing = Arc::new(FieldClass::Array {
            length: 0,
            element: byte(Encoding::None),
        });
        let choice = |option| move |(low, high)| Choice { low, high, option };
        let mut choices: Vec<Choice> = ranges.into_iter().map(choice(0)).collect();
        choices.push(choice(1)((i128::from(i64::MIN), i128::from(u64::MAX))));
        let option = |name: &str, class| Field {
            name: name.to_owned(),
            class,
        };
        Ok(FieldClass::Variant(Variant {
            tag: Some(tag),
            options: vec![option("present", present), option("absent", nothing)],
            choices,
        }))
    }

    fn variant(&mut self, object: &Object) -> Result<FieldClass, Fault> {
        let (tag, class) = self.located(object.required("selector-field-location")?)?;
        if class.integer().is_none() {
            return Err(format!("`selector-field-location`: found {}", class.kind()));
        }
        let (mut options, mut choices) = (Vec::new(), Vec::new());
        for (i, option) in object.array("options")?.unwrap_or(&[]).iter().enumerate() {
            let option = Object::new(option, "a variant option")?;
            for (low, high) in ranges_of(option.required("selector-field-ranges")?)? {
                let option = i;
                choices.push(Choice { low, high, option });
            }
            self.path.push(i);
            let class = self.class(option.required("field-class")?)?;
            self.path.pop();
            let name = option.optional_text("name")?;
            options.push(Field {
                name: name.map_or_else(|| format!("option{i}"), |name| shown(self.scope, name)),
                class,
            });
        }
        self.spend(choices.len())?;
        if options.is_empty() {
            return Err(fault("a variant without options"));
        }
        Ok(FieldClass::Variant(Variant {
            tag: Some(tag),
            options,
            choices,
        }))
    }

    /// The field at a field location.
    fn located(&self, location: &Value) -> Result<(Reference, Arc<FieldClass>), Fault> {
        let object = Object::new(location, "a field location")?;
        let steps = object
            .array("path")?
            .ok_or_else(|| fault("a field location without `path`"))?;
        let unknown = || format!("a field location {location} that is no earlier field");
        let mut names = Vec::new();
        // Each null goes one structure up.
        let mut up = 0;
        for step in steps {
            match step {
                Value::Null if names.is_empty() => up += 1,
                Value::String(name) => names.push(name.as_str()),
                _ => return Err(unknown()),
            }
        }
        let Some(origin) = object.optional_text("origin")? else {
            let frame = self.open.len().checked_sub(1 + up).map(|i| &self.open[i]);
            let frame = frame.ok_or_else(unknown)?;
            return self.descend_open(frame, &names).ok_or_else(unknown);
        };
        let scope = scope_of(origin)
            .ok_or_else(|| format!("a field location with the origin {origin:?}"))?;
        if up > 0 {
            return Err(unknown());
        }
        match self.open.first().filter(|_| scope == self.scope) {
            Some(frame) => self.descend_open(frame, &names),
            None => {
                let (_, class) = self
                    .done
                    .iter()
                    .find(|(s, _)| *s == scope)
                    .ok_or_else(unknown)?;
                self.descend(scope, class, &names, Vec::new())
            }
        }
        .ok_or_else(unknown)
    }

    fn descend_open(&self, frame: &Frame, names: &[&str]) -> Option<(Reference, Arc<FieldClass>)> {
        let (first, rest) = names.split_first()?;
        let index = frame.members.iter().position(|(name, _)| name == first)?;
        let mut path = self.path[..frame.depth].to_vec();
        path.push(index);
        self.descend(self.scope, &frame.members[index].1, rest, path)
    }

    /// Follows `names` down from a class whose path is `path`.
    fn descend(
        &self,
        scope: Scope,
        class: &Arc<FieldClass>,
        names: &[&str],
        mut path: Vec<usize>,
    ) -> Option<(Reference, Arc<FieldClass>)> {
        let mut class = Arc::clone(class);
        for name in names {
            let fields = &class.structure()?.fields;
            let index = (0..fields.len()).find(|i| {
                let mut there = path.clone();
                there.push(*i);
                self.names
                    .get(&self.place(scope, there))
                    .is_some_and(|known| known == name)
            })?;
            path.push(index);
            let next = Arc::clone(&fields[index].class);
            class = next;
        }
        (!path.is_empty()).then_some((Reference { scope, path }, class))
    }
}

fn scope_of(origin: &str) -> Option<Scope> {
    Some(match origin {
        "packet-header" => Scope::PacketHeader,
        "packet-context" => Scope::PacketContext,
        "event-record-header" => Scope::EventHeader,
        "event-record-common-context" => Scope::StreamEventContext,
        "event-record-specific-context" => Scope::EventContext,
        "event-record-payload" => Scope::EventFields,
        _ => return None,
    })
}

/// A name as CTF 1.8 would write it: the first underscore is not shown, and names that have a meaning there have none
/// here without their role.
fn shown(scope: Scope, name: &str) -> String {
    let meant = ROLES
        .iter()
        .any(|(s, _, known)| *s == scope && *known == name);
    match meant || name.starts_with('_') {
        true => format!("_{name}"),
        false => name.to_owned(),
    }
}

fn map_clock(class: &mut Arc<FieldClass>, clock: usize) {
    match Arc::make_mut(class) {
        FieldClass::Integer(integer) => integer.clock = Some(clock),
        FieldClass::Enumeration(enumeration) => enumeration.base.clock = Some(clock),
        _ => {}
    }
}

fn byte(encoding: Encoding) -> Arc<FieldClass> {
    Arc::new(FieldClass::Integer(Integer {
        size: 8,
        align: 8,
        signed: false,
        byte_order: ByteOrder::Little,
        base: if encoding == Encoding::None { 16 } else { 10 },
        encoding,
        clock: None,
    }))
}

fn array(object: &Object, element: Arc<FieldClass>) -> Result<FieldClass, Fault> {
    let length = object.unsigned("length")?;
    let length = length.ok_or_else(|| fault("`length` is missing"))?;
    Ok(FieldClass::Array { length, element })
}

fn float(object: &Object) -> Result<FieldClass, Fault> {
    let size = match object.unsigned("length")? {
        Some(size @ (32 | 64)) => size as u32,
        Some(size @ (16 | 128)) => {
            return Err(format!(
                "a floating point number of {size} bits, which is not read yet"
            ));
        }
        other => return Err(format!("`length`: expected 32 or 64 bits, found {other:?}")),
    };
    Ok(FieldClass::Float(Float {
        size,
        align: alignment(object, "alignment")?,
        byte_order: byte_order(object)?,
    }))
}

fn byte_order(object: &Object) -> Result<ByteOrder, Fault> {
    let (order, first_to_last) = match object.text("byte-order")? {
        "little-endian" => (ByteOrder::Little, "first-to-last"),
        "big-endian" => (ByteOrder::Big, "last-to-first"),
        other => {
            return Err(format!(
                "`byte-order`: expected `little-endian` or `big-endian`, found {other:?}"
            ));
        }
    };
    match object.optional_text("bit-order")? {
        Some(bits) if bits != first_to_last => Err(format!(
            "`bit-order`: {bits:?}, which is not read yet for this byte order"
        )),
        _ => Ok(order),
    }
}

fn alignment(object: &Object, name: &str) -> Result<u64, Fault> {
    match object.unsigned(name)?.unwrap_or(1) {
        align if align.is_power_of_two() => Ok(align),
        align => Err(format!("`{name}`: expected a power of 2, found {align}")),
    }
}

fn utf8(object: &Object) -> Result<(), Fault> {
    match object.optional_text("encoding")? {
        None | Some("utf-8") => Ok(()),
        Some(other) => Err(format!(
            "a string of the encoding {other:?}, which is not read yet"
        )),
    }
}

/// Ranges of integers: `[[low, high], …]`.
fn ranges_of(value: &Value) -> Result<Vec<(i128, i128)>, Fault> {
    let wrong = || format!("expected ranges of integers, found {value}");
    let ranges = value.as_array().ok_or_else(wrong)?.iter().map(|range| {
        let [low, high] = range.as_array()?.as_slice() else {
            return None;
        };
        let (low, high) = (low.as_number()?.as_i128()?, high.as_number()?.as_i128()?);
        (low <= high).then_some((low, high))
    });
    let ranges: Option<Vec<_>> = ranges.collect();
    ranges.filter(|r| !r.is_empty()).ok_or_else(wrong)
}
