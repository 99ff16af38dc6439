//! Time: by how much each recording's is moved, and which moments in arguments are moved with it.
//!
//! The key decides on one shift for all recordings, so that it must not be told by any of them. It would be told by a
//! time that somebody knows beforehand: 0, where the clock was never set and counts from when the machine was switched on,
//! and a constant as 2^31 - 1 in an argument. So recordings whose times are no present-day ones have a shift of their own,
//! and of the moments in arguments only those around the recording are moved; others are left out.

use super::key::Key;
use super::policy::Shift;
use crate::dataset::manifest::{Manifest, Recording};
use crate::dataset::root::Root;
use crate::error::{Error, Place, Result};
use std::collections::HashMap;
use std::ops::Range;

/// Seconds since the epoch that are present-day: 2001 (LTTng is from 2005) to 2100. A clock that was never set shows
/// none of them.
const PRESENT: Range<i64> = 1_000_000_000..4_102_444_800;
/// Nanoseconds in a second.
pub(super) const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 24 * 3600;

/// The time of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time {
    /// So many seconds are added to its times.
    pub shift: i64,
    /// Nanoseconds a day before its first event, and a day after its last.
    around: (i64, i64),
    /// Whether moments in arguments are moved: they are present-day ones, as its times are.
    moves_moments: bool,
}

impl Time {
    /// Whether a time of this many nanoseconds is about that of the recording.
    pub(super) fn is_around(&self, ns: i64) -> bool {
        (self.around.0..=self.around.1).contains(&ns)
    }

    /// A moment as a number of so many parts of a second. One far from the recording is left out: many are constants of
    /// programs and files, of which everybody knows what they were before.
    pub(super) fn moment(&self, value: i64, parts: i64) -> Option<i64> {
        match value {
            0 => Some(0),
            _ if self.shift == 0 => Some(value),
            _ if !self.moves_moments => None,
            _ => {
                let ns = value.checked_mul(SECOND / parts)?;
                let shifted = value.checked_add(self.shift.checked_mul(parts)?)?;
                self.is_around(ns).then_some(shifted)
            }
        }
    }

    /// Whether a moment is moved as the times of the recording are.
    pub(super) fn moves(&self, ns: i64) -> bool {
        self.shift == 0 || self.moves_moments && self.is_around(ns)
    }
}

/// The times of all recordings.
pub(super) struct Times {
    key: Key,
    /// What the key or the policy says, in seconds; 0 for not at all.
    shift: i64,
    known: HashMap<String, Time>,
}

impl Times {
    /// Of the recordings of a dataset.
    pub(super) fn of_dataset(key: &Key, shift: Shift, manifest: &Manifest) -> Self {
        let recordings = manifest.recordings.iter();
        let spans = recordings.map(|r| (r.trace_id.clone(), r.first_ns.zip(r.last_ns)));
        Times::new(key, shift, spans)
    }

    /// Of recordings with these ids, with the times of their first and last events.
    fn new(
        key: &Key,
        shift: Shift,
        spans: impl Iterator<Item = (String, Option<(i64, i64)>)>,
    ) -> Self {
        let shift = match shift {
            Shift::Keyed(false) => 0,
            Shift::Keyed(true) => -keyed(&key.of("time")),
            Shift::Seconds(seconds) => i64::from(seconds),
        };
        let mut times = Times {
            key: key.clone(),
            shift,
            known: HashMap::new(),
        };
        for (trace_id, span) in spans {
            let time = times.found(&trace_id, span);
            times.known.insert(trace_id, time);
        }
        times
    }

    /// Whether times are moved.
    pub(super) fn are_moved(&self) -> bool {
        self.shift != 0
    }

    /// Whether some recordings have a shift of their own.
    pub(super) fn have_own(&self) -> bool {
        self.known.values().any(|time| time.shift != self.shift)
    }

    /// The time of the recording that has this id in the dataset.
    pub(super) fn of(&self, trace_id: &str) -> Time {
        let known = self.known.get(trace_id).copied();
        known.unwrap_or_else(|| self.unset(trace_id, None))
    }

    fn found(&self, trace_id: &str, span: Option<(i64, i64)>) -> Time {
        match span.filter(|(first, last)| is_present(*first) && is_present(*last)) {
            Some(span) => Time {
                shift: self.shift,
                around: around(span),
                moves_moments: true,
            },
            None => self.unset(trace_id, span),
        }
    }

