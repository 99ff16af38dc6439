//! Runs and packed groups: Parquet's encoding of levels and of dictionary indices ("RLE/bit-packing hybrid", Encodings.md of
//! the format).
//!
//! Most columns are null in nearly all rows, so levels come here packed, and are looked at by words of 64 bits: what a page of
//! nulls costs is one comparison for each 64 rows, and where it has values, work for those values.

use std::ops::Range;

/// Eight values at a time are packed; a run must be as long, and begin where a group does.
const GROUP: usize = 8;
/// Groups behind one header, whose length must be known to fit into one byte before they are written.
const GROUPS: u8 = 63;

/// Levels, packed as Parquet packs them: the first in the lowest bits. Those of widths that do not divide 64 have room for
/// more bits here, and are packed again when they are written.
#[derive(Debug, Default)]
pub(super) struct Packed {
    /// Bits that each has here.
    width: usize,
    /// Bits that each has where it is written.
    written: usize,
    len: usize,
    /// One more than is needed, so that 64 bits can be read from any place.
    words: Vec<u64>,
}

impl Packed {
    /// Makes it `len` levels of `width` bits, 1 to 8, all of them `level`.
    pub(super) fn reset(&mut self, width: usize, len: usize, level: u8) {
        (self.width, self.written, self.len) = (width.next_power_of_two(), width, len);
        self.words.clear();
        let words = (len * self.width).div_ceil(64) + 1;
        self.words.resize(words, repeated(level, self.width));
    }

    /// Sets the level at `at`.
    #[inline]
    pub(super) fn set(&mut self, at: usize, level: u8) {
        let bit = at * self.width;
        let mask = (1 << self.width) - 1;
        let word = &mut self.words[bit / 64];
        *word = *word & !(mask << (bit % 64)) | u64::from(level) << (bit % 64);
    }

    /// Sets the levels of a range.
    pub(super) fn fill(&mut self, range: Range<usize>, level: u8) {
        let pattern = repeated(level, self.width);
        let (mut bit, end) = (range.start * self.width, range.end * self.width);
        while bit < end {
            let (offset, bits) = (bit % 64, (64 - bit % 64).min(end - bit));
            let mask = (u64::MAX >> (64 - bits)) << offset;
            let word = &mut self.words[bit / 64];
            *word = *word & !mask | pattern & mask;
            bit += bits;
        }
    }

    /// 64 bits, from the level at `at` on.
    #[inline]
    fn bits(&self, at: usize) -> u64 {
        let bit = at * self.width;
        let (word, offset) = (bit / 64, bit % 64);
        match offset {
            0 => self.words[word],
            _ => self.words[word] >> offset | self.words[word + 1] << (64 - offset),
        }
    }

    /// Where a run of levels ends that goes on at `at`; `pattern` is 64 bits of its level, which has `1 << shift` bits.
    fn end_of_run(&self, mut at: usize, pattern: u64, shift: u32) -> usize {
        while at < self.len {
            let differ = self.bits(at) ^ pattern;
            at += (differ.trailing_zeros() >> shift) as usize;
            if differ != 0 {
                break;
            }
        }
        at.min(self.len)
    }

    /// Appends them, encoded, to `out`.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let (shift, ones) = (self.width.trailing_zeros(), repeated(1, self.width));
        let mask = (1 << self.width) - 1;
        let mut groups = Groups::default();
        let mut at = 0;
        while at < self.len {
            let left = self.len - at;
            let bits = self.bits(at);
            let pattern = ones * (bits & mask);
            let differ = bits ^ pattern;
            let run = match differ {
                0 => self.end_of_run(at + (64 >> shift), pattern, shift) - at,
                _ => left.min((differ.trailing_zeros() >> shift) as usize),
            };
            if run >= GROUP || run == left && !groups.open() {
                groups.end(out);
                encode_run(run, (bits & mask) as u32, self.written, out);
                at += run;
                continue;
            }
            groups.begin(out);
            // What is packed behind the last level is not read.
            let bits = bits & (u64::MAX >> (64 - left.min(GROUP) * self.width));
            match (self.width, self.written) {
                (1, _) => out.push(bits as u8),
                (width, written) if width == written => {
                    out.extend_from_slice(&bits.to_le_bytes()[..width]);
                }
                (width, written) => {
                    let levels = (0..GROUP).map(|level| bits >> (level * width) & mask);
                    pack(levels, written, GROUP, out);
                }
            }
            at += GROUP;
        }
        groups.end(out);
    }
}

