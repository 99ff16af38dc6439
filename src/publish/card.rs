//! `README.md`: the dataset card, with the front matter that Hugging Face reads and the sections of a datasheet.
//!
//! Everything that can be known is filled in from the manifest; what a person has to say comes from `dataset.toml`; what
//! nobody has said is marked where it belongs, and listed at the top.

use super::Papers;
use super::about::Author;
use super::cite::{bibtex, keywords, quoted};
use super::markdown::{block, code, inline};
use super::release::{FULL, INCOMPLETE, OTHER, TRAIN};
use crate::columns::schema::contract::{self, Column};
use crate::dataset::manifest::Recording;
use crate::dataset::recorded::LoadSummary;
use crate::dataset::tables;
use crate::requests::rules;
use std::fmt::Write;

/// Hugging Face's classes of size, by the first number of rows that is too much for each.
const SIZES: [(u64, &str); 9] = [
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
    (10_000_000_000, "1B<n<10B"),
    (100_000_000_000, "10B<n<100B"),
];

/// The file.
pub fn text(papers: &Papers) -> String {
    let mut text = front_matter(papers);
    let _ = writeln!(text, "# {}\n", inline(papers.title()));
    let _ = writeln!(text, "{}\n", block(&papers.description()));
    let version = &papers.manifest.release;
    let _ = writeln!(
        text,
        "Version {}, {}.\n",
        version.version, version.published
    );
    for part in [
        gaps, load, parts, collected, lost, requests, columns, limits, privacy, rights, history,
    ] {
        part(&mut text, papers);
    }
    text
}

fn front_matter(papers: &Papers) -> String {
    let mut text = String::from("---\n");
    let _ = writeln!(text, "pretty_name: {}", quoted(papers.title()));
    if let Some(license) = papers.license {
        match license.hugging_face() {
            Some(name) => {
                let _ = writeln!(text, "license: {name}");
            }
            None => {
                let _ = writeln!(text, "license: other");
                let _ = writeln!(
                    text,
                    "license_name: {}",
                    quoted(&license.expression.to_lowercase())
                );
                let _ = writeln!(text, "license_link: LICENSE");
            }
        }
    }
    let rows = papers
        .manifest
        .dataset
        .tables
        .values()
        .map(|t| t.rows)
        .sum::<u64>();
    let size = SIZES.iter().find(|(most, _)| rows < *most);
    let _ = writeln!(
        text,
        "size_categories:\n- {}",
        size.map_or("100B<n<1T", |s| s.1)
    );
    let _ = writeln!(text, "tags:");
    for word in keywords(papers) {
        let _ = writeln!(text, "- {}", quoted(&word.to_lowercase()));
    }
    let _ = writeln!(text, "configs:");
    let mut first = true;
    for table in papers.tables() {
        // A table without rows has a file without rows, which `datasets` does not load.
        let mut splits = papers.manifest.splits(table);
        splits.retain(|(_, rows, _)| *rows > 0);
        if splits.is_empty() {
            continue;
        }
        let _ = writeln!(text, "- config_name: {table}");
        if std::mem::take(&mut first) {
            let _ = writeln!(text, "  default: true");
        }
        let _ = writeln!(text, "  data_files:");
        for (split, ..) in splits {
            let path = quoted(&glob(papers, table, &split));
            let _ = writeln!(text, "  - split: {split}\n    path: {path}");
        }
    }
    text + "---\n\n"
}

/// The shards of a split of a table.
fn glob(papers: &Papers, table: &str, split: &str) -> String {
    match papers.manifest.by_label() {
        true => format!("data/{table}/*/{split}-*.parquet"),
        false => format!("data/{table}/{split}-*.parquet"),
    }
}

/// What a person says under `key`, or a mark that nobody does.
fn said(text: &Option<String>, key: &str) -> String {
    match text {
        Some(text) => inline(text),
        None => format!("**[missing: `{key}` in dataset.toml]**"),
    }
}

fn gaps(text: &mut String, papers: &Papers) {
    if papers.gaps.is_empty() {
        return;
    }
    let _ = writeln!(
        text,
        "> **Not filled in yet** (`dataset.toml`, then publish again):"
    );
    for gap in papers.gaps {
        let _ = writeln!(text, "> - `{}`: {}", gap.key, gap.what);
    }
    text.push('\n');
}

