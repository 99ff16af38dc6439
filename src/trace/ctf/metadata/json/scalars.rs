//! Field classes of CTF 2 without fields inside: integers, floating point numbers, and how texts are encoded.
//!
//! The one idea: the defaults of CTF2-SPEC-2.0 section 5.3 are filled in here and nowhere else.

use super::object::{Fault, Object, fault};
use crate::trace::ctf::metadata::model::*;
use serde_json::Value;
use std::sync::Arc;

/// An integer of any kind (sections 5.3.4 to 5.3.8 and 5.3.10), without its labels.
pub(super) fn integer(object: &Object, kind: &str) -> Result<Integer, Fault> {
    let variable = kind.starts_with("variable-length-");
    let size = match object.unsigned("length")? {
        _ if variable => 64,
        Some(size @ 1..=64) => size as u32,
        other => return Err(format!("`length`: expected 1 to 64 bits, found {other:?}")),
    };
    let base = match object.unsigned("preferred-display-base")? {
        Some(base @ (2 | 8 | 10 | 16)) => base as u8,
        None => 10,
        Some(base) => return Err(format!("`preferred-display-base`: {base}")),
    };
    let ((byte_order, reversed), align) = match variable {
        true => ((ByteOrder::Little, false), 8),
        false => (byte_order(object)?, alignment(object, "alignment")?),
    };
    Ok(Integer {
        size,
        variable,
        reversed,
        boolean: kind == "fixed-length-boolean",
        align,
        signed: kind.ends_with("-signed-integer"),
        byte_order,
        base,
        encoding: Encoding::None,
        clock: None,
        roles: Roles::default(),
    })
}

/// The labels of an integer (section 5.3.7.1).
pub(super) fn labels(object: &Object, signed: bool) -> Result<Vec<Label>, Fault> {
    let mut labels = Vec::new();
    if let Some(mappings) = object.object("mappings")? {
        for (name, ranges) in mappings.entries() {
            for (low, high) in ranges_of(ranges)? {
                held(low, high, signed)?;
                labels.push(Label {
                    name: name.to_owned(),
                    low,
                    high,
                });
            }
        }
    }
    Ok(labels)
}

/// Whether an integer of 64 bits can be in a range of numbers.
fn held(low: i128, high: i128, signed: bool) -> Result<(), Fault> {
    let fits = |value: i128| match signed {
        true => i64::try_from(value).is_ok(),
        false => u64::try_from(value).is_ok(),
    };
    match fits(low) && fits(high) {
        true => Ok(()),
        false => Err(format!(
            "the range [{low}, {high}] of {} integers of 64 bits",
            if signed { "signed" } else { "unsigned" }
        )),
    }
}

/// Checks what a bit map calls its bits (section 5.3.5); the names are not kept: its value is a number.
pub(super) fn flags(object: &Object, size: u32) -> Result<(), Fault> {
    let flags = object.object("flags")?;
    let flags = flags.ok_or_else(|| fault("`flags` is missing"))?;
    for (name, ranges) in flags.entries() {
        for (low, high) in ranges_of(ranges)? {
            if low < 0 || high >= i128::from(size) {
                return Err(format!(
                    "the flag {name:?} of the bits {low} to {high}, of {size}"
                ));
            }
        }
    }
    Ok(())
}

/// A floating point number (section 5.3.9). Values of more than 64 bits have no exact place in a column of numbers.
pub(super) fn float(object: &Object) -> Result<FieldClass, Fault> {
    let size = match object.unsigned("length")? {
        Some(size @ (16 | 32 | 64)) => size as u32,
        Some(size) if size >= 128 && size.is_multiple_of(32) => {
            return Err(format!(
                "a floating point number of {size} bits, which is not read: a column of 64-bit numbers cannot hold it exactly"
            ));
        }
        other => {
            return Err(format!(
                "`length`: expected 16, 32 or 64 bits, found {other:?}"
            ));
        }
    };
    let (byte_order, reversed) = byte_order(object)?;
    Ok(FieldClass::Float(Float {
        size,
        reversed,
        align: alignment(object, "alignment")?,
        byte_order,
    }))
}

/// The encoding of a text (section 5.3.11).
pub(super) fn encoding(object: &Object) -> Result<Encoding, Fault> {
    Ok(match object.optional_text("encoding")? {
        None | Some("utf-8") => Encoding::Utf8,
        Some("utf-16le") => Encoding::Utf16(ByteOrder::Little),
        Some("utf-16be") => Encoding::Utf16(ByteOrder::Big),
        Some("utf-32le") => Encoding::Utf32(ByteOrder::Little),
        Some("utf-32be") => Encoding::Utf32(ByteOrder::Big),
        Some(other) => return Err(format!("a string of the unknown encoding {other:?}")),
    })
}

/// A byte of a text, or of a blob.
pub(super) fn byte(encoding: Encoding) -> Arc<FieldClass> {
    Arc::new(FieldClass::Integer(Integer {
        size: 8,
        variable: false,
        reversed: false,
        boolean: false,
        align: 8,
        signed: false,
        byte_order: ByteOrder::Little,
        base: if encoding == Encoding::None { 16 } else { 10 },
        encoding,
        clock: None,
        roles: Roles::default(),
    }))
}

/// The byte order, and whether the bits are ordered against it (section 5.3.4).
fn byte_order(object: &Object) -> Result<(ByteOrder, bool), Fault> {
    let (order, natural) = match object.text("byte-order")? {
        "little-endian" => (ByteOrder::Little, "first-to-last"),
        "big-endian" => (ByteOrder::Big, "last-to-first"),
        other => {
            return Err(format!(
                "`byte-order`: expected `little-endian` or `big-endian`, found {other:?}"
            ));
        }
    };
    match object.optional_text("bit-order")? {
        None => Ok((order, false)),
        Some(bits @ ("first-to-last" | "last-to-first")) => Ok((order, bits != natural)),
        Some(other) => Err(format!(
            "`bit-order`: expected `first-to-last` or `last-to-first`, found {other:?}"
        )),
    }
}

/// An alignment in bits.
pub(super) fn alignment(object: &Object, name: &str) -> Result<u64, Fault> {
    match object.unsigned(name)?.unwrap_or(1) {
        align if align.is_power_of_two() => Ok(align),
        align => Err(format!("`{name}`: expected a power of 2, found {align}")),
    }
}

/// The length of an array, a text or a blob whose length is always the same.
pub(super) fn length(object: &Object) -> Result<u64, Fault> {
    let length = object.unsigned("length")?;
    length.ok_or_else(|| fault("`length` is missing"))
}

/// Ranges of integers (section 5.3.2): `[[low, high], …]`.
pub(super) fn ranges_of(value: &Value) -> Result<Vec<(i128, i128)>, Fault> {
    let wrong = || format!("expected ranges of integers, found {value}");
    let ranges = value.as_array().ok_or_else(wrong)?.iter().map(|range| {
        let [low, high] = range.as_array()?.as_slice() else {
            return None;
        };
        let (low, high) = (low.as_number()?.as_i128()?, high.as_number()?.as_i128()?);
        (low <= high).then_some((low, high))
    });
    let ranges: Option<Vec<_>> = ranges.collect();
    ranges.filter(|r| !r.is_empty()).ok_or_else(wrong)
}
