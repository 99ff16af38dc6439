//! Writing the files that describe a release, and at last the list of checksums of all.

use super::metadata::ReleaseMetadata;
use super::{card, cite, croissant, research_object};
use crate::columns::schema::contract;
use crate::dataset::MANIFEST;
use crate::dataset::aside::write_text;
use crate::dataset::manifest::digest;
use crate::error::{Error, Result};
use crate::foreign::{self, Kind};
use crate::publish::license::License;
use crate::publish::release::{FIGURES, SCHEMAS, SUMS};
use crate::shown::path_text;
use std::fs;
use std::path::Path;

/// Writes everything in the release in `root` that is not data.
///
/// # Errors
/// [`Error::Io`]; [`Error::Input`] where something else than files and folders is in it.
pub(crate) fn write(metadata: &ReleaseMetadata, root: &Path) -> Result<()> {
    let schemas = root.join(SCHEMAS);
    fs::create_dir_all(&schemas).map_err(Error::io("create", &schemas))?;
    for (name, text) in contract::texts() {
        write_text(&schemas.join(name), text)?;
    }
    let files = [
        ("README.md", Some(card::text(metadata))),
        ("LICENSE", metadata.license.map(License::text)),
        ("CITATION.cff", cite::cff(metadata)),
        ("croissant.json", Some(croissant::text(metadata)?)),
        (
            "ro-crate-metadata.json",
            Some(research_object::text(metadata)),
        ),
        (FIGURES, metadata.figures.map(|given| given.text.clone())),
        (MANIFEST, Some(metadata.manifest.text())),
    ];
    for (name, text) in files {
        if let Some(text) = text {
            write_text(&root.join(name), &text)?;
        }
    }
    write_text(&root.join(SUMS), &sums(root)?)
}

/// All files below `root` but the list of checksums, relative to it, sorted.
///
/// # Errors
/// [`Error::Io`]; [`Error::Input`] where a name is not UTF-8, or there is anything but files and folders.
fn files(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (below, kind) in foreign::everything_below(root)? {
        if kind != Kind::File {
            return Err(kind.refused(&root.join(below)));
        }
        found.push(path_text(&below));
    }
    found.retain(|f| f != SUMS);
    Ok(found)
}

/// The list of checksums, as `sha256sum` writes and checks it.
fn sums(root: &Path) -> Result<String> {
    let mut text = String::new();
    for file in files(root)? {
        let path = root.join(&file);
        let opened = foreign::open_in(root, &file)?;
        let (_, sha256) = digest(&opened.into(), &|| Ok(())).map_err(Error::io("read", &path))?;
        text.push_str(&format!("{sha256}  {file}\n"));
    }
    Ok(text)
}
