//! Files against `SHA256SUMS`, and what the papers say of the shards against each other.

use super::{Kind, Release, Report};
use crate::dataset::manifest::{DataFile, digest};
use crate::error::{Error, Result};
use crate::publish::{SUMS, files};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Component, Path};

/// Whether the manifest names files outside of the release, which are not looked at.
pub(super) fn leads_out(release: &Release, report: &mut Report) -> bool {
    let tables = release.manifest.dataset.tables.values();
    let files = tables.flat_map(|t| &t.files).map(|f| &f.path);
    let shards = release.manifest.release.shards.keys();
    let mut out = false;
    for path in files.chain(shards).filter(|path| !inside(path)) {
        report.add(
            Kind::Papers,
            "manifest.json",
            format!("{path} is not a file of the release"),
        );
        out = true;
    }
    out
}

/// Checks all files.
pub(super) fn check(release: &Release, report: &mut Report) -> Result<()> {
    let listed = listed(release, report)?;
    let mut found: BTreeMap<String, (u64, String)> = BTreeMap::new();
    for file in files(release.root)? {
        release.go_on()?;
        let path = release.path(&file);
        let mut opened = File::open(&path).map_err(Error::io("read", &path))?;
        let measured = digest(&mut opened).map_err(Error::io("read", &path))?;
        match listed.get(&file) {
            None if listed.is_empty() => {}
            None => report.add(Kind::Unlisted, &file, format!("{SUMS} does not name it")),
            Some(sha256) if *sha256 != measured.1 => report.add(
                Kind::Checksum,
                &file,
                format!("SHA-256 is {}, but {SUMS} says {sha256}", measured.1),
            ),
            Some(_) => {}
        }
        found.insert(file, measured);
    }
    report.files = found.len() as u64;
    for file in listed.keys().filter(|f| !found.contains_key(*f)) {
        report.add(Kind::Missing, file, format!("{SUMS} names it"));
    }
    let tables = release.manifest.dataset.tables.values();
    let shards: Vec<&DataFile> = tables.flat_map(|t| &t.files).collect();
    for file in shards
        .iter()
        .copied()
        .chain([&release.manifest.dataset.classes])
    {
        against_manifest(file, &found, report);
    }
    for file in shards {
        if !release.manifest.release.shards.contains_key(&file.path) {
            let what = "manifest.json names it as a file of a table, but not as a shard";
            report.add(Kind::Papers, &file.path, what);
        }
    }
    croissant(release, report)
}

/// The files and checksums of the list.
fn listed(release: &Release, report: &mut Report) -> Result<BTreeMap<String, String>> {
    let path = release.path(SUMS);
    let text = match std::fs::read_to_string(&path) {
        Ok(text) => text,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            report.add(Kind::Missing, SUMS, "no file can be checked without it");
            return Ok(BTreeMap::new());
        }
        Err(e) => return Err(Error::io("read", &path)(e)),
    };
    let mut listed = BTreeMap::new();
    for (i, line) in text.lines().enumerate() {
        let pair = line.split_once("  ");
        let pair = pair.filter(|(sum, file)| {
            sum.len() == 64 && sum.bytes().all(|b| b.is_ascii_hexdigit()) && inside(file)
        });
        match pair {
            Some((sum, file)) => drop(listed.insert(file.to_owned(), sum.to_lowercase())),
            None => {
                let what = format!("line {} is not a checksum and a file of the release", i + 1);
                report.add(Kind::Papers, SUMS, what);
            }
        }
    }
    Ok(listed)
}

/// Whether a path leads into the release, and not out of it.
fn inside(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    !path.is_empty() && parts.all(|p| matches!(p, Component::Normal(_)))
}

fn against_manifest(file: &DataFile, found: &BTreeMap<String, (u64, String)>, report: &mut Report) {
    match found.get(&file.path) {
        None => report.add(Kind::Missing, &file.path, "manifest.json names it"),
        Some((bytes, sha256)) if *bytes != file.bytes || *sha256 != file.sha256 => report.add(
            Kind::Checksum,
            &file.path,
            format!(
                "has {bytes} bytes and SHA-256 {sha256}, but manifest.json says {} and {}",
                file.bytes, file.sha256
            ),
        ),
        Some(_) => {}
    }
}

/// Whether `croissant.json` names the shards with the checksums of the manifest.
fn croissant(release: &Release, report: &mut Report) -> Result<()> {
    const NAME: &str = "croissant.json";
    let path = release.path(NAME);
    let Ok(text) = std::fs::read_to_string(&path) else {
        report.add(Kind::Missing, NAME, "a release has one");
        return Ok(());
    };
    let Ok(json) = serde_json::from_str::<serde_json::Value>(&text) else {
        report.add(Kind::Papers, NAME, "is not JSON");
        return Ok(());
    };
    let nodes = json["distribution"].as_array().cloned().unwrap_or_default();
    let told: BTreeMap<&str, &str> = nodes
        .iter()
        .filter_map(|n| Some((n["contentUrl"].as_str()?, n["sha256"].as_str()?)))
        .collect();
    let tables = release.manifest.dataset.tables.values();
    for file in tables.flat_map(|t| &t.files) {
        if told.get(file.path.as_str()) != Some(&file.sha256.as_str()) {
            let what = format!(
                "does not have {} with the checksum of manifest.json",
                file.path
            );
            report.add(Kind::Papers, NAME, what);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_list_does_not_lead_out_of_the_release() {
        for path in ["", "/etc/passwd", "../x", "data/../../x", "./x"] {
            assert!(!super::inside(path), "{path}");
        }
        assert!(super::inside("data/events/full-00000-of-00001.parquet"));
    }
}
