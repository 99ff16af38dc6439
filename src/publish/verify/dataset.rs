//! A dataset as what is checked: a release of one split that has no lists of its own.

use super::report::{Kind, Report};
use crate::dataset;
use crate::dataset::manifest::{FORMAT_VERSION, Manifest};
use crate::dataset::paths;
use crate::error::Result;
use crate::publish::release;
use crate::publish::release::{FULL, RELEASE_VERSION, Release, ReleaseManifest, Shard};
use crate::publish::rows;
use std::collections::BTreeMap;
use std::path::Path;

/// The manifest of what is in `root`, and whether that is a release.
///
/// # Errors
/// As [`ReleaseManifest::read_as_it_is`] and [`Manifest::read`].
pub(super) fn manifest(root: &Path, report: &mut Report) -> Result<(ReleaseManifest, bool)> {
    if release::is_release(root)? || !dataset::is_dataset(root)? {
        return Ok((ReleaseManifest::read_as_it_is(root)?, true));
    }
    let manifest = Manifest::read(root)?;
    let mut shards = BTreeMap::new();
    for table in manifest.tables.keys() {
        let files = of_recordings(root, &manifest, table)?;
        for (recording, files) in manifest.recordings.iter().zip(files) {
            for (path, rows) in files {
                let shard = Shard {
                    table: table.clone(),
                    split: FULL.to_owned(),
                    trace_id: recording.trace_id.clone(),
                    label: recording.label.clone(),
                    rows,
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
    let dataset = manifest;
    Ok((ReleaseManifest { release, dataset }, false))
}

/// The files of a table that are of each recording, with their rows.
fn of_recordings(root: &Path, manifest: &Manifest, table: &str) -> Result<Vec<Vec<(String, u64)>>> {
    let told = &manifest.tables[table].files;
    if manifest.format_version < FORMAT_VERSION {
        // Then only the files themselves say of which recording they are.
        let rows: BTreeMap<&str, u64> = told.iter().map(|f| (f.path.as_str(), f.rows)).collect();
        let found = rows::by_recording(root, manifest, table)?.into_iter();
        let rows = |file: String| rows.get(file.as_str()).map(|rows| (file.clone(), *rows));
        return Ok(found
            .map(|files| files.into_iter().filter_map(rows).collect())
            .collect());
    }
    let of = |id: &str| {
        let folder = format!("{}/", paths::folder(table, id));
        let files = told.iter().filter(|f| f.path.starts_with(&folder));
        files.map(|f| (f.path.clone(), f.rows)).collect()
    };
    Ok(manifest
        .recordings
        .iter()
        .map(|r| of(&r.trace_id))
        .collect())
}
