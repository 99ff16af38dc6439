//! Differences, packed: Parquet's encoding `DELTA_BINARY_PACKED` (Encodings.md of the format), for numbers that grow.

use super::hybrid::{pack, varint, width_of};

/// Differences of a block, whose least is told once.
const BLOCK: usize = 256;
/// Parts of a block, each with a width of its own.
const PARTS: usize = 4;
const PART: usize = BLOCK / PARTS;

/// Appends `values` of a type of so many bytes, encoded. Where a difference is too large for the type it wraps around, as does
/// the sum of who reads it.
pub(super) fn encode(values: &[i64], size: usize, out: &mut Vec<u8>) {
    for number in [BLOCK, PARTS, values.len()] {
        varint(number as u64, out);
    }
    let first = values.first().copied().unwrap_or(0);
    varint(zigzag(first), out);
    let mut differences = [0; BLOCK];
    let mut previous = first;
    for block in values.get(1..).unwrap_or_default().chunks(BLOCK) {
        for (difference, value) in differences.iter_mut().zip(block) {
            *difference = match size {
                4 => i64::from((*value as i32).wrapping_sub(previous as i32)),
                _ => value.wrapping_sub(previous),
            };
            previous = *value;
        }
        encode_block(&differences[..block.len()], out);
    }
}

fn encode_block(differences: &[i64], out: &mut Vec<u8>) {
    let least = differences.iter().copied().min().unwrap_or(0);
    varint(zigzag(least), out);
    let above = |difference: &i64| difference.wrapping_sub(least) as u64;
    let mut widths = [0; PARTS];
    for (width, part) in widths.iter_mut().zip(differences.chunks(PART)) {
        *width = width_of(part.iter().map(above).fold(0, |all, one| all | one));
    }
    out.extend(widths.map(|width| width as u8));
    for (width, part) in widths.iter().zip(differences.chunks(PART)) {
        pack(part.iter().map(above), *width, PART, out);
    }
}

fn zigzag(number: i64) -> u64 {
    (number << 1 ^ number >> 63) as u64
}
