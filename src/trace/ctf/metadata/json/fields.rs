//! Field classes of CTF 2, made and resolved in one go.
//!
//! The one idea: a field location names fields that come earlier, so a root is walked in the order in which a reader
//! meets its fields, and the structures around the place are kept with what was met of them. An alias is kept as JSON
//! and walked where it is used: what it refers to depends on that place.

use super::locations::{Frame, Met, written};
use super::object::{Fault, Object, fault};
use super::roles::{Place, apply};
use super::scalars::{alignment, byte, encoding, flags, float, integer, labels, length, ranges_of};
use crate::trace::ctf::metadata::meanings::{by_name, give};
use crate::trace::ctf::metadata::model::*;
use crate::trace::ctf::metadata::typed::MAX_DEPTH;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// More fields and labels than this in all uses of aliases together are refused: a few fragments can double one again
/// and again.
const MAX_NODES: usize = 1 << 20;

/// Makes field classes.
pub(super) struct Builder {
    aliases: HashMap<String, Value>,
    /// What field locations can lead to.
    met: Met,
    clock: Option<usize>,
    /// Whether the metadata stream has a UUID.
    pub has_uuid: bool,
    nesting: usize,
    left: usize,
}

impl Default for Builder {
    fn default() -> Self {
        Builder {
            aliases: HashMap::new(),
            met: Met {
                done: Vec::new(),
                open: Vec::new(),
                path: Vec::new(),
                scope: Scope::PacketHeader,
            },
            clock: None,
            has_uuid: false,
            nesting: 0,
            left: MAX_NODES,
        }
    }
}

impl Builder {
    /// Gives a field class a name.
    pub(super) fn alias(&mut self, name: &str, class: &Value) -> Result<(), Fault> {
        match self.aliases.insert(name.to_owned(), class.clone()) {
            None => Ok(()),
            Some(_) => Err(format!("a second field class alias {name:?}")),
        }
    }

    /// Makes the roots before those of a data stream class, or of an event record class of it (then it is `stream`), the
    /// earlier ones.
    pub(super) fn enter(
        &mut self,
        packet_header: Option<&Arc<FieldClass>>,
        stream: Option<&StreamClass>,
    ) {
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
        self.met.done = known.collect();
    }

