//! What real tracers write, the oldest and the newest that Debian has: all kinds of fields, contexts and buffers that LTTng-UST
//! knows, in CTF 1.8 and in CTF 2, held to what babeltrace2 shows of them. `tests/tools/lttng/record` makes them anew.

use crate::common::*;
use crate::judged::{values, verdicts};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// Traces of user space: archive, and how many recordings are in it.
const ARCHIVES: [(&str, usize); 2] = [("lttng-2.13", 13), ("lttng-2.16", 28)];

/// Fails with what is wrong of the recordings.
fn judge(wrong: &[(String, String)]) {
    let wrong: Vec<&str> = wrong.iter().map(|(_, what)| what.as_str()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The folder of an archive of recordings with their verdicts.
fn unpacked(name: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    unpack(&data(&format!("{name}.tar.zst")), dir.path());
    dir
}

/// The recordings of a folder: their names, their folders, and what babeltrace2 counts in them.
fn recordings(dir: &Path, name: &str) -> Vec<(String, PathBuf, Value)> {
    let dir = dir.join(name);
    let totals = fs::read_to_string(dir.join("totals.json")).unwrap();
    let totals: serde_json::Map<String, Value> = serde_json::from_str(&totals).unwrap();
    let all = totals.into_iter().map(|(name, totals)| {
        let folder = dir.join(&name);
        (name, folder, totals)
    });
    all.collect()
}

#[test]
fn all_that_lttng_writes_is_read_as_babeltrace2_reads_it() {
    let mut wrong = Vec::new();
    for (archive, number) in ARCHIVES {
        let dir = unpacked(archive);
        let recordings = recordings(dir.path(), archive);
        assert_eq!(recordings.len(), number, "{archive}");
        for (name, folder, totals) in recordings {
            let text = fs::read_to_string(folder.with_extension("jsonl")).unwrap();
            let expected = verdicts(&text);
            assert_eq!(totals["events"], expected.len(), "{archive} {name}");
            let found = values(&folder).unwrap_or_else(|error| vec![format!("{error:?}")]);
            if found != expected {
                let at = found.iter().zip(&expected).find(|(a, b)| a != b);
                let (found, expected) = (found.len(), expected.len());
                let what =
                    format!("{archive} {name}: {found} events, {expected} expected\n{at:#?}");
                wrong.push((name, what));
            }
        }
    }
    judge(&wrong);
}

#[test]
fn datasets_of_them_count_what_babeltrace2_counts() {
    let mut wrong = Vec::new();
    for (archive, _) in ARCHIVES {
        let dir = unpacked(archive);
        for (name, folder, totals) in recordings(dir.path(), archive) {
            let dataset = dir.path().join(format!("{name}-dataset"));
            ingest(&[&folder], &dataset, &[]);
            let events: i64 = rows(&dataset, "events");
            let lost = |column| {
                let (_, batches) = table(&dataset, "losses");
                let counts = all_longs(&batches, column).into_iter().flatten();
                counts.sum::<i64>()
            };
            let manifest = manifest(&dataset);
            let found = serde_json::json!({
                "events": events,
                "discarded_events": lost("discarded_events"),
                "discarded_packets": lost("discarded_packets"),
            });
            if found != totals || manifest["discarded_events"] != totals["discarded_events"] {
                let what = format!(
                    "{archive} {name}: {found}, {} in the manifest; {totals} expected",
                    manifest["discarded_events"]
                );
                wrong.push((name, what));
            }
        }
    }
    judge(&wrong);
}

/// How many rows a table has.
fn rows(dataset: &Path, name: &str) -> i64 {
    let (_, batches) = table(dataset, name);
    batches.iter().map(|batch| batch.num_rows() as i64).sum()
}
