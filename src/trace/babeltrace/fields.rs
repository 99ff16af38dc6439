//! babeltrace2's field classes and fields, turned into our types and encoded values.
//!
//! Encoding walks the field beside its [`FieldType`], which was made from the field's own class, so that the type of
//! a field need not be asked of babeltrace for every event.

use crate::trace::event::{Field, FieldType, Label, escape, without_lengths};
use babeltrace2_sys::ffi::bt_field_class_type as class_type;
use babeltrace2_sys::ffi::*;
use std::ffi::CStr;
use std::os::raw::c_char;

/// A C string that babeltrace lends, as text; bytes that are not UTF-8 are written `\xNN`.
///
/// # Safety
/// `s` is null or a C string that lives through the call.
pub(super) unsafe fn text(s: *const c_char) -> Option<String> {
    // SAFETY: the caller's promise.
    (!s.is_null()).then(|| escape(unsafe { CStr::from_ptr(s) }.to_bytes()))
}

/// The type that a field class describes.
///
/// # Safety
/// `class` points to a field class of a trace class that is alive.
pub(super) unsafe fn field_type(class: *const bt_field_class) -> FieldType {
    // SAFETY: the calls ask a living class for what its type says it has.
    unsafe {
        let ty = bt_field_class_get_type(class);
        let is = |of: class_type::Type| ty & of == of;
        if is(class_type::BT_FIELD_CLASS_TYPE_UNSIGNED_ENUMERATION) {
            FieldType::Unsigned(
                bt_field_class_integer_get_field_value_range(class),
                labels(class, false),
            )
        } else if is(class_type::BT_FIELD_CLASS_TYPE_SIGNED_ENUMERATION) {
            FieldType::Signed(
                bt_field_class_integer_get_field_value_range(class),
                labels(class, true),
            )
        } else if is(class_type::BT_FIELD_CLASS_TYPE_UNSIGNED_INTEGER) {
            FieldType::Unsigned(bt_field_class_integer_get_field_value_range(class), vec![])
        } else if is(class_type::BT_FIELD_CLASS_TYPE_SIGNED_INTEGER) {
            FieldType::Signed(bt_field_class_integer_get_field_value_range(class), vec![])
        } else if is(class_type::BT_FIELD_CLASS_TYPE_SINGLE_PRECISION_REAL) {
            FieldType::Float(32)
        } else if is(class_type::BT_FIELD_CLASS_TYPE_DOUBLE_PRECISION_REAL) {
            FieldType::Float(64)
        } else if is(class_type::BT_FIELD_CLASS_TYPE_STRING) {
            FieldType::Text
        } else if is(class_type::BT_FIELD_CLASS_TYPE_ARRAY) {
            let element = bt_field_class_array_borrow_element_field_class_const(class);
            let length = is(class_type::BT_FIELD_CLASS_TYPE_STATIC_ARRAY)
                .then(|| bt_field_class_array_static_get_length(class));
            FieldType::List(Box::new(field_type(element)), length)
        } else if is(class_type::BT_FIELD_CLASS_TYPE_STRUCTURE) {
            FieldType::Struct(members(class))
        } else if is(class_type::BT_FIELD_CLASS_TYPE_VARIANT) {
            FieldType::Variant(options(class))
        } else {
            // Booleans, bit arrays and options do not come out of CTF 1.8 (babeltrace2 2.0's source.ctf.fs makes none).
            unreachable!("source.ctf.fs made a field class of type {ty:#x}")
        }
    }
}

/// The members of a structure class, [without helper fields](without_lengths).
///
/// # Safety
/// As for [`field_type`]; `class` is a structure's.
pub(super) unsafe fn members(class: *const bt_field_class) -> Vec<Field> {
    let mut all = Vec::new();
    // SAFETY: the caller's promise.
    unsafe {
        for index in 0..bt_field_class_structure_get_member_count(class) {
            let member = bt_field_class_structure_borrow_member_by_index_const(class, index);
            let ty = bt_field_class_structure_member_borrow_field_class_const(member);
            let name = text(bt_field_class_structure_member_get_name(member)).unwrap_or_default();
            let is_sequence = bt_field_class_get_type(ty)
                == class_type::BT_FIELD_CLASS_TYPE_DYNAMIC_ARRAY_WITH_LENGTH_FIELD;
            let field = Field {
                name,
                ty: field_type(ty),
                index,
            };
            all.push((field, is_sequence));
        }
    }
    without_lengths(
        &mut all,
        |(field, _)| &field.name,
        |(_, is_sequence)| *is_sequence,
    );
    all.into_iter().map(|(field, _)| field).collect()
}

unsafe fn options(class: *const bt_field_class) -> Vec<Field> {
    // SAFETY: as for `field_type`; `class` is a variant's.
    unsafe {
        (0..bt_field_class_variant_get_option_count(class))
            .map(|index| {
                let option = bt_field_class_variant_borrow_option_by_index_const(class, index);
                Field {
                    name: text(bt_field_class_variant_option_get_name(option)).unwrap_or_default(),
                    ty: field_type(bt_field_class_variant_option_borrow_field_class_const(
                        option,
                    )),
                    index,
                }
            })
            .collect()
    }
}

unsafe fn labels(class: *const bt_field_class, signed: bool) -> Vec<Label> {
    // SAFETY: as for `field_type`; `class` is an enumeration's of that sign.
    unsafe {
        (0..bt_field_class_enumeration_get_mapping_count(class))
            .map(|i| match signed {
                true => signed_label(
                    bt_field_class_enumeration_signed_borrow_mapping_by_index_const(class, i),
                ),
                false => unsigned_label(
                    bt_field_class_enumeration_unsigned_borrow_mapping_by_index_const(class, i),
                ),
            })
            .collect()
    }
}

