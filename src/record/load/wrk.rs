//! The text that wrk2 and wrk print.
//!
//! ```text
//!     Latency   103.75ms   37.79ms 200.83ms   67.11%       mean, deviation, maximum
//!   Latency Distribution (HdrHistogram - Recorded Latency)  only wrk2 says HdrHistogram
//!  50.000%  100.80ms
//!   304 requests in 20.03s, 101.83KB read
//!   Socket errors: connect 0, read 0, write 0, timeout 2    only where there were some
//!   Non-2xx or 3xx responses: 4                             the same
//! Requests/sec:     15.18
//! ```

use crate::dataset::record_metadata::{Count, LoadSummary, Percentile};

/// What the text says; nothing where it is not of wrk2 or wrk.
pub(super) fn summary(output: &str) -> Option<LoadSummary> {
    let lines = || output.lines().map(str::trim);
    let (requests, duration_ns, bytes_read) = lines().find_map(totals)?;
    let rate = lines().find_map(|l| l.strip_prefix("Requests/sec:"))?;
    let corrected = output.contains("(HdrHistogram - Recorded Latency)");
    let latency = lines().find_map(|l| l.strip_prefix("Latency "));
    let mut of_latency = latency
        .into_iter()
        .flat_map(str::split_whitespace)
        .map(time);
    Some(LoadSummary {
        tool: if is_wrk2(output) { "wrk2" } else { "wrk" }.to_owned(),
        rate_asked: None,
        rate_reached: rate.trim().parse().ok()?,
        duration_ns,
        requests,
        errors: lines().flat_map(errors).collect(),
        bytes_read,
        latency_corrected: corrected,
        mean_ns: of_latency.next().flatten(),
        max_ns: of_latency.nth(1).flatten(),
        percentiles: percentiles(output),
    })
}

/// Only wrk2 keeps a rate, which it calibrates its threads for.
fn is_wrk2(output: &str) -> bool {
    output.contains("HdrHistogram") || output.contains("Thread calibration:")
}

/// `304 requests in 20.03s, 101.83KB read`
fn totals(line: &str) -> Option<(u64, u64, u64)> {
    let (requests, rest) = line.split_once(" requests in ")?;
    let (duration, rest) = rest.split_once(", ")?;
    let bytes = bytes(rest.strip_suffix(" read")?)?;
    Some((requests.parse().ok()?, time(duration)?, bytes))
}

/// The first block after `Latency Distribution`; wrk2 prints another without correction, if asked to.
fn percentiles(output: &str) -> Vec<Percentile> {
    output
        .lines()
        .map(str::trim)
        .skip_while(|l| !l.starts_with("Latency Distribution"))
        .skip(1)
        .map_while(|line| {
            let (percent, latency) = line.split_once('%')?;
            Some(Percentile {
                percent: percent.parse().ok()?,
                latency_ns: time(latency.trim())?,
            })
        })
        .collect()
}

fn errors(line: &str) -> Vec<Count> {
    let count = |what: &str, count: &str| {
        Some(Count {
            what: what.to_owned(),
            count: count.trim().parse().ok()?,
        })
    };
    if let Some(kinds) = line.strip_prefix("Socket errors:") {
        let kinds = kinds.split(',').filter_map(|k| k.trim().split_once(' '));
        return kinds.filter_map(|(what, n)| count(what, n)).collect();
    }
    let what = "Non-2xx or 3xx responses";
    let others = line.strip_prefix(what).and_then(|l| l.strip_prefix(':'));
    others.and_then(|n| count(what, n)).into_iter().collect()
}

/// A time in wrk's units, in nanoseconds.
fn time(text: &str) -> Option<u64> {
    let units = [
        ("us", 1e3),
        ("ms", 1e6),
        ("s", 1e9),
        ("m", 60e9),
        ("h", 3600e9),
    ];
    scaled(text, &units)
}