/// 64 bits of equal levels.
#[inline]
fn repeated(level: u8, width: usize) -> u64 {
    // A one in each place.
    let ones = match width {
        1 => u64::MAX,
        2 => 0x5555_5555_5555_5555,
        4 => 0x1111_1111_1111_1111,
        _ => 0x0101_0101_0101_0101,
    };
    ones * u64::from(level)
}

/// Appends `count` equal levels, encoded.
pub(super) fn encode_equal_levels(count: usize, level: u8, width: usize, out: &mut Vec<u8>) {
    encode_run(count, u32::from(level), width, out);
}

/// Appends indices of `width` bits, encoded.
fn encode_indices(indices: &[u32], width: usize, out: &mut Vec<u8>) {
    let mut groups = Groups::default();
    let mut rest = indices;
    while let Some(first) = rest.first() {
        let equal = rest.iter().take(GROUP).all(|index| index == first);
        if equal && (rest.len() >= GROUP || !groups.open()) {
            let run = rest.iter().position(|i| i != first).unwrap_or(rest.len());
            groups.end(out);
            encode_run(run, *first, width, out);
            rest = &rest[run..];
            continue;
        }
        groups.begin(out);
        let (group, behind) = rest.split_at(rest.len().min(GROUP));
        pack(group.iter().map(|i| u64::from(*i)), width, GROUP, out);
        rest = behind;
    }
    groups.end(out);
}

/// Appends indices into a dictionary of so many values, encoded as a page has them: behind their width.
pub(super) fn encode_page_of_indices(indices: &[u32], values: usize, out: &mut Vec<u8>) {
    let width = width_of(values.saturating_sub(1) as u64);
    out.push(width as u8);
    encode_indices(indices, width, out);
}

fn encode_run(count: usize, value: u32, width: usize, out: &mut Vec<u8>) {
    varint((count as u64) << 1, out);
    out.extend_from_slice(&value.to_le_bytes()[..width.div_ceil(8)]);
}

/// Appends values of `width` bits, packed, the first in the lowest bits; zeros where there are fewer than `count`. `count` is
/// a multiple of 8, so that it ends with a whole byte.
pub(super) fn pack(
    values: impl Iterator<Item = u64>,
    width: usize,
    count: usize,
    out: &mut Vec<u8>,
) {
    let end = out.len() + count * width / 8;
    let (mut bits, mut filled) = (0u64, 0);
    for value in values {
        bits |= value << filled;
        filled += width;
        if filled >= 64 {
            out.extend_from_slice(&bits.to_le_bytes());
            filled -= 64;
            // The bits of the value that did not fit; all of them are in where it just did.
            bits = match filled {
                0 => 0,
                _ => value >> (width - filled),
            };
        }
    }
    out.extend_from_slice(&bits.to_le_bytes()[..filled.div_ceil(8)]);
    out.resize(end, 0);
}

/// Appends a number of variable length (LEB128).
pub(super) fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Bits that numbers up to `greatest` take.
pub(super) fn width_of(greatest: u64) -> usize {
    (u64::BITS - greatest.leading_zeros()) as usize
}

/// Packed groups behind one header.
#[derive(Default)]
struct Groups {
    /// Where the header is.
    header: usize,
    count: u8,
}

impl Groups {
    fn open(&self) -> bool {
        self.count > 0
    }

    /// One more group follows.
    fn begin(&mut self, out: &mut Vec<u8>) {
        if self.count == GROUPS {
            self.end(out);
        }
        if self.count == 0 {
            self.header = out.len();
            out.push(0);
        }
        self.count += 1;
    }

