//! What an event's structures hold, put into its head and its values.

use super::fields;
use crate::trace::context::Context;
use crate::trace::event::{EventBatch, Field, Head, UNKNOWN, escape};
use babeltrace2_sys::ffi::*;
use std::collections::HashMap;

/// Reads a structure: known fields into the head, others into the values.
///
/// # Safety
/// `root` is null, or a living structure field whose class gave `members`.
pub(super) unsafe fn take_in(
    root: *const bt_field,
    members: &[(Context, Field)],
    head: &mut Head,
    known: &mut HashMap<Vec<u8>, u32>,
    batch: &mut EventBatch,
) {
    if root.is_null() {
        return;
    }
    for (used, member) in members {
        // SAFETY: the caller's promise.
        unsafe {
            let field = bt_field_structure_borrow_member_field_by_index_const(root, member.index);
            match used {
                Context::Pid => head.pid = fields::integer(field, &member.ty) as i32,
                Context::Tid => head.tid = fields::integer(field, &member.ty) as i32,
                Context::Cpu => {
                    let cpu = i32::try_from(fields::integer(field, &member.ty));
                    head.cpu = cpu.unwrap_or(UNKNOWN);
                }
                Context::Procname => {
                    let name = fields::string_bytes(field);
                    head.procname = number(known, &mut batch.new_procnames, name);
                }
                Context::Other => fields::encode(field, &member.ty, &mut batch.values),
            }
        }
    }
}

/// The number of a process name; new names get the next one.
pub(super) fn number(known: &mut HashMap<Vec<u8>, u32>, new: &mut Vec<String>, name: &[u8]) -> u32 {
    if let Some(n) = known.get(name) {
        return *n;
    }
    let n = known.len() as u32;
    known.insert(name.to_vec(), n);
    new.push(escape(name));
    n
}
