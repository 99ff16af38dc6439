//! A dataset as what is checked: a release of one split that has no lists of its own.

use super::report::{Kind, Report};
use crate::dataset;
use crate::dataset::manifest::{Manifest, OWN_FOLDERS, Recording};
use crate::dataset::root::Root;
use crate::error::Result;
use crate::publish::release::{self, FULL, RELEASE_VERSION, Release, ReleaseManifest, Shard};
use crate::publish::rows;
use std::collections::BTreeMap;

/// The manifest of what is in `root`, and whether that is a release.
///
/// # Errors
/// As [`ReleaseManifest::read_as_it_is`] and [`Manifest::read`].
pub(super) fn manifest(root: &Root, report: &mut Report) -> Result<(ReleaseManifest, bool)> {
    if release::is_release(root)? || !dataset::is_dataset(root)? {
        return Ok((ReleaseManifest::read_as_it_is(root)?, true));
    }
    let manifest = Manifest::read(root)?;
    let mut shards = BTreeMap::new();
    for (table, told) in &manifest.tables {
        let rows: BTreeMap<&str, u64> = told.files.iter().map(|f| (&*f.path, f.rows)).collect();
        let files = of_recordings(root, &manifest, table)?;
        for (recording, files) in manifest.recordings.iter().zip(files) {
            for path in files {
                let shard = Shard {
                    table: table.clone(),
                    split: FULL.to_owned(),
                    trace_id: recording.trace_id.clone(),
                    label: recording.label.clone(),
                    rows: rows[&*path],
                };
                shards.insert(path, shard);
            }
        }
    }
    let files = manifest.tables.values().flat_map(|t| &t.files);
    for file in files.filter(|f| !shards.contains_key(&f.path)) {
        let what = "is in the folder of no recording that manifest.json tells of";
        report.add(Kind::Metadata, &file.path, what);
    }
    let release = Release {
        release_version: RELEASE_VERSION,
        version: String::new(),
        published: String::new(),
        tool: String::new(),
        license: None,
        previous: None,
        split: None,
        privacy: Vec::new(),
        key_id: None,
        shards,
    };
    let manifest = ReleaseManifest {
        release,
        dataset: manifest,
    };
    Ok((manifest, false))
}

/// The names of the files of a table that are of each recording.
fn of_recordings(root: &Root, manifest: &Manifest, table: &str) -> Result<Vec<Vec<String>>> {
    if manifest.format_version < OWN_FOLDERS {
        // Then only the files themselves say of which recording they are.
        return rows::by_recording(root, manifest, table);
    }
    let of = |recording: &Recording| {
        let files = manifest.files_of(table, &recording.trace_id);
        files.map(|file| file.path.clone()).collect()
    };
    Ok(manifest.recordings.iter().map(of).collect())
}
