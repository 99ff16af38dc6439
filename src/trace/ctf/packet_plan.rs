//! The header and the context of a packet: how they are decoded, and what they say.
//!
//! The one idea: there is one decoder for them. A [`PacketPlan`] is made once for a stream class; whoever looks packets
//! over, counts their events or reads them runs it. Fields that say something of the packet ([`Roles`]) get slots, and what
//! they said is found there when the plan has run.

use super::bits::Location;
use super::fields::decoder::{ABSENT, Decoder, Stop};
use super::fields::output::Output;
use super::fields::plan::{Dest, Slot, Step};
use super::fields::planner::{Known, Planner};
use super::fields::slots::Slots;
use super::fields::tree::Node;
use super::metadata::model::{
    ByteOrder, FieldClass, Integer, Metadata, Reference, Role, Roles, Scope, StreamClass,
};

/// How the headers of a trace's packets are decoded.
#[derive(Debug, Clone)]
pub(crate) struct HeaderPlan {
    root: Root,
    end: Known,
    slots: Slots,
}

/// How the header and the context of a stream's packets are decoded.
#[derive(Debug, Clone)]
pub(crate) struct PacketPlan {
    /// ID of the stream class.
    pub stream: u64,
    header: HeaderPlan,
    context: Root,
    /// The slots of both, and of what events refer to in the roots that all events of the stream share.
    pub slots: Slots,
}

/// A root of fields.
#[derive(Debug, Clone)]
struct Root {
    steps: Vec<Step>,
    /// Those that say something of the packet, in the order stored.
    fields: Vec<Meaningful>,
}

/// A field that says something of its packet.
#[derive(Debug, Clone)]
struct Meaningful {
    roles: Roles,
    /// Where its number is kept; `None` for an array (the UUID).
    number: Option<Slot>,
    /// Where it is kept at which bit it begins.
    begin: Option<Slot>,
    /// Its size and byte order, if another number could be written in its place.
    writable: Option<(u32, ByteOrder)>,
}

/// A field that says something of its packet, once it is decoded.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Said {
    /// What it means.
    pub roles: Roles,
    /// Its number, if it is an integer and not negative.
    pub number: Option<u64>,
    /// The same, whatever its sign.
    pub signed: Option<i128>,
    /// At which bit of the packet it begins, where that matters.
    pub begin: Option<u64>,
    /// The place of the number, if another one could be written there.
    pub location: Option<Location>,
}

impl HeaderPlan {
    /// That of the packets of a trace.
    pub(crate) fn new(metadata: &Metadata) -> Self {
        let class = metadata.packet_header.as_deref();
        let mut slots = Slots::default();
        slots.of_header(metadata);
        let fields = meaningful(class, Scope::PacketHeader, &mut slots);
        let root = class.map(Node::hidden);
        let planner = Planner::new(&slots, Scope::PacketHeader, Known::BEGIN);
        let (steps, end) = planner.plan(root.as_ref(), |_| Dest::Nowhere);
        HeaderPlan {
            root: Root { steps, fields },
            end,
            slots,
        }
    }

    /// Decodes the header with which a packet begins.
    ///
    /// # Errors
    /// A [`Stop`]; what was decoded until then can be looked at all the same.
    pub(crate) fn decode(&self, decoder: &mut Decoder, out: &mut Output) -> Result<(), Stop> {
        decoder.begin_packet(self.slots.count(), out.values.len());
        decoder.root(&self.root.steps, out)
    }

    /// What the header says, as far as it was decoded: field by field.
    pub(crate) fn said<'a>(&'a self, decoder: &'a Decoder) -> impl Iterator<Item = Said> + 'a {
        self.root.said(decoder)
    }
}

impl PacketPlan {
    /// That of a stream class. `context` is the tree of the packets' context (all hidden where it is `None`), whose own
    /// members go where `dest` says (by position).
    pub(crate) fn new(
        header: &HeaderPlan,
        stream: &StreamClass,
        context: Option<&Node>,
        dest: impl Fn(usize) -> Dest,
    ) -> Self {
        let class = stream.packet_context.as_deref();
        let mut slots = header.slots.clone();
        slots.of_stream(stream);
        let fields = meaningful(class, Scope::PacketContext, &mut slots);
        let planner = Planner::new(&slots, Scope::PacketContext, header.end);
        let (steps, _) = match context {
            Some(tree) => planner.plan(Some(tree), dest),
            None => planner.plan(class.map(Node::hidden).as_ref(), dest),
        };
        PacketPlan {
            stream: stream.id,
            header: header.clone(),
            context: Root { steps, fields },
            slots,
        }
    }

