//! The manifest with files in the places of those that they were made of.

use crate::dataset::manifest::{DataFile, Manifest};

/// The files of a table that are of a recording: those of before, and those that were made of them.
#[derive(Debug)]
pub(super) struct Rewritten {
    pub table: &'static str,
    pub trace_id: String,
    pub before: Vec<DataFile>,
    pub after: Vec<DataFile>,
}

/// The manifest after `now` with what was `rewritten`, as far as that has the files still of which it was made; and which that
/// is.
pub(super) fn changed<'a>(
    now: &Manifest,
    rewritten: &'a [Rewritten],
) -> (Manifest, Vec<&'a Rewritten>) {
    let mut after = now.clone();
    let mut used = Vec::new();
    for one in rewritten {
        let is: Vec<&DataFile> = now.files_of(one.table, &one.trace_id).collect();
        let (Some(table), true) = (
            after.tables.get_mut(one.table),
            is.iter().copied().eq(&one.before) && !is.is_empty(),
        ) else {
            continue;
        };
        let first = table.files.iter().position(|file| *file == one.before[0]);
        let Some(first) = first else { continue };
        table.files.retain(|file| !one.before.contains(file));
        let at = first.min(table.files.len());
        table.files.splice(at..at, one.after.iter().cloned());
        table.rows = table.files.iter().map(|file| file.rows).sum();
        table.bytes = table.files.iter().map(|file| file.bytes).sum();
        used.push(one);
    }
    (after, used)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, bytes: u64) -> DataFile {
        DataFile {
            path: path.to_owned(),
            rows: 1,
            bytes,
            sha256: String::new(),
        }
    }

    #[test]
    fn only_what_is_as_it_was_is_replaced_and_in_its_place() {
        let of = |id: &str, number: u64| {
            file(
                &format!("events/trace_id={id}/part-0000{number}.parquet"),
                number,
            )
        };
        let text = r#"{"format_version":3,"tool":{"name":"","version":"","reader":""},"created":"","options":{},"events":0,
            "requests":0,"incomplete_requests":0,"discarded_events":0,"discarded_packets":0,"damaged":false,"recordings":[],
            "tables":{}}"#;
        let mut now: Manifest = serde_json::from_str(text).unwrap();
        let table = now.tables.entry("events".to_owned()).or_default();
        table.files = vec![of("a", 0), of("a", 1), of("b", 3), of("c", 0)];
        let rewritten = |id: &str, before: &[u64], after: &[u64]| Rewritten {
            table: "events",
            trace_id: id.to_owned(),
            before: before.iter().map(|n| of(id, *n)).collect(),
            after: after.iter().map(|n| of(id, *n)).collect(),
        };
        let all = [
            rewritten("a", &[0, 1], &[2]),
            rewritten("b", &[0], &[1]),
            rewritten("c", &[0], &[1, 2]),
            rewritten("gone", &[0], &[1]),
        ];
        let (after, used) = changed(&now, &all);
        let table = &after.tables["events"];
        let expected = [of("a", 2), of("b", 3), of("c", 1), of("c", 2)];
        assert_eq!(table.files, expected);
        assert_eq!((table.rows, table.bytes), (4, 8));
        let used: Vec<&str> = used.iter().map(|r| r.trace_id.as_str()).collect();
        assert_eq!(used, ["a", "c"]);
    }
}