    /// Makes a root of fields; `clock` is the default clock of its data stream class.
    pub(super) fn root(
        &mut self,
        class: Option<&Value>,
        scope: Scope,
        clock: Option<usize>,
    ) -> Result<Option<Arc<FieldClass>>, Fault> {
        let Some(class) = class else {
            return Ok(None);
        };
        (self.met.scope, self.clock) = (scope, clock);
        let class = self.class(class)?;
        if class.structure().is_none() {
            return Err(format!(
                "a root: expected a structure, found {}",
                class.kind()
            ));
        }
        self.met.done.push((scope, Arc::clone(&class)));
        Ok(Some(class))
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
                object.no_extensions()?;
                let kind = object.text("type")?;
                let names = properties(kind).ok_or_else(|| unknown(kind))?;
                object.only(&format!("a field class of the type {kind:?}"), &names)?;
                let mut class = Arc::new(self.made(&object, kind)?);
                let place = Place {
                    scope: self.met.scope,
                    path: &self.met.path,
                    clock: self.clock,
                    has_uuid: self.has_uuid,
                };
                apply(&object, kind, &mut class, &place)?;
                class
            }
        };
        self.nesting -= 1;
        Ok(class)
    }

    fn made(&mut self, object: &Object, kind: &str) -> Result<FieldClass, Fault> {
        Ok(match kind {
            "fixed-length-bit-array"
            | "fixed-length-bit-map"
            | "fixed-length-boolean"
            | "fixed-length-unsigned-integer"
            | "fixed-length-signed-integer"
            | "variable-length-unsigned-integer"
            | "variable-length-signed-integer" => self.integer(object, kind)?,
            "fixed-length-floating-point-number" => float(object)?,
            "null-terminated-string" => FieldClass::String(encoding(object)?),
            "static-length-string" => array(object, 1, byte(encoding(object)?))?,
            "static-length-blob" => array(object, 1, byte(Encoding::None))?,
            "dynamic-length-string" => self.sequence(object, byte(encoding(object)?))?,
            "dynamic-length-blob" => self.sequence(object, byte(Encoding::None))?,
            "static-length-array" => {
                let element = self.class(object.required("element-field-class")?)?;
                array(object, alignment(object, "minimum-alignment")?, element)?
            }
            "dynamic-length-array" => {
                let length = self.length(object)?;
                let element = self.class(object.required("element-field-class")?)?;
                FieldClass::Sequence {
                    length,
                    align: alignment(object, "minimum-alignment")?,
                    element,
                }
            }
            "structure" => self.structure(object)?,
            "optional" => self.optional(object)?,
            "variant" => self.variant(object)?,
            _ => return Err(unknown(kind)),
        })
    }

    fn integer(&mut self, object: &Object, kind: &str) -> Result<FieldClass, Fault> {
        let base = integer(object, kind)?;
        let labels = match kind.ends_with("-integer") {
            true => labels(object, base.signed)?,
            false => Vec::new(),
        };
        if kind == "fixed-length-bit-map" {
            flags(object, base.size)?;
        }
        self.spend(labels.len())?;
        Ok(match labels.is_empty() {
            true => FieldClass::Integer(base),
            false => FieldClass::Enumeration(Enumeration { base, labels }),
        })
    }

    /// A text or a blob whose length is another field.
    fn sequence(&mut self, object: &Object, element: Arc<FieldClass>) -> Result<FieldClass, Fault> {
        Ok(FieldClass::Sequence {
            length: self.length(object)?,
            align: 1,
            element,
        })
    }

    fn length(&mut self, object: &Object) -> Result<Reference, Fault> {
        let (reference, class) = self
            .met
            .located(object.required("length-field-location")?)?;
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
        self.met.open.push(Frame {
            depth: self.met.path.len(),
            members: Vec::new(),
            current: String::new(),
        });
        let mut fields = Vec::new();
        for (i, member) in object
            .array("member-classes")?
            .unwrap_or(&[])
            .iter()
            .enumerate()
        {
            let member = Object::new(member, "a structure member class")?;
            member.no_extensions()?;
            member.only("a structure member class", &["name", "field-class"])?;
            let name = member.text("name")?;
            let frame = self.met.open.last_mut();
            let frame = frame.ok_or_else(|| fault("a member without a structure"))?;
            if frame.members.iter().any(|(known, _)| known == name) {
                return Err(format!("a second structure member {name:?}"));
            }
            name.clone_into(&mut frame.current);
            self.met.path.push(i);
            let mut class = self.class(member.required("field-class")?)?;
            // LTTng's CPU has no role.
            if by_name(self.met.scope, name, self.met.path.len()) == Some(Role::Cpu) {
                give(&mut class, Role::Cpu);
            }
            self.met.path.pop();
            align = align.max(class.alignment());
            if let Some(frame) = self.met.open.last_mut() {
                frame.members.push((name.to_owned(), Arc::clone(&class)));
            }
            fields.push(Field {
                name: written(name),
                class,
            });
        }
        self.met.open.pop();
        Ok(FieldClass::Struct(Struct { align, fields }))
    }

    /// A field that may be missing: a variant whose other option is an empty list.
    fn optional(&mut self, object: &Object) -> Result<FieldClass, Fault> {
        let (tag, class) = self
            .met
            .located(object.required("selector-field-location")?)?;
        let ranges = match object.get("selector-field-ranges") {
            Some(ranges) => ranges_of(ranges)?,
            // A boolean selects where it is not 0.
            None => vec![(1, i128::from(u64::MAX))],
        };
        if class.integer().is_none() {
            return Err(format!("`selector-field-location`: found {}", class.kind()));
        }
        self.met.path.push(0);
        let present = self.class(object.required("field-class")?)?;
        self.met.path.pop();
        // Nothing is aligned.
        let mut element = byte(Encoding::None);
        if let Some(integer) = Arc::make_mut(&mut element).integer_mut() {
            integer.align = 1;
        }
        let nothing = Arc::new(FieldClass::Array {
            length: 0,
            align: 1,
            element,
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
        let (tag, class) = self
            .met
            .located(object.required("selector-field-location")?)?;
        if class.integer().is_none() {
            return Err(format!("`selector-field-location`: found {}", class.kind()));
        }
        let (mut options, mut choices) = (Vec::new(), Vec::new());
        for (i, option) in object.array("options")?.unwrap_or(&[]).iter().enumerate() {
            let option = Object::new(option, "a variant option")?;
            option.no_extensions()?;
            let known = ["name", "field-class", "selector-field-ranges"];
            option.only("a variant option", &known)?;
            for (low, high) in ranges_of(option.required("selector-field-ranges")?)? {
                let option = i;
                choices.push(Choice { low, high, option });
            }
            self.met.path.push(i);
            let class = self.class(option.required("field-class")?)?;
            self.met.path.pop();
            let name = option.optional_text("name")?;
            options.push(Field {
                name: name.map_or_else(|| format!("option{i}"), written),
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
}

/// What a field class of this type may tell (CTF2-SPEC-2.0 section 5.3).
fn properties(kind: &str) -> Option<Vec<&'static str>> {
    const BITS: [&str; 4] = ["length", "byte-order", "bit-order", "alignment"];
    const NUMBER: [&str; 2] = ["preferred-display-base", "mappings"];
    const LENGTH: [&str; 1] = ["length-field-location"];
    Some(match kind {
        "fixed-length-bit-array"
        | "fixed-length-boolean"
        | "fixed-length-floating-point-number" => BITS.to_vec(),
        "fixed-length-bit-map" => [&BITS[..], &["flags"]].concat(),
        "fixed-length-unsigned-integer" => [&BITS[..], &NUMBER, &["roles"]].concat(),
        "fixed-length-signed-integer" => [&BITS[..], &NUMBER].concat(),
        "variable-length-unsigned-integer" => [&NUMBER[..], &["roles"]].concat(),
        "variable-length-signed-integer" => NUMBER.to_vec(),
        "null-terminated-string" => vec!["encoding"],
        "static-length-string" => vec!["length", "encoding"],
        "dynamic-length-string" => [&LENGTH[..], &["encoding"]].concat(),
        "static-length-blob" => vec!["length", "media-type", "roles"],
        "dynamic-length-blob" => [&LENGTH[..], &["media-type"]].concat(),
        "static-length-array" => vec!["length", "element-field-class", "minimum-alignment"],
        "dynamic-length-array" => {
            [&LENGTH[..], &["element-field-class", "minimum-alignment"]].concat()
        }
        "structure" => vec!["member-classes", "minimum-alignment"],
        "optional" => vec![
            "selector-field-location",
            "selector-field-ranges",
            "field-class",
        ],
        "variant" => vec!["selector-field-location", "options"],
        _ => return None,
    })
}

fn unknown(kind: &str) -> Fault {
    format!("a field class of the unknown type {kind:?}")
}

fn array(object: &Object, align: u64, element: Arc<FieldClass>) -> Result<FieldClass, Fault> {
    Ok(FieldClass::Array {
        length: length(object)?,
        align,
        element,
    })
}
