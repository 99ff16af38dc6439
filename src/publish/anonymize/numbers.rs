//! Numbers of processes, users and things without a meaning of their own, replaced by others one-to-one.
//!
//! Keyed permutations: equal numbers stay equal wherever they occur, different ones stay different, and no table of them
//! has to be kept over several releases. They are Feistel networks of 8 rounds over two halves, whose round function is
//! keyed BLAKE3; what falls outside of the range that it came from goes round again.
//!
//! Process numbers are those that Linux gives (2 to 2^22 - 1). 0 (the idle thread, or "the caller") and 1 (init) stay.
//! Negative numbers are process groups (as in `kill(-pgid)`), and keep their sign. What is larger is no process of
//! Linux; it becomes a number of its own range, so that nothing unexpected stays.

use super::key::Key;
use std::collections::HashMap;
use std::ops::Range;

/// One more than the largest number that Linux gives to a thread.
const END: u64 = 1 << 22;
/// Users up to this are those of the system, which are the same on each machine.
const SYSTEM: u64 = 1000;
/// nobody, and -1 in 16 and 32 bits: "do not change it".
const SAME_USERS: [u64; 3] = [65_534, 0xffff, 0xffff_ffff];

/// The pseudonyms of numbers.
pub(super) struct Numbers {
    processes: Permutation,
    users: Permutation,
    handles: Permutation,
}

struct Permutation {
    key: [u8; 32],
    known: HashMap<u64, u64>,
}

/// How many numbers are remembered.
const REMEMBERED: usize = 1 << 20;

impl Permutation {
    fn new(key: [u8; 32]) -> Self {
        Permutation {
            key,
            known: HashMap::new(),
        }
    }

    /// What a number of `range` becomes, by a permutation of numbers of two halves of so many bits; `meant` are the
    /// numbers that others may become.
    fn within(&mut self, number: u64, half: u32, range: &Range<u64>, but: &[u64]) -> u64 {
        if let Some(known) = self.known.get(&number) {
            return *known;
        }
        let mut result = permuted(&self.key, number, half);
        while !(range.contains(&result) || range.end == u64::MAX && result == u64::MAX)
            || but.contains(&result)
        {
            result = permuted(&self.key, result, half);
        }
        if self.known.len() >= REMEMBERED {
            self.known.clear();
        }
        self.known.insert(number, result);
        result
    }
}

impl Numbers {
    /// With keys of their own derived from `key`.
    pub(super) fn new(key: &Key) -> Self {
        Numbers {
            processes: Permutation::new(key.of("pids")),
            users: Permutation::new(key.of("users")),
            handles: Permutation::new(key.of("handles")),
        }
    }

    /// The pseudonym of a process.
    pub(super) fn process(&mut self, number: i64) -> i64 {
        let size = number.unsigned_abs();
        let (half, range) = match size {
            0 | 1 => return number,
            2..END => (11, 2..END),
            END..0x8000_0000 => (16, END..0x8000_0000),
            _ => (32, 0x8000_0000..1 << 63),
        };
        // The least number of 64 bits has no counterpart; nothing else becomes it.
        if size >= 1 << 63 {
            return number;
        }
        self.processes.within(size, half, &range, &[]) as i64 * number.signum()
    }

    /// The pseudonym of a user or a group.
    pub(super) fn user(&mut self, number: i64) -> i64 {
        let size = number as u64;
        if number == -1 || size < SYSTEM || SAME_USERS.contains(&size) {
            return number;
        }
        match size {
            0x1_0000_0000.. => self.handle(number),
            // Those of 16 bits stay such.
            0..0x1_0000 => {
                let range = SYSTEM..0x1_0000;
                self.users.within(size, 8, &range, &SAME_USERS) as i64
            }
            _ => {
                let range = 0x1_0000..0x1_0000_0000;
                self.users.within(size, 16, &range, &SAME_USERS) as i64
            }
        }
    }

