//! How many recordings are read at once, and how many threads each of them has.
//!
//! The one idea: nothing of this changes a byte of the dataset, so it goes by what the machine has. What one recording can
//! use is bounded by its busiest thread. With few threads that is `requests`, which has a fifth of the work: some four CPUs
//! are busy. With more, it is `events`, with a ninth.

use crate::columns::tables::events::Filling;
use crate::process::machine;
use std::num::NonZeroUsize;

/// CPUs for each recording that is read at the same time as others.
const CPUS: usize = 4;
/// Memory for each, in bytes: what one comes to at most with few threads.
const MEMORY: u64 = 300 << 20;
/// Threads that encode the columns of `events`, at least: they take turns with the thread that makes the columns, so that
/// two of them leave two CPUs idle now and then, and three do not.
const ENCODERS: usize = 3;
/// At most: the column that takes longest is encoded by one.
const MOST_ENCODERS: usize = 6;
/// Threads that turn rows of `events` into columns, at most: with these, pairing and cutting takes as long as each of them.
const MOST_GATHERERS: usize = 2;
/// Threads that decode, at most: with these, it takes longer to put events in order.
const MOST_DECODERS: usize = 8;
/// Row groups of `requests` that are written at the same time, at most. Each is kept in memory.
const MOST_GROUPS: usize = 4;
/// Files that are joined at the same time beside those that keep a CPU busy: they wait for the disk.
const WAITING: usize = 2;
/// CPUs that join files, at most.
const MOST_JOINING: usize = 8;

/// What an ingest may use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Machine {
    /// CPUs.
    pub cpus: usize,
    /// Bytes of memory, where that is known.
    pub memory: Option<u64>,
}

/// The threads of one recording, where their number depends on the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Threads {
    /// Those that decode.
    pub decode: usize,
    /// Those that fill `events`.
    pub fill: Filling,
    /// Row groups of `requests` that are written at the same time.
    pub groups: usize,
}

impl Machine {
    /// The one that this process is on.
    pub(super) fn here() -> Self {
        Machine {
            cpus: machine::cpus(),
            memory: machine::available_memory(),
        }
    }

    /// How many of `recordings` are read at once: as many as are `asked` for, else as many as have CPUs, and as half
    /// of the memory is enough for.
    pub(super) fn at_once(&self, asked: Option<NonZeroUsize>, recordings: usize) -> usize {
        let memory = self.memory.map_or(1, |bytes| bytes / 2 / MEMORY);
        let memory = usize::try_from(memory).unwrap_or(usize::MAX);
        let chosen = (self.cpus / CPUS).min(memory);
        let jobs = asked.map_or(chosen, NonZeroUsize::get);
        jobs.min(recordings).max(1)
    }

    /// The threads of each of so many recordings that are read at once.
    pub(super) fn threads(&self, at_once: usize) -> Threads {
        let cpus = (self.cpus / at_once.max(1)).max(1);
        Threads {
            decode: cpus.min(MOST_DECODERS),
            fill: Filling {
                gather: (cpus / 4).clamp(1, MOST_GATHERERS),
                encode: cpus.clamp(ENCODERS, MOST_ENCODERS),
            },
            groups: (cpus / 4).clamp(1, MOST_GROUPS),
        }
    }

    /// How many files are joined at the same time.
    pub(super) fn joining(&self) -> usize {
        self.cpus.min(MOST_JOINING) + WAITING
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine(cpus: usize, memory: u64) -> Machine {
        Machine {
            cpus,
            memory: Some(memory),
        }
    }

    #[test]
    fn as_many_at_once_as_cpus_and_memory_allow_or_as_are_asked_for() {
        let gb = 1 << 30;
        for (cpus, memory, recordings, expected) in [
            (2, 24 * gb, 10, 1),
            (16, 24 * gb, 10, 4),
            (16, 24 * gb, 3, 3),
            (16, 2 * gb, 10, 3),
            (64, gb / 4, 10, 1),
            (64, 24 * gb, 0, 1),
        ] {
            let at_once = machine(cpus, memory).at_once(None, recordings);
            assert_eq!(at_once, expected, "{cpus} CPUs, {memory} bytes");
        }
        let unknown = Machine {
            cpus: 16,
            memory: None,
        };
        assert_eq!(unknown.at_once(None, 10), 1);
        let asked = NonZeroUsize::new(7);
        assert_eq!(machine(2, gb).at_once(asked, 10), 7);
        assert_eq!(machine(2, gb).at_once(asked, 5), 5);
    }

    #[test]
    fn two_cpus_have_the_threads_that_two_cpus_need_and_more_have_more() {
        let threads = |cpus, at_once| machine(cpus, 0).threads(at_once);
        let two = Threads {
            decode: 2,
            fill: Filling {
                gather: 1,
                encode: 3,
            },
            groups: 1,
        };
        assert_eq!(threads(2, 1), two);
        assert_eq!(threads(2, 4), Threads { decode: 1, ..two });
        let many = Threads {
            decode: 8,
            fill: Filling {
                gather: 2,
                encode: 6,
            },
            groups: 4,
        };
        assert_eq!(threads(16, 1), many);
    }
}
