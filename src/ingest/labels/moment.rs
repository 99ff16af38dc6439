//! A border of a span, as a user writes it.

use crate::dataset::timestamp;

/// A border.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// That of the recording: nothing was written.
    OfRecording,
    /// Nanoseconds since the Unix epoch.
    At(i64),
    /// Nanoseconds after the first event of the recording.
    After(i64),
}

/// Units of a time after the first event, in the order in which they are written, in nanoseconds.
const UNITS: [(char, i64); 3] = [
    ('h', 3_600_000_000_000),
    ('m', 60_000_000_000),
    ('s', SECOND),
];
const SECOND: i64 = 1_000_000_000;
/// Digits behind the point of a second.
const DIGITS: usize = 9;

/// What `text` says; nothing where it is no time.
pub(super) fn parse(text: &str) -> Option<Moment> {
    if text.is_empty() {
        return Some(Moment::OfRecording);
    }
    if let Some(after) = text.strip_prefix('+') {
        return after_begin(after).map(Moment::After);
    }
    let number = text.parse().ok();
    number
        .or_else(|| timestamp::nanoseconds(text))
        .map(Moment::At)
}

/// The nanoseconds of a time such as `1h2m3.5s`, of which each unit may be missing, but not all.
fn after_begin(mut rest: &str) -> Option<i64> {
    let mut sum = 0_i64;
    let mut units = UNITS.iter();
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, unit) = rest.split_at(end);
        let unit = unit.chars().next()?;
        let (_, ns) = units.find(|(name, _)| *name == unit)?;
        let part = match *ns {
            SECOND => seconds(number)?,
            ns => digits(number)?.checked_mul(ns)?,
        };
        sum = sum.checked_add(part)?;
        rest = &rest[end + 1..];
    }
    // Nothing but the sign is no time.
    (units.len() < UNITS.len()).then_some(sum)
}

fn digits(text: &str) -> Option<i64> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok())?
}

/// Seconds with as many digits behind the point as nanoseconds have.
fn seconds(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.len() > DIGITS {
        return None;
    }
    let fraction = digits(fraction)?.checked_mul(10_i64.pow((DIGITS - fraction.len()) as u32))?;
    digits(whole)?.checked_mul(SECOND)?.checked_add(fraction)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_of_the_clock_or_since_the_recording_began() {
        for (text, at) in [
            ("1795475201497262880", 1_795_475_201_497_262_880),
            ("-5", -5),
            ("2026-11-23T23:06:41.497262880Z", 1_795_475_201_497_262_880),
            ("2026-11-24T00:06:41.5+01:00", 1_795_475_201_500_000_000),
            ("2026-11-23 23:06:41", 1_795_475_201_000_000_000),
        ] {
            assert_eq!(parse(text), Some(Moment::At(at)), "{text}");
        }
        for (text, after) in [
            ("+0s", 0),
            ("+12.5s", 12_500_000_000),
            ("+1m30s", 90_000_000_000),
            ("+2h", 7_200_000_000_000),
            ("+1h0.000000001s", 3_600_000_000_001),
        ] {
            assert_eq!(parse(text), Some(Moment::After(after)), "{text}");
        }
        assert_eq!(parse(""), Some(Moment::OfRecording));
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "+",
            "+s",
            "+12",
            "+12.5m",
            "+1s1m",
            "+1s1s",
            "+1.s",
            "+.5s",
            "+1.2.3s",
            "+-1s",
            "+1d",
            "+ 1s",
            "+1.0000000001s",
            "+99999999999999999999s",
            "+9999999999s",
            "yesterday",
            "12:30",
            "1e9",
            "1.5",
            "99999999999999999999",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
