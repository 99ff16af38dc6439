//! The classes of a trace, compiled: their plans, and what consumers see of them.
//!
//! The one idea: a stream class is compiled once into a [`StreamPlan`] that holds all that its packets and events need.

use super::clock::{Converter, describe};
use super::plan::{Dest, Slot, Step};
use super::planner::{Known, Planner};
use super::shown::{Node, Roots};
use crate::trace::Clock;
use crate::trace::context::{Context, is_only_cpu, name_own, name_packet, uses_of};
use crate::trace::counters::Counter;
use crate::trace::ctf::metadata::model::{
    self, FieldClass, Metadata, Reference, Role, Scope, StreamClass,
};
use crate::trace::event::{EventClass, Field, UNKNOWN};
use crate::trace::select::Selection;
use crate::trace::tracer::Tracer;
use std::collections::{BTreeSet, HashMap};

/// How packets and events of a stream class are decoded.
#[derive(Debug)]
pub struct StreamPlan {
    /// ID of the class.
    pub id: u64,
    /// The packets' headers.
    pub packet_header: Vec<Step>,
    /// The packets' contexts.
    pub packet_context: Vec<Step>,
    /// The events' headers.
    pub header: Vec<Step>,
    /// Where they begin: at a multiple of so many bits.
    pub align: u64,
    /// The events' common contexts: one plan for each way in which event classes use them.
    pub commons: Vec<Common>,
    /// The event classes.
    pub events: Vec<EventPlan>,
    /// Their positions by ID.
    by_id: HashMap<u64, u32>,
    /// The same for small IDs.
    small: Vec<u32>,
    /// How many integers are kept for tags and lengths.
    pub slots: usize,
    /// The clock of its events.
    pub clock: Option<StreamClock>,
    /// What its packets count.
    pub discarded: Counter<u64>,
    /// As `discarded`.
    pub sequence: Counter<u64>,
    /// Whether a packet's begin sets the whole clock, or it begins at 0, so that no packet needs the one before.
    pub independent: bool,
    /// Whether the clock begins at 0 in each packet.
    pub clock_restarts: bool,
}

/// A stream's clock.
#[derive(Debug)]
pub struct StreamClock {
    /// What it is.
    pub clock: Clock,
    /// Its UUID.
    pub uuid: Option<[u8; 16]>,
    /// Its arithmetic.
    pub converter: Converter,
}

/// How a common context is decoded.
#[derive(Debug)]
pub struct Common {
    /// What its fields serve as.
    uses: Vec<Context>,
    /// The plan.
    pub plan: Vec<Step>,
    end: Known,
}

/// How events of a class are decoded.
#[derive(Debug)]
pub struct EventPlan {
    /// Its ID.
    pub id: u64,
    /// Its position among all classes that consumers see.
    pub class: u32,
    /// Which of the common plans it has.
    pub common: usize,
    /// Whether such events are selected.
    pub taken: bool,
    /// The process, where the trace tells it for all such events.
    pub pid: i32,
    /// As `pid`.
    pub procname: Option<String>,
    /// Its own context.
    pub context: Vec<Step>,
    /// Its payload.
    pub payload: Vec<Step>,
}

/// All classes of some traces.
#[derive(Debug, Default)]
pub struct Classes {
    /// Event classes, as consumers see them.
    pub events: Vec<EventClass>,
    /// Names of all context fields, sorted.
    pub contexts: BTreeSet<String>,
}

const NONE: u32 = u32::MAX;
/// IDs below are looked up by position.
const SMALL: u64 = 1 << 16;

/// An event class, before its plan is made.
struct Draft<'m> {
    event: &'m model::EventClass,
    context: &'m Option<Node<'m>>,
    payload: &'m Option<Node<'m>>,
    /// What the common context's fields serve as here.
    of_common: Vec<Context>,
    own: Vec<Used>,
    fields: Vec<Used>,
}

/// A field at its position in its root, and what it serves as.
type Used = (usize, Field, Context);

