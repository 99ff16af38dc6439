//! `sysds ingest --list`: its options, and the words it says.

use super::terminal::{Meter, interrupt_flag};
use crate::error::{Error, Result};
use crate::ingest::fleet::{ReportFile, Row, Share, Status, ingest_list, read};
use crate::ingest::{Control, IngestOptions};
use clap::Args;
use std::path::PathBuf;

/// Exit status of an ingest that kept what comes before a damage.
pub(super) const DAMAGED: u8 = 3;
/// Exit status where something failed after a recording was in its place.
const AFTERWARDS: u8 = 4;
/// Exit status where some recordings of a list failed.
const SOME_FAILED: u8 = 5;

/// Options of a list.
#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Append each recording of FILE by itself: a path a line, or CSV with the columns `path` and perhaps `label`, and
    /// `labels` for a file as of --labels. What the dataset has already is passed over, and what fails does not keep the
    /// others out
    #[arg(long, value_name = "FILE", conflicts_with_all = ["traces", "labels", "label_file", "force"])]
    pub list: Option<PathBuf>,
    /// Write to FILE what came of each recording of the list, as CSV: path, label, labels, status (ingested, already, failed),
    /// trace_id, events, requests, seconds, reason
    #[arg(long, value_name = "FILE", requires = "list")]
    report: Option<PathBuf>,
    /// Only every Nth recording of the list, from the Kth on, counted from 0: for the tasks of a scheduler
    #[arg(long, value_name = "K/N", requires = "list")]
    share: Option<Share>,
}

/// Ingests a list with these options.
///
/// # Errors
/// [`Error::Io`] and [`Error::Input`] where the list cannot be read or the report not be written, [`Error::Interrupted`].
pub(super) fn run(args: &ListArgs, options: &IngestOptions, quiet: bool) -> Result<u8> {
    let list = args.list.as_ref().expect("the list is given");
    let list = read(list)?;
    let list = match args.share {
        Some(share) => share.of(list),
        None => list,
    };
    let report = args.report.as_deref().map(ReportFile::begin).transpose()?;
    let interrupted = interrupt_flag()?;
    let (all, mut done) = (list.len(), 0);
    let mut meter = Meter::new(quiet);
    let rows = ingest_list(
        list,
        options,
        &mut Control {
            interrupted: &interrupted,
            progress: &mut |progress| meter.show(progress),
        },
        &mut |row| {
            done += 1;
            told(row, (done, all), quiet);
        },
    );
    meter.clear();
    if let Err(Error::Interrupted) = rows {
        say!(
            "{done} of {all} recordings of the list are done: the same call goes on with the others"
        );
    }
    let rows = rows?;
    if let Some(report) = report {
        report.write(&rows)?;
    }
    if !quiet {
        let count = |status: Status| rows.iter().filter(|row| row.status == status).count();
        say!(
            "{}: {} ingested, {} already there, {} failed, in {:.1} s",
            options.output.path().display(),
            count(Status::Ingested),
            count(Status::Already),
            count(Status::Failed),
            meter.elapsed()
        );
    }
    Ok(status(&rows))
}

/// Says what came of a recording, which is of this number of so many.
fn told(row: &Row, (number, all): (usize, usize), quiet: bool) {
    let path = &row.listed.path;
    if let Some(error) = &row.error {
        say!("{}: {path}: {error}", error.heading());
    }
    for damage in &row.damage {
        say!(
            "warning: {path}: {}: {}; what follows in this stream is lost",
            damage.place,
            damage.what
        );
    }
    if quiet {
        return;
    }
    match row.status {
        Status::Ingested => say!(
            "{number}/{all} {path}: {} events, {} requests, in {:.1} s",
            row.events,
            row.requests,
            row.seconds
        ),
        Status::Already => say!("{number}/{all} {path}: already there"),
        Status::Failed => say!("{number}/{all} {path}: failed"),
    }
}

fn status(rows: &[Row]) -> u8 {
    let any = |which: fn(&Row) -> bool| rows.iter().any(which);
    if any(|row| row.status == Status::Failed) {
        SOME_FAILED
    } else if any(|row| matches!(row.error, Some(Error::InPlace { .. }))) {
        AFTERWARDS
    } else if any(|row| !row.damage.is_empty()) {
        DAMAGED
    } else {
        0
    }
}