fn load(text: &mut String, papers: &Papers) {
    let split = match papers.manifest.splits(tables::REQUESTS).first() {
        Some((name, ..)) => name.clone(),
        None => FULL.to_owned(),
    };
    let path = glob(papers, tables::EVENTS, "*").replace("*-*", "*");
    let _ = writeln!(
        text,
        "## Use\n\n\
         ```python\n\
         from datasets import load_dataset                            # pip install datasets\n\
         requests = load_dataset(\"PATH_OR_NAME\", \"requests\", split=\"{split}\")\n\
         requests[0][\"events\"][0][\"args\"]                             # the arguments of its first call\n\
         import pyarrow.dataset as ds                                 # one argument of all events, without the others\n\
         ds.dataset(\"PATH/data/events\").to_table(columns={{\"file\": ds.field(\"args\", \"filename\")}})\n\
         ```\n\n\
         In SQL: `duckdb -c \"SELECT name, count(*) FROM 'PATH/{path}' GROUP BY ALL\"`. To check what you have:\n\
         `sha256sum -c SHA256SUMS`, or everything that can be wrong with `sysds verify PATH`.\n"
    );
}

fn parts(text: &mut String, papers: &Papers) {
    let _ = writeln!(text, "## Tables and splits\n");
    let _ = writeln!(text, "| table | split | rows | shards |\n|---|---|---|---|");
    for table in papers.tables() {
        for (split, rows, shards) in papers.manifest.splits(table) {
            let _ = writeln!(text, "| `{table}` | `{split}` | {rows} | {shards} |");
        }
    }
    text.push('\n');
    let release = &papers.manifest.release;
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
        papers.manifest.dataset.incomplete_requests
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

/// A value of a recording's environment, as the tracer tells it.
fn environment<'a>(recording: &'a Recording, key: &str) -> Option<&'a str> {
    let mut env = recording.sources.iter().flat_map(|s| &s.env);
    let found = env.find(|(k, _)| k == key);
    found.map(|(_, value)| value.as_str())
}

fn kernel(recording: &Recording) -> String {
    let of = |key| environment(recording, key).unwrap_or_default();
    let words = [of("sysname"), of("kernel_release")].join(" ");
    words.trim().to_owned()
}

fn tracer(recording: &Recording) -> String {
    let of = |key| environment(recording, key).unwrap_or_default();
    let parts = ["tracer_major", "tracer_minor", "tracer_patchlevel"].map(of);
    let version: Vec<&str> = parts.into_iter().filter(|p| !p.is_empty()).collect();
    format!("{} {}", of("tracer_name"), version.join("."))
        .trim()
        .to_owned()
}

/// How the data came to be, in a few sentences.
pub fn collection(papers: &Papers) -> String {
    let m = &papers.manifest.dataset;
    let unique = |of: fn(&Recording) -> String| {
        let mut all: Vec<String> = m
            .recordings
            .iter()
            .map(of)
            .filter(|t| !t.is_empty())
            .collect();
        all.sort();
        all.dedup();
        all.join(", ")
    };
    let mut text = format!(
        "{} recordings of a web server by the tracer {} on {}, read by {} {} ({}).",
        m.recordings.len(),
        unique(tracer),
        unique(kernel),
        m.tool.name,
        m.tool.version,
        m.tool.reader
    );
    let about = papers.about;
    for more in [&about.server, &about.load, &about.conditions]
        .into_iter()
        .flatten()
    {
        text.push(' ');
        text.push_str(more);
    }
    text
}

/// Seconds between two times in nanoseconds.
fn seconds(recording: &Recording) -> String {
    match (recording.first_ns, recording.last_ns) {
        (Some(first), Some(last)) => {
            format!("{:.3}", (i128::from(last) - i128::from(first)) as f64 / 1e9)
        }
        _ => String::new(),
    }
}

