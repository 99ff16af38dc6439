//! Bits of a stream file: integers of any size, at any bit, in either byte order.
//!
//! The one idea: a packet is a row of bits, and an integer is a place in it (CTF 1.8.3 section 4.1.5).

use super::metadata::model::ByteOrder;

/// The place of an integer in its packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Location {
    /// Its first bit, from the packet's first.
    pub bit: u64,
    /// Its size in bits, 1 to 64.
    pub size: u32,
    /// Its byte order.
    pub byte_order: ByteOrder,
}

impl Location {
    /// Its first byte from the packet's first, and how many bytes it touches (1 to 9).
    pub fn bytes(&self) -> (u64, usize) {
        let shift = self.bit % 8;
        let length = (shift + u64::from(self.size)).div_ceil(8);
        (self.bit / 8, length as usize)
    }

    /// How far it is from the low end of its bytes, read as one number.
    fn shift(&self) -> u32 {
        let bit = (self.bit % 8) as u32;
        match self.byte_order {
            ByteOrder::Little => bit,
            ByteOrder::Big => self.bytes().1 as u32 * 8 - bit - self.size,
        }
    }

    fn mask(&self) -> u128 {
        (1 << self.size) - 1
    }

    /// Its bits, from the bytes that [`Location::bytes`] names; a negative number comes as two's complement.
    pub fn get(&self, bytes: &[u8]) -> u64 {
        (self.whole(bytes) >> self.shift() & self.mask()) as u64
    }

    /// Writes its bits into those bytes and leaves the others as they are.
    pub fn put(&self, bytes: &mut [u8], value: u64) {
        let (mask, shift) = (self.mask(), self.shift());
        let mut whole = self.whole(bytes) & !(mask << shift) | (u128::from(value) & mask) << shift;
        let low_first = bytes.iter_mut();
        let mut write = |byte: &mut u8| {
            *byte = whole as u8;
            whole >>= 8;
        };
        match self.byte_order {
            ByteOrder::Little => low_first.for_each(&mut write),
            ByteOrder::Big => low_first.rev().for_each(&mut write),
        }
    }

    /// The bytes (at most 9) as one number.
    fn whole(&self, bytes: &[u8]) -> u128 {
        let add = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
        match self.byte_order {
            ByteOrder::Little => bytes.iter().rev().fold(0, add),
            ByteOrder::Big => bytes.iter().fold(0, add),
        }
    }
}

/// `bits` in their right order, if the integer's or number's are ordered against its bytes.
pub(crate) fn ordered(bits: u64, size: u32, reversed: bool) -> u64 {
    match reversed {
        true => bits.reverse_bits() >> (64 - size),
        false => bits,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_at_any_bit_come_back_and_leave_their_neighbours_alone() {
        for byte_order in [ByteOrder::Little, ByteOrder::Big] {
            for bit in 0..16 {
                for size in 1..=64 {
                    let at = Location {
                        bit,
                        size,
                        byte_order,
                    };
                    let (first, length) = at.bytes();
                    assert_eq!(first, bit / 8);
                    let value = 0xA5C3_96E1_7B4D_2F88 >> (64 - size);
                    for background in [0u8, 0xFF] {
                        let mut bytes = vec![background; length];
                        at.put(&mut bytes, value);
                        assert_eq!(at.get(&bytes), value);
                        let ones: u32 = bytes.iter().map(|b| b.count_ones()).sum();
                        let outside = length as u32 * 8 - size;
                        let expected = if background == 0 { 0 } else { outside };
                        assert_eq!(ones - value.count_ones(), expected);
                    }
                }
            }
        }
    }

    #[test]
    fn bits_are_counted_from_the_low_or_the_high_end() {
        let at = |bit, size, byte_order| Location {
            bit,
            size,
            byte_order,
        };
        let bytes = [0b1010_0001, 0b0000_0011];
        assert_eq!(at(0, 5, ByteOrder::Little).get(&bytes[..1]), 0b00001);
        assert_eq!(at(5, 5, ByteOrder::Little).get(&bytes), 0b11101);
        assert_eq!(at(0, 5, ByteOrder::Big).get(&bytes[..1]), 0b10100);
        assert_eq!(at(5, 5, ByteOrder::Big).get(&bytes), 0b00100);
    }
}
