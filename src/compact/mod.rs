//! A dataset's files as files of one schema, for programs that do not unite columns by name, or open each file slowly.
//!
//! ```text
//!  manifest, footers ──► plan (what is not as it should be) ──► rewrite (row groups, copied) ──► commit, as one change
//! ```
//!
//! The one idea: what comes out is what one ingest of all recordings would have written, and it is had without decoding a
//! value: a column that a file lacks is a chunk of nulls. So a dataset that is so already, is left as it is. It is a change
//! as an append is: readers see the files of before or those of after, and recordings that come meanwhile stay as they came.

mod change;
mod plan;

use crate::columns::parquet::join::Target;
use crate::columns::parquet::properties::{key_values, properties, properties_of_events};
use crate::columns::parquet::rejoin::rejoin;
use crate::dataset::codec::Codec;
use crate::dataset::commit::{Before, commit};
use crate::dataset::committed::Committed;
use crate::dataset::making::Making;
use crate::dataset::manifest::{DataFile, Manifest, OWN_FOLDERS};
use crate::dataset::root::{Root, Told};
use crate::dataset::{self, MANIFEST, RELEASED, classes, paths, tables};
use crate::error::{Error, Place, Result};
use crate::foreign::{self, Kind};
use crate::process::stop::go_on;
use change::{Rewritten, changed};
use plan::{File, Planned, planned};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The caller's hold on a run.
pub(crate) struct Control<'a> {
    /// Set to stop it.
    pub interrupted: &'a AtomicBool,
    /// Called with the rows that are written, and how many are to be.
    pub progress: &'a mut dyn FnMut(u64, u64),
}

/// What was done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Compacted {
    /// Recordings of the dataset.
    pub recordings: usize,
    /// Of how many files were written anew.
    pub rewritten: usize,
    /// Files that were replaced, and by how many.
    pub files: (usize, usize),
    /// Bytes of both.
    pub bytes: (u64, u64),
    /// Recordings that came or changed meanwhile, and are as they came.
    pub meanwhile: usize,
}

/// Gives all files of each table of the dataset in `root` one schema, and as many row groups as an ingest gives them.
///
/// # Errors
/// [`Error::Input`] and [`Error::Usage`] where it is no dataset that can be changed, [`Error::Io`] and [`Error::Columns`]
/// where a file cannot be read or written, [`Error::Interrupted`]: the dataset is then as it was. [`Error::InPlace`].
pub(crate) fn compact(root: &Root, control: &mut Control) -> Result<Compacted> {
    loop {
        let root = &root.anew();
        dataset::refuse_others(root)?;
        let text = root.text_of_version(MANIFEST)?;
        match attempt(root, text.clone(), control) {
            // Another one of these has put its own files in the place of one that was to be read.
            Err(e) if foreign::is_absent(&e) && root.anew().text_of_version(MANIFEST)? != text => {}
            done => return done,
        }
    }
}

/// Does so, as long as the dataset has the files that the manifest `text` names.
fn attempt(root: &Root, text: Told, control: &mut Control) -> Result<Compacted> {
    let manifest = parsed(root, &text.0)?;
    let classes = classes::read(root, &manifest)?;
    let planned = planned(root, &manifest, &classes)?;
    let mut done = Compacted {
        recordings: manifest.recordings.len(),
        ..Compacted::default()
    };
    if planned.is_empty() {
        return Ok(done);
    }
    let mut making = Making::beside(root)?;
    let total = planned.iter().map(Planned::rows).sum();
    let mut rewritten = Vec::new();
    let mut rows = 0;
    for planned in planned {
        rewritten.push(rewrite(root, &manifest, &planned, &making, control)?);
        rows += planned.rows();
        (control.progress)(rows, total);
    }
    let go_on = || go_on(control.interrupted);
    put(
        root,
        (manifest, text),
        &rewritten,
        &mut making,
        &go_on,
        &mut done,
    )?;
    making.remove()?;
    Ok(done)
}

