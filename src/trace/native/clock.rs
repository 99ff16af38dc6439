//! Clock values in cycles, turned into nanoseconds since 1970.
//!
//! The one idea: the same arithmetic as babeltrace2, so that every time is the one that it shows. It counts the clock's
//! offset and its value each for itself, and for clocks of other frequencies than 1 GHz goes through a `f64`, which is
//! exact up to 2^53 ns (104 days) and beyond that may differ from the true quotient in the last digits.

use crate::trace::Clock;
use crate::trace::ctf::metadata::model::{ClockClass, EnvValue, Metadata};

const SECOND: i64 = 1_000_000_000;

/// A clock, ready to convert.
#[derive(Debug, Clone)]
pub struct Converter {
    frequency: u64,
    /// Nanoseconds from the origin to the value 0; `None` where that does not fit 64 bits.
    base: Option<i64>,
}

impl Converter {
    /// The converter for a clock of which all offsets are normalized.
    pub fn new(clock: &Clock) -> Self {
        let cycles = nanoseconds(clock.frequency, clock.offset_cycles);
        let seconds = clock.offset_s.checked_mul(SECOND);
        Converter {
            frequency: clock.frequency,
            base: seconds.and_then(|s| s.checked_add_unsigned(cycles)),
        }
    }

    /// Nanoseconds since the clock's origin; `None` where they do not fit 64 bits.
    #[inline]
    pub fn at(&self, cycles: u64) -> Option<i64> {
        let ns = i64::try_from(nanoseconds(self.frequency, cycles)).ok()?;
        self.base?.checked_add(ns).filter(|_| ns != i64::MAX)
    }
}

#[inline]
fn nanoseconds(frequency: u64, cycles: u64) -> u64 {
    match frequency {
        1_000_000_000 => cycles,
        // The cast saturates, as babeltrace2's does.
        _ => (1e9 * cycles as f64 / frequency as f64) as u64,
    }
}

/// Describes a clock of `metadata` as babeltrace2 does: offsets of more cycles than a second has go into the seconds, and
/// LTTng's clock `monotonic` counts from 1970 whether it says so or not.
pub fn describe(metadata: &Metadata, clock: &ClockClass) -> Clock {
    let tracer = metadata.env.iter().find(|(name, _)| name == "tracer_name");
    let lttng = matches!(tracer, Some((_, EnvValue::Text(t))) if t.starts_with("lttng"));
    Clock {
        name: Some(clock.name.clone()).filter(|n| !n.is_empty()),
        frequency: clock.frequency,
        offset_s: clock
            .offset_s
            .wrapping_add((clock.offset_cycles / clock.frequency) as i64),
        offset_cycles: clock.offset_cycles % clock.frequency,
        origin_is_unix_epoch: clock.absolute || lttng && clock.name == "monotonic",
        assumed: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(frequency: u64, offset_s: i64, offset_cycles: u64) -> Converter {
        Converter::new(&Clock {
            name: None,
            frequency,
            offset_s,
            offset_cycles,
            origin_is_unix_epoch: true,
            assumed: false,
        })
    }

    #[test]
    fn times_are_offset_and_value_together() {
        assert_eq!(clock(SECOND as u64, 3, 5).at(7), Some(3_000_000_012));
        assert_eq!(clock(1000, -1, 1).at(2), Some(-997_000_000));
        assert_eq!(clock(3, 0, 1).at(1), Some(2 * 333_333_333));
    }

    #[test]
    fn what_does_not_fit_has_no_time() {
        assert_eq!(clock(SECOND as u64, 0, 0).at(u64::MAX), None);
        assert_eq!(clock(1, 0, 0).at(u64::MAX), None);
        assert_eq!(clock(SECOND as u64, i64::MAX, 0).at(0), None);
        assert_eq!(clock(SECOND as u64, 1, 0).at(i64::MAX as u64 - 1), None);
    }
}