impl<'m> Draft<'m> {
    fn new(
        event: &'m model::EventClass,
        (context, payload): &'m (Option<Node<'m>>, Option<Node<'m>>),
        common: &[(usize, Field)],
        selection: &Selection,
        tracer: &Tracer,
    ) -> Self {
        let mut own = fields_of(context.as_ref());
        let uses = uses_of(common.iter().chain(&own).map(|(_, f)| f));
        let shared: Vec<&Field> = common.iter().map(|(_, f)| f).collect();
        let mut mine: Vec<&mut Field> = own.iter_mut().map(|(_, f)| f).collect();
        name_own(&shared, &mut mine, &uses);
        let (of_common, of_own) = uses.split_at(common.len());
        let fields = fields_of(payload.as_ref());
        let (positions, members): (Vec<usize>, Vec<Field>) = fields.into_iter().unzip();
        let of_payload = tracer.uses_of_payload(&members, &uses);
        let fields = used(positions.into_iter().zip(members), &of_payload);
        let decoded = |(_, f, used): &Used| *used != Context::Other || selection.decodes(&f.name);
        Draft {
            event,
            context,
            payload,
            of_common: of_common.to_vec(),
            own: used(own.into_iter(), of_own),
            fields: fields.into_iter().filter(decoded).collect(),
        }
    }

    /// The fields that have places in `context`.
    fn others<'a>(&'a self, common: &'a [(usize, Field)]) -> impl Iterator<Item = &'a Field> {
        let common = common.iter().zip(&self.of_common);
        let common = common.filter(|(_, u)| **u == Context::Other);
        common.map(|((_, f), _)| f).chain(others(&self.own))
    }

    /// Whether some field serves as this.
    fn tells(&self, what: Context) -> bool {
        let own = self.own.iter().chain(&self.fields).map(|(_, _, u)| u);
        self.of_common.iter().chain(own).any(|u| *u == what)
    }
}

fn used(fields: impl Iterator<Item = (usize, Field)>, uses: &[Context]) -> Vec<Used> {
    let pairs = fields.zip(uses);
    pairs
        .map(|((at, field), used)| (at, field, *used))
        .collect()
}

fn others(fields: &[Used]) -> impl Iterator<Item = &Field> {
    let others = fields.iter().filter(|(_, _, u)| *u == Context::Other);
    others.map(|(_, f, _)| f)
}

impl StreamPlan {
    /// Compiles `stream` of `metadata` for what is selected, and adds its event classes to `classes`.
    pub fn new(
        metadata: &Metadata,
        stream: &StreamClass,
        selection: &Selection,
        tracer: &Tracer,
        classes: &mut Classes,
    ) -> Self {
        let roots = Roots::new(stream);
        let slots = stream_slots(metadata, stream);
        let common = fields_of(roots.common.as_ref());
        let events = stream.events.iter().zip(&roots.events);
        let drafts: Vec<Draft> = events
            .map(|(event, roots)| Draft::new(event, roots, &common, selection, tracer))
            .collect();
        let mut packet = fields_of(roots.packet.as_ref());
        packet.retain(|(_, field)| !is_only_cpu(field));
        let names = drafts.iter().flat_map(|d| d.others(&common));
        let names = names.map(|f| f.name.clone()).collect();
        name_packet(packet.iter_mut().map(|(_, f)| f), &names);
        let (mut plan, known) = Self::of_packets(metadata, stream, &roots, &slots, &packet);
        for draft in &drafts {
            let common_root = roots.common.as_ref();
            let (event, of_event) = plan.event_plan(draft, common_root, &common, &slots, known);
            plan.slots = plan.slots.max(of_event);
            let all = draft.own.iter().map(|(_, f, _)| f);
            let all = all.chain(common.iter().chain(&packet).map(|(_, f)| f));
            classes.contexts.extend(all.map(|f| f.name.clone()));
            let packet = packet.iter().map(|(_, f)| f);
            let context = packet.chain(draft.others(&common)).cloned().collect();
            let name = draft.event.name.as_deref().unwrap_or_default();
            let class = tracer.class(name, context, others(&draft.fields).cloned().collect());
            let default = |what, value| if draft.tells(what) { None } else { value };
            plan.add(EventPlan {
                taken: tracer.takes(&class, selection),
                class: classes.events.len() as u32,
                pid: default(Context::Pid, tracer.pid).unwrap_or(UNKNOWN),
                procname: tracer
                    .procname
                    .clone()
                    .filter(|_| !draft.tells(Context::Procname)),
                ..event
            });
            classes.events.push(class);
        }
        plan
    }

