//! Files against `SHA256SUMS`, and what its metadata say of the shards against each other.

use super::release::Release;
use super::report::{Kind, Report, ends};
use crate::dataset::MANIFEST;
use crate::dataset::manifest::{DataFile, measured};
use crate::error::Result;
use crate::foreign;
use crate::publish::release::SUMS;
use crate::shown::path_text;
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Splits that a release may have; they are numbered in a byte.
const MOST_SPLITS: usize = 200;

/// Whether the manifest says what no manifest can: then nothing else is looked at, since no number in it can be trusted.
pub(super) fn is_impossible(release: &Release, report: &mut Report) -> bool {
    let manifest = &release.manifest;
    let shards = manifest.release.shards.keys();
    let tables = manifest.dataset.tables.values();
    let files = tables.flat_map(|t| &t.files).map(|f| &f.path);
    let mut faults: Vec<String> = files
        .chain(shards)
        .filter(|path| !foreign::is_inside(Path::new(path)))
        .map(|path| format!("{path} is not a file of the release"))
        .collect();
    if faults.is_empty() {
        faults.extend(manifest.dataset.impossible());
    }
    let splits: BTreeSet<&str> = manifest
        .release
        .shards
        .values()
        .map(|s| s.split.as_str())
        .collect();
    if splits.len() > MOST_SPLITS {
        faults.push(format!(
            "names {} splits, more than {MOST_SPLITS}",
            splits.len()
        ));
    }
    let impossible = !faults.is_empty();
    faults
        .into_iter()
        .for_each(|what| report.add(Kind::Metadata, MANIFEST, what));
    impossible
}

/// Checks all files of a release.
pub(super) fn check(release: &Release, report: &mut Report) -> Result<()> {
    if let Err(e) = Version::parse(&release.manifest.release.version) {
        let what = format_args!(
            "the version {:?} is not semantic: {e}",
            release.manifest.release.version
        );
        report.add(Kind::Metadata, MANIFEST, what);
    }
    let listed = listed(release, report)?;
    let mut found: BTreeMap<String, Measured> = BTreeMap::new();
    for (below, kind) in release.root.everything()? {
        let file = path_text(&below);
        if file == SUMS {
            continue;
        }
        let measured = look(release, &below, kind, report)?;
        against_list(&file, &measured, &listed, report);
        found.insert(file, measured);
    }
    let read = |m: &&Measured| matches!(m, Measured::Read(..));
    report.files = found.values().filter(read).count() as u64;
    for file in listed.keys().filter(|f| !found.contains_key(*f)) {
        report.add(Kind::Missing, file, format_args!("{SUMS} names it"));
    }
    let tables = release.manifest.dataset.tables.values();
    let shards: Vec<&DataFile> = tables.flat_map(|t| &t.files).collect();
    let classes = &release.manifest.dataset.classes;
    for file in shards.iter().copied().chain(classes) {
        against_manifest(file, &found, report);
    }
    for file in shards {
        if !release.manifest.release.shards.contains_key(&file.path) {
            let what = "manifest.json names it as a file of a table, but not as a shard";
            report.add(Kind::Metadata, &file.path, what);
        }
    }
    croissant(release, report)
}

/// Checks the files of a dataset, which its manifest names; others are nothing to it.
pub(super) fn check_named(release: &Release, report: &mut Report) -> Result<()> {
    let mut found: BTreeMap<String, Measured> = BTreeMap::new();
    let named: Vec<&DataFile> = release.manifest.dataset.data_files().collect();
    for file in &named {
        let kind = release.root.kind(&file.path)?;
        if let Some(kind) = kind {
            let measured = look(release, Path::new(&file.path), kind, report)?;
            found.insert(file.path.clone(), measured);
        }
    }
    let read = |m: &&Measured| matches!(m, Measured::Read(..));
    report.files = found.values().filter(read).count() as u64;
    for file in named {
        against_manifest(file, &found, report);
    }
    Ok(())
}

