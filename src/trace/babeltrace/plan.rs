//! What is done with the fields of an event class of babeltrace2.

use super::fields;
use crate::trace::context::{Context, name_own, uses_of};
use crate::trace::event::{EventClass, Field, UNKNOWN};
use crate::trace::select::Selection;
use crate::trace::tracer::Tracer;
use babeltrace2_sys::ffi::*;

/// An event class as babeltrace knows it: where its parts are.
pub(super) struct Plan {
    /// Its position among all classes that consumers see.
    pub class: u32,
    /// Whether such events are selected.
    pub taken: bool,
    /// Fields of the common and the specific context, each with what it is.
    pub common: Vec<(Context, Field)>,
    /// As `common`.
    pub specific: Vec<(Context, Field)>,
    /// The same for the payload.
    pub payload: Vec<(Context, Field)>,
    /// The process, where the trace tells it for all such events.
    pub pid: i32,
    /// As `pid`.
    pub procname: Option<String>,
}

impl Plan {
    /// The plan for a class whose events have the context fields `common`, the class as consumers see it, and the names of
    /// all its context fields.
    ///
    /// # Safety
    /// `event_class` is alive.
    pub(super) unsafe fn new(
        event_class: *const bt_event_class,
        common: &[Field],
        tracer: &Tracer,
        selection: &Selection,
    ) -> (Plan, EventClass, Vec<String>) {
        // SAFETY: the caller's promise.
        let (mut specific, payload) = unsafe {
            (
                members_of(bt_event_class_borrow_specific_context_field_class_const(
                    event_class,
                )),
                members_of(bt_event_class_borrow_payload_field_class_const(event_class)),
            )
        };
        let uses = uses_of(common.iter().chain(&specific));
        let shared: Vec<&Field> = common.iter().collect();
        name_own(&shared, &mut specific.iter_mut().collect::<Vec<_>>(), &uses);
        let all = common.iter().chain(&specific);
        let contexts: Vec<String> = all.map(|f| f.name.clone()).collect();
        let of_payload = tracer.uses_of_payload(&payload, &uses);
        let (of_common, of_specific) = uses.split_at(common.len());
        let pair = |uses: &[Context], fields: Vec<Field>| -> Vec<(Context, Field)> {
            uses.iter().copied().zip(fields).collect()
        };
        let mut payload = pair(&of_payload, payload);
        payload.retain(|(used, f)| *used != Context::Other || selection.decodes(&f.name));
        let common = pair(of_common, common.to_vec());
        let specific = pair(of_specific, specific);
        let others = |fields: &[(Context, Field)]| -> Vec<Field> {
            let others = fields.iter().filter(|(u, _)| *u == Context::Other);
            others.map(|(_, f)| f.clone()).collect()
        };
        let context = [others(&common), others(&specific)].concat();
        // SAFETY: as above.
        let name = unsafe { name_of(event_class) };
        let class = tracer.class(&name, context, others(&payload));
        let all = || common.iter().chain(&specific).chain(&payload);
        let tells = |what| all().any(|(u, _)| *u == what);
        let pid = tracer.pid.filter(|_| !tells(Context::Pid));
        let procname = tracer.procname.clone();
        let procname = procname.filter(|_| !tells(Context::Procname));
        let plan = Plan {
            class: 0,
            taken: tracer.takes(&class, selection),
            pid: pid.unwrap_or(UNKNOWN),
            procname,
            common,
            specific,
            payload,
        };
        (plan, class, contexts)
    }
}

/// The name of an event class.
///
/// # Safety
/// `class` is alive.
pub(super) unsafe fn name_of(class: *const bt_event_class) -> String {
    // SAFETY: the caller's promise.
    unsafe { fields::text(bt_event_class_get_name(class)).unwrap_or_default() }
}

/// The members of a structure class, none where there is no class.
///
/// # Safety
/// `class` is null or alive.
pub(super) unsafe fn members_of(class: *const bt_field_class) -> Vec<Field> {
    match class.is_null() {
        true => Vec::new(),
        // SAFETY: contexts and payloads are structures.
        false => unsafe { fields::members(class) },
    }
}
