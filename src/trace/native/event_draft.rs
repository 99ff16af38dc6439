//! What the fields of an event class serve as, before its plan is made.

use crate::trace::context::{Context, name_own, uses_of};
use crate::trace::ctf::fields::plan::Dest;
use crate::trace::ctf::fields::tree::Node;
use crate::trace::ctf::metadata::model;
use crate::trace::event::Field;
use crate::trace::select::Selection;
use crate::trace::tracer::Tracer;

/// An event class, before its plan is made.
pub(super) struct EventDraft<'m> {
    /// The class.
    pub event: &'m model::EventClass,
    /// The tree of its own context.
    pub context: &'m Option<Node<'m>>,
    /// The tree of its payload.
    pub payload: &'m Option<Node<'m>>,
    /// What the common context's fields serve as here.
    pub of_common: Vec<Context>,
    /// The fields of its own context.
    pub own: Vec<Used>,
    /// The fields of its payload that are decoded.
    pub fields: Vec<Used>,
}

/// A field at its position in its root, and what it serves as.
pub(super) type Used = (usize, Field, Context);

impl<'m> EventDraft<'m> {
    /// Says what the fields of a class serve as, in a trace of `tracer`, where its events have the `common` context.
    pub(super) fn new(
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
        EventDraft {
            event,
            context,
            payload,
            of_common: of_common.to_vec(),
            own: used(own.into_iter(), of_own),
            fields: fields.into_iter().filter(decoded).collect(),
        }
    }

    /// The fields that have places in `context`.
    pub(super) fn others<'a>(
        &'a self,
        common: &'a [(usize, Field)],
    ) -> impl Iterator<Item = &'a Field> {
        let common = common.iter().zip(&self.of_common);
        let common = common.filter(|(_, u)| **u == Context::Other);
        common.map(|((_, f), _)| f).chain(others(&self.own))
    }

    /// Whether some field serves as this.
    pub(super) fn tells(&self, what: Context) -> bool {
        let own = self.own.iter().chain(&self.fields).map(|(_, _, u)| u);
        self.of_common.iter().chain(own).any(|u| *u == what)
    }
}

/// Fields together with what they serve as.
pub(super) fn used(fields: impl Iterator<Item = (usize, Field)>, uses: &[Context]) -> Vec<Used> {
    let pairs = fields.zip(uses);
    pairs
        .map(|((at, field), used)| (at, field, *used))
        .collect()
}

/// Those of them that serve as nothing but values.
pub(super) fn others(fields: &[Used]) -> impl Iterator<Item = &Field> {
    let others = fields.iter().filter(|(_, _, u)| *u == Context::Other);
    others.map(|(_, f, _)| f)
}

/// The fields of a root that are shown, with their positions.
pub(super) fn fields_of(root: Option<&Node>) -> Vec<(usize, Field)> {
    root.map(Node::fields).unwrap_or_default()
}

/// Where the field at a position of its root goes.
pub(super) fn dest_of(fields: &[Used], position: usize) -> Dest {
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