    fn end(&mut self, out: &mut [u8]) {
        if self.open() {
            out[self.header] = self.count << 1 | 1;
            self.count = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::random::Random;

    /// Decodes as Encodings.md says.
    fn decode(mut bytes: &[u8], width: usize, count: usize) -> Vec<u32> {
        let mut values = Vec::new();
        while values.len() < count {
            let (mut header, mut shift) = (0u64, 0);
            loop {
                let byte = bytes[0];
                bytes = &bytes[1..];
                header |= u64::from(byte & 0x7f) << shift;
                shift += 7;
                if byte & 0x80 == 0 {
                    break;
                }
            }
            if header & 1 == 0 {
                let mut value = [0; 4];
                let size = width.div_ceil(8);
                value[..size].copy_from_slice(&bytes[..size]);
                bytes = &bytes[size..];
                let value = u32::from_le_bytes(value);
                values.extend(std::iter::repeat_n(value, (header >> 1) as usize));
                continue;
            }
            let packed = &bytes[..(header >> 1) as usize * width];
            bytes = &bytes[packed.len()..];
            let bit = |at: usize| u32::from(packed[at / 8] >> (at % 8) & 1);
            for value in 0..packed.len() * 8 / width.max(1) {
                values.push((0..width).map(|b| bit(value * width + b) << b).sum());
            }
        }
        assert!(bytes.is_empty(), "bytes are left");
        values.truncate(count);
        values
    }

    /// Numbers below one that is given.
    fn numbers(seed: u64) -> impl FnMut(u64) -> u64 {
        let mut random = Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        move |end| random.below(end)
    }

    #[test]
    fn levels_come_back_whatever_their_runs() {
        for seed in 0..400 {
            let mut random = numbers(seed);
            let width = 1 + (seed % 8) as usize;
            let mut levels: Vec<u32> = Vec::new();
            for _ in 0..random(40) {
                let longest = [2, 12, 300][random(3) as usize];
                let (run, level) = (random(longest), random(1 << width) as u32);
                levels.extend(std::iter::repeat_n(level, run as usize));
            }
            let mut packed = Packed::default();
            packed.reset(width, levels.len(), 1);
            for (at, level) in levels.iter().enumerate() {
                packed.set(at, *level as u8);
            }
            let mut out = Vec::new();
            packed.encode(&mut out);
            assert_eq!(decode(&out, width, levels.len()), levels, "seed {seed}");
        }
    }

    #[test]
    fn ranges_are_filled_and_nothing_else() {
        for (width, level) in [
            (1, 0),
            (1, 1),
            (2, 2),
            (2, 0),
            (3, 6),
            (4, 9),
            (5, 31),
            (8, 200),
        ] {
            for range in [0..0, 3..5, 0..64, 60..70, 31..193, 64..128] {
                let mut packed = Packed::default();
                packed.reset(width, 200, 1);
                packed.fill(range.clone(), level);
                for at in 0..200 {
                    let expected = if range.contains(&at) { level } else { 1 };
                    let level = packed.bits(at) & ((1 << packed.width) - 1);
                    assert_eq!(level, u64::from(expected), "{width} {range:?} {at}");
                }
            }
        }
    }

    #[test]
    fn a_page_of_nulls_is_one_run() {
        let mut packed = Packed::default();
        packed.reset(1, 65536, 0);
        let mut out = Vec::new();
        packed.encode(&mut out);
        assert_eq!(out, [0x80, 0x80, 0x08, 0]);
    }

    #[test]
    fn indices_of_every_width_come_back() {
        for seed in 0..330 {
            let mut random = numbers(seed + 1000);
            let width = (seed % 33) as usize;
            let mut indices: Vec<u32> = Vec::new();
            for _ in 0..random(60) {
                let longest = [2, 12, 700][random(3) as usize];
                let (run, index) = (random(longest), random(1 << width) as u32);
                indices.extend(std::iter::repeat_n(index, run as usize));
            }
            let mut out = Vec::new();
            encode_indices(&indices, width, &mut out);
            assert_eq!(decode(&out, width, indices.len()), indices, "seed {seed}");
        }
    }
}