    /// The plan of a stream without events, and what is known of the place where an event's header ends.
    fn of_packets(
        metadata: &Metadata,
        stream: &StreamClass,
        roots: &Roots,
        slots: &HashMap<Reference, Slot>,
        packet: &[(usize, Field)],
    ) -> (Self, Known) {
        let hidden = |class: Option<&FieldClass>, scope, known| {
            let root = class.map(Node::hidden);
            Planner::new(slots, scope, known).plan(root.as_ref(), |_| Dest::Nowhere)
        };
        let header = metadata.packet_header.as_deref();
        let (packet_header, known) = hidden(header, Scope::PacketHeader, Known::BEGIN);
        let planner = Planner::new(slots, Scope::PacketContext, known);
        let dest = |i| match packet.iter().any(|(position, _)| *position == i) {
            true => Dest::Values,
            false => Dest::Nowhere,
        };
        let (packet_context, _) = planner.plan(roots.packet.as_ref(), dest);
        let header = stream.event_header.as_deref();
        let align = header.map_or(1, FieldClass::alignment);
        let (header, known) = hidden(header, Scope::EventHeader, Known::NOTHING);
        let plan = StreamPlan {
            id: stream.id,
            packet_header,
            packet_context,
            header,
            align,
            commons: Vec::new(),
            events: Vec::with_capacity(stream.events.len()),
            by_id: HashMap::new(),
            small: Vec::new(),
            slots: slots.len(),
            clock: clock_of(metadata, stream),
            independent: sets_clock(stream.packet_context.as_deref()) || metadata.clock_restarts,
            clock_restarts: metadata.clock_restarts,
            discarded: Counter::of_events(stream),
            sequence: Counter::of_packets(stream),
        };
        (plan, known)
    }

    /// The plan of an event class whose events begin where `known` says, as far as it is known here, and how many slots
    /// it takes.
    fn event_plan(
        &mut self,
        draft: &Draft,
        root: Option<&Node>,
        common: &[(usize, Field)],
        shared: &HashMap<Reference, Slot>,
        known: Known,
    ) -> (EventPlan, usize) {
        let same = |c: &Common| c.uses == draft.of_common;
        let number = self.commons.iter().position(same).unwrap_or_else(|| {
            let planner = Planner::new(shared, Scope::StreamEventContext, known);
            let fields = used(common.iter().cloned(), &draft.of_common);
            let (steps, end) = planner.plan(root, |i| dest_of(&fields, i));
            self.commons.push(Common {
                uses: draft.of_common.clone(),
                plan: steps,
                end,
            });
            self.commons.len() - 1
        });
        let slots = event_slots(shared, draft.event);
        let planner = Planner::new(&slots, Scope::EventContext, self.commons[number].end);
        let (context, known) = planner.plan(draft.context.as_ref(), |i| dest_of(&draft.own, i));
        let planner = Planner::new(&slots, Scope::EventFields, known);
        let (payload, _) = planner.plan(draft.payload.as_ref(), |i| dest_of(&draft.fields, i));
        let plan = EventPlan {
            id: draft.event.id,
            class: 0,
            common: number,
            taken: true,
            pid: UNKNOWN,
            procname: None,
            context,
            payload,
        };
        (plan, slots.len())
    }

