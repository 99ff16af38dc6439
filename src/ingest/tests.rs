//! The dataset is the same for each number of threads, and of recordings that are read at once.

use super::*;
use crate::requests::rules;
use std::collections::BTreeMap;
use std::fs;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Unpacks traces of `tests/data` into folders of `dir`.
fn unpacked(dir: &Path, names: &[&str]) -> Vec<PathBuf> {
    let unpack = |name: &&str| {
        let archive = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
        let archive = fs::File::open(archive.join(format!("{name}.tar.zst"))).unwrap();
        let target = dir.join(name);
        let mut archive = tar::Archive::new(zstd::Decoder::new(archive).unwrap());
        archive.unpack(&target).unwrap();
        target
    };
    names.iter().map(unpack).collect()
}

/// The files of a dataset by their names; the manifest without the times at which it was made.
fn files(dataset: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut all = BTreeMap::new();
    let mut dirs = vec![dataset.to_path_buf()];
    while let Some(dir) = dirs.pop() {
        for entry in fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
                continue;
            }
            let mut bytes = fs::read(&path).unwrap();
            let name = path.strip_prefix(dataset).unwrap().to_path_buf();
            if name == Path::new("manifest.json") {
                let mut manifest: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                manifest.as_object_mut().unwrap().remove("created");
                bytes = serde_json::to_vec(&manifest).unwrap();
            }
            all.insert(name, bytes);
        }
    }
    all
}

#[test]
fn the_bytes_are_the_same_whatever_machine_they_are_made_on() {
    let dir = tempfile::tempdir().unwrap();
    // `SYSDS_TRACES` names a folder of others: longer ones have several row groups.
    let traces = match std::env::var_os("SYSDS_TRACES") {
        Some(other) => vec![PathBuf::from(other)],
        None => unpacked(
            dir.path(),
            &["apache-prefork", "apache-lossy", "lttng-2.16-kernel"],
        ),
    };
    let made = |cpus: usize, jobs: usize| {
        let mut options = IngestOptions::new(traces.clone(), dir.path().join("dataset"));
        options.rule.rule = rules::named("exchange").unwrap();
        options.force = true;
        options.jobs = NonZeroUsize::new(jobs);
        let machine = Machine { cpus, memory: None };
        let mut last = Progress::default();
        let mut control = Control {
            interrupted: &AtomicBool::new(false),
            progress: &mut |progress| last = progress,
        };
        let manifest = ingest_on(machine, options, &mut control).unwrap();
        assert_eq!(last.events, manifest.events, "{cpus} CPUs, {jobs} at once");
        assert_eq!(last.bytes, last.total_bytes);
        assert_eq!(last.recordings, manifest.recordings.len());
        files(&dir.path().join("dataset"))
    };
    let one = made(1, 1);
    assert!(one.len() >= 4 + 2);
    for (cpus, jobs) in [(16, 1), (64, 2), (4, 8)] {
        let other = made(cpus, jobs);
        assert!(one.keys().eq(other.keys()));
        for (name, bytes) in &one {
            let name_of = name.display();
            assert!(
                *bytes == other[name],
                "{name_of}: {cpus} CPUs, {jobs} at once"
            );
        }
    }
}
