//! How metadata says what a field means.
//!
//! CTF 1.8 gives fields a meaning by their names (1.8.3 sections 5 and 6), CTF 2 by roles (CTF2-SPEC-2.0 sections 5.6.1 and
//! 5.8.1), at any depth and several to a field.

use super::model::{FieldClass, Scope};
use super::roles::Role;
use std::sync::Arc;

/// The meanings that CTF 1.8 gives to names, and CTF 2 to roles. A time stamp of an event's header needs none: its
/// integer is mapped to the clock.
const MEANINGS: [(Scope, Role, &str, &str); 12] = [
    (
        Scope::PacketHeader,
        Role::Magic,
        "magic",
        "packet-magic-number",
    ),
    (
        Scope::PacketHeader,
        Role::Uuid,
        "uuid",
        "metadata-stream-uuid",
    ),
    (
        Scope::PacketHeader,
        Role::StreamClass,
        "stream_id",
        "data-stream-class-id",
    ),
    (
        Scope::PacketHeader,
        Role::StreamInstance,
        "stream_instance_id",
        "data-stream-id",
    ),
    (
        Scope::PacketContext,
        Role::PacketSize,
        "packet_size",
        "packet-total-length",
    ),
    (
        Scope::PacketContext,
        Role::ContentSize,
        "content_size",
        "packet-content-length",
    ),
    (
        Scope::PacketContext,
        Role::Begin,
        "timestamp_begin",
        "default-clock-timestamp",
    ),
    (
        Scope::PacketContext,
        Role::End,
        "timestamp_end",
        "packet-end-default-clock-timestamp",
    ),
    (
        Scope::PacketContext,
        Role::Discarded,
        "events_discarded",
        "discarded-event-record-counter-snapshot",
    ),
    (
        Scope::PacketContext,
        Role::SequenceNumber,
        "packet_seq_num",
        "packet-sequence-number",
    ),
    (Scope::PacketContext, Role::Cpu, "cpu_id", ""),
    (
        Scope::EventHeader,
        Role::EventClass,
        "id",
        "event-record-class-id",
    ),
];

/// The meaning that CTF 1.8 gives to a field `name` of a root, or at any depth of an event's header.
pub(super) fn by_name(scope: Scope, name: &str, depth: usize) -> Option<Role> {
    let deep = depth > 1 && scope != Scope::EventHeader;
    let mut all = MEANINGS.iter().filter(|_| !deep);
    all.find(|(s, _, known, _)| *s == scope && *known == name)
        .map(|(_, role, ..)| *role)
}

/// The meaning of a role of CTF 2.
pub(super) fn by_role(scope: Scope, name: &str) -> Option<Role> {
    let mut all = MEANINGS.iter().filter(|(.., known)| !known.is_empty());
    all.find(|(s, _, _, known)| *s == scope && *known == name)
        .map(|(_, role, ..)| *role)
}

/// Gives a meaning to a class: to an integer, or to the elements of an array.
pub(super) fn give(class: &mut Arc<FieldClass>, role: Role) {
    let class = Arc::make_mut(class);
    if let Some(integer) = class.integer_mut() {
        integer.roles.add(role);
    } else if let (FieldClass::Array { element, .. }, Role::Uuid) = (class, role)
        && let Some(integer) = Arc::make_mut(element).integer_mut()
    {
        integer.roles.add(role);
    }
}

/// Whether a class, or what is inside it, has a meaning.
pub(super) fn any(class: &FieldClass, role: Role) -> bool {
    class.find(&|integer| integer.roles.has(role)).is_some()
}
