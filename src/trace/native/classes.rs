//! The classes of a trace, compiled: their plans, and what consumers see of them.
//!
//! The one idea: a stream class is compiled once into a [`StreamPlan`] that holds all that its packets and events need.

use super::clock::{Converter, describe};
use super::plan::{Dest, Slot, Step};
use super::planner::{Known, Planner};
use super::shown::{Node, Roots};
use crate::trace::Clock;
use crate::trace::context::{Context, uses_of};
use crate::trace::ctf::metadata::model::{
    FieldClass, Metadata, Reference, Role, Scope, StreamClass,
};
use crate::trace::event::{EventClass, Field};
use crate::trace::select::Selection;
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
    pub clock: Option<(Clock, Converter)>,
    /// Whether a packet's begin sets the whole clock, or it begins at 0, so that no packet needs the one before.
    pub independent: bool,
    /// Whether the clock begins at 0 in each packet.
    pub clock_restarts: bool,
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

impl StreamPlan {
    /// Compiles `stream` of `metadata` for what is selected, and adds its event classes to `classes`.
    pub fn new(
        metadata: &Metadata,
        stream: &StreamClass,
        selection: &Selection,
        classes: &mut Classes,
    ) -> Self {
        let roots = Roots::new(stream);
        let slots = stream_slots(metadata, stream);
        let hidden = |class: Option<&FieldClass>, scope, known| {
            let root = class.map(Node::hidden);
            Planner::new(&slots, scope, known).plan(root.as_ref(), |_| Dest::Nowhere)
        };
        let packet = metadata.packet_header.as_deref();
        let (packet_header, known) = hidden(packet, Scope::PacketHeader, Known::BEGIN);
        let context = stream.packet_context.as_deref();
        let (packet_context, _) = hidden(context, Scope::PacketContext, known);
        let header = stream.event_header.as_deref();
        let (header, known) = hidden(header, Scope::EventHeader, Known::NOTHING);
        let common = fields_of(roots.common.as_ref());
        let mut plan = StreamPlan {
            id: stream.id,
            packet_header,
            packet_context,
            header,
            commons: Vec::new(),
            events: Vec::with_capacity(stream.events.len()),
            by_id: HashMap::new(),
            small: Vec::new(),
            slots: slots.len(),
            clock: clock_of(metadata, stream),
            independent: sets_clock(context) || metadata.clock_restarts,
            clock_restarts: metadata.clock_restarts,
        };
        for (number, event) in stream.events.iter().enumerate() {
            let (context, payload) = &roots.events[number];
            let own = fields_of(context.as_ref());
            let all = || common.iter().chain(&own).map(|(_, f)| f);
            let uses = uses_of(all());
            let (of_common, of_own) = uses.split_at(common.len());
            let same = |c: &Common| c.uses == of_common;
            let number_of_common = plan.commons.iter().position(same).unwrap_or_else(|| {
                let planner = Planner::new(&slots, Scope::StreamEventContext, known);
                let dest = |i| context_dest(&common, of_common, i);
                let (steps, end) = planner.plan(roots.common.as_ref(), dest);
                plan.commons.push(Common {
                    uses: of_common.to_vec(),
                    plan: steps,
                    end,
                });
                plan.commons.len() - 1
            });
            let common_end = plan.commons[number_of_common].end;
            let slots = event_slots(&slots, event);
            plan.slots = plan.slots.max(slots.len());
            let planner = Planner::new(&slots, Scope::EventContext, common_end);
            let (own_plan, known) =
                planner.plan(context.as_ref(), |i| context_dest(&own, of_own, i));
            let mut fields = fields_of(payload.as_ref());
            fields.retain(|(_, field)| selection.decodes(&field.name));
            let planner = Planner::new(&slots, Scope::EventFields, known);
            let (payload, _) = planner.plan(payload.as_ref(), |i| {
                let kept = fields.iter().any(|(position, _)| *position == i);
                if kept { Dest::Values } else { Dest::Nowhere }
            });
            classes.contexts.extend(all().map(|f| f.name.clone()));
            let others = all().zip(&uses).filter(|(_, u)| **u == Context::Other);
            let others = others.map(|(f, _)| f.clone()).collect();
            let fields = fields.into_iter().map(|(_, f)| f).collect();
            let name = event.name.as_deref().unwrap_or_default();
            let class = EventClass::new(name, others, fields);
            plan.add(EventPlan {
                taken: selection.takes(&class),
                id: event.id,
                class: classes.events.len() as u32,
                common: number_of_common,
                context: own_plan,
                payload,
            });
            classes.events.push(class);
        }
        plan
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

fn context_dest(fields: &[(usize, Field)], uses: &[Context], position: usize) -> Dest {
    let found = fields.iter().position(|(p, _)| *p == position);
    match found.map(|i| uses[i]) {
        None => Dest::Nowhere,
        Some(Context::Pid) => Dest::Pid,
        Some(Context::Tid) => Dest::Tid,
        Some(Context::Procname) => Dest::Procname,
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
fn clock_of(metadata: &Metadata, stream: &StreamClass) -> Option<(Clock, Converter)> {
    let shared = [
        stream.packet_context.as_deref(),
        stream.event_header.as_deref(),
        stream.event_context.as_deref(),
    ];
    let own = stream.events.iter();
    let own = own.flat_map(|e| [e.context.as_deref(), e.fields.as_deref()]);
    let number = shared
        .into_iter()
        .chain(own)
        .flatten()
        .find_map(first_clock)?;
    let clock = describe(metadata, &metadata.clocks[number]);
    let converter = Converter::new(&clock);
    Some((clock, converter))
}

fn first_clock(class: &FieldClass) -> Option<usize> {
    match class {
        FieldClass::Struct(structure) => {
            let mut fields = structure.fields.iter();
            fields.find_map(|f| first_clock(&f.class))
        }
        FieldClass::Variant(variant) => {
            let mut options = variant.options.iter();
            options.find_map(|f| first_clock(&f.class))
        }
        FieldClass::Array { element, .. } | FieldClass::Sequence { element, .. } => {
            first_clock(element)
        }
        other => other.integer()?.clock,
    }
}

/// Slots for what is referred to in the roots that all events of the stream share.
fn stream_slots(metadata: &Metadata, stream: &StreamClass) -> HashMap<Reference, Slot> {
    let mut slots = HashMap::new();
    let shared = [
        metadata.packet_header.as_deref(),
        stream.packet_context.as_deref(),
        stream.event_header.as_deref(),
        stream.event_context.as_deref(),
    ];
    let own = stream.events.iter();
    let own = own.flat_map(|e| [e.context.as_deref(), e.fields.as_deref()]);
    for class in shared.into_iter().chain(own).flatten() {
        add_slots(class, &mut slots, &|r| r.scope <= Scope::StreamEventContext);
    }
    slots
}

/// Those, and slots for what is referred to in the event's own roots.
fn event_slots(
    shared: &HashMap<Reference, Slot>,
    event: &crate::trace::ctf::metadata::model::EventClass,
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
