//! `sysds compact`: its options, and the words it says.

use super::terminal::{Meter, interrupt_flag};
use crate::compact::{Compacted, Control, compact};
use crate::dataset::root::Root;
use crate::error::Result;
use crate::shown::shown_path;
use clap::Args;
use std::path::{Path, PathBuf};

/// Rewrites the files of a dataset that grew by appends into files of one schema.
///
/// The files of an append lack the columns that only other recordings have. sysds and many programs read them as null; for
/// those that do not, this writes what one ingest of all recordings would have written. Values are copied as they are
/// encoded. Others may read the dataset, and append to it, meanwhile. What is so already stays as it is.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sysds compact web

Exit status: 0 done, 1 failed (the dataset is as it was), 2 wrong call, 4 done, but what was replaced is left or the disk did \
not take it for good (the message says which), 130 interrupted.")]
pub(super) struct CompactArgs {
    /// The dataset
    #[arg(value_name = "DATASET")]
    dataset: PathBuf,
    /// Say nothing on stderr but errors
    #[arg(short, long)]
    quiet: bool,
}

/// Runs the command.
///
/// # Errors
/// As [`compact`].
pub(super) fn run(args: CompactArgs) -> Result<u8> {
    if args.quiet {
        crate::process::be_quiet();
    }
    let root = Root::named(&args.dataset)?;
    let interrupted = interrupt_flag()?;
    let mut meter = Meter::new(args.quiet);
    let done = compact(
        &root,
        &mut Control {
            interrupted: &interrupted,
            progress: &mut |done, total| meter.show_rows(done, total),
        },
    );
    meter.clear();
    let done = done?;
    if !args.quiet {
        told(&done, &args.dataset, meter.elapsed());
    }
    Ok(0)
}

fn told(done: &Compacted, dataset: &Path, seconds: f64) {
    let dataset = shown_path(dataset);
    let all = done.recordings;
    match done.rewritten {
        0 if done.meanwhile == 0 => {
            say!("{dataset}: all files of {all} recordings are of one schema: nothing to do");
        }
        rewritten => say!(
            "{dataset}: {} files of {rewritten} of {all} recordings into {} files, {:.1} MB into {:.1} MB, in {seconds:.1} s",
            done.files.0,
            done.files.1,
            done.bytes.0 as f64 / 1e6,
            done.bytes.1 as f64 / 1e6,
        ),
    }
    if done.meanwhile > 0 {
        say!(
            "{} recordings came or changed meanwhile and are as they came: run it again",
            done.meanwhile
        );
    }
}
