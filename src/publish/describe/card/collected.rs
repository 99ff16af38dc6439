//! The card's sections on how the data was collected, and what was lost.

use crate::dataset::manifest::Recording;
use crate::dataset::record_metadata::LoadSummary;
use crate::dataset::timestamp::exact;
use crate::label_spans::LabelSpan;
use crate::publish::describe::collection::{kernel, tracer};
use crate::publish::describe::markdown::{code, inline, said};
use crate::publish::describe::metadata::ReleaseMetadata;
use std::fmt::Write;

/// Spans that the card lists.
const SPANS: usize = 40;

/// Seconds between two times in nanoseconds.
fn seconds(recording: &Recording) -> String {
    match (recording.first_ns, recording.last_ns) {
        (Some(first), Some(last)) => {
            format!("{:.3}", (i128::from(last) - i128::from(first)) as f64 / 1e9)
        }
        _ => String::new(),
    }
}

pub(super) fn collected(text: &mut String, metadata: &ReleaseMetadata) {
    let about = metadata.about;
    let _ = writeln!(text, "## How it was collected\n");
    let _ = writeln!(text, "- Purpose: {}", said(&about.purpose, "purpose"));
    let _ = writeln!(text, "- Server: {}", said(&about.server, "server"));
    let _ = writeln!(text, "- Load: {}", said(&about.load, "load"));
    let _ = writeln!(
        text,
        "- Conditions: {}\n",
        said(&about.conditions, "conditions")
    );
    let _ = writeln!(
        text,
        "| recording (`trace_id`) | label | kernel | tracer | seconds | events | requests | incomplete |\n\
         |---|---|---|---|---|---|---|---|"
    );
    for r in &metadata.manifest.dataset.recordings {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} | {} | {} | {} | {} |",
            code(&r.trace_id),
            inline(r.label.as_deref().unwrap_or("")),
            inline(&kernel(r)),
            inline(&tracer(r)),
            seconds(r),
            r.events,
            r.requests,
            r.incomplete_requests
        );
    }
    labelled(text, metadata);
    derived(text, metadata);
    measured(text, metadata);
    let tool = &metadata.manifest.dataset.tool;
    let _ = writeln!(
        text,
        "\nMade from the traces by {} {} ({}); `manifest.json` has all options, clocks and streams.\n",
        inline(&tool.name),
        inline(&tool.version),
        inline(&tool.reader)
    );
}

/// The parts of recordings that have labels of their own.
fn labelled(text: &mut String, metadata: &ReleaseMetadata) {
    let all: Vec<(&Recording, &LabelSpan)> = metadata.manifest.dataset.spans().collect();
    if all.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\nParts of recordings have labels of their own. A request has that of the span in which all of it lies\n\
         (`requests.span_label`); where a border of a span lies inside of it, `requests.straddles` is true:\n\n\
         | recording | from | up to | label |\n|---|---|---|---|"
    );
    for (recording, span) in all.iter().take(SPANS) {
        let _ = writeln!(
            text,
            "| {} | {} | {} | {} |",
            code(&recording.trace_id),
            exact(span.begin_ns),
            exact(span.end_ns),
            inline(&span.label)
        );
    }
    if all.len() > SPANS {
        let more = all.len() - SPANS;
        let _ = writeln!(text, "\n{more} more are in `manifest.json`.");
    }
}

/// In which recordings contexts did not tell thread, process and name.
fn derived(text: &mut String, metadata: &ReleaseMetadata) {
    let recordings = metadata.manifest.dataset.recordings.iter();
    let derived = recordings.filter_map(|r| Some((r, r.derived?)));
    for (i, (r, derived)) in derived.enumerate() {
        let space = if i == 0 { "\n" } else { "" };
        let _ = writeln!(
            text,
            "{space}- Derived in `{}`: {derived}; null where it is not known.",
            r.trace_id
        );
    }
}

/// What the load generators measured, of the recordings for which `sysds record` ran one.
fn measured(text: &mut String, metadata: &ReleaseMetadata) {
    let recordings = metadata.manifest.dataset.recordings.iter();
    let loads = recordings.filter_map(|r| {
        let load = r.recorded.as_ref()?.load.as_ref()?;
        Some((r, load.summary.as_ref()?))
    });
    let rows: String = loads.map(|(r, load)| measured_row(r, load)).collect();
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "\nWhat the load generators measured, from outside of the server; latencies in ms, from when a request was due\n\
         (delays of the generator itself count) or sent:\n\n\
         | recording | generator | requests/s asked | reached | requests | errors | from | mean | percentiles | most |\n\
         |---|---|---|---|---|---|---|---|---|---|\n{rows}"
    );
}

fn measured_row(recording: &Recording, load: &LoadSummary) -> String {
    // Exact: 64 bits hold six digits behind the point of latencies up to days.
    let ms = |ns: u64| (ns as f64 / 1e6).to_string();
    let percentiles = load.percentiles.iter();
    let percentiles = percentiles.map(|p| format!("{} %: {}", p.percent, ms(p.latency_ns)));
    let kinds = load.errors.iter().filter(|e| e.count > 0);
    let kinds: Vec<String> = kinds
        .map(|e| format!("{} {}", inline(&e.what), e.count))
        .collect();
    let errors = match kinds.is_empty() {
        true => "0".to_owned(),
        false => format!("{} ({})", load.error_count(), kinds.join(", ")),
    };
    format!(
        "| {} | {} | {} | {:.2} | {} | {errors} | {} | {} | {} | {} |\n",
        code(&recording.trace_id),
        inline(&load.tool),
        load.rate_asked.map(|r| r.to_string()).unwrap_or_default(),
        load.rate_reached,
        load.requests,
        if load.latency_corrected {
            "due"
        } else {
            "sent"
        },
        load.mean_ns.map(ms).unwrap_or_default(),
        percentiles.collect::<Vec<_>>().join(", "),
        load.max_ns.map(ms).unwrap_or_default(),
    )
}

pub(super) fn lost(text: &mut String, metadata: &ReleaseMetadata) {
    let m = &metadata.manifest.dataset;
    let _ = writeln!(text, "## What was lost\n");
    let _ = writeln!(
        text,
        "The tracer discarded {} events and {} packets; {} of {} requests are not complete, because they were under way\n\
         when the trace began or ended, or because a loss falls into their time. The table `losses` tells when and where,\n\
         `requests.complete` and `requests.lost_events` what it touched.",
        m.discarded_events, m.discarded_packets, m.incomplete_requests, m.requests
    );
    if m.damaged {
        let _ = writeln!(text, "Some streams could not be read to their ends:");
        for damage in m.recordings.iter().flat_map(|r| &r.damage) {
            let _ = writeln!(
                text,
                "- {}: {}",
                inline(&damage.place),
                inline(&damage.what)
            );
        }
    }
    text.push('\n');
}
