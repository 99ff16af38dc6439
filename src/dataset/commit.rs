//! Changing a dataset that is there: new files are put beside those it has, and the manifest comes last.
//!
//! The manifest is the commit. Readers take the files that it names and no others, so they see the dataset of before until
//! it is renamed into its place, and that of after from then on. Files of before are not touched, whatever their size.
//! Writers take turns by a [`Lock`], and whoever finds another manifest than the one that its own was made of changes
//! nothing: it makes its manifest anew, of what is there now, and comes again.
//!
//! In a store the same is done by a condition: the manifest is put where it still is the one of before.
//!
//! A writer that is killed leaves files that no manifest names. The next that has files for the same recording removes
//! those in its way, and `sysds clean` finds all.

use super::lock::Lock;
use super::making::Making;
use super::manifest::Manifest;
use super::root::{Root, Versioned};
use super::{MANIFEST, aside};
use crate::error::{Error, Result};
use crate::foreign;
use crate::process::ending;
use crate::shown::path_text;
use crate::store::writing::PutIf;
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A dataset as it was read, to be changed.
pub(crate) struct Before<'a> {
    /// Its folder.
    pub root: &'a Root,
    /// Its manifest.
    pub manifest: &'a Manifest,
    /// The same as it is written, and its version in a store.
    pub text: &'a Versioned,
}

/// What became of a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committed {
    /// It is in place.
    Done,
    /// The dataset is not that of before any more: nothing was changed.
    Changed,
}

/// Puts `files`, which are made as they are to stand in the dataset, into the dataset of `before`, whose manifest is then
/// `after`. `go_on` is asked while others have their turn.
///
/// # Errors
/// [`Error::Io`], and those of `go_on`: the dataset is then as it was. [`Error::InPlace`] where the change is in place, but
/// what came after that failed.
pub(crate) fn commit(
    before: &Before,
    after: &Manifest,
    made: &mut Making,
    files: &[String],
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Committed> {
    match made {
        Making::Disk(staging) => on_disk(
            (before.root.path(), before),
            after,
            staging.dir(),
            files,
            go_on,
        ),
        // Its files are there already.
        Making::Store(shipping) => {
            let put = shipping.put_manifest(&after.text(), before.text.1.as_ref())?;
            Ok(match put {
                PutIf::Done => Committed::Done,
                PutIf::Changed => Committed::Changed,
            })
        }
    }
}

fn on_disk(
    (root, before): (&Path, &Before),
    after: &Manifest,
    made: &Path,
    files: &[String],
    go_on: &dyn Fn() -> Result<()>,
) -> Result<Committed> {
    let _lock = Lock::take(root, go_on)?;
    if foreign::read_text_in(root, MANIFEST)? != before.text.0 {
        return Ok(Committed::Changed);
    }
    let named = before.manifest.files();
    let held = ending::hold();
    let mut put = Put::default();
    for file in files {
        assert!(!named.contains(file.as_str()), "{file} is there already");
        put.file(root, made, file)?;
    }
    put.sync()?;
    after.write_over(root, &held)?;
    put.done = true;
    ending::done();
    aside::sync(root).map_err(|e| aside::not_durable(root, &e, ""))?;
    settle(root, &named, &after.files())?;
    Ok(Committed::Done)
}

/// Files that were put into a dataset and that no manifest names yet: dropped before it does, they go again.
#[derive(Default)]
struct Put {
    files: Vec<PathBuf>,
    folders: BTreeSet<PathBuf>,
    done: bool,
}

impl Put {
    fn file(&mut self, root: &Path, made: &Path, file: &str) -> Result<()> {
        let target = root.join(file);
        for folder in Path::new(file).ancestors().skip(1) {
            self.folders.insert(root.join(folder));
        }
        let folder = aside::folder(&target);
        fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
        let from = made.join(file);
        let renamed = match aside::rename_to_nothing(&from, &target) {
            // Of a writer that was killed: nobody else is here now.
            Err(e) if e.kind() == ErrorKind::AlreadyExists => {
                fs::remove_file(&target).and_then(|()| aside::rename_to_nothing(&from, &target))
            }
            renamed => renamed,
        };
        renamed.map_err(Error::io("write", &target))?;
        self.files.push(target);
        Ok(())
    }

    /// Makes the names of the files durable; what is in them is so already.
    fn sync(&self) -> Result<()> {
        self.folders
            .iter()
            .try_for_each(|folder| aside::sync(folder))
    }
}

impl Drop for Put {
    fn drop(&mut self) {
        if !self.done {
            // The error that led here is the one to report; what stays is named by nothing.
            for file in &self.files {
                let _ = fs::remove_file(file);
                let _ = fs::remove_dir(aside::folder(file));
            }
        }
    }
}

/// Removes the files that the manifest does not name any more.
fn settle(root: &Path, before: &BTreeSet<&str>, after: &BTreeSet<&str>) -> Result<()> {
    for file in before.difference(after) {
        let path = root.join(file);
        fs::remove_file(&path).map_err(|e| Error::InPlace {
            target: root.to_path_buf(),
            what: format!("what was replaced is left in {}: {e}", path_text(&path)),
            remedy: "Nothing reads it. Remove it with sysds clean.".to_owned(),
        })?;
    }
    Ok(())
}
