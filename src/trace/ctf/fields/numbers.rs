//! Numbers out of bytes.

use super::plan::ByteInteger;
use crate::trace::ctf::metadata::model::ByteOrder;

/// The value of a floating-point number of 16 bits (IEEE 754 binary16), which 64 hold exactly.
pub(super) fn half(bits: u16) -> f64 {
    let (exponent, fraction) = (u64::from(bits >> 10 & 0x1F), u64::from(bits & 0x3FF));
    let magnitude = match exponent {
        // 2^-24 to a unit.
        0 => return f64::copysign(fraction as f64 / 16_777_216.0, sign(bits)),
        // Infinity, or no number, whose fraction is kept.
        0x1F => 0x7FF << 52 | fraction << 42,
        _ => (exponent + 1023 - 15) << 52 | fraction << 42,
    };
    f64::from_bits(u64::from(bits >> 15) << 63 | magnitude)
}

fn sign(bits: u16) -> f64 {
    if bits >> 15 == 1 { -1.0 } else { 1.0 }
}

impl ByteInteger {
    /// Its value as 64 bits, two's complement where signed, from the bytes that begin with its first.
    #[inline]
    pub(super) fn value(&self, bytes: &[u8]) -> u64 {
        macro_rules! number {
            ($unsigned:ty, $signed:ty) => {{
                let (bytes, _) = bytes
                    .split_first_chunk()
                    .expect("the step's bytes are there");
                let number = match self.order {
                    ByteOrder::Little => <$unsigned>::from_le_bytes(*bytes),
                    ByteOrder::Big => <$unsigned>::from_be_bytes(*bytes),
                };
                match self.signed {
                    true => number as $signed as i64 as u64,
                    false => number as u64,
                }
            }};
        }
        match self.bytes {
            1 => number!(u8, i8),
            2 => number!(u16, i16),
            4 => number!(u32, i32),
            _ => number!(u64, i64),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_are_exact() {
        for (bits, value) in [
            (0x0000, 0.0),
            (0x3C00, 1.0),
            (0xC000, -2.0),
            (0x7BFF, 65504.0),
            (0x0001, 2f64.powi(-24)),
            (0x83FF, -1023.0 * 2f64.powi(-24)),
            (0x0400, 2f64.powi(-14)),
            (0x3555, 0.333251953125),
            (0x7C00, f64::INFINITY),
            (0xFC00, f64::NEG_INFINITY),
        ] {
            assert_eq!(half(bits), value, "{bits:#x}");
        }
        assert_eq!(half(0x8000).to_bits(), (-0.0f64).to_bits());
        assert!(half(0x7E01).is_nan() && half(0x7C01).is_nan());
    }
}
