//! What a trace says of itself, as babeltrace2 holds it: UUID, environment, clock, the CPU of a packet.

use super::fields;
use crate::trace::event::UNKNOWN;
use crate::trace::{Clock, Source, uuid_text};
use babeltrace2_sys::ffi::*;
use std::path::Path;

/// `cpu_id` of a packet's context, or [`UNKNOWN`].
///
/// # Safety
/// `context` is null or the context of a living packet.
pub(super) unsafe fn cpu_of(context: *const bt_field) -> i32 {
    if context.is_null() {
        return UNKNOWN;
    }
    // SAFETY: a packet context is a structure; the field is asked by its own class.
    unsafe {
        let cpu = bt_field_structure_borrow_member_field_by_name_const(context, c"cpu_id".as_ptr());
        if cpu.is_null() {
            return UNKNOWN;
        }
        let ty = bt_field_get_class_type(cpu);
        let is = |of: bt_field_class_type::Type| ty & of == of;
        let number = if is(bt_field_class_type::BT_FIELD_CLASS_TYPE_UNSIGNED_INTEGER) {
            i128::from(bt_field_integer_unsigned_get_value(cpu))
        } else if is(bt_field_class_type::BT_FIELD_CLASS_TYPE_SIGNED_INTEGER) {
            i128::from(bt_field_integer_signed_get_value(cpu))
        } else {
            return UNKNOWN;
        };
        let number = i32::try_from(number).ok();
        number.filter(|cpu| *cpu >= 0).unwrap_or(UNKNOWN)
    }
}

/// # Safety
/// `trace` is alive.
pub(super) unsafe fn source_of(trace: *const bt_trace, stream: &Path) -> Source {
    // SAFETY: the trace is alive; an environment entry is an integer or a string.
    unsafe {
        let uuid = bt_trace_get_uuid(trace);
        let uuid = (!uuid.is_null()).then(|| {
            let bytes: [u8; 16] = std::slice::from_raw_parts(uuid, 16)
                .try_into()
                .expect("16 bytes");
            uuid_text(bytes)
        });
        let env = (0..bt_trace_get_environment_entry_count(trace)).map(|i| {
            let (mut name, mut value) = (std::ptr::null(), std::ptr::null());
            bt_trace_borrow_environment_entry_by_index_const(trace, i, &mut name, &mut value);
            let value = match bt_value_get_type(value) {
                bt_value_type::BT_VALUE_TYPE_STRING => {
                    fields::text(bt_value_string_get(value)).unwrap_or_default()
                }
                _ => bt_value_integer_signed_get(value).to_string(),
            };
            (fields::text(name).unwrap_or_default(), value)
        });
        Source {
            path: stream.parent().map(Path::to_path_buf).unwrap_or_default(),
            uuid,
            env: env.collect(),
            clock: None,
            clocks: Vec::new(),
            streams: Vec::new(),
        }
    }
}

/// # Safety
/// `class` is alive.
pub(super) unsafe fn clock_of(class: *const bt_clock_class) -> Clock {
    // SAFETY: the class lives as long as its trace class.
    unsafe {
        let (mut offset_s, mut offset_cycles) = (0, 0);
        bt_clock_class_get_offset(class, &mut offset_s, &mut offset_cycles);
        Clock {
            name: fields::text(bt_clock_class_get_name(class)),
            frequency: bt_clock_class_get_frequency(class),
            offset_s: Some(offset_s),
            offset_cycles: Some(offset_cycles),
            origin_is_unix_epoch: bt_clock_class_origin_is_unix_epoch(class) != 0,
            assumed: false,
        }
    }
}
