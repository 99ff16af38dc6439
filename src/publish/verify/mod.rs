//! Checking a release or a dataset: whether it is whole, is what its manifest and its contract say, and does not contradict
//! itself.
//!
//! Everything is read from the release itself, so that its receiver needs nothing else; what is said of releases here holds
//! of datasets, which have one split and lack a list of checksums and a contract of their own. A fault does not end the check:
//! all of them are named, of each kind the first few. Memory stays bounded: tables are read in batches; what is kept for
//! a recording is a byte for each request. What lists there are is looked at before one is decoded.

mod copies;
mod dataset;
mod fields;
mod figures;
mod files;
mod ids;
mod links;
mod lists;
mod nested;
mod parts;
mod release;
mod report;
mod spans;
mod tables;
mod values;

pub(crate) use report::Report;

use crate::compare;
use crate::dataset::MANIFEST;
use crate::dataset::classes;
use crate::dataset::manifest::Recording;
use crate::dataset::root::Root;
use crate::error::Result;
use crate::foreign;
use crate::process::stop::go_on;
use copies::Copies;
use release::Release;
use std::path::Path;
use std::sync::atomic::AtomicBool;

/// Checks the release or dataset in `root`.
///
/// # Errors
/// [`Error::Input`](crate::error::Error::Input) where it is neither, or its manifest cannot be read; [`Error::Interrupted`](crate::error::Error::Interrupted). What is wrong with it
/// is no error, but in the report.
pub(crate) fn verify(root: &Root, interrupted: &AtomicBool) -> Result<Report> {
    loop {
        let root = &root.anew();
        let before = root.text(MANIFEST)?;
        let done = attempt(root, interrupted);
        // What others have replaced meanwhile may look like a fault of what is there now.
        let fault = !done.as_ref().is_ok_and(|report| report.faults.is_empty());
        if !fault || root.anew().text(MANIFEST)? == before {
            return done;
        }
        go_on(interrupted)?;
    }
}

/// Checks what its manifest, as it is, tells of.
fn attempt(root: &Root, interrupted: &AtomicBool) -> Result<Report> {
    let mut report = Report::default();
    let (manifest, is_release) = dataset::manifest(root, &mut report)?;
    let shards = manifest.shards();
    let release = Release {
        root,
        manifest: &manifest,
        is_release,
        shards: &shards,
        copies: None,
        interrupted,
    };
    report.version = match is_release {
        true => manifest.release.version.clone(),
        false => manifest.dataset.format_version.to_string(),
    };
    report.release = is_release;
    if files::is_impossible(&release, &mut report) {
        return Ok(report);
    }
    match is_release {
        true => {
            files::check(&release, &mut report)?;
            figures::check(&release, &mut report)?;
        }
        false => {
            files::check_named(&release, &mut report)?;
            fields::check(&release, &mut report)?;
        }
    }
    parts::check(&release, &mut report);
    spans::check(&release, &mut report);
    // What cannot be read is told where it is checked.
    if let Ok(classes) = classes::read(root, &manifest.dataset) {
        report.remarks = compare::conditions(&manifest.dataset, &classes).warnings;
    }
    let sound = tables::check(&release, &mut report)?;
    if !sound {
        // Rows of other columns than expected could only be misread.
        return Ok(report);
    }
    for recording in &manifest.dataset.recordings {
        let place = format!("recording {}", recording.trace_id);
        release.go_on()?;
        let copies = Copies::of(root, &release.files(&recording.trace_id), &|| {
            release.go_on()
        })?;
        let at_hand = Release {
            copies: copies.as_ref(),
            ..release
        };
        of_recording(&at_hand, recording, &place, &mut report)?;
    }
    Ok(report)
}

/// Checks the rows of a recording.
fn of_recording(
    release: &Release,
    recording: &Recording,
    place: &str,
    report: &mut Report,
) -> Result<()> {
    // Arrays that a crafted file is decoded to may not be what their type promises, and panic when they are used.
    let at = Path::new(place);
    let mut decodable = false;
    let done = foreign::guarded(at, || {
        let events = ids::check(release, recording, report)?;
        spans::requests(release, recording, report)?;
        values::check(release, recording, report)?;
        decodable = lists::check(release, recording, events, report)?;
        Ok(())
    });
    report.keep(place, done)?;
    if !decodable {
        return Ok(());
    }
    let done = foreign::guarded(at, || nested::check(release, recording, report));
    report.keep(place, done)?;
    let done = foreign::guarded(at, || links::check(release, recording, report));
    report.keep(place, done)
}
