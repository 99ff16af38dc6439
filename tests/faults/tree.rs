//! What stands in a folder, to compare: data byte for byte, metadata without the times at which they were made. A dataset is
//! what its manifest names.

use regex::Regex;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

/// The content of every file, by its path; that of a file that stands alone has the path "".
pub type Tree = BTreeMap<String, Vec<u8>>;

/// A moment, and what depends on one: a checksum of metadata, their sizes.
static MOMENT: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)|\b[0-9a-f]{64}\b").unwrap());

/// What stands at `path`; nothing where nothing does.
pub fn tree(path: &Path) -> Option<Tree> {
    let mut found = Tree::new();
    let kind = fs::symlink_metadata(path).ok()?;
    match kind.is_dir() {
        true => below(path, path, &mut found),
        false => drop(found.insert(String::new(), content(path))),
    }
    if let Some(named) = named(path) {
        found.retain(|name, _| named.contains(name));
    }
    Some(found)
}

/// The files that the manifest of the dataset at `path` names, and itself; nothing where there is no dataset.
fn named(path: &Path) -> Option<BTreeSet<String>> {
    let manifest = fs::read_to_string(path.join("manifest.json")).ok()?;
    let manifest: Value = serde_json::from_str(&manifest).ok()?;
    if manifest.get("release").is_some() {
        return None;
    }
    let names = data_files(&manifest).into_iter();
    let names = names.filter_map(|file| file["path"].as_str().map(str::to_owned));
    Some(names.chain(["manifest.json".to_owned()]).collect())
}

/// What is in a dataset's folder that its manifest does not name; folders count where they are empty.
pub fn unnamed(path: &Path) -> Vec<String> {
    let (Some(named), true) = (named(path), path.is_dir()) else {
        return Vec::new();
    };
    let mut found = Tree::new();
    below(path, path, &mut found);
    let names: Vec<String> = found.into_keys().collect();
    let holds = |folder: &String| names.iter().any(|n| n != folder && n.starts_with(folder));
    let others = names.iter().filter(|name| !named.contains(*name));
    let others = others.filter(|name| !name.ends_with('/') || !holds(name));
    others.cloned().collect()
}

/// What a manifest says of each file.
fn data_files(manifest: &Value) -> Vec<&Value> {
    let tables = manifest["tables"].as_object().into_iter().flatten();
    let files = tables.flat_map(|(_, t)| t["files"].as_array().into_iter().flatten());
    let recordings = manifest["recordings"].as_array().into_iter().flatten();
    let classes = recordings
        .map(|r| &r["classes"])
        .chain([&manifest["classes"]]);
    files.chain(classes.filter(|c| c.is_object())).collect()
}

fn below(root: &Path, dir: &Path, found: &mut Tree) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path
            .strip_prefix(root)
            .unwrap()
            .to_str()
            .unwrap()
            .to_owned();
        match path.is_dir() {
            true => {
                found.insert(format!("{name}/"), Vec::new());
                below(root, &path, found);
            }
            false => drop(found.insert(name, content(&path))),
        }
    }
}

fn content(path: &Path) -> Vec<u8> {
    let bytes = fs::read(path).unwrap();
    match String::from_utf8(bytes) {
        Ok(text) => MOMENT.replace_all(&text, "*").into_owned().into_bytes(),
        Err(data) => data.into_bytes(),
    }
}

/// Which files in `root` are not those that its manifest (and its list of checksums) tells of.
pub fn broken(root: &Path) -> Vec<String> {
    let mut wrong = Vec::new();
    let Ok(text) = fs::read_to_string(root.join("manifest.json")) else {
        return vec!["manifest.json".to_owned()];
    };
    let manifest: Value = serde_json::from_str(&text).unwrap_or_default();
    for file in data_files(&manifest) {
        check(
            root,
            file["path"].as_str().unwrap_or(""),
            file["sha256"].as_str(),
            &mut wrong,
        );
    }
    for line in fs::read_to_string(root.join("SHA256SUMS"))
        .unwrap_or_default()
        .lines()
    {
        let (sha256, name) = line.split_once("  ").unwrap_or_default();
        check(root, name, Some(sha256), &mut wrong);
    }
    wrong
}

fn check(root: &Path, name: &str, sha256: Option<&str>, wrong: &mut Vec<String>) {
    use sha2::{Digest, Sha256};
    let hash = fs::read(root.join(name)).ok().map(Sha256::digest);
    let hex: Option<String> = hash.map(|h| h.iter().map(|b| format!("{b:02x}")).collect());
    if hex.is_none() || hex.as_deref() != sha256 {
        wrong.push(name.to_owned());
    }
}

/// Copies a file or a folder.
pub fn copy(from: &Path, to: &Path) {
    if !from.is_dir() {
        fs::copy(from, to).unwrap();
        return;
    }
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        copy(&path, &to.join(path.file_name().unwrap()));
    }
}

/// The names in a folder.
pub fn names(dir: &Path) -> Vec<String> {
    let entries = fs::read_dir(dir).unwrap();
    let mut names: Vec<String> = entries
        .map(|e| e.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}
