//! Reports as text for a person.

use super::dataset::{ColumnReport, DatasetReport};
use super::trace::{RecordingReport, TraceReport};
use crate::dataset::manifest::{Damage, Recording};
use crate::dataset::timestamp::exact;
use crate::shown::{path_text, shown, shown_path};
use crate::trace::Source;
use crate::trace::derive::Derived;
use std::fmt::Write;

/// The text of a trace's report.
pub(crate) fn trace_text(report: &TraceReport) -> String {
    report
        .recordings
        .iter()
        .map(recording_text)
        .collect::<Vec<_>>()
        .join("\n")
}

fn recording_text(r: &RecordingReport) -> String {
    let mut out = format!("recording {}\n", shown_path(&r.path));
    r.sources
        .iter()
        .for_each(|source| source_text(source, &mut out));
    line(&mut out, "reader", &r.reader);
    line(&mut out, "events", &grouped(r.events));
    if let (Some(first), Some(last)) = (r.first_ns, r.last_ns) {
        line(&mut out, "first", &exact(first));
        line(&mut out, "last", &exact(last));
        line(
            &mut out,
            "duration",
            &format!(
                "{:.9} s",
                (i128::from(last) - i128::from(first)) as f64 / 1e9
            ),
        );
    }
    let cpus = r
        .events_by_cpu
        .iter()
        .map(|(cpu, n)| format!("{cpu}: {}", grouped(*n)));
    line(
        &mut out,
        "events by CPU",
        &cpus.collect::<Vec<_>>().join(", "),
    );
    line(&mut out, "contexts", &r.contexts.join(", "));
    derived_text(&mut out, "derived", r.derived);
    lost_text(&mut out, r);
    damage_text(&mut out, &r.damage);
    let _ = writeln!(
        out,
        "  event classes: {} with events, of {} in the metadata",
        r.classes.len(),
        r.declared_classes
    );
    for class in &r.classes {
        let fields = shown(&class.fields.join(", "));
        let _ = writeln!(
            out,
            "  {:>12}  {}  {{ {fields} }}",
            grouped(class.events),
            shown(&class.name)
        );
    }
    out
}

fn source_text(source: &Source, out: &mut String) {
    let _ = writeln!(out, "  trace {}", shown_path(&source.path));
    line(out, "  UUID", source.uuid.as_deref().unwrap_or("none"));
    let env = source.env.iter().map(|(k, v)| format!("{k} = {v}"));
    line(out, "  environment", &env.collect::<Vec<_>>().join(", "));
    let clocks = match source.clocks.is_empty() {
        true => source.clock.as_slice(),
        false => &source.clocks[..],
    };
    for clock in clocks {
        let name = clock.name.as_deref().unwrap_or("unnamed");
        let origin = if clock.origin_is_unix_epoch {
            "the Unix epoch"
        } else {
            "its own origin"
        };
        let assumed = match clock.assumed {
            true => " (assumed: the metadata maps no clock to its time stamps)",
            false => "",
        };
        let offset = match (clock.offset_s, clock.offset_cycles) {
            (Some(seconds), Some(cycles)) => format!("offset {seconds} s + {cycles} cycles"),
            _ => "offset left out".to_owned(),
        };
        let text = format!(
            "{name}, {} Hz, {offset} from {origin}{assumed}",
            clock.frequency
        );
        line(out, "  clock", &text);
    }
    for stream in &source.streams {
        line(
            out,
            "  stream",
            &format!("{} (class {})", path_text(&stream.file), stream.class_id),
        );
    }
}

fn lost_text(out: &mut String, r: &RecordingReport) {
    let text = format!(
        "{} events, {} packets",
        r.discarded_events, r.discarded_packets
    );
    line(out, "lost", &text);
    for loss in &r.losses {
        let text = format!(
            "{}: {} events, {} packets",
            loss.stream, loss.discarded_events, loss.discarded_packets
        );
        line(out, "  lost", &text);
    }
}

fn derived_text(out: &mut String, key: &str, derived: Option<Derived>) {
    if let Some(derived) = derived {
        line(out, key, &derived.to_string());
        if let Some(remedy) = derived.remedy() {
            line(out, "", remedy);
        }
    }
}

fn damage_text(out: &mut String, damage: &[Damage]) {
    for d in damage {
        line(out, "damaged", &format!("{}: {}", d.place, d.what));
    }
}

/// The text of a dataset's report.
pub(crate) fn dataset_text(report: &DatasetReport) -> String {
    let m = &report.manifest;
    let mut out = format!("dataset {}\n", shown_path(&report.path));
    line(
        &mut out,
        "made",
        &format!(
            "{} by {} {}, {}",
            m.created, m.tool.name, m.tool.version, m.tool.reader
        ),
    );
    let options = m
        .options
        .pairs()
        .into_iter()
        .map(|(k, v)| format!("{k} = {v}"));
    line(&mut out, "options", &options.collect::<Vec<_>>().join(", "));
    line(&mut out, "events", &grouped(m.events));
    line(
        &mut out,
        "requests",
        &format!(
            "{}, {} incomplete",
            grouped(m.requests),
            grouped(m.incomplete_requests)
        ),
    );
    line(
        &mut out,
        "lost",
        &format!(
            "{} events, {} packets",
            m.discarded_events, m.discarded_packets
        ),
    );
    m.recordings.iter().for_each(|r| part_text(r, &mut out));
    for table in &report.tables {
        let _ = writeln!(
            out,
            "\ntable {}: {} rows, {} bytes, {} files, {} row groups",
            shown(&table.name),
            grouped(table.rows),
            grouped(table.bytes),
            table.files,
            table.row_groups
        );
        table
            .columns
            .iter()
            .for_each(|c| column_text(c, 1, &mut out));
    }
    out
}

/// One recording of a dataset.
fn part_text(r: &Recording, out: &mut String) {
    let label = r
        .label
        .as_deref()
        .map(|l| format!(", label {l}"))
        .unwrap_or_default();
    let text = format!(
        "{}{label}, from {}: {} events, {} requests",
        r.trace_id,
        r.path,
        grouped(r.events),
        grouped(r.requests)
    );
    line(out, "recording", &text);
    if let (Some(first), Some(last)) = (r.first_ns, r.last_ns) {
        line(
            out,
            "  time",
            &format!("{} to {}", exact(first), exact(last)),
        );
    }
    for span in &r.spans {
        let (begin, end) = (exact(span.begin_ns), exact(span.end_ns));
        line(
            out,
            "  label",
            &format!("{} from {begin} to {end}", span.label),
        );
    }
    derived_text(out, "  derived", r.derived);
    damage_text(out, &r.damage);
}

fn column_text(column: &ColumnReport, depth: usize, out: &mut String) {
    let name = format!("{:indent$}{}", "", shown(&column.name), indent = 2 * depth);
    let null = if column.nullable { ", null" } else { "" };
    let about = shown(column.description.as_deref().unwrap_or(""));
    let ty = format!("{}{null}", shown(&column.type_name));
    let _ = writeln!(
        out,
        "{name:<26} {ty:<26} {:>12}  {about}",
        grouped(column.bytes)
    );
    column
        .members
        .iter()
        .for_each(|m| column_text(m, depth + 1, out));
}

fn line(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "  {name:<14} {}", shown(value));
}

/// A number with its digits in groups of three.
fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(999), "999");
        assert_eq!(grouped(1_234_567), "1,234,567");
    }
}
