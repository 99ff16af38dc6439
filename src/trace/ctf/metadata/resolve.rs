//! From names of tags and lengths to the fields they mean, and from blocks to the model.
//!
//! The one idea: what a name means depends on where its type is used (CTF 1.8.3 section 7.3.2), so each root of fields is
//! walked in the order in which a reader meets it, and a name is looked for among the fields that were met before: in
//! the structures around it from the inside out, then in the earlier roots from the last to the first.

use super::blocks::{Blocks, EventBlock, Root};
use super::lexer::error_at;
use super::meanings;
use super::model::*;
use super::typed::Parsed;
use crate::error::Result;
use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// More fields and labels than this in all uses of types together are refused: a few lines of text can double a type
/// again and again.
const MAX_NODES: usize = 1 << 20;

/// Puts the blocks together.
pub(super) fn finish(raw: Blocks, byte_order: ByteOrder, file: &Path) -> Result<Metadata> {
    let mut resolver = Resolver {
        file,
        done: Vec::new(),
        open: Vec::new(),
        path: Vec::new(),
        scope: Scope::PacketHeader,
        root_at: Position { line: 1, column: 1 },
        left: MAX_NODES,
    };
    let packet_header = resolver.root(&raw.packet_header, Scope::PacketHeader)?;
    let mut streams = streams(&raw, file)?;
    let has_id = packet_header.as_deref().and_then(FieldClass::structure);
    let has_id = has_id.is_some_and(|s| s.fields.iter().any(|f| plain(&f.name) == "stream_id"));
    if let Some((_, at)) = raw.streams.iter().find(|(s, _)| s.id.is_some() && !has_id) {
        let what = "a stream class with an `id`, and no field `stream_id` in `packet.header`";
        return Err(error_at(file, *at, what));
    }
    for (stream, block) in streams.iter_mut().zip(&raw.streams) {
        let block = &block.0;
        stream.packet_context = resolver.root(&block.packet_context, Scope::PacketContext)?;
        stream.event_header = resolver.root(&block.event_header, Scope::EventHeader)?;
        stream.event_context = resolver.root(&block.event_context, Scope::StreamEventContext)?;
    }
    resolver.events(&raw.events, packet_header.as_ref(), &mut streams)?;
    Ok(Metadata {
        uuid: raw.uuid,
        byte_order,
        packet_header,
        env: raw.env,
        clocks: raw.clocks,
        streams,
        clock_restarts: false,
        clock_assumed: false,
    })
}

/// The stream classes without their fields. Events without any `stream` block are of a stream class with the ID 0.
fn streams(raw: &Blocks, file: &Path) -> Result<Vec<StreamClass>> {
    let empty = |id| StreamClass {
        id,
        packet_context: None,
        event_header: None,
        event_context: None,
        events: Vec::new(),
    };
    if raw.streams.is_empty() && !raw.events.is_empty() {
        return Ok(vec![empty(0)]);
    }
    let mut ids = HashSet::new();
    let mut streams = Vec::with_capacity(raw.streams.len());
    for (stream, at) in &raw.streams {
        let what = match stream.id {
            None if raw.streams.len() > 1 => {
                "one of several stream classes without `id`".to_owned()
            }
            id if ids.insert(id.unwrap_or(0)) => {
                streams.push(empty(id.unwrap_or(0)));
                continue;
            }
            id => format!("a second stream class with the ID {}", id.unwrap_or(0)),
        };
        return Err(error_at(file, *at, what));
    }
    Ok(streams)
}

/// Index of the stream class that an event belongs to.
fn stream_of(event: &EventBlock, index: &HashMap<u64, usize>) -> Result<usize, String> {
    match event.stream_id {
        Some(id) => index
            .get(&id)
            .copied()
            .ok_or_else(|| format!("an event of the stream class {id}, which is not declared")),
        None if index.len() == 1 => Ok(0),
        None => {
            Err("an event without `stream_id` in a trace with several stream classes".to_owned())
        }
    }
}

/// A structure whose fields are being resolved.
struct Frame {
    /// Length of its own path.
    depth: usize,
    /// The fields met so far.
    fields: Vec<Field>,
}

struct Resolver<'a> {
    file: &'a Path,
    /// The roots that come before this one, in order.
    done: Vec<(Scope, Arc<FieldClass>)>,
    /// The structures around this place, the innermost last.
    open: Vec<Frame>,
    /// The way from the root to this place.
    path: Vec<usize>,
    /// The root that is being walked.
    scope: Scope,
    root_at: Position,
    /// How many fields and labels there may still be.
    left: usize,
}

