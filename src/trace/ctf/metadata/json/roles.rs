//! Roles of CTF 2.
//!
//! The one idea: a role is its field class's, wherever below the root that stands (CTF2-SPEC-2.0 sections 5.3.3, 5.6.1
//! and 5.8.1): in a structure inside of another, in an option, under an alias. What a class with a role has to be is
//! checked here, so that readers can rely on it.

use super::object::{Fault, Object, fault};
use crate::trace::ctf::metadata::meanings::{by_role, give};
use crate::trace::ctf::metadata::model::*;
use std::sync::Arc;

/// What a role needs to know of the place where its class is used.
pub(super) struct Place<'a> {
    /// The root.
    pub scope: Scope,
    /// The way down from it.
    pub path: &'a [usize],
    /// The default clock of the data stream class.
    pub clock: Option<usize>,
    /// Whether the metadata stream has a UUID.
    pub has_uuid: bool,
}

/// Gives the class that `object` describes the meanings of its roles.
pub(super) fn apply(
    object: &Object,
    kind: &str,
    class: &mut Arc<FieldClass>,
    place: &Place,
) -> Result<(), Fault> {
    for role in object.array("roles")?.unwrap_or(&[]) {
        let role = role
            .as_str()
            .ok_or_else(|| fault("a role that is no text"))?;
        let may_have = match role {
            "metadata-stream-uuid" => kind == "static-length-blob",
            "packet-magic-number" => kind == "fixed-length-unsigned-integer",
            _ => kind.ends_with("-length-unsigned-integer"),
        };
        if !may_have {
            return Err(format!("the role {role:?} of a field class {kind:?}"));
        }
        if role.ends_with("default-clock-timestamp") {
            let clock = place.clock;
            let clock =
                clock.ok_or_else(|| format!("the role {role:?} without a default clock class"))?;
            if let Some(integer) = Arc::make_mut(class).integer_mut() {
                integer.clock = Some(clock);
            }
            if place.scope == Scope::EventHeader && role == "default-clock-timestamp" {
                continue;
            }
        }
        let meaning = by_role(place.scope, role);
        let meaning =
            meaning.ok_or_else(|| format!("the role {role:?}, which a field here cannot have"))?;
        check(meaning, class, place)?;
        give(class, meaning);
    }
    Ok(())
}

fn check(meaning: Role, class: &FieldClass, place: &Place) -> Result<(), Fault> {
    match (meaning, class) {
        (Role::Magic, _) if place.path != [0] => Err(fault(
            "a magic number that is not the first field of its packet",
        )),
        (Role::Magic, class) if class.integer().is_none_or(|i| i.size != 32) => {
            Err(fault("a magic number that has not 32 bits"))
        }
        (Role::Uuid, _) if !place.has_uuid => Err(fault(
            "the role \"metadata-stream-uuid\" in metadata whose preamble has no `uuid`",
        )),
        (Role::Uuid, FieldClass::Array { length, .. }) if *length != 16 => {
            Err(format!("a UUID of {length} bytes"))
        }
        _ => Ok(()),
    }
}
