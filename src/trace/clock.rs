//! Clocks: from clock values in cycles to nanoseconds since the clock's origin, which is 1970 as a rule.
//!
//! The one idea: the arithmetic is babeltrace2's, so that every time is the one that it shows, wherever a time comes from:
//! from an event, a packet, or the check of a trace. babeltrace2 2.0 (`bt_util_ns_from_value`, `bt_util_get_base_offset_ns`
//! and `bt_util_ns_from_origin_inline` in its `src/lib/trace-ir/utils.h`) converts the clock's offset and its value each for
//! itself. At 1 GHz, which LTTng has, a cycle is a nanosecond and both are exact integers. At any other frequency it divides
//! in a `double`: exact up to 2^53 ns (104 days), beyond that the last digits may differ from the true quotient.

use super::Clock;
use super::ctf::metadata::model::{ClockClass, EnvValue, Metadata, StreamClass};

const SECOND: i64 = 1_000_000_000;

/// A clock, ready to convert.
#[derive(Debug, Clone)]
pub(super) struct Converter {
    frequency: u64,
    /// Nanoseconds from the origin to the value 0; `None` where that does not fit 64 bits.
    base: Option<i64>,
}

impl Converter {
    /// The converter for a clock of which all offsets are normalized.
    pub(super) fn new(clock: &Clock) -> Self {
        let cycles = nanoseconds(clock.frequency, clock.offset_cycles.unwrap_or(0));
        let seconds = clock.offset_s.unwrap_or(0).checked_mul(SECOND);
        Converter {
            frequency: clock.frequency,
            base: seconds.and_then(|s| s.checked_add_unsigned(cycles)),
        }
    }

    /// Nanoseconds since the clock's origin; `None` where they do not fit 64 bits.
    #[inline]
    pub(super) fn at(&self, cycles: u64) -> Option<i64> {
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

/// A stream's clock.
#[derive(Debug, Clone)]
pub(super) struct StreamClock {
    /// What it is.
    pub clock: Clock,
    /// Its UUID.
    pub uuid: Option<[u8; 16]>,
    /// Its arithmetic.
    pub converter: Converter,
}

impl StreamClock {
    /// The clock that fields of the stream class are mapped to; there is at most one.
    pub(super) fn of(metadata: &Metadata, stream: &StreamClass) -> Option<StreamClock> {
        let class = &metadata.clocks[stream.clock()?];
        let clock = describe(metadata, class);
        Some(StreamClock {
            converter: Converter::new(&clock),
            uuid: class.uuid,
            clock,
        })
    }
}

/// Describes a clock of `metadata` as babeltrace2 does: offsets of more cycles than a second has go into the seconds, and
/// LTTng's clock `monotonic` counts from 1970 whether it says so or not.
fn describe(metadata: &Metadata, clock: &ClockClass) -> Clock {
    let tracer = metadata.env.iter().find(|(name, _)| name == "tracer_name");
    let lttng = matches!(tracer, Some((_, EnvValue::Text(t))) if t.starts_with("lttng"));
    Clock {
        name: Some(clock.name.clone()).filter(|n| !n.is_empty()),
        frequency: clock.frequency,
        offset_s: Some(
            clock
                .offset_s
                .wrapping_add((clock.offset_cycles / clock.frequency) as i64),
        ),
        offset_cycles: Some(clock.offset_cycles % clock.frequency),
        origin_is_unix_epoch: clock.absolute || lttng && clock.name == "monotonic",
        assumed: false,
    }
}

/// The clock after an integer of `size` bits gave its low bits: the next time at which they are these (CTF 1.8.3
/// section 8).
#[inline]
pub(super) fn update(clock: u64, value: u64, size: u32) -> u64 {
    if size == 64 {
        return value;
    }
    let mask = (1u64 << size) - 1;
    let wrapped = value < clock & mask;
    let high = (clock & !mask).wrapping_add(if wrapped { mask + 1 } else { 0 });
    high | value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(frequency: u64, offset_s: i64, offset_cycles: u64) -> Converter {
        Converter::new(&Clock {
            name: None,
            frequency,
            offset_s: Some(offset_s),
            offset_cycles: Some(offset_cycles),
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
    fn beyond_104_days_other_frequencies_have_the_digits_of_babeltrace2() {
        let cycles = 0x00f3456789abcdu64;
        let (exact, shown) = (89159805122884333, 89159805122884336);
        assert_eq!(clock(3_000_000, 0, 0).at(cycles), Some(shown));
        assert!(shown != exact && (shown - exact).abs() < 1 << 11);
        assert_eq!(clock(SECOND as u64, 0, 0).at(cycles), Some(cycles as i64));
    }

    #[test]
    fn what_does_not_fit_has_no_time() {
        assert_eq!(clock(SECOND as u64, 0, 0).at(u64::MAX), None);
        assert_eq!(clock(1, 0, 0).at(u64::MAX), None);
        assert_eq!(clock(SECOND as u64, i64::MAX, 0).at(0), None);
        assert_eq!(clock(SECOND as u64, 1, 0).at(i64::MAX as u64 - 1), None);
    }

    #[test]
    fn a_clock_of_few_bits_wraps_once() {
        assert_eq!(update(0x1_0000_0010, 0x20, 32), 0x1_0000_0020);
        assert_eq!(update(0x1_0000_0020, 0x10, 32), 0x2_0000_0010);
        assert_eq!(update(0x1_0000_0020, 0x20, 32), 0x1_0000_0020);
        assert_eq!(update(5, 3, 64), 3);
        assert_eq!(update(u64::MAX, 0, 27), 0, "wraps as babeltrace2's does");
    }
}
