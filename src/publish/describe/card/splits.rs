//! The card's tables, and how requests were split.

use crate::publish::describe::markdown::{code, inline};
use crate::publish::describe::metadata::ReleaseMetadata;
use crate::publish::release::{FULL, INCOMPLETE, OTHER, TRAIN};
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
        "Requests are split by {}{more}, as `queries/split.sql` of sysds says. In `{TRAIN}` are only requests that are\n\
         complete and untouched by losses; the {} others are in `{INCOMPLETE}`, for whoever wants them. An event is where\n\
         its request is, or the request that it was done for; all other events are in `{OTHER}`. All splits of a table\n\
         together, in the order of `event_id`, are the trace as it was. `gap`, where there is one, are requests too near to\n\
         the test in time to train with.\n",
        code(&rule.by),
        metadata.manifest.dataset.incomplete_requests
    );
    audit(text, &rule.audit);
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
