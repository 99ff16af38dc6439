//! Which files of a folder are a dataset's own.
//!
//! Replacing a dataset deletes its folder. What somebody else put there (notes, results, a link to somewhere) must not go
//! with it, so everything in the folder is held against what the manifest names, and in a release against its list of
//! checksums.

use super::{MANIFEST, RELEASED};
use crate::error::{Error, Place, Result};
use crate::foreign::{self, Kind};
use crate::shown::path_text;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

/// List of checksums of a release; it names everything in it but itself.
const SUMS: &str = "SHA256SUMS";
/// Files that are named in an error; the others are counted.
const TOLD: usize = 5;

/// Refuses to delete the dataset in `root` where something else is in its folder.
///
/// # Errors
/// [`Error::Input`] that names what is not the dataset's; [`Error::Io`].
pub fn refuse_others(root: &Path) -> Result<()> {
    let own = own(root)?;
    let others: Vec<String> = foreign::everything_below(root)?
        .into_iter()
        .map(|(below, kind)| (path_text(&below), kind))
        .filter(|(name, kind)| *kind != Kind::File || !own.contains(name))
        .map(|(name, _)| name)
        .collect();
    if others.is_empty() {
        return Ok(());
    }
    let more = match others.len().saturating_sub(TOLD) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let told = others[..others.len().min(TOLD)].join(", ");
    Err(Error::input(
        format!("holds what is not the dataset's and would be deleted with it: {told}{more}"),
        Place::file(root),
        "Move it elsewhere, or remove it yourself (what a killed append left: sysds clean); or choose another name with -o.",
    ))
}

/// Paths of the files that the dataset or release in `root` names as its own. A manifest that is not understood names none.
fn own(root: &Path) -> Result<BTreeSet<String>> {
    let mut own = BTreeSet::from([MANIFEST.to_owned()]);
    let text = foreign::read_text_in(root, MANIFEST)?;
    let manifest: Value = serde_json::from_str(&text).unwrap_or_default();
    let tables = manifest["tables"].as_object();
    let files = tables.into_iter().flat_map(|t| t.values());
    let files = files.filter_map(|t| t["files"].as_array()).flatten();
    let recordings = manifest["recordings"].as_array();
    let of_recordings = recordings.into_iter().flatten().map(|r| &r["classes"]);
    let files = files.chain(of_recordings).chain([&manifest["classes"]]);
    own.extend(files.filter_map(|f| f["path"].as_str().map(str::to_owned)));
    if manifest.get("release").is_some()
        && foreign::kind(&root.join(RELEASED))? == Some(Kind::Folder)
        && foreign::kind(&root.join(SUMS))? == Some(Kind::File)
    {
        own.insert(SUMS.to_owned());
        let text = foreign::read_text_in(root, SUMS)?;
        let names = text.lines().filter_map(|line| line.split_once("  "));
        own.extend(names.map(|(_, name)| name.to_owned()));
    }
    Ok(own)
}
