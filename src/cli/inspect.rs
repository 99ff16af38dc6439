//! `sysds inspect`: its options and its output.

use super::reader::ReaderArgs;
use super::select::SelectArgs;
use super::terminal::{interrupt_flag, print, print_json};
use crate::dataset::root::Root;
use crate::dataset::{is_dataset, not_a_dataset};
use crate::error::Result;
use crate::inspect::{
    count_events, count_text, dataset_text, inspect_dataset, inspect_trace, trace_text,
};
use clap::Args;
use std::path::PathBuf;

/// Exit status where a trace could not be read to its end.
const DAMAGED: u8 = 3;

/// Says what is in a trace (streams, clocks, times, event classes, losses) or in a dataset (tables, columns, sizes).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sysds inspect ~/lttng-traces/web-20261123-230639
  sysds inspect web --json | jq .manifest.events
  sysds inspect --count --events 'sched_*' ~/lttng-traces/web-20261123-230639

Exit status: 0 done, 1 failed, 3 done, but a stream of the trace could not be read to its end.")]
pub(super) struct InspectArgs {
    /// A dataset (its folder or URL), or a folder to look for traces in
    #[arg(value_name = "TRACE|DATASET")]
    path: PathBuf,
    /// Only decode the events of a trace and count them, as fast as possible
    #[arg(long)]
    count: bool,
    #[command(flatten)]
    select: SelectArgs,
    #[command(flatten)]
    reader: ReaderArgs,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// As [`inspect_dataset`], [`count_events`] and [`inspect_trace`].
pub(super) fn run(args: InspectArgs) -> Result<u8> {
    let root = Root::named(&args.path)?;
    if is_dataset(&root)? {
        let report = inspect_dataset(&root)?;
        match args.json {
            true => print_json(&report)?,
            false => print(&dataset_text(&report))?,
        }
        return Ok(0);
    }
    if root.disk().is_none() {
        return Err(not_a_dataset(&root));
    }
    let selection = args.select.selection(Vec::new())?;
    if args.count {
        let counts = count_events(&[args.path], args.reader.choice(), &selection)?;
        match args.json {
            true => print_json(&counts)?,
            false => print(&count_text(&counts))?,
        }
        let damage: Vec<_> = counts.iter().flat_map(|c| &c.damage).collect();
        for damage in &damage {
            say!(
                "warning: {}: {}; what follows in this stream is not counted",
                damage.place,
                damage.what
            );
        }
        return Ok(if damage.is_empty() { 0 } else { DAMAGED });
    }
    let interrupted = interrupt_flag()?;
    let report = inspect_trace(&[args.path], args.reader.choice(), &selection, &interrupted)?;
    match args.json {
        true => print_json(&report)?,
        false => print(&trace_text(&report))?,
    }
    let damaged = report.recordings.iter().any(|r| !r.damage.is_empty());
    Ok(if damaged { DAMAGED } else { 0 })
}