    /// Of a recording whose clock was never set, or that has no events.
    fn unset(&self, trace_id: &str, span: Option<(i64, i64)>) -> Time {
        let hash = blake3::keyed_hash(&self.key.of("times of a recording"), trace_id.as_bytes());
        let own = keyed(hash.as_bytes());
        // Later, so that most stay behind 1970; earlier where 64 bits would not hold it.
        let is_late = span.is_some_and(|(_, last)| last > PRESENT.start * SECOND);
        Time {
            shift: match self.shift {
                0 => 0,
                _ if is_late => -own,
                _ => own,
            },
            around: span.map_or((i64::MAX, i64::MIN), around),
            moves_moments: false,
        }
    }

    /// Refuses a dataset with a recording that begins before its clock was set: between such times and later ones lies
    /// what nobody is to know, whatever is added to both.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub(super) fn check(&self, root: &Root, manifest: &Manifest) -> Result<()> {
        let mixed = |r: &&Recording| {
            let span = r.first_ns.zip(r.last_ns);
            span.is_some_and(|(first, last)| is_present(first) != is_present(last))
        };
        match manifest.recordings.iter().find(mixed) {
            Some(recording) if self.are_moved() => Err(Error::input(
                format!(
                    "the recording {} has times of a clock that was never set beside present-day ones: the time between \
                     them would tell when it was made",
                    recording.path
                ),
                Place::file(root),
                "Make the dataset of one of them: sysds ingest --begin and --end choose.",
            )),
            _ => Ok(()),
        }
    }
}

fn is_present(ns: i64) -> bool {
    PRESENT.contains(&ns.div_euclid(SECOND))
}

fn around((first, last): (i64, i64)) -> (i64, i64) {
    let day = DAY * SECOND;
    (first.saturating_sub(day), last.saturating_add(day))
}

/// Whole seconds, between 30 days and 10 years.
fn keyed(hash: &[u8; 32]) -> i64 {
    let [a, b, c, d, ..] = *hash;
    let number = u32::from_le_bytes([a, b, c, d]);
    30 * DAY + i64::from(number) % (3620 * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn times(shift: Shift) -> Times {
        let spans = [("set", 1_795_475_144), ("boot", 5), ("other boot", 5)];
        let spans = spans.map(|(id, s)| (id.to_owned(), Some((s * SECOND, (s + 1) * SECOND))));
        Times::new(&Key::new([7; 32]), shift, spans.into_iter())
    }

    #[test]
    fn constants_in_arguments_are_left_out_and_what_is_about_the_recording_moves_with_it() {
        let time = times(Shift::Keyed(true)).of("set");
        assert!(time.shift <= -30 * DAY);
        let now = 1_795_475_144;
        assert_eq!(time.moment(now, 1), Some(now + time.shift));
        assert_eq!(
            time.moment(now * SECOND, SECOND),
            Some((now + time.shift) * SECOND)
        );
        assert_eq!(time.moment(0, 1), Some(0));
        for constant in [
            1,
            -1,
            100_000_000,
            315_532_800,
            499_162_500,
            i64::from(i32::MAX),
            253_402_300_799,
            now - 2 * DAY,
            now + 2 * DAY,
            i64::MAX,
            i64::MIN,
        ] {
            assert_eq!(time.moment(constant, 1), None, "{constant}");
            assert_eq!(time.moment(constant, SECOND), None, "{constant} ns");
        }
    }

    #[test]
    fn a_clock_that_was_never_set_does_not_tell_the_shift_of_the_key() {
        let times = times(Shift::Keyed(true));
        let all = ["set", "boot", "other boot", "unknown"].map(|id| times.of(id).shift);
        let different: std::collections::HashSet<i64> = all.into_iter().collect();
        assert_eq!(different.len(), 4, "{all:?}");
        assert!(times.have_own() && all[1] >= 30 * DAY);
        let boot = times.of("boot");
        for value in [1, 5, 315_532_800, 1_795_475_144] {
            assert_eq!(boot.moment(value, 1), None);
        }
    }

    #[test]
    fn nothing_moves_where_the_policy_says_so() {
        let times = times(Shift::Keyed(false));
        for id in ["set", "boot", "unknown"] {
            let time = times.of(id);
            assert_eq!(
                (time.shift, time.moment(499_162_500, 1)),
                (0, Some(499_162_500))
            );
        }
    }
}
