//! The card's tables, and how requests were split.

use crate::dataset::tables;
use crate::publish::describe::markdown::{code, inline};
use crate::publish::describe::metadata::ReleaseMetadata;
use crate::publish::release::{FULL, ReleaseManifest};
use crate::split::SplitRule;
use crate::split::names::{GAP, INCOMPLETE, OTHER, STRADDLING, UNUSED, word};
use std::fmt::Write;

pub(super) fn parts(text: &mut String, metadata: &ReleaseMetadata) {
    let _ = writeln!(text, "## Tables and splits\n");
    let _ = writeln!(text, "| table | split | rows | shards |\n|---|---|---|---|");
    for table in metadata.tables() {
        for (split, rows, shards) in metadata.manifest.splits(table) {
            let _ = writeln!(text, "| `{table}` | `{split}` | {rows} | {shards} |");
        }
    }
    text.push('\n');
    let release = &metadata.manifest.release;
    let Some(rule) = &release.split else {
        let _ = writeln!(
            text,
            "The requests are not split: all are in `{FULL}`, those that are not `complete` too.\n"
        );
        return;
    };
    let more: Vec<String> = rule
        .parameters
        .iter()
        .map(|(k, v)| format!("{} = {}", code(k), inline(v)))
        .collect();
    let more = match more.is_empty() {
        true => String::new(),
        false => format!(" with {}", more.join(", ")),
    };
    let _ = writeln!(
        text,
        "Requests are split by {}{more}, as `queries/split.sql` of sysds says. In the parts to train, validate and test\n\
         with are only requests that are complete and untouched by losses; the {} others are in `{INCOMPLETE}`, for whoever\n\
         wants them. An event is where its request is, or the request that it was done for; all other events are in\n\
         `{OTHER}`. All splits of a table together, in the order of `event_id`, are the trace as it was.{}\n",
        code(&rule.by),
        metadata.manifest.dataset.incomplete_requests,
        others(metadata.manifest)
    );
    recordings(text, rule, metadata.manifest);
    audit(text, &rule.audit);
}

/// What is said of splits that not every release has.
fn others(manifest: &ReleaseManifest) -> String {
    let splits = manifest.splits(tables::REQUESTS);
    let names = || splits.iter().map(|(name, ..)| name.as_str());
    let mut text = String::new();
    if names().any(|name| name == GAP) {
        let _ = write!(
            text,
            "\n`{GAP}` are requests too near to the part that follows in time."
        );
    }
    if names().any(|name| name == UNUSED) {
        let _ = write!(
            text,
            "\n`{UNUSED}` are requests of recordings that are in no part."
        );
    }
    if names().any(|name| name == STRADDLING) {
        let _ = write!(
            text,
            "\n`{STRADDLING}` are requests inside of which a labelled span begins or ends, so that they have no one label."
        );
    }
    let worded = names().filter(|name| word(name) != **name);
    let worded: Vec<String> = worded.map(|n| format!("`{}` for `{n}`", word(n))).collect();
    if !worded.is_empty() {
        let _ = write!(
            text,
            "\nNames of files, and so `load_dataset`, have {}.",
            worded.join(", ")
        );
    }
    text
}

/// Which recordings are in which part, where that was said.
fn recordings(text: &mut String, rule: &SplitRule, manifest: &ReleaseManifest) {
    if rule.parts.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "Each recording is in one part:\n\n| part | recordings (`trace_id`) |\n|---|---|"
    );
    let label = |trace_id: &String| {
        let mut recordings = manifest.dataset.recordings.iter();
        let found = recordings.find(|r| r.trace_id == *trace_id);
        let label = found.and_then(|r| r.label.as_deref());
        label.map_or(String::new(), |label| format!(" ({})", inline(label)))
    };
    for (part, recordings) in rule.parts() {
        let names = recordings
            .iter()
            .map(|r| format!("{}{}", code(r), label(r)));
        let names: Vec<String> = names.collect();
        let _ = writeln!(text, "| `{part}` | {} |", names.join(", "));
    }
    text.push('\n');
}

/// What the splits share.
fn audit(text: &mut String, rows: &[std::collections::BTreeMap<String, String>]) {
    const COLUMNS: [(&str, &str); 9] = [
        ("split", "split"),
        ("requests", "requests"),
        ("events", "events"),
        ("same_recording", "same recording"),
        ("same_connection", "same connection"),
        ("same_thread", "same thread"),
        ("same_client", "same client"),
        ("meanwhile", "meanwhile"),
        ("same_calls", "same sequence of calls"),
    ];
    if rows.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "How many of a split's requests have a training request that shares something with them:\n"
    );
    let titles: Vec<&str> = COLUMNS.iter().map(|c| c.1).collect();
    let _ = writeln!(
        text,
        "| {} |\n|{}",
        titles.join(" | "),
        "---|".repeat(titles.len())
    );
    for row in rows {
        let cells = COLUMNS.map(|(key, _)| row.get(key).map_or(String::new(), |cell| inline(cell)));
        let _ = writeln!(text, "| {} |", cells.join(" | "));
    }
    text.push('\n');
}
