//! The fields that the manifest of a dataset tells, by which an append goes, against the event classes that they come from.

use super::release::Release;
use super::report::{Kind, Report};
use crate::dataset::joint::JointFields;
use crate::dataset::{MANIFEST, classes};
use crate::error::Result;
use crate::foreign;
use crate::publish::united;

/// Checks them, where the manifest tells some.
pub(super) fn check(release: &Release, report: &mut Report) -> Result<()> {
    let manifest = &release.manifest.dataset;
    let Some(told) = &manifest.fields else {
        return Ok(());
    };
    let read = match classes::read(release.root, manifest) {
        // It is named already.
        Err(e) if foreign::is_absent(&e) => return Ok(()),
        Err(e) => return report.keep(MANIFEST, Err(e)),
        Ok(read) => read,
    };
    if JointFields::of(&united::layout(manifest, &read).class()) != *told {
        let what = "fields: not those that the event classes of all recordings have together";
        report.add(Kind::Metadata, MANIFEST, what);
    }
    Ok(())
}