    /// Decodes the header and the context with which a packet begins.
    ///
    /// # Errors
    /// A [`Stop`].
    pub(crate) fn decode(&self, decoder: &mut Decoder, out: &mut Output) -> Result<(), Stop> {
        self.header.decode(decoder, out)?;
        self.decode_context(decoder, out)
    }

    /// Decodes the context, which stands behind the header.
    ///
    /// # Errors
    /// A [`Stop`].
    pub(crate) fn decode_context(
        &self,
        decoder: &mut Decoder,
        out: &mut Output,
    ) -> Result<(), Stop> {
        decoder.memory.slots.resize(self.slots.count(), ABSENT);
        decoder.root(&self.context.steps, out)
    }

    /// What the context says: field by field.
    pub(crate) fn said<'a>(&'a self, decoder: &'a Decoder) -> impl Iterator<Item = Said> + 'a {
        self.context.said(decoder)
    }
}

impl Root {
    fn said<'a>(&'a self, decoder: &'a Decoder) -> impl Iterator<Item = Said> + 'a {
        let kept = |slot: Option<Slot>| {
            let number = decoder.memory.slots[slot? as usize];
            (number != ABSENT).then_some(number)
        };
        self.fields.iter().filter_map(move |field| {
            let (signed, begin) = (kept(field.number), kept(field.begin));
            // An option that was not chosen, or the bytes ended before.
            signed.or(begin)?;
            let begin = begin.and_then(|bit| u64::try_from(bit).ok());
            let place = begin.zip(field.writable);
            Some(Said {
                roles: field.roles,
                number: signed.and_then(|number| u64::try_from(number).ok()),
                signed,
                begin,
                location: place.map(|(bit, (size, byte_order))| Location {
                    bit,
                    size,
                    byte_order,
                }),
            })
        })
    }
}

/// The fields of a root that say something of their packet; asks for their slots.
fn meaningful(class: Option<&FieldClass>, scope: Scope, slots: &mut Slots) -> Vec<Meaningful> {
    let mut found = Vec::new();
    let path = Vec::new();
    if let Some(class) = class {
        collect(class, &mut Reference { scope, path }, slots, &mut found);
    }
    found
}

fn collect(
    class: &FieldClass,
    here: &mut Reference,
    slots: &mut Slots,
    found: &mut Vec<Meaningful>,
) {
    let members = match class {
        FieldClass::Struct(structure) => &structure.fields[..],
        FieldClass::Variant(variant) => &variant.options[..],
        FieldClass::Array { element, .. } | FieldClass::Sequence { element, .. } => {
            let uuid = |i: &&Integer| i.roles.has(Role::Uuid);
            match element.integer().filter(uuid) {
                // It is looked at as a whole.
                Some(integer) => found.push(Meaningful {
                    roles: integer.roles,
                    number: None,
                    begin: Some(slots.keep_begin(here)),
                    writable: None,
                }),
                None => collect(element, here, slots, found),
            }
            &[]
        }
        _ => {
            let integer = class.integer().filter(|i| !i.roles.is_empty());
            found.extend(integer.map(|i| number(i, here, slots)));
            &[]
        }
    };
    for (i, member) in members.iter().enumerate() {
        here.path.push(i);
        collect(&member.class, here, slots, found);
        here.path.pop();
    }
}

fn number(integer: &Integer, here: &Reference, slots: &mut Slots) -> Meaningful {
    let located = [Role::Uuid, Role::PacketSize, Role::ContentSize];
    let located = located.iter().any(|role| integer.roles.has(*role));
    let writable = !integer.variable && !integer.reversed;
    Meaningful {
        roles: integer.roles,
        number: Some(slots.keep_number(here)),
        begin: located.then(|| slots.keep_begin(here)),
        writable: writable.then_some((integer.size, integer.byte_order)),
    }
}
