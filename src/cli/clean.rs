//! `sysds clean`: its options and its output.

use super::terminal::{interrupt_flag, print};
use crate::dataset;
use crate::dataset::clean::{Leftover, clean};
use crate::dataset::root::Root;
use crate::error::Result;
use crate::process::stop::go_on;
use crate::shown::shown_path;
use clap::Args;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

/// Removes files that a killed writer left in a dataset, and that nothing reads.
///
/// A dataset is what its manifest names. An append that is killed after it has put its files in place, but before the
/// manifest names them, leaves them there; in an object store, those that were replaced stay, too. Those that have not
/// changed for a day are removed; others are only listed: who opened the dataset before may still read them. What a killed
/// process was making beside the dataset is removed, too.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sysds clean web --dry-run
  sysds clean web

Exit status: 0 done, 1 not a dataset, or a file that cannot be removed, 130 interrupted.")]
pub(super) struct CleanArgs {
    /// Folder of the dataset, or its URL (s3://BUCKET/FOLDER, gs://, az://)
    #[arg(value_name = "DATASET")]
    dataset: PathBuf,
    /// Only list them
    #[arg(long)]
    dry_run: bool,
    /// Remove those that have not changed for so many hours; 0 where nobody else uses the dataset
    #[arg(long, value_name = "HOURS", default_value_t = 24)]
    older_than: u32,
}

/// Runs the command.
///
/// # Errors
/// As [`clean`].
pub(super) fn run(args: CleanArgs) -> Result<u8> {
    let interrupted = interrupt_flag()?;
    let root = Root::named(&args.dataset)?;
    dataset::open(&root)?;
    let age = Duration::from_secs(u64::from(args.older_than) * 3600);
    let found = clean(&root, age, !args.dry_run, &|| go_on(&interrupted))?;
    print(&text(&found, &args))?;
    Ok(0)
}

fn text(found: &[Leftover], args: &CleanArgs) -> String {
    let dry_run = args.dry_run;
    let young = match args.older_than {
        24 => "younger than a day".to_owned(),
        hours => format!("younger than {hours} hours"),
    };
    let mut text = String::new();
    for leftover in found {
        let done = match (leftover.old, dry_run) {
            (true, false) => "removed",
            (true, true) => "to remove",
            (false, _) => &young,
        };
        let path = shown_path(&leftover.path);
        let _ = writeln!(text, "{path}: {} bytes, {done}", leftover.bytes);
    }
    let old = || found.iter().filter(|leftover| leftover.old);
    let bytes: u64 = old().map(|leftover| leftover.bytes).sum();
    let what = if dry_run { "to remove" } else { "removed" };
    let _ = writeln!(text, "{} files, {bytes} bytes {what}", old().count());
    text
}