    fn add(&mut self, event: EventPlan) {
        let number = self.events.len() as u32;
        if event.id < SMALL {
            let at = event.id as usize;
            if self.small.len() <= at {
                self.small.resize(at + 1, NONE);
            }
            self.small[at] = number;
        } else {
            self.by_id.insert(event.id, number);
        }
        self.events.push(event);
    }

    /// The event class with this ID; without an ID the only one.
    #[inline]
    pub fn event(&self, id: Option<u64>) -> Option<&EventPlan> {
        let number = match id {
            Some(id) if id < SMALL => *self.small.get(id as usize)?,
            Some(id) => *self.by_id.get(&id)?,
            None => return self.events.first().filter(|_| self.events.len() == 1),
        };
        self.events.get(number as usize)
    }
}

fn fields_of(root: Option<&Node>) -> Vec<(usize, Field)> {
    root.map(Node::fields).unwrap_or_default()
}

fn dest_of(fields: &[Used], position: usize) -> Dest {
    let found = fields.iter().find(|(p, ..)| *p == position);
    match found.map(|(_, _, used)| used) {
        None => Dest::Nowhere,
        Some(Context::Pid) => Dest::Pid,
        Some(Context::Tid) => Dest::Tid,
        Some(Context::Procname) => Dest::Procname,
        Some(Context::Cpu) => Dest::Cpu,
        Some(Context::Other) => Dest::Values,
    }
}

/// Whether the packet context holds a begin that is the clock's whole value.
fn sets_clock(context: Option<&FieldClass>) -> bool {
    let fields = context.and_then(FieldClass::structure).map(|s| &s.fields);
    fields.into_iter().flatten().any(|f| {
        let integer = f.class.integer();
        integer.is_some_and(|i| {
            let whole = i.size == 64 && !i.variable && !i.signed;
            whole && i.roles.has(Role::Begin) && i.clock.is_some()
        })
    })
}

/// The clock that fields of the stream class are mapped to.
fn clock_of(metadata: &Metadata, stream: &StreamClass) -> Option<StreamClock> {
    let class = &metadata.clocks[stream.clock()?];
    let clock = describe(metadata, class);
    Some(StreamClock {
        converter: Converter::new(&clock),
        uuid: class.uuid,
        clock,
    })
}

/// Slots for what is referred to in the roots that all events of the stream share.
fn stream_slots(metadata: &Metadata, stream: &StreamClass) -> HashMap<Reference, Slot> {
    let mut slots = HashMap::new();
    for class in metadata
        .packet_header
        .as_deref()
        .into_iter()
        .chain(stream.roots())
    {
        add_slots(class, &mut slots, &|r| r.scope <= Scope::StreamEventContext);
    }
    slots
}

/// Those, and slots for what is referred to in the event's own roots.
fn event_slots(
    shared: &HashMap<Reference, Slot>,
    event: &model::EventClass,
) -> HashMap<Reference, Slot> {
    let mut slots = shared.clone();
    for class in [event.context.as_deref(), event.fields.as_deref()]
        .into_iter()
        .flatten()
    {
        add_slots(class, &mut slots, &|_| true);
    }
    slots
}

fn add_slots(
    class: &FieldClass,
    slots: &mut HashMap<Reference, Slot>,
    wanted: &dyn Fn(&Reference) -> bool,
) {
    let mut add = |reference: &Reference| {
        if wanted(reference) && !slots.contains_key(reference) {
            // The metadata's reader allows a million fields in all.
            slots.insert(reference.clone(), slots.len() as Slot);
        }
    };
    match class {
        FieldClass::Struct(structure) => {
            for field in &structure.fields {
                add_slots(&field.class, slots, wanted);
            }
        }
        FieldClass::Variant(variant) => {
            variant.tag.iter().for_each(&mut add);
            for option in &variant.options {
                add_slots(&option.class, slots, wanted);
            }
        }
        FieldClass::Array { element, .. } => add_slots(element, slots, wanted),
        FieldClass::Sequence {
            length, element, ..
        } => {
            add(length);
            add_slots(element, slots, wanted);
        }
        _ => {}
    }
}