fn collected(text: &mut String, papers: &Papers) {
    let about = papers.about;
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
    for r in &papers.manifest.dataset.recordings {
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
    derived(text, papers);
    measured(text, papers);
    let tool = &papers.manifest.dataset.tool;
    let _ = writeln!(
        text,
        "\nMade from the traces by {} {} ({}); `manifest.json` has all options, clocks and streams.\n",
        inline(&tool.name),
        inline(&tool.version),
        inline(&tool.reader)
    );
}

/// In which recordings contexts did not tell thread, process and name.
fn derived(text: &mut String, papers: &Papers) {
    let recordings = papers.manifest.dataset.recordings.iter();
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
fn measured(text: &mut String, papers: &Papers) {
    let recordings = papers.manifest.dataset.recordings.iter();
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

fn lost(text: &mut String, papers: &Papers) {
    let m = &papers.manifest.dataset;
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

fn requests(text: &mut String, papers: &Papers) {
    let options = &papers.manifest.dataset.options;
    let rule = options.get("requests").and_then(|r| r.as_str());
    let rule = rule.unwrap_or(rules::ALL[0].name);
    let _ = writeln!(text, "## How requests are cut\n");
    let _ = writeln!(
        text,
        "By the rule {}{}. The options of the cut:\n",
        code(rule),
        rules::named(rule).map_or(String::new(), |rule| format!(": {}", rule.description))
    );
    for (key, value) in options {
        let _ = writeln!(text, "- {}: {}", code(key), code(&value.to_string()));
    }
    text.push('\n');
}

fn columns(text: &mut String, papers: &Papers) {
    let _ = writeln!(
        text,
        "## Columns\n\n\
         Times and durations are in nanoseconds. `schemas/` has the contract of each table; the members of `args` are the\n\
         fields of the events by name, with the events that have each in the metadata of the Parquet files."
    );
    let tables = papers.tables();
    for contract in contract::all()
        .iter()
        .filter(|c| tables.contains(&c.table.as_str()))
    {
        let _ = writeln!(
            text,
            "\n### `{}`\n\n{}\n",
            contract.table, contract.description
        );
        let _ = writeln!(text, "| column | type | meaning |\n|---|---|---|");
        let there = |c: &&Column| {
            papers.schemas[&contract.table]
                .field_with_name(&c.name)
                .is_ok()
        };
        for column in contract.columns.iter().filter(there) {
            row(text, "", column);
            let parent = format!("{}[].", column.name);
            column
                .items
                .iter()
                .for_each(|item| row(text, &parent, item));
        }
    }
    text.push('\n');
}

fn row(text: &mut String, parent: &str, column: &Column) {
    let null = if column.nullable { ", null" } else { "" };
    let _ = writeln!(
        text,
        "| `{parent}{}` | {}{null} | {} |",
        column.name, column.type_name, column.description
    );
}

fn limits(text: &mut String, papers: &Papers) {
    let _ = writeln!(text, "## Known limits\n");
    for limit in &papers.about.limits {
        let _ = writeln!(text, "- {}", inline(limit));
    }
    if papers.about.limits.is_empty() {
        let _ = writeln!(text, "- {}", said(&None, "limits"));
    }
    let _ = writeln!(
        text,
        "- A kernel trace has the arguments of calls, not the data that they read and wrote.\n\
         - Which two sockets are the ends of a connection is concluded, not told by the trace: `downstream` has only what is\n\
         certain.\n"
    );
}

fn privacy(text: &mut String, papers: &Papers) {
    let _ = writeln!(
        text,
        "## Privacy\n\n{}\n",
        said(&papers.about.privacy, "privacy")
    );
    let done = &papers.manifest.release.privacy;
    if done.is_empty() {
        let _ = writeln!(
            text,
            "Nothing was anonymized: client addresses, file names, names of threads and hosts, and times are those of the trace.\n"
        );
        return;
    }
    for sentence in done {
        let _ = writeln!(text, "- {}", inline(sentence));
    }
    text.push('\n');
}

fn rights(text: &mut String, papers: &Papers) {
    let about = papers.about;
    let _ = writeln!(text, "## Licence, authors, citation\n");
    let license = papers
        .license
        .map(|l| format!("{} (`LICENSE`)", inline(&l.name())));
    let license = license.unwrap_or_else(|| said(&None, "license"));
    let _ = writeln!(text, "- Licence: {license}");
    let people: Vec<String> = about.authors.iter().map(credit).collect();
    let people = Some(people.join("; ")).filter(|p| !p.is_empty());
    let _ = writeln!(text, "- Authors: {}", said(&people, "authors"));
    let _ = writeln!(text, "- Contact: {}", said(&about.contact, "contact"));
    let funding = Some(about.funding.join("; ")).filter(|f| !f.is_empty());
    let _ = writeln!(text, "- Funding: {}", said(&funding, "funding"));
    let _ = writeln!(
        text,
        "- Maintenance: {}\n",
        said(&about.maintenance, "maintenance")
    );
    let _ = writeln!(text, "```bibtex\n{}\n```\n", bibtex(papers));
}

fn credit(author: &Author) -> String {
    let more: Vec<String> = [author.affiliation.clone(), author.orcid_url()]
        .into_iter()
        .flatten()
        .collect();
    match more.is_empty() {
        true => author.full_name(),
        false => format!("{} ({})", author.full_name(), more.join(", ")),
    }
}

fn history(text: &mut String, papers: &Papers) {
    let Some(previous) = &papers.manifest.release.previous else {
        return;
    };
    let version = &papers.manifest.release.version;
    let _ = writeln!(
        text,
        "## What changed from {} to {version}\n",
        inline(&previous.version)
    );
    for change in &previous.changes {
        let _ = writeln!(text, "- {}", inline(change));
    }
    if previous.changes.is_empty() {
        let _ = writeln!(text, "- The rows are the same.");
    }
}