/// Looks at a file that is there; what cannot be read is told.
fn look(
    release: &Release,
    below: &Path,
    kind: foreign::Kind,
    report: &mut Report,
) -> Result<Measured> {
    release.go_on()?;
    let file = path_text(below);
    if kind != foreign::Kind::File {
        report.add(Kind::NoFile, &file, kind.refused(below).reason());
        return Ok(Measured::Unread);
    }
    match measured(release.root, below, &|| release.go_on()) {
        Err(e) if ends(&e) => Err(e),
        Err(e) => {
            report.add(Kind::Unreadable, &file, e.reason());
            Ok(Measured::Unread)
        }
        Ok((bytes, sha256)) => Ok(Measured::Read(bytes, sha256)),
    }
}

/// The files and checksums of the list.
fn listed(release: &Release, report: &mut Report) -> Result<BTreeMap<String, String>> {
    let text = match release.root.text(SUMS) {
        Ok(text) => text,
        Err(e) if foreign::is_absent(&e) => {
            report.add(Kind::Missing, SUMS, "no file can be checked without it");
            return Ok(BTreeMap::new());
        }
        Err(e) if ends(&e) => return Err(e),
        Err(e) => {
            report.add(Kind::Unreadable, SUMS, e.reason());
            return Ok(BTreeMap::new());
        }
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
                let what =
                    format_args!("line {} is not a checksum and a file of the release", i + 1);
                report.add(Kind::Metadata, SUMS, what);
            }
        }
    }
    Ok(listed)
}

/// What is known of a file that is there.
enum Measured {
    /// Its length and SHA-256.
    Read(u64, String),
    /// It could not be read.
    Unread,
}

/// Whether a path leads into the release, and not out of it.
fn inside(path: &str) -> bool {
    foreign::is_inside(Path::new(path))
}

/// Whether the list of checksums names a file, with its checksum.
fn against_list(
    file: &str,
    measured: &Measured,
    listed: &BTreeMap<String, String>,
    report: &mut Report,
) {
    match (listed.get(file), measured) {
        (None, _) if listed.is_empty() => {}
        (None, _) => report.add(
            Kind::Unlisted,
            file,
            format_args!("{SUMS} does not name it"),
        ),
        (Some(said), Measured::Read(_, is)) if is != said => {
            let what = format_args!("SHA-256 is {is}, but {SUMS} says {said}");
            report.add(Kind::Checksum, file, what);
        }
        _ => {}
    }
}

fn against_manifest(file: &DataFile, found: &BTreeMap<String, Measured>, report: &mut Report) {
    match found.get(&file.path) {
        None => report.add(Kind::Missing, &file.path, "manifest.json names it"),
        Some(Measured::Read(bytes, sha256)) if *bytes != file.bytes || *sha256 != file.sha256 => {
            report.add(
                Kind::Checksum,
                &file.path,
                format_args!(
                    "has {bytes} bytes and SHA-256 {sha256}, but manifest.json says {} and {}",
                    file.bytes, file.sha256
                ),
            )
        }
        Some(_) => {}
    }
}

/// Whether `croissant.json` names the shards with the checksums of the manifest.
fn croissant(release: &Release, report: &mut Report) -> Result<()> {
    const NAME: &str = "croissant.json";
    let text = match release.root.text(NAME) {
        Ok(text) => text,
        Err(e) if foreign::is_absent(&e) => {
            report.add(Kind::Missing, NAME, "a release has one");
            return Ok(());
        }
        Err(e) if ends(&e) => return Err(e),
        Err(e) => {
            report.add(Kind::Unreadable, NAME, e.reason());
            return Ok(());
        }
    };
    let Ok(json) = serde_json::from_str::<serde_json::Value>(&text) else {
        report.add(Kind::Metadata, NAME, "is not JSON");
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
            let what = format_args!(
                "does not have {} with the checksum of manifest.json",
                file.path
            );
            report.add(Kind::Metadata, NAME, what);
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
