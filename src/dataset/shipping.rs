//! Making a dataset, or a release, in an object store.
//!
//! Everything is made in a temporary folder of this machine, file by file. One that is whole goes to the store and is
//! removed here, so the disk holds what is being made, and not the dataset. Data files have names that no other run gives
//! (a random part), so two that write the same recording at the same time do not touch each other's. Nothing names them
//! until the manifest does, which comes last, under the condition that nobody else has put one meanwhile.
//!
//! An error or a panic removes what was put. After a kill it stays, and `sysds clean` finds it.

use super::committed::Committed;
use super::temporary::Temporary;
use super::{MANIFEST, paths};
use crate::error::{Error, Place, Result};
use crate::foreign;
use crate::process::ending;
use crate::say;
use crate::shown::path_text;
use crate::store::client::{Folder, Version};
use crate::store::writing::{PROBE, PutIf};
use serde_json::Value;
use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// What the name of the temporary folder begins with.
const TEMPORARY: &str = "sysds-store-";
/// The object by which who makes a release takes its folder.
const CLAIM: &str = ".sysds-probe-release";
/// Objects that are named in an error.
const TOLD: usize = 3;

/// Something in the making that is to stand in a store.
#[derive(Debug)]
pub(crate) struct Shipping {
    folder: Folder,
    dir: Temporary,
    /// The version of the manifest that is replaced.
    replaces: Option<Version>,
    /// What data files are called, but for their numbers.
    part: String,
    shipped: Mutex<Vec<PathBuf>>,
    /// Whether the folder is this run's alone.
    claimed: bool,
    done: bool,
}

impl Shipping {
    /// Begins a dataset or a release that is to stand in `folder`. A dataset that stands there is replaced where `force`
    /// says so; a release never is.
    ///
    /// # Errors
    /// [`Error::Usage`] and [`Error::Input`] where the folder is not free, [`Error::Store`] where nothing can be written
    /// there, or not under a condition.
    pub(crate) fn begin(folder: &Folder, force: bool) -> Result<Self> {
        let replaces = match folder.text(Path::new(MANIFEST), u64::MAX) {
            Ok((text, version)) => {
                replaceable(folder, &text, force)?;
                Some(version)
            }
            Err(e) if foreign::is_absent(&e) => {
                refuse_others(folder)?;
                None
            }
            Err(e) => return Err(e),
        };
        let mut shipping = Self::beside(folder)?;
        shipping.replaces = replaces;
        Ok(shipping)
    }

    /// Begins what is to be put into the dataset in `folder`, which is there.
    ///
    /// # Errors
    /// [`Error::Store`] where nothing can be written there, or not under a condition; [`Error::Io`] where there is no place
    /// for it on this machine.
    pub(crate) fn beside(folder: &Folder) -> Result<Self> {
        let random = random();
        folder.try_conditions(&random)?;
        Ok(Shipping {
            folder: folder.clone(),
            dir: Temporary::new(TEMPORARY)?,
            replaces: None,
            part: format!("part-{random}"),
            shipped: Mutex::default(),
            claimed: false,
            done: false,
        })
    }

    /// Takes the folder for this run alone, and sees that it is empty: another that has files of the same names would
    /// overwrite them, or remove them when it fails.
    ///
    /// # Errors
    /// [`Error::Usage`] where somebody else has it, [`Error::Input`] where something is there, [`Error::Store`].
    pub(crate) fn claim(&mut self) -> Result<()> {
        let taken = |what: &str, remedy: String| {
            let shown = self.folder.shown().display();
            Error::usage(format!("{shown}: {what}"), remedy)
        };
        if self.replaces.is_some() {
            let remedy =
                "Choose another name with -o: in a store a release has a folder of its own.";
            return Err(taken("exists already", remedy.to_owned()));
        }
        match self.folder.put_text(Path::new(CLAIM), &self.part, None)? {
            PutIf::Done => self.claimed = true,
            PutIf::Changed => {
                let claim = self.folder.shown().join(CLAIM);
                return Err(taken(
                    "somebody else is making a release there",
                    format!(
                        "Choose another name with -o; or, if that run was killed, remove {} and what it left.",
                        claim.display()
                    ),
                ));
            }
        }
        // Somebody may have ended just before.
        match self.folder.size(Path::new(MANIFEST))? {
            Some(_) => Err(somebody_else(&self.folder)),
            None => refuse_others(&self.folder),
        }
    }

    /// Leaves the folder to others.
    fn unclaim(&mut self) -> Result<()> {
        match std::mem::take(&mut self.claimed) {
            true => self.folder.remove(&[CLAIM.into()]),
            false => Ok(()),
        }
    }

    /// The folder of this machine to write to.
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What data files are called, but for their numbers.
    pub(crate) fn part(&self) -> &str {
        &self.part
    }

