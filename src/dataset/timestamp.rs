//! Timestamps as text: UTC, RFC 3339, as manifests and records tell when something happened.

use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use arrow::temporal_conversions::timestamp_ns_to_datetime;
use std::time::SystemTime;

/// The time now, in milliseconds: `2026-11-25T03:00:00.125Z`.
pub fn now() -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    // A clock outside of 1970 to 2262 is one that was never set: the moment is then the epoch's.
    let ns = since.ok().and_then(|d| i64::try_from(d.as_nanos()).ok());
    let date = timestamp_ns_to_datetime(ns.unwrap_or(0)).unwrap_or_default();
    date.format("%Y-%m-%dT%H:%M:%S%.3fZ").to_string()
}

/// The day now: `2026-11-25`.
pub fn today() -> String {
    let mut day = now();
    day.truncate("2026-11-25".len());
    day
}

/// Nanoseconds since the Unix epoch; nothing where `text` is no timestamp.
pub fn nanoseconds(text: &str) -> Option<i64> {
    string_to_timestamp_nanos(text).ok()
}

/// A time to the nanosecond, `2026-11-25T03:00:00.125000000Z`; as a number where no calendar has it.
pub fn exact(ns: i64) -> String {
    let date = timestamp_ns_to_datetime(ns);
    date.map_or_else(
        || format!("{ns} ns"),
        |d| format!("{}Z", d.format("%Y-%m-%dT%H:%M:%S%.9f")),
    )
}

/// A timestamp so many seconds later, with the fraction of a second that it has; nothing where `text` is none, or the
/// result is none that 64 bits of nanoseconds hold.
pub fn later(text: &str, seconds: i64) -> Option<String> {
    let ns = nanoseconds(text)?;
    let by = seconds.checked_mul(1_000_000_000)?;
    let date = timestamp_ns_to_datetime(ns.checked_add(by)?)?;
    Some(date.format("%Y-%m-%dT%H:%M:%S%.fZ").to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn now_is_a_timestamp_in_milliseconds() {
        let text = now();
        assert_eq!(text.len(), "2026-11-25T03:00:00.125Z".len(), "{text}");
        let seconds = string_to_timestamp_nanos(&text).unwrap() / 1_000_000_000;
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let off = since.unwrap().as_secs() as i64 - seconds;
        assert!((0..60).contains(&off), "{text} is {off} s off");
        assert!(text.starts_with(&today()[..8]), "{text}");
    }

    #[test]
    fn a_time_is_told_to_the_nanosecond() {
        assert_eq!(
            exact(1_795_475_201_497_262_880),
            "2026-11-23T23:06:41.497262880Z"
        );
        assert_eq!(exact(-1), "1969-12-31T23:59:59.999999999Z");
        assert_eq!(nanoseconds(&exact(i64::MAX)), Some(i64::MAX));
    }

    #[test]
    fn a_later_timestamp_keeps_its_fraction() {
        let at = |text, by| later(text, by);
        let of = |text: &str| Some(text.to_owned());
        assert_eq!(
            at("2026-11-25T03:00:00.125Z", -3600),
            of("2026-11-25T02:00:00.125Z")
        );
        assert_eq!(at("2026-11-25T23:59:59Z", 1), of("2026-11-26T00:00:00Z"));
        assert_eq!(
            at("2026-11-25T04:00:00+01:00", 0),
            of("2026-11-25T03:00:00Z")
        );
        assert_eq!(at("yesterday", 0), None);
        assert_eq!(at("2026-11-25T03:00:00Z", i64::MAX), None);
        assert_eq!(at("2026-11-25T03:00:00Z", 9_000_000_000), None);
    }
}