/// The manifest of a dataset whose files can be written anew.
fn parsed(root: &Root, text: &str) -> Result<Manifest> {
    dataset::open(root)?;
    if root.kind(RELEASED)? == Some(Kind::Folder) {
        return Err(Error::usage(
            format!(
                "{}: a release, whose tables have one schema each",
                root.path().display()
            ),
            "Name the dataset that it was made of.",
        ));
    }
    let manifest = Manifest::parse(text, &root.join(MANIFEST))?;
    match manifest.format_version {
        OWN_FOLDERS.. => Ok(manifest),
        other => Err(Error::input(
            format!("the dataset is of format version {other}, whose tables have one schema each"),
            Place::file(root.join(MANIFEST)),
            "There is nothing to do. To append to it, make it again from its traces.",
        )),
    }
}

/// Writes the files of a table that are of a recording anew, into the folder of `making`.
fn rewrite(
    root: &Root,
    manifest: &Manifest,
    planned: &Planned,
    making: &Making,
    control: &Control,
) -> Result<Rewritten> {
    let folder = paths::folder(planned.table, &planned.trace_id);
    let dir = making.create_dir(&folder)?;
    let codec: Codec = manifest.options.compression.parse().unwrap_or_default();
    let properties = Arc::new(match planned.table {
        tables::EVENTS => properties_of_events(codec.compression()),
        _ => properties(codec.compression()),
    });
    let target = Target {
        dir: &dir,
        name: making.part(),
        schema: &planned.schema,
        properties: &properties,
        metadata: key_values(&[("sysds:trace_id", &planned.trace_id)]),
        donors: tables::donors(planned.table),
        late: None,
    };
    for file in &planned.of {
        file.check(root, &|| go_on(control.interrupted))?;
    }
    let mut made = Vec::new();
    let numbers = manifest.next_number(&planned.trace_id)..;
    for (number, file) in numbers.zip(planned.files()) {
        let path = target.path(number);
        let groups = file.iter().map(|(of, number)| of.group(root, *number));
        let groups = groups.collect::<Result<Vec<_>>>()?;
        rejoin(&path, &target, groups, &|| go_on(control.interrupted))?;
        made.push(making.described(&path)?);
    }
    Ok(Rewritten {
        table: planned.table,
        trace_id: planned.trace_id.clone(),
        before: planned.of.iter().map(File::described).collect(),
        after: made,
    })
}

/// Puts what was `rewritten` in the place of what it was made of; what has changed meanwhile is left as it is.
fn put(
    root: &Root,
    (mut manifest, mut text): (Manifest, Told),
    rewritten: &[Rewritten],
    making: &mut Making,
    go_on: &dyn Fn() -> Result<()>,
    done: &mut Compacted,
) -> Result<()> {
    let known: BTreeSet<String> = manifest
        .recordings
        .iter()
        .map(|r| r.trace_id.clone())
        .collect();
    loop {
        let (after, used) = changed(&manifest, rewritten);
        let files = |of: fn(&Rewritten) -> &Vec<DataFile>| used.iter().flat_map(move |r| of(r));
        let new: Vec<String> = files(|r| &r.after).map(|file| file.path.clone()).collect();
        let came = manifest.recordings.iter();
        let came = came.filter(|r| !known.contains(&r.trace_id)).count();
        done.meanwhile = came + recordings(rewritten.iter()) - recordings(used.iter().copied());
        if new.is_empty() {
            return Ok(());
        }
        let before = Before {
            root,
            manifest: &manifest,
            text: &text,
        };
        if commit(&before, &after, making, &new, go_on)? == Committed::Done {
            let bytes = |of| files(of).map(|file| file.bytes).sum();
            done.rewritten = recordings(used.iter().copied());
            done.files = (files(|r| &r.before).count(), new.len());
            done.bytes = (bytes(|r| &r.before), bytes(|r| &r.after));
            return Ok(());
        }
        text = root.anew().text_of_version(MANIFEST)?;
        manifest = Manifest::parse(&text.0, &root.join(MANIFEST))?;
    }
}

/// Of how many recordings these are.
fn recordings<'a>(rewritten: impl Iterator<Item = &'a Rewritten>) -> usize {
    let ids = rewritten.map(|rewritten| &rewritten.trace_id);
    ids.collect::<BTreeSet<_>>().len()
}