    /// The pseudonym of a number of which only matters whether it is the same; 0 stays, mostly it is "none".
    pub(super) fn handle(&mut self, number: i64) -> i64 {
        self.handle_bits(number as u64) as i64
    }

    /// The same of 64 bits without a sign.
    pub(super) fn handle_bits(&mut self, number: u64) -> u64 {
        let (half, range) = match number {
            0 => return 0,
            1..0x1_0000_0000 => (16, 1..0x1_0000_0000),
            0x1_0000_0000..0x8000_0000_0000_0000 => (32, 0x1_0000_0000..0x8000_0000_0000_0000),
            _ => (32, 0x8000_0000_0000_0000..u64::MAX),
        };
        self.handles.within(number, half, &range, &[])
    }
}

fn permuted(key: &[u8; 32], number: u64, half: u32) -> u64 {
    let mask = (1_u64 << half) - 1;
    let (mut left, mut right) = (number >> half & mask, number & mask);
    for round in 0..8_u8 {
        let hash = match half {
            // As it was when there were processes only.
            ..=16 => {
                let [low, high] = (right as u16).to_le_bytes();
                let tag = if half == 11 {
                    round
                } else {
                    round | (half as u8) << 3
                };
                blake3::keyed_hash(key, &[tag, low, high])
            }
            _ => {
                let [a, b, c, d] = (right as u32).to_le_bytes();
                blake3::keyed_hash(key, &[round, a, b, c, d])
            }
        };
        let [a, b, c, d, ..] = *hash.as_bytes();
        let f = match half {
            ..=16 => u64::from(u16::from_le_bytes([a, b])),
            _ => u64::from(u32::from_le_bytes([a, b, c, d])),
        };
        (left, right) = (right, left ^ (f & mask));
    }
    left << half | right
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_permuted_and_what_says_nothing_stays() {
        let mut numbers = Numbers::new(&Key::new([7; 32]));
        let mut seen = vec![false; END as usize];
        let mut same = 0;
        for number in 2..END as i64 / 8 {
            let result = numbers.process(number);
            assert!((2..END as i64).contains(&result));
            assert!(!std::mem::replace(&mut seen[result as usize], true));
            same += i32::from(result == number);
        }
        assert!(same < 10, "{same} stayed");
        for kept in [0, 1, -1, i64::MIN] {
            assert_eq!(numbers.process(kept), kept);
        }
        assert_eq!(numbers.process(-500), -numbers.process(500));
        let mut other = Numbers::new(&Key::new([8; 32]));
        assert_ne!(numbers.process(500), other.process(500));
    }

    #[test]
    fn what_linux_gives_to_no_process_stays_neither() {
        let mut numbers = Numbers::new(&Key::new([7; 32]));
        for number in [END as i64, i64::from(i32::MAX), 1 << 31, 1 << 40, i64::MAX] {
            let result = numbers.process(number);
            assert_ne!(result, number);
            assert_eq!(result < 1 << 31, number < 1 << 31, "32 bits stay 32 bits");
            assert!(result >= END as i64);
        }
    }

    #[test]
    fn users_and_handles_keep_their_range_and_stay_apart() {
        let mut numbers = Numbers::new(&Key::new([7; 32]));
        for kept in [0, 33, 999, 65_534, 65_535, 4_294_967_295, -1] {
            assert_eq!(numbers.user(kept), kept);
        }
        let users: std::collections::HashSet<i64> =
            (1000..20_000).map(|u| numbers.user(u)).collect();
        assert_eq!(users.len(), 19_000);
        assert!(users.iter().all(|u| (1000..65_534).contains(u)));
        assert_ne!(numbers.user(1001), 1001);
        assert!(numbers.user(70_000) > 65_535 && numbers.user(70_000) < 1 << 32);
        assert_eq!(numbers.handle(0), 0);
        for number in [1, 4_026_531_836, 1 << 33, i64::MAX, -5, i64::MIN] {
            let result = numbers.handle(number);
            assert_ne!(result, number);
            assert_eq!(result < 0, number < 0);
        }
    }
}
