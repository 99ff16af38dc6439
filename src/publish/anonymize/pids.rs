//! Process and thread numbers, renumbered.
//!
//! A keyed permutation of the numbers that Linux gives (2 to 2^22 - 1), so that equal numbers stay equal wherever they
//! occur, different ones stay different, and no table of them has to be kept over several releases. It is a Feistel
//! network of 8 rounds over two halves of 11 bits, whose round function is keyed BLAKE3; what falls on 0 or 1 goes round
//! again. 0 (the idle thread, or "the caller"), 1 (init) and what is no process number stay. Negative numbers are
//! process groups (as in `kill(-pgid)`), and keep their sign.

use super::key::Key;
use std::collections::HashMap;

/// One more than the largest number that Linux gives to a thread.
const END: u64 = 1 << 22;

/// The pseudonyms.
pub struct Pids {
    key: [u8; 32],
    known: HashMap<u32, u32>,
}

impl Pids {
    /// With a key of its own derived from `key`.
    pub fn new(key: &Key) -> Self {
        Pids {
            key: key.of("pids"),
            known: HashMap::new(),
        }
    }

    /// The pseudonym of a number.
    pub fn number(&mut self, number: i64) -> i64 {
        let size = number.unsigned_abs();
        if !(2..END).contains(&size) {
            return number;
        }
        let key = &self.key;
        let known = self.known.entry(size as u32).or_insert_with(|| {
            let mut result = permuted(key, size as u32);
            while result < 2 {
                result = permuted(key, result);
            }
            result
        });
        i64::from(*known) * number.signum()
    }
}

fn permuted(key: &[u8; 32], number: u32) -> u32 {
    let (mut left, mut right) = (number >> 11, number & 0x7ff);
    for round in 0..8_u8 {
        let [low, high] = (right as u16).to_le_bytes();
        let hash = blake3::keyed_hash(key, &[round, low, high]);
        let [a, b, ..] = *hash.as_bytes();
        let f = u32::from(u16::from_le_bytes([a, b])) & 0x7ff;
        (left, right) = (right, left ^ f);
    }
    left << 11 | right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_permutation_that_keeps_what_is_no_pid() {
        let mut pids = Pids::new(&Key::new([7; 32]));
        let mut seen = vec![false; END as usize];
        let mut same = 0;
        for number in 2..END as i64 / 8 {
            let result = pids.number(number);
            assert!((2..END as i64).contains(&result));
            assert!(!std::mem::replace(&mut seen[result as usize], true));
            same += i32::from(result == number);
        }
        assert!(same < 10, "{same} stayed");
        for kept in [0, 1, -1, END as i64, i64::MIN, i64::MAX] {
            assert_eq!(pids.number(kept), kept);
        }
        assert_eq!(pids.number(-500), -pids.number(500));
        assert_ne!(pids.number(500), Pids::new(&Key::new([8; 32])).number(500));
    }
}
