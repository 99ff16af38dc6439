//! The field tree: which fields of a trace babeltrace2 shows, under which names, of which types.
//!
//! The one idea: there is one tree for each root of fields ([`Node`]). Both the types that consumers see and the plans that
//! decode are taken from it, so that the two cannot differ. The rules are babeltrace2's: integers that only update the clock
//! or say something of their packet are not shown, unless a tag or a length refers to them; a leading underscore of a name is
//! dropped (CTF 1.8); arrays and sequences of aligned 8-bit characters are texts. One rule is ours: LTTng's helper fields
//! `_NAME_length` beside a sequence are left out, since they are the list's length.

use crate::trace::ctf::metadata::model::{
    Encoding, EventClass, FieldClass, Integer, Reference, Scope, StreamClass, known_name,
};
use crate::trace::event::{Field, FieldType, Label, without_lengths};
use std::collections::HashSet;

/// A field class at the place where it is used.
#[derive(Debug)]
pub(crate) struct Node<'m> {
    /// Its class.
    pub class: &'m FieldClass,
    /// Whether it is shown.
    pub shown: bool,
    /// Whether it is an array or a sequence of characters.
    pub text: bool,
    /// Its members, options, or element.
    pub children: Vec<Node<'m>>,
}

/// A member or an option that is kept.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kept<'m> {
    /// Its position among the node's children.
    pub position: usize,
    /// Its position among those that are shown.
    index: u64,
    /// Its name, as it is shown.
    name: &'m str,
}

/// The roots of a stream class and of its event classes, as far as they are shown.
#[derive(Debug)]
pub(crate) struct Roots<'m> {
    /// `stream.packet.context`.
    pub packet: Option<Node<'m>>,
    /// `stream.event.context`.
    pub common: Option<Node<'m>>,
    /// For each event class `event.context` and `event.fields`.
    pub events: Vec<(Option<Node<'m>>, Option<Node<'m>>)>,
}

impl<'m> Roots<'m> {
    /// Those of `stream`.
    pub(crate) fn new(stream: &'m StreamClass) -> Self {
        let mut referred = HashSet::new();
        let events = stream.events.iter();
        let events = events.map(|event| of_event(event, &mut referred)).collect();
        let common = root(
            stream.event_context.as_deref(),
            Scope::StreamEventContext,
            &mut referred,
        );
        let packet = root(
            stream.packet_context.as_deref(),
            Scope::PacketContext,
            &mut referred,
        );
        Roots {
            packet,
            common,
            events,
        }
    }
}

/// The payload comes first: what it refers to must be known when the contexts are looked at.
fn of_event<'m>(
    event: &'m EventClass,
    referred: &mut HashSet<Reference>,
) -> (Option<Node<'m>>, Option<Node<'m>>) {
    // Two event classes can have fields of the same path.
    referred.retain(|r| r.scope < Scope::EventContext);
    let payload = root(event.fields.as_deref(), Scope::EventFields, referred);
    let context = root(event.context.as_deref(), Scope::EventContext, referred);
    (context, payload)
}

fn root<'m>(
    class: Option<&'m FieldClass>,
    scope: Scope,
    referred: &mut HashSet<Reference>,
) -> Option<Node<'m>> {
    let mut here = Reference {
        scope,
        path: Vec::new(),
    };
    class.map(|class| Node::new(class, &mut here, referred))
}

impl<'m> Node<'m> {
    /// A root of which nothing is shown, such as a packet's header.
    pub(crate) fn hidden(class: &'m FieldClass) -> Self {
        let children = children_of(class).map(Node::hidden).collect();
        Node {
            class,
            shown: false,
            text: is_text(class),
            children,
        }
    }

    /// Members are looked at from the last to the first: only later ones can refer to earlier ones.
    fn new(class: &'m FieldClass, here: &mut Reference, referred: &mut HashSet<Reference>) -> Self {
        let element = matches!(
            class,
            FieldClass::Array { .. } | FieldClass::Sequence { .. }
        );
        let mut children: Vec<Node> = Vec::new();
        let classes: Vec<&FieldClass> = children_of(class).collect();
        for (i, child) in classes.into_iter().enumerate().rev() {
            if !element {
                here.path.push(i);
            }
            children.push(Node::new(child, here, referred));
            if !element {
                here.path.pop();
            }
        }
        children.reverse();
        let any = children.iter().any(|c| c.shown);
        let shown = match class {
            FieldClass::Integer(_) | FieldClass::Enumeration(_) => {
                let structural = |i: &Integer| i.clock.is_some() || i.roles.are_structural();
                !class.integer().is_some_and(structural) || referred.contains(here)
            }
            FieldClass::Struct(_) => any || children.is_empty(),
            FieldClass::Variant(_) | FieldClass::Array { .. } | FieldClass::Sequence { .. } => any,
            FieldClass::Float(_) | FieldClass::String(_) => true,
        };
        if let (FieldClass::Variant(variant), true) = (class, shown) {
            children.iter_mut().for_each(|c| c.shown = true);
            referred.extend(variant.tag.clone());
        }
        if let (FieldClass::Sequence { length, .. }, true) = (class, shown) {
            referred.insert(length.clone());
        }
        Node {
            class,
            shown,
            text: is_text(class),
            children,
        }
    }