    /// Puts the file `name`, which is whole.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Io`].
    pub(crate) fn ship(&self, name: &Path) -> Result<()> {
        let from = self.dir().join(name);
        // It may be there even where that fails.
        self.shipped().push(name.to_path_buf());
        ending::stays_in(Some(self.folder.shown()));
        self.folder.put_file(name, &from)?;
        fs::remove_file(&from).map_err(Error::io("remove", &from))
    }

    /// Puts all that is left, and then the manifest, which must have been written.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Io`]; [`Error::Usage`] where somebody else has made something there meanwhile. What was
    /// there is then as it was.
    pub(crate) fn commit(mut self) -> Result<()> {
        match self.put()? {
            Committed::Done => Ok(()),
            Committed::Changed => Err(somebody_else(&self.folder)),
        }
    }

    /// The same, but where somebody else has made something there meanwhile, that is no error.
    ///
    /// # Errors
    /// [`Error::Store`], [`Error::Io`]. What was there is then as it was.
    pub(crate) fn put(&mut self) -> Result<Committed> {
        let all = foreign::everything_below(self.dir())?;
        let names: Vec<PathBuf> = all.into_iter().map(|(name, _)| name).collect();
        let names: Vec<&PathBuf> = names
            .iter()
            .filter(|name| *name != Path::new(MANIFEST))
            .collect();
        if !names.is_empty() {
            say!(
                "{}: uploading {} files",
                self.folder.shown().display(),
                names.len()
            );
        }
        names.into_iter().try_for_each(|name| self.ship(name))?;
        let text = foreign::read_text_in(self.dir(), MANIFEST)?;
        let replaces = self.replaces.clone();
        let put = self.put_manifest(&text, replaces.as_ref())?;
        if put == PutIf::Done {
            self.unclaim().map_err(|e| Error::InPlace {
                target: self.folder.shown().to_path_buf(),
                what: format!("{CLAIM} is left in it: {}", e.reason()),
                remedy: "Remove that object; sysds verify takes it for a file that does not belong there.".to_owned(),
            })?;
        }
        Ok(put.into())
    }

    /// Puts the manifest, which makes all that was put part of the dataset.
    ///
    /// # Errors
    /// [`Error::Store`].
    pub(crate) fn put_manifest(&mut self, text: &str, replaces: Option<&Version>) -> Result<PutIf> {
        let held = ending::hold();
        // Whatever comes of it: what a manifest may name is not removed.
        self.done = true;
        let put = self.folder.put_text(Path::new(MANIFEST), text, replaces)?;
        match put {
            PutIf::Done => ending::done(),
            PutIf::Changed => self.done = false,
        }
        drop(held);
        Ok(put)
    }

    fn shipped(&self) -> std::sync::MutexGuard<'_, Vec<PathBuf>> {
        self.shipped.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Shipping {
    fn drop(&mut self) {
        if !self.done {
            // The error that led here is the one to report; what stays is named by nothing.
            let shipped = std::mem::take(&mut *self.shipped());
            let _ = self.folder.remove(&shipped);
        }
        let _ = self.unclaim();
        ending::stays_in(None);
    }
}

/// The error of one of two that made something of the same name.
fn somebody_else(folder: &Folder) -> Error {
    Error::usage(
        format!(
            "{}: somebody else has made something there meanwhile",
            folder.shown().display()
        ),
        "Look at it with sysds inspect; choose another name with -o, or append to it with --append.",
    )
}

/// Whether what stands there, with this manifest, is a dataset that may be replaced.
fn replaceable(folder: &Folder, manifest: &str, force: bool) -> Result<()> {
    let shown = folder.shown().display();
    let manifest: Value = serde_json::from_str(manifest).unwrap_or_default();
    if manifest.get("release").is_some() {
        return Err(Error::usage(
            format!(
                "{shown}: a release, which is not replaced in a store: its readers would see files of both"
            ),
            "Choose another name with -o, one of its version for instance.",
        ));
    }
    match force && manifest.get("format_version").is_some() {
        true => Ok(()),
        false => Err(Error::usage(
            format!("{shown}: exists already"),
            "Choose another name with -o, or replace it with --force.",
        )),
    }
}

/// Refuses a folder without a manifest that holds anything but what killed writers of datasets left.
fn refuse_others(folder: &Folder) -> Result<()> {
    let all = folder.list()?;
    let others = all.iter().map(|object| path_text(&object.name));
    let others = others.filter(|name| !paths::is_own(Path::new(name)) && !name.starts_with(PROBE));
    let others: Vec<String> = others.take(TOLD).collect();
    match others.is_empty() {
        true => Ok(()),
        false => Err(Error::input(
            format!("holds what is not a dataset's: {} …", others.join(", ")),
            Place::file(folder.shown()),
            "Choose another name with -o; or remove it yourself, if it is left of a run that was killed.",
        )),
    }
}

/// A random part of a name.
fn random() -> String {
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}
