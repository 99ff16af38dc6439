//! The version of a release, after the one before.

use super::changes::changes;
use super::level::Level;
use crate::dataset::MANIFEST;
use crate::dataset::manifest::digest;
use crate::dataset::root::Root;
use crate::error::{Error, Place, Result};
use crate::publish::release::{Previous, ReleaseManifest};
use semver::Version;

/// The release before.
pub(crate) struct Old {
    root: Root,
    manifest: ReleaseManifest,
    version: Version,
    sha256: String,
}

impl Old {
    /// Opens it, where its pseudonyms are of the same key as those of the release that follows: what has changed cannot be told
    /// otherwise, and to name both in one place would tell what stands behind the pseudonyms.
    ///
    /// # Errors
    /// As [`ReleaseManifest::read`]; [`Error::Usage`] where its pseudonyms are of another key, or it has none.
    pub(crate) fn open(root: &Root, key_id: Option<&str>) -> Result<Old> {
        let manifest = ReleaseManifest::read(root)?;
        fits(root, &manifest, key_id)?;
        let path = root.join(MANIFEST);
        let file = root.open(MANIFEST)?;
        let (_, sha256) = digest(&file, &|| Ok(())).map_err(Error::io("read", &path))?;
        let version = Version::parse(&manifest.release.version).map_err(|e| {
            Error::input(
                format!(
                    "the version {} is not semantic: {e}",
                    manifest.release.version
                ),
                Place::file(&path),
                "Name a folder that sysds publish wrote.",
            )
        })?;
        Ok(Old {
            root: root.clone(),
            manifest,
            version,
            sha256,
        })
    }
}

/// See [`Old::open`].
fn fits(root: &Root, manifest: &ReleaseManifest, key_id: Option<&str>) -> Result<()> {
    let release = &manifest.release;
    let is_anonymized = release.key_id.is_some() || !release.privacy.is_empty();
    let what = match (key_id, is_anonymized) {
        (None, false) => return Ok(()),
        (Some(_), true) if release.key_id.as_deref() == key_id => return Ok(()),
        (None, true) => "it is anonymized, and the release to come is not",
        (Some(_), false) => "it is not anonymized, and the release to come is",
        (Some(_), true) => "its pseudonyms were not made with this key",
    };
    Err(Error::usage(
        format!(
            "{}: {what}: a release that follows it would join the two, and tell what stands behind the pseudonyms",
            root.path().display()
        ),
        "Name with --previous a release that was made with the same --key, or leave it out and give --version.",
    ))
}

/// Gives the release in `root` its version, and says what it follows.
///
/// # Errors
/// [`Error::Usage`] where the version that was asked for says less than what has changed; as [`changes`].
pub(crate) fn settle(
    manifest: &mut ReleaseManifest,
    root: &Root,
    old: Option<&Old>,
    asked: Option<Version>,
) -> Result<()> {
    let Some(old) = old else {
        let version = asked.unwrap_or_else(|| Version::new(1, 0, 0));
        manifest.release.version = version.to_string();
        return Ok(());
    };
    let changes = changes((&old.root, &old.manifest), root, manifest)?;
    let level = changes
        .iter()
        .map(|c| c.level)
        .max()
        .unwrap_or(Level::Patch);
    let least = level.after(&old.version);
    let version = asked.unwrap_or_else(|| least.clone());
    if version < least {
        let worst = changes.iter().filter(|c| c.level == level).take(3);
        let worst: Vec<&str> = worst.map(|c| c.what.as_str()).collect();
        let why = match worst.is_empty() {
            true => String::new(),
            false => format!(": {}", worst.join("; ")),
        };
        return Err(Error::usage(
            format!(
                "version {version} is too low after {}: this is a {} change{why}",
                old.version,
                level.name()
            ),
            format!("Give --version {least}, or leave it out."),
        ));
    }
    manifest.release.version = version.to_string();
    manifest.release.previous = Some(Previous {
        version: old.version.to_string(),
        manifest_sha256: old.sha256.clone(),
        changes: changes
            .into_iter()
            .map(|c| format!("{}: {}", c.level.name(), c.what))
            .collect(),
    });
    Ok(())
}
