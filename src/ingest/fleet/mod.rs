//! Ingest of a fleet: a list of recordings, each appended to the dataset by itself.
//!
//! The one idea: a recording is the unit of failure and of work that is done. Each is a commit of its own, so a kill loses
//! one at most; one that fails is told of and the next is read; one that the dataset has is known by its packets and left
//! alone. So the same list can be run again, by whoever and by however many at the same time, and each run does what is
//! missing. Who of many takes which recordings is a [`Share`] of the list; a scheduler needs to know no more.

mod list;
mod report;
mod row;
mod share;

pub(crate) use list::{Listed, read};
pub(crate) use report::ReportFile;
pub(crate) use row::{Row, Status};
pub(crate) use share::Share;

use super::append::Old;
use super::labels::LabelFile;
use super::options::IngestOptions;
use super::progress::Control;
use super::{Outcome, ingest_unless_there};
use crate::error::{Error, Result};
use crate::process::ending;
use crate::process::stop::go_on;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

/// Appends each recording of `list` to the dataset, with these options but for traces and labels, which the list says; `each` is told what
/// came of each.
///
/// # Errors
/// [`Error::Interrupted`], and what would be wrong with each: as [`Old::open`]. What else fails is in the rows.
pub(crate) fn ingest_list(
    list: Vec<Listed>,
    options: &IngestOptions,
    control: &mut Control,
    each: &mut dyn FnMut(&Row),
) -> Result<Vec<Row>> {
    Old::open(&options.output, options)?;
    let mut rows = Vec::new();
    for listed in list {
        ending::more();
        go_on(control.interrupted)?;
        let row = ingest_one(listed, options, control)?;
        each(&row);
        rows.push(row);
    }
    Ok(rows)
}

fn ingest_one(listed: Listed, options: &IngestOptions, control: &mut Control) -> Result<Row> {
    let started = Instant::now();
    let label_file = listed.labels.as_deref().map(Path::new);
    let outcome = label_file.map(LabelFile::read).transpose();
    let outcome = outcome.and_then(|label_file| {
        let options = IngestOptions {
            traces: vec![PathBuf::from(&listed.path)],
            labels: listed.label.iter().cloned().collect(),
            label_file: label_file.map(Arc::new),
            append: true,
            force: false,
            ..options.clone()
        };
        ingest_unless_there(options, control)
    });
    let mut row = Row {
        listed,
        status: Status::Failed,
        trace_ids: Vec::new(),
        events: 0,
        requests: 0,
        damage: Vec::new(),
        seconds: 0.0,
        error: None,
    };
    match outcome {
        Ok(Outcome::Done { recordings, .. }) => {
            row.status = Status::Ingested;
            row.events = recordings.iter().map(|r| r.events).sum();
            row.requests = recordings.iter().map(|r| r.requests).sum();
            row.damage = recordings.iter().flat_map(|r| r.damage.clone()).collect();
            row.trace_ids = recordings.into_iter().map(|r| r.trace_id).collect();
        }
        Ok(Outcome::Already { trace_ids, .. }) => {
            row.status = Status::Already;
            row.trace_ids = trace_ids;
        }
        Err(Error::Interrupted) => return Err(Error::Interrupted),
        Err(error) => {
            if let Error::InPlace { .. } = error {
                row.status = Status::Ingested;
            }
            row.error = Some(error);
        }
    }
    row.seconds = started.elapsed().as_secs_f64();
    Ok(row)
}
