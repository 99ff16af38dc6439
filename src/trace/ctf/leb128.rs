//! Integers that take as many bytes as they need (LEB128; CTF2-SPEC-2.0 sections 6.4.9 and 6.4.10).
//!
//! The one idea: seven bits to a byte, the lowest first, and the eighth says whether another one follows. The
//! specification sets no limit; values of more than 64 bits are refused here: no column holds them.

/// Bytes that a value of 64 bits takes at most.
pub(crate) const MAX_BYTES: usize = 10;

/// What is said where a value is longer.
pub(crate) const TOO_LONG: &str = "a variable-length integer of more than 64 bits";

/// What is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leb128 {
    /// A value, two's complement where signed, and the bytes that it takes.
    Value(u64, usize),
    /// The bytes end before it does.
    End,
    /// It has more than 64 bits, or goes on as if it had.
    TooLong,
}

/// Reads the integer with which `bytes` begin.
pub(crate) fn read(bytes: &[u8], signed: bool) -> Leb128 {
    let mut value = 0u64;
    for (i, byte) in bytes.iter().take(MAX_BYTES).enumerate() {
        let low = u64::from(byte & 0x7F);
        let shift = 7 * i as u32;
        value |= low << shift;
        if byte & 0x80 != 0 {
            continue;
        }
        if i + 1 < MAX_BYTES {
            let unused = 64 - (shift + 7);
            let value = match signed {
                true => ((value << unused) as i64 >> unused) as u64,
                false => value,
            };
            return Leb128::Value(value, i + 1);
        }
        // Only one of the tenth byte's bits is the value's: the others must say the same as a longer number would.
        let fits = match signed {
            true => low == 0 || low == 0x7F,
            false => low <= 1,
        };
        return match fits {
            true => Leb128::Value(value, MAX_BYTES),
            false => Leb128::TooLong,
        };
    }
    match bytes.len() < MAX_BYTES {
        true => Leb128::End,
        false => Leb128::TooLong,
    }
}

/// How many bits of a clock an integer of so many bytes gives (CTF2-SPEC-2.0 section 6.3), of the 64 that are counted.
pub(crate) fn clock_bits(bytes: usize) -> u32 {
    (7 * bytes as u32).min(64)
}

#[cfg(test)]
mod tests {
    use super::Leb128::{End, TooLong, Value};
    use super::*;

    /// The shortest bytes of a value.
    fn write(mut value: i128, signed: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        loop {
            let byte = (value & 0x7F) as u8;
            value >>= 7;
            let last = match signed {
                true => value == -i128::from(byte >> 6),
                false => value == 0,
            };
            bytes.push(byte | if last { 0 } else { 0x80 });
            if last {
                return bytes;
            }
        }
    }

    #[test]
    fn values_of_all_sizes_come_back() {
        let mut values = vec![0i128, 1, 63, 64, 127, 128, 1_876_916];
        values.extend((0..64).flat_map(|bit| [(1i128 << bit) - 1, 1 << bit, (1 << bit) + 1]));
        for value in values {
            let bytes = write(value, false);
            assert_eq!(read(&bytes, false), Value(value as u64, bytes.len()));
            for signed in [value, -value] {
                if i64::try_from(signed).is_ok() {
                    let bytes = write(signed, true);
                    assert_eq!(read(&bytes, true), Value(signed as u64, bytes.len()));
                }
            }
        }
        let largest = write(i128::from(u64::MAX), false);
        assert_eq!(read(&largest, false), Value(u64::MAX, 10));
        let least = write(i128::from(i64::MIN), true);
        assert_eq!(read(&least, true), Value(i64::MIN as u64, 10));
        assert_eq!(
            read(&[0xB4, 0xC7, 0x72], true),
            Value((-220_236i64) as u64, 3)
        );
    }

    #[test]
    fn padding_is_part_of_the_number_and_what_follows_is_not() {
        assert_eq!(read(&[0x85, 0x80, 0x00, 0xFF], false), Value(5, 3));
        assert_eq!(
            read(&[0xFB, 0xFF, 0x7F, 0xFF], true),
            Value(-5i64 as u64, 3)
        );
        let mut padded = [0x80; 10];
        padded[9] = 0;
        assert_eq!(read(&padded, false), Value(0, 10));
    }

    #[test]
    fn what_does_not_end_or_fit_is_no_value() {
        assert_eq!(read(&[], false), End);
        assert_eq!(read(&[0xFF; 9], false), End);
        assert_eq!(read(&[0xFF; 10], false), TooLong);
        assert_eq!(read(&[0x80; 4096], true), TooLong);
        for (last, signed) in [(2, false), (0x7F, false), (1, true), (0x3F, true)] {
            let mut bytes = [0x80; 10];
            bytes[9] = last;
            assert_eq!(read(&bytes, signed), TooLong);
        }
    }

    #[test]
    fn a_clock_gets_seven_bits_a_byte() {
        assert_eq!([1, 9, 10].map(clock_bits), [7, 63, 64]);
    }
}
