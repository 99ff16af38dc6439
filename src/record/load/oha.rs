//! The JSON that oha prints with `--output-format json`. Times in it are seconds.

use crate::dataset::record_metadata::{Count, LoadSummary, Percentile};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Report {
    summary: Summary,
    latency_percentiles: BTreeMap<String, Option<f64>>,
    status_code_distribution: BTreeMap<String, u64>,
    error_distribution: BTreeMap<String, u64>,
}

/// Where nothing was answered, what cannot be computed is null.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    total: f64,
    slowest: Option<f64>,
    average: Option<f64>,
    total_data: u64,
}

/// What the text says; nothing where it is not of oha. The caller knows whether latencies are corrected.
pub(super) fn summary(output: &str) -> Option<LoadSummary> {
    let report: Report = serde_json::from_str(output.trim()).ok()?;
    let requests: u64 = report.status_code_distribution.values().sum();
    let failures = report.status_code_distribution.iter();
    let failures = failures.filter(|(status, _)| status.as_str() >= "400");
    let failures = failures.map(|(status, n)| (format!("status {status}"), *n));
    let errors = report.error_distribution.into_iter().chain(failures);
    let mut percentiles: Vec<Percentile> = report
        .latency_percentiles
        .iter()
        .filter_map(|(name, seconds)| {
            Some(Percentile {
                percent: name.strip_prefix('p')?.parse().ok()?,
                latency_ns: nanoseconds((*seconds)?),
            })
        })
        .collect();
    percentiles.sort_by(|a, b| a.percent.total_cmp(&b.percent));
    Some(LoadSummary {
        tool: "oha".to_owned(),
        rate_asked: None,
        rate_reached: requests as f64 / report.summary.total,
        duration_ns: nanoseconds(report.summary.total),
        requests,
        errors: errors.map(|(what, count)| Count { what, count }).collect(),
        bytes_read: report.summary.total_data,
        latency_corrected: false,
        mean_ns: report.summary.average.map(nanoseconds),
        max_ns: report.summary.slowest.map(nanoseconds),
        percentiles,
    })
}

fn nanoseconds(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

#[cfg(test)]
mod tests {
    use super::super::summary;

    const REPORT: &str = r#"{
  "summary": {"successRate": 1.0, "total": 20.5, "slowest": 0.4125, "fastest": 0.1, "average": 0.25,
    "requestsPerSec": 15.0, "totalData": 24321, "sizePerRequest": 80, "sizePerSec": 1186.3},
  "latencyPercentiles": {"p10": 0.11, "p50": 0.2, "p90": 0.3, "p99": 0.401, "p99.9": 0.4125},
  "statusCodeDistribution": {"200": 300, "503": 5},
  "errorDistribution": {"connection closed before message completed": 2}
}"#;

    #[test]
    fn a_report_is_read_with_what_the_command_asked_for() {
        let command = "oha -q 15 -z 20s -c 8 --latency-correction --output-format json http://h/";
        let s = summary(command, REPORT).unwrap();
        assert_eq!((s.tool.as_str(), s.rate_asked), ("oha", Some(15.0)));
        assert!(s.latency_corrected);
        assert_eq!((s.requests, s.bytes_read), (305, 24321));
        assert_eq!(s.duration_ns, 20_500_000_000);
        assert_eq!(s.rate_reached, 305.0 / 20.5);
        assert_eq!(
            (s.mean_ns, s.max_ns),
            (Some(250_000_000), Some(412_500_000))
        );
        let p: Vec<(f64, u64)> = s
            .percentiles
            .iter()
            .map(|p| (p.percent, p.latency_ns))
            .collect();
        assert_eq!(
            p,
            [
                (10.0, 110_000_000),
                (50.0, 200_000_000),
                (90.0, 300_000_000),
                (99.0, 401_000_000),
                (99.9, 412_500_000)
            ]
        );
        assert_eq!(
            s.error_count(),
            7,
            "two broken connections, five answers 503"
        );
        let uncorrected = summary("oha -n 5 http://h/", REPORT).unwrap();
        assert!(!uncorrected.latency_corrected && uncorrected.rate_asked.is_none());
    }

    #[test]
    fn a_report_without_answers_has_no_latencies() {
        let report = REPORT
            .replace("0.4125", "null")
            .replace("0.25,", "null,")
            .replace("0.2,", "null,")
            .replace("\"200\": 300, \"503\": 5", "");
        let s = summary("oha http://h/", &report).unwrap();
        assert_eq!((s.requests, s.max_ns, s.mean_ns), (0, None, None));
        assert_eq!(s.percentiles.len(), 3);
    }
}