    /// The members of a structure or options of a variant that are shown and not left out.
    pub(crate) fn kept(&self) -> Vec<Kept<'m>> {
        let named = match self.class {
            FieldClass::Struct(structure) => &structure.fields[..],
            FieldClass::Variant(variant) => &variant.options[..],
            _ => &[],
        };
        let written: HashSet<&str> = named.iter().map(|f| f.name.as_str()).collect();
        let shown = self.children.iter().zip(named).enumerate();
        let shown = shown.filter(|(_, (child, _))| child.shown);
        let mut kept: Vec<Kept> = shown
            .enumerate()
            .map(|(index, (position, (_, field)))| Kept {
                position,
                index: index as u64,
                name: known_name(&field.name, &written),
            })
            .collect();
        if matches!(self.class, FieldClass::Struct(_)) {
            let is_sequence = |kept: &Kept| {
                let child = &self.children[kept.position];
                matches!(child.class, FieldClass::Sequence { .. }) && !child.text
            };
            without_lengths(&mut kept, |kept| kept.name, is_sequence);
        }
        kept
    }

    /// The same with their types, and with their positions among `children`.
    pub(crate) fn fields(&self) -> Vec<(usize, Field)> {
        let kept = self.kept().into_iter();
        kept.map(|kept| {
            let field = Field {
                name: kept.name.to_owned(),
                ty: self.children[kept.position].field_type(),
                index: kept.index,
            };
            (kept.position, field)
        })
        .collect()
    }

    /// Its type, as consumers see it.
    pub(crate) fn field_type(&self) -> FieldType {
        let members = || self.fields().into_iter().map(|(_, f)| f).collect();
        match self.class {
            _ if self.text => FieldType::Text,
            FieldClass::Integer(i) if i.boolean => FieldType::Unsigned(1, vec![]),
            FieldClass::Integer(i) if i.signed => FieldType::Signed(i.size.into(), vec![]),
            FieldClass::Integer(i) => FieldType::Unsigned(i.size.into(), vec![]),
            FieldClass::Enumeration(e) if e.base.signed => {
                FieldType::Signed(e.base.size.into(), labels(&e.labels))
            }
            FieldClass::Enumeration(e) => {
                FieldType::Unsigned(e.base.size.into(), labels(&e.labels))
            }
            FieldClass::Float(f) => FieldType::Float(f.size as u8),
            FieldClass::String(_) => FieldType::Text,
            FieldClass::Struct(_) => FieldType::Struct(members()),
            FieldClass::Variant(_) => FieldType::Variant(members()),
            FieldClass::Array { length, .. } => {
                FieldType::List(Box::new(self.children[0].field_type()), Some(*length))
            }
            FieldClass::Sequence { .. } => {
                FieldType::List(Box::new(self.children[0].field_type()), None)
            }
        }
    }
}

fn children_of(class: &FieldClass) -> Box<dyn Iterator<Item = &FieldClass> + '_> {
    match class {
        FieldClass::Struct(structure) => Box::new(structure.fields.iter().map(|f| &*f.class)),
        FieldClass::Variant(variant) => Box::new(variant.options.iter().map(|f| &*f.class)),
        FieldClass::Array { element, .. } | FieldClass::Sequence { element, .. } => {
            Box::new(std::iter::once(&**element))
        }
        _ => Box::new(std::iter::empty()),
    }
}

/// Whether a class is an array or a sequence of characters.
fn is_text(class: &FieldClass) -> bool {
    match class {
        FieldClass::Array { element, .. } | FieldClass::Sequence { element, .. } => {
            let integer = element.integer();
            integer.is_some_and(|i| i.size == 8 && i.align == 8 && i.encoding != Encoding::None)
        }
        _ => false,
    }
}

/// Labels with all of their ranges, in the order of their first ones.
fn labels(labels: &[crate::trace::ctf::metadata::model::Label]) -> Vec<Label> {
    let mut all: Vec<Label> = Vec::new();
    let mut numbers = std::collections::HashMap::new();
    for label in labels {
        let number = *numbers.entry(label.name.as_str()).or_insert(all.len());
        if number == all.len() {
            all.push(Label {
                name: label.name.clone(),
                ranges: Vec::new(),
            });
        }
        all[number].ranges.push((label.low, label.high));
    }
    all
}