/// A size in wrk's units, which are powers of 1024.
fn bytes(text: &str) -> Option<u64> {
    let kilo = 1024f64;
    let units = [
        ("KB", kilo),
        ("MB", kilo.powi(2)),
        ("GB", kilo.powi(3)),
        ("TB", kilo.powi(4)),
        ("PB", kilo.powi(5)),
        ("B", 1.0),
    ];
    scaled(text, &units)
}

fn scaled(text: &str, units: &[(&str, f64)]) -> Option<u64> {
    units.iter().find_map(|(unit, factor)| {
        let value: f64 = text.strip_suffix(unit)?.parse().ok()?;
        Some((value * factor).round() as u64)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEPALIVE: &str = include_str!("../../../tests/data/apache-keepalive.wrk2.txt");

    #[test]
    fn wrk2_is_read_as_it_prints() {
        let s = summary(KEEPALIVE).unwrap();
        assert_eq!((s.tool.as_str(), s.latency_corrected), ("wrk2", true));
        assert_eq!((s.requests, s.duration_ns), (304, 20_030_000_000));
        assert_eq!(s.bytes_read, 104_274, "101.83 * 1024");
        assert_eq!(s.rate_reached, 15.18);
        assert_eq!(
            (s.mean_ns, s.max_ns),
            (Some(103_750_000), Some(200_830_000))
        );
        let p: Vec<(f64, u64)> = s
            .percentiles
            .iter()
            .map(|p| (p.percent, p.latency_ns))
            .collect();
        assert_eq!(p.len(), 8);
        assert_eq!(
            (p[0], p[3]),
            ((50.0, 100_800_000), (99.0, 192_380_000)),
            "{p:?}"
        );
        assert_eq!(s.errors, []);
    }

    #[test]
    fn errors_units_and_a_second_distribution_are_told_apart() {
        let text = "\
Running 10s test @ http://h/
    Latency     1.05m   635.00us   1.20h    67.11%
    Req/Sec     7.24      5.25    12.00     71.43%
  Latency Distribution (HdrHistogram - Recorded Latency)
 50.000%    1.50s
100.000%   90.00ms

  Latency Distribution (HdrHistogram - Uncorrected Latency (measured without taking delayed starts into account))
 50.000%    1.00us
  1204 requests in 10.01s, 1.50MB read
  Socket errors: connect 1, read 2, write 0, timeout 40
  Non-2xx or 3xx responses: 7
Requests/sec:    120.28
";
        let s = summary(text).unwrap();
        assert_eq!(s.mean_ns, Some(63_000_000_000));
        assert_eq!(s.max_ns, Some(4_320_000_000_000));
        let p: Vec<u64> = s.percentiles.iter().map(|p| p.latency_ns).collect();
        assert_eq!(p, [1_500_000_000, 90_000_000]);
        assert_eq!(s.bytes_read, 1_572_864);
        let errors: Vec<(&str, u64)> = s
            .errors
            .iter()
            .map(|e| (e.what.as_str(), e.count))
            .collect();
        assert_eq!(
            errors,
            [
                ("connect", 1),
                ("read", 2),
                ("write", 0),
                ("timeout", 40),
                ("Non-2xx or 3xx responses", 7)
            ]
        );
        assert_eq!(s.error_count(), 50);
    }

    #[test]
    fn wrk_without_its_latency_option_has_no_percentiles() {
        let text = "\
Running 1s test @ http://127.0.0.1/
  2 threads and 10 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   635.91us    0.89ms  12.92ms   93.69%
    Req/Sec    56.20k     8.07k   62.00k    86.54%
  22464 requests in 1.00s, 17.76MB read
Requests/sec:  22464.33
Transfer/sec:     17.76MB
";
        let s = summary(text).unwrap();
        assert_eq!((s.tool.as_str(), s.latency_corrected), ("wrk", false));
        assert_eq!((s.requests, s.percentiles.len()), (22464, 0));
        assert_eq!(s.mean_ns, Some(635_910));
    }

    #[test]
    fn a_text_that_was_cut_off_has_no_summary() {
        let cut = KEEPALIVE.split("  304 requests").next().unwrap();
        assert_eq!(summary(cut), None);
    }
}
