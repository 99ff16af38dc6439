//! Checking a release: whether it is whole, is what its manifest and its contract say, and does not contradict itself.
//!
//! Everything is read from the release itself, so that its receiver needs nothing else. A fault does not end the check:
//! all of them are named, of each kind the first few. Memory stays bounded: tables are read in batches; what is kept for
//! a recording is a byte for each request.

mod files;
mod ids;
mod links;
mod nested;
mod release;
mod report;
mod tables;

pub(crate) use report::Report;

use super::release::ReleaseManifest;
use crate::error::Result;
use crate::foreign;
use release::Release;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Checks the release in `root`.
///
/// # Errors
/// [`Error::Input`](crate::error::Error::Input) where it is no release, or its manifest cannot be read; [`Error::Interrupted`](crate::error::Error::Interrupted). What is wrong with a
/// release is no error, but in the report.
pub(crate) fn verify(root: &Path, interrupted: &AtomicBool) -> Result<Report> {
    let manifest = ReleaseManifest::read_as_it_is(root)?;
    let release = Release {
        root,
        manifest: &manifest,
        shards: manifest.shards(),
        interrupted,
    };
    let mut report = Report {
        version: manifest.release.version.clone(),
        ..Report::default()
    };
    if files::is_impossible(&release, &mut report) {
        return Ok(report);
    }
    files::check(&release, &mut report)?;
    let sound = tables::check(&release, &mut report)?;
    if !sound {
        // Rows of other columns than expected could only be misread.
        return Ok(report);
    }
    for recording in &manifest.dataset.recordings {
        let place = format!("recording {}", recording.trace_id);
        release.go_on()?;
        // Arrays that a crafted file is decoded to may not be what their type promises, and panic when they are used.
        let at = Path::new(&place);
        let done = foreign::guarded(at, || ids::check(&release, recording, &mut report));
        report.keep(&place, done)?;
        let done = foreign::guarded(at, || nested::check(&release, recording, &mut report));
        report.keep(&place, done)?;
        let done = foreign::guarded(at, || links::check(&release, recording, &mut report));
        report.keep(&place, done)?;
    }
    Ok(report)
}
