//! The plan of a stream class: how its packets and events are decoded, and what consumers see of its events.
//!
//! The one idea: a stream class is compiled once into a [`StreamPlan`] that holds all that its packets and events need.

use super::event_draft::{EventDraft, dest_of, fields_of, others, used};
use crate::trace::clock::StreamClock;
use crate::trace::context::{Context, is_only_cpu, name_packet};
use crate::trace::counters::Counter;
use crate::trace::ctf::fields::plan::{Dest, Step};
use crate::trace::ctf::fields::planner::{Known, Planner};
use crate::trace::ctf::fields::slots::Slots;
use crate::trace::ctf::fields::tree::{Node, Roots};
use crate::trace::ctf::metadata::model::{FieldClass, Metadata, Role, Scope, StreamClass};
use crate::trace::ctf::packet_plan::{HeaderPlan, PacketPlan};
use crate::trace::event::{EventClass, Field, UNKNOWN};
use crate::trace::select::Selection;
use crate::trace::tracer::Tracer;
use std::collections::{BTreeSet, HashMap};

/// How packets and events of a stream class are decoded.
#[derive(Debug)]
pub(super) struct StreamPlan {
    /// ID of the class.
    pub id: u64,
    /// The packets' headers and contexts.
    pub packet: PacketPlan,
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

/// How a common context is decoded.
#[derive(Debug)]
pub(super) struct Common {
    /// What its fields serve as.
    uses: Vec<Context>,
    /// The plan.
    pub plan: Vec<Step>,
    end: Known,
}

/// How events of a class are decoded.
#[derive(Debug)]
pub(super) struct EventPlan {
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
pub(super) struct Classes {
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
    pub(super) fn new(
        metadata: &Metadata,
        header: &HeaderPlan,
        stream: &StreamClass,
        selection: &Selection,
        tracer: &Tracer,
        classes: &mut Classes,
    ) -> Self {
        let roots = Roots::new(stream);
        let common = fields_of(roots.common.as_ref());
        let events = stream.events.iter().zip(&roots.events);
        let drafts: Vec<EventDraft> = events
            .map(|(event, roots)| EventDraft::new(event, roots, &common, selection, tracer))
            .collect();
        let mut packet = fields_of(roots.packet.as_ref());
        packet.retain(|(_, field)| !is_only_cpu(field));
        let names = drafts.iter().flat_map(|d| d.others(&common));
        let names = names.map(|f| f.name.clone()).collect();
        name_packet(packet.iter_mut().map(|(_, f)| f), &names);
        let (mut plan, known) = Self::of_packets(metadata, header, stream, &roots, &packet);
        let slots = plan.packet.slots.clone();
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

    /// The plan of a stream without events, and what is known of the place where an event's header ends. `fields` are those
    /// of the packets' context that events carry.
    fn of_packets(
        metadata: &Metadata,
        header: &HeaderPlan,
        stream: &StreamClass,
        roots: &Roots,
        fields: &[(usize, Field)],
    ) -> (Self, Known) {
        let dest = |i| match fields.iter().any(|(position, _)| *position == i) {
            true => Dest::Values,
            false => Dest::Nowhere,
        };
        let packet = PacketPlan::new(header, stream, roots.packet.as_ref(), dest);
        let event_header = stream.event_header.as_deref();
        let align = event_header.map_or(1, FieldClass::alignment);
        let tree = event_header.map(Node::hidden);
        let planner = Planner::new(&packet.slots, Scope::EventHeader, Known::NOTHING);
        let (header, known) = planner.plan(tree.as_ref(), |_| Dest::Nowhere);
        let plan = StreamPlan {
            id: stream.id,
            slots: packet.slots.count(),
            packet,
            header,
            align,
            commons: Vec::new(),
            events: Vec::with_capacity(stream.events.len()),
            by_id: HashMap::new(),
            small: Vec::new(),
            clock: StreamClock::of(metadata, stream),
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
        draft: &EventDraft,
        root: Option<&Node>,
        common: &[(usize, Field)],
        shared: &Slots,
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
        let slots = shared.with_event(draft.event);
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
        (plan, slots.count())
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
    pub(super) fn event(&self, id: Option<u64>) -> Option<&EventPlan> {
        let number = match id {
            Some(id) if id < SMALL => *self.small.get(id as usize)?,
            Some(id) => *self.by_id.get(&id)?,
            None => return self.events.first().filter(|_| self.events.len() == 1),
        };
        self.events.get(number as usize)
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