// babeltrace's headers turn mappings and range sets into their base types with inline functions, which are casts.
unsafe fn signed_label(mapping: *const bt_field_class_enumeration_signed_mapping) -> Label {
    // SAFETY: the mapping belongs to a living class.
    unsafe {
        let set = bt_field_class_enumeration_signed_mapping_borrow_ranges_const(mapping);
        let ranges = (0..bt_integer_range_set_get_range_count(set.cast())).map(|i| {
            let range = bt_integer_range_set_signed_borrow_range_by_index_const(set, i);
            (
                i128::from(bt_integer_range_signed_get_lower(range)),
                i128::from(bt_integer_range_signed_get_upper(range)),
            )
        });
        label(mapping.cast(), ranges.collect())
    }
}

unsafe fn unsigned_label(mapping: *const bt_field_class_enumeration_unsigned_mapping) -> Label {
    // SAFETY: the mapping belongs to a living class.
    unsafe {
        let set = bt_field_class_enumeration_unsigned_mapping_borrow_ranges_const(mapping);
        let ranges = (0..bt_integer_range_set_get_range_count(set.cast())).map(|i| {
            let range = bt_integer_range_set_unsigned_borrow_range_by_index_const(set, i);
            (
                i128::from(bt_integer_range_unsigned_get_lower(range)),
                i128::from(bt_integer_range_unsigned_get_upper(range)),
            )
        });
        label(mapping.cast(), ranges.collect())
    }
}

unsafe fn label(
    mapping: *const bt_field_class_enumeration_mapping,
    ranges: Vec<(i128, i128)>,
) -> Label {
    // SAFETY: the mapping belongs to a living class.
    let name = unsafe { text(bt_field_class_enumeration_mapping_get_label(mapping)) };
    Label {
        name: name.unwrap_or_default(),
        ranges,
    }
}

/// Appends the encoded value of `field` to `out`.
///
/// # Safety
/// `field` is a living field whose class gave `ty`.
pub(super) unsafe fn encode(field: *const bt_field, ty: &FieldType, out: &mut Vec<u8>) {
    // SAFETY: `ty` says which getter suits the field.
    unsafe {
        match ty {
            FieldType::Unsigned(..) => {
                out.extend_from_slice(&bt_field_integer_unsigned_get_value(field).to_le_bytes());
            }
            FieldType::Signed(..) => {
                out.extend_from_slice(&bt_field_integer_signed_get_value(field).to_le_bytes());
            }
            FieldType::Float(bits) => {
                let value = match bits {
                    32 => f64::from(bt_field_real_single_precision_get_value(field)),
                    _ => bt_field_real_double_precision_get_value(field),
                };
                out.extend_from_slice(&value.to_bits().to_le_bytes());
            }
            FieldType::Text => {
                let bytes = string_bytes(field);
                push_count(bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }
            FieldType::List(element, _) => {
                let n = bt_field_array_get_length(field);
                push_count(n, out);
                for i in 0..n {
                    let item = bt_field_array_borrow_element_field_by_index_const(field, i);
                    encode(item, element, out);
                }
            }
            FieldType::Struct(members) => encode_members(field, members, out),
            FieldType::Variant(options) => {
                let option = bt_field_variant_get_selected_option_index(field);
                push_count(option, out);
                let item = bt_field_variant_borrow_selected_option_field_const(field);
                encode(item, &options[option as usize].ty, out);
            }
        }
    }
}

/// The 64 bits of an integer's value.
///
/// # Safety
/// `field` is a living integer field whose class gave `ty`.
pub(super) unsafe fn integer(field: *const bt_field, ty: &FieldType) -> u64 {
    // SAFETY: `ty` says which getter suits the field.
    unsafe {
        match ty {
            FieldType::Signed(..) => bt_field_integer_signed_get_value(field) as u64,
            _ => bt_field_integer_unsigned_get_value(field),
        }
    }
}

/// Appends the encoded values of a structure's members.
///
/// # Safety
/// `field` is a living structure field whose class gave `members`.
pub(super) unsafe fn encode_members(field: *const bt_field, members: &[Field], out: &mut Vec<u8>) {
    for member in members {
        // SAFETY: the caller's promise.
        unsafe {
            let item = bt_field_structure_borrow_member_field_by_index_const(field, member.index);
            encode(item, &member.ty, out);
        }
    }
}

/// The bytes of a string field.
///
/// The length is asked for, not found by the NUL at the end: babeltrace2 2.0 empties a string field that it uses again
/// by setting its length to 0 and leaving the old text in place, so that an empty string still looks like whatever the
/// field held before to all who trust the NUL (babeltrace2's own text output and Python bindings among them).
///
/// # Safety
/// `field` is a living string field; the bytes live as long as the message that it belongs to.
pub(super) unsafe fn string_bytes<'a>(field: *const bt_field) -> &'a [u8] {
    // SAFETY: the caller's promise; babeltrace says how many bytes are at the address.
    unsafe {
        match bt_field_string_get_length(field) {
            0 => &[],
            n => std::slice::from_raw_parts(bt_field_string_get_value(field).cast(), n as usize),
        }
    }
}

fn push_count(n: u64, out: &mut Vec<u8>) {
    let n = u32::try_from(n).expect("a packet, and so a field in it, is smaller than 4 GiB");
    out.extend_from_slice(&n.to_le_bytes());
}
