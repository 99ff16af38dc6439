//! What the manifest says after an ingest: of the recordings that were made, beside those that were there.

use super::assemble::Made;
use super::options::IngestOptions;
use crate::dataset::joint::JointFields;
use crate::dataset::manifest::{
    DataFile, FORMAT_VERSION, Manifest, Recording, StreamLoss, TableFiles, Tool,
};
use crate::dataset::{tables, timestamp};
use std::collections::BTreeMap;

/// The manifest of a dataset of the recordings `made`, which have these `fields` together.
pub(super) fn of_new(options: &IngestOptions, made: &[Made], fields: JointFields) -> Manifest {
    let mut tables: BTreeMap<String, TableFiles> = BTreeMap::new();
    let mut recordings = Vec::new();
    for made in made {
        for (table, files) in &made.files {
            add(tables.entry(table.clone()).or_default(), files.clone());
        }
        recordings.push(made.recording.clone());
    }
    let manifest = Manifest {
        format_version: FORMAT_VERSION,
        tool: Tool {
            name: "sysds".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            reader: String::new(),
        },
        created: timestamp::now(),
        appended: Vec::new(),
        options: options.told(),
        events: 0,
        requests: 0,
        incomplete_requests: 0,
        discarded_events: 0,
        discarded_packets: 0,
        damaged: false,
        recordings,
        tables,
        fields: Some(fields),
        classes: None,
    };
    counted(manifest)
}

/// The manifest of the dataset of `old` with the recordings `made` in it: each in the place of the one that it replaces,
/// the others at the end. All together have these `fields`.
pub(super) fn of_appended(
    old: &Manifest,
    options: &IngestOptions,
    (made, replaces): (&[Made], &[Option<usize>]),
    fields: JointFields,
) -> Manifest {
    let mut recordings = old.recordings.clone();
    let mut files: Vec<BTreeMap<String, Vec<DataFile>>> =
        recordings.iter().map(|r| files_of(old, r)).collect();
    for (made, place) in made.iter().zip(replaces) {
        match place {
            Some(place) => {
                recordings[*place] = made.recording.clone();
                files[*place] = made.files.clone();
            }
            None => {
                recordings.push(made.recording.clone());
                files.push(made.files.clone());
            }
        }
    }
    let mut tables: BTreeMap<String, TableFiles> = BTreeMap::new();
    for (table, files) in files.into_iter().flatten() {
        add(tables.entry(table).or_default(), files);
    }
    let mut manifest = Manifest {
        recordings,
        tables,
        options: options.told(),
        fields: Some(fields),
        ..old.clone()
    };
    manifest.format_version = FORMAT_VERSION;
    manifest.tool.version = env!("CARGO_PKG_VERSION").to_owned();
    manifest.appended.push(timestamp::now());
    counted(manifest)
}

/// The files that the tables of a dataset have of a recording.
pub(super) fn files_of(
    manifest: &Manifest,
    recording: &Recording,
) -> BTreeMap<String, Vec<DataFile>> {
    let of_table = |table: &str| {
        let files = manifest.files_of(table, &recording.trace_id);
        (table.to_owned(), files.cloned().collect())
    };
    tables::ALL.into_iter().map(of_table).collect()
}

fn add(table: &mut TableFiles, files: Vec<DataFile>) {
    table.rows += files.iter().map(|f| f.rows).sum::<u64>();
    table.bytes += files.iter().map(|f| f.bytes).sum::<u64>();
    table.files.extend(files);
}

/// The manifest with the sums over its recordings.
fn counted(mut manifest: Manifest) -> Manifest {
    let all = &manifest.recordings;
    let count = |get: fn(&Recording) -> u64| all.iter().map(get).sum();
    let losses = || all.iter().flat_map(|r| &r.losses);
    let lost = |get: fn(&StreamLoss) -> u64| losses().map(get).sum();
    let sums: [u64; 5] = [
        count(|r| r.events),
        count(|r| r.requests),
        count(|r| r.incomplete_requests),
        lost(|l| l.discarded_events),
        lost(|l| l.discarded_packets),
    ];
    let damaged = all.iter().any(|r| !r.damage.is_empty());
    manifest.tool.reader = readers(all);
    [
        manifest.events,
        manifest.requests,
        manifest.incomplete_requests,
        manifest.discarded_events,
        manifest.discarded_packets,
    ] = sums;
    manifest.damaged = damaged;
    manifest
}

/// The readers of all recordings, each once.
fn readers(recordings: &[Recording]) -> String {
    let mut names: Vec<&str> = recordings.iter().map(|r| r.reader.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names.join(", ")
}