impl Resolver<'_> {
    /// Puts the events into their streams.
    fn events(
        &mut self,
        events: &[(EventBlock, Position)],
        packet_header: Option<&Arc<FieldClass>>,
        streams: &mut [StreamClass],
    ) -> Result<()> {
        let index: HashMap<_, _> = streams.iter().enumerate().map(|(i, s)| (s.id, i)).collect();
        let mut ids = HashSet::new();
        for (event, at) in events {
            let stream = stream_of(event, &index).map_err(|what| error_at(self.file, *at, what))?;
            let stream = &mut streams[stream];
            let id = event.id.unwrap_or(0);
            if !ids.insert((stream.id, id)) {
                let stream = stream.id;
                let what = format!("a second event with the ID {id} in the stream class {stream}");
                return Err(error_at(self.file, *at, what));
            }
            self.enter(packet_header, stream);
            let context = self.root(&event.context, Scope::EventContext)?;
            let fields = self.root(&event.fields, Scope::EventFields)?;
            stream.events.push(EventClass {
                id,
                name: event.name.clone(),
                loglevel: event.loglevel,
                context,
                fields,
            });
        }
        Ok(())
    }

    /// Resolves a root; later ones see it.
    fn root(&mut self, root: &Root, scope: Scope) -> Result<Option<Arc<FieldClass>>> {
        self.done.retain(|(earlier, _)| *earlier < scope);
        let Some((typed, at)) = root else {
            return Ok(None);
        };
        (self.scope, self.root_at) = (scope, *at);
        let class = self.class(&typed.class)?;
        self.done.push((scope, Arc::clone(&class)));
        Ok(Some(class))
    }

    /// Makes the roots of a stream the earlier ones.
    fn enter(&mut self, packet_header: Option<&Arc<FieldClass>>, stream: &StreamClass) {
        let roots = [
            (Scope::PacketHeader, packet_header),
            (Scope::PacketContext, stream.packet_context.as_ref()),
            (Scope::EventHeader, stream.event_header.as_ref()),
            (Scope::StreamEventContext, stream.event_context.as_ref()),
        ];
        let known = roots
            .into_iter()
            .filter_map(|(s, class)| Some((s, Arc::clone(class?))));
        self.done = known.collect();
    }

    fn spend(&mut self, nodes: usize) -> Result<()> {
        self.left = self.left.checked_sub(nodes).ok_or_else(|| {
            let what = format!("more than {MAX_NODES} fields and labels in all");
            error_at(self.file, self.root_at, what)
        })?;
        Ok(())
    }

    fn class(&mut self, class: &Parsed) -> Result<Arc<FieldClass>> {
        self.spend(1)?;
        Ok(Arc::new(match class {
            FieldClass::Integer(integer) => FieldClass::Integer(integer.clone()),
            FieldClass::Float(float) => FieldClass::Float(float.clone()),
            FieldClass::String(encoding) => FieldClass::String(*encoding),
            FieldClass::Enumeration(enumeration) => {
                self.spend(enumeration.labels.len())?;
                FieldClass::Enumeration(enumeration.clone())
            }
            FieldClass::Struct(structure) => FieldClass::Struct(self.structure(structure)?),
            FieldClass::Variant(variant) => FieldClass::Variant(self.variant(variant)?),
            FieldClass::Array {
                length,
                align,
                element,
            } => FieldClass::Array {
                length: *length,
                align: *align,
                element: self.class(element)?,
            },
            FieldClass::Sequence {
                length,
                align,
                element,
            } => FieldClass::Sequence {
                length: self.length(length)?,
                align: *align,
                element: self.class(element)?,
            },
        }))
    }

    fn structure(&mut self, structure: &Struct<Written>) -> Result<Struct> {
        self.open.push(Frame {
            depth: self.path.len(),
            fields: Vec::with_capacity(structure.fields.len()),
        });
        let written = structure.fields.iter().map(|f| f.name.as_str()).collect();
        for (i, field) in structure.fields.iter().enumerate() {
            let mut field = self.field(i, field)?;
            let name = known_name(&field.name, &written);
            if let Some(role) = meanings::by_name(self.scope, name, self.path.len() + 1) {
                meanings::give(&mut field.class, role);
            }
            if let Some(frame) = self.open.last_mut() {
                frame.fields.push(field);
            }
        }
        Ok(Struct {
            align: structure.align,
            fields: self.open.pop().map(|f| f.fields).unwrap_or_default(),
        })
    }

    fn field(&mut self, index: usize, field: &Field<Written>) -> Result<Field> {
        self.path.push(index);
        let class = self.class(&field.class)?;
        self.path.pop();
        Ok(Field {
            name: field.name.clone(),
            class,
        })
    }

    fn variant(&mut self, variant: &Variant<Written>) -> Result<Variant> {
        let Some(tag) = &variant.tag else {
            return Err(error_at(
                self.file,
                self.root_at,
                "a variant without a tag in these fields",
            ));
        };
        let (reference, class) = self.find(tag)?;
        let FieldClass::Enumeration(enumeration) = &*class else {
            return Err(self.wrong(tag, "tag of a variant", "an enumeration", &class));
        };
        let index: HashMap<&str, usize> = variant
            .options
            .iter()
            .enumerate()
            .map(|(i, o)| (o.name.as_str(), i))
            .collect();
        self.spend(enumeration.labels.len())?;
        let choices = enumeration.labels.iter().filter_map(|label| {
            Some(Choice {
                low: label.low,
                high: label.high,
                option: *index.get(label.name.as_str())?,
            })
        });
        let choices = choices.collect();
        let options = variant.options.iter().enumerate();
        let options = options
            .map(|(i, option)| self.field(i, option))
            .collect::<Result<_>>()?;
        Ok(Variant {
            tag: Some(reference),
            options,
            choices,
        })
    }

    fn length(&self, written: &Written) -> Result<Reference> {
        let (reference, class) = self.find(written)?;
        match class.integer() {
            Some(integer) if !integer.signed => Ok(reference),
            _ => Err(self.wrong(
                written,
                "length of a sequence",
                "an unsigned integer",
                &class,
            )),
        }
    }

    fn wrong(
        &self,
        written: &Written,
        role: &str,
        expected: &str,
        found: &FieldClass,
    ) -> crate::error::Error {
        let name = written.path.join(".");
        let signed = found.integer().is_some_and(|i| i.signed);
        let found = if signed {
            "a signed integer"
        } else {
            found.kind()
        };
        let what = format!("the {role}, `{name}`: expected {expected}, found {found}");
        error_at(self.file, written.at, what)
    }

    /// The field that a name means at this place.
    fn find(&self, written: &Written) -> Result<(Reference, Arc<FieldClass>)> {
        let found = match absolute(&written.path) {
            Some((scope, rest)) => self.find_below(scope, rest),
            None => self.find_around(&written.path),
        };
        found.ok_or_else(|| {
            let name = written.path.join(".");
            let what = format!("expected the name of an earlier field, found `{name}`");
            error_at(self.file, written.at, what)
        })
    }

    fn find_below(&self, scope: Scope, names: &[String]) -> Option<(Reference, Arc<FieldClass>)> {
        let fields = match self.open.first() {
            Some(frame) if scope == self.scope => &frame.fields,
            _ => {
                let (_, class) = self.done.iter().find(|(s, _)| *s == scope)?;
                &class.structure()?.fields
            }
        };
        descend(scope, fields, names, &[])
    }

    fn find_around(&self, names: &[String]) -> Option<(Reference, Arc<FieldClass>)> {
        let around =
            self.open.iter().rev().find_map(|frame| {
                descend(self.scope, &frame.fields, names, &self.path[..frame.depth])
            });
        around.or_else(|| {
            self.done
                .iter()
                .rev()
                .find_map(|(scope, class)| descend(*scope, &class.structure()?.fields, names, &[]))
        })
    }
}

