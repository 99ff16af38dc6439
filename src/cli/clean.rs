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

/// How old a file is before it is removed.
const AGE: Duration = Duration::from_secs(24 * 3600);

/// Removes files that a killed writer left in a dataset, and that nothing reads.
///
/// A dataset is what its manifest names. A writer that is killed after it has put its files in place, but before the
/// manifest names them, leaves them there; in an object store, those that were replaced stay, too. What has not changed
/// for a day is removed; the rest is only listed.
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
}

/// Runs the command.
///
/// # Errors
/// As [`clean`].
pub(super) fn run(args: CleanArgs) -> Result<u8> {
    let interrupted = interrupt_flag()?;
    let root = Root::named(&args.dataset)?;
    dataset::open(&root)?;
    let found = clean(&root, AGE, !args.dry_run, &|| go_on(&interrupted))?;
    print(&text(&found, args.dry_run))?;
    Ok(0)
}

fn text(found: &[Leftover], dry_run: bool) -> String {
    let mut text = String::new();
    for leftover in found {
        let done = match (leftover.old, dry_run) {
            (true, false) => "removed",
            (true, true) => "to remove",
            (false, _) => "younger than a day",
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