/// The root and the rest of an absolute name.
fn absolute(path: &[String]) -> Option<(Scope, &[String])> {
    let roots: [(&[&str], Scope); 6] = [
        (&["trace", "packet", "header"], Scope::PacketHeader),
        (&["stream", "packet", "context"], Scope::PacketContext),
        (&["stream", "event", "header"], Scope::EventHeader),
        (&["stream", "event", "context"], Scope::StreamEventContext),
        (&["event", "context"], Scope::EventContext),
        (&["event", "fields"], Scope::EventFields),
    ];
    roots.into_iter().find_map(|(names, scope)| {
        let (first, rest) = path.split_at_checked(names.len())?;
        (first == names).then_some((scope, rest))
    })
}

/// Follows `names` down from `fields`, through structures; `prefix` is the way to `fields`.
fn descend(
    scope: Scope,
    mut fields: &[Field],
    names: &[String],
    prefix: &[usize],
) -> Option<(Reference, Arc<FieldClass>)> {
    let mut path = prefix.to_vec();
    let (last, way) = names.split_last()?;
    for name in way {
        let index = fields.iter().position(|f| f.name == *name)?;
        path.push(index);
        fields = &fields[index].class.structure()?.fields;
    }
    let index = fields.iter().position(|f| f.name == *last)?;
    path.push(index);
    Some((Reference { scope, path }, Arc::clone(&fields[index].class)))
}
