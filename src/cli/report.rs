//! `sysds report`: its options and its output.

use super::size;
use super::terminal::interrupt_flag;
use crate::dataset;
use crate::dataset::root::{Root, refuse_url};
use crate::error::Result;
use crate::report::{self, Unanswered};
use clap::Args;
use std::path::PathBuf;

/// Makes one page to look at before and after publishing a dataset.
///
/// It shows how long requests take, in all and in the course of the recording, where their time goes, how long they are,
/// which system calls there are and how they fail, the calls of the slowest and of the median request, and what the tracer
/// lost. Everything on it comes from the queries that `sysds query --list` names. The page is one HTML file that needs no
/// network, in light, dark and print; behind each chart stands the table that it is drawn from.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sysds report web -o report.html

Names, paths and addresses in it are those of the dataset.")]
pub(super) struct ReportArgs {
    /// Folder of the dataset, or its URL (s3://BUCKET/FOLDER, gs://, az://)
    #[arg(value_name = "DATASET")]
    dataset: PathBuf,
    /// The page; one that is there is replaced
    #[arg(short, long, value_name = "FILE.html")]
    output: PathBuf,
    /// Memory for sorting, grouping and joining, as 512M or 8G (powers of 1024; MB and GB: of 1000); beyond it they go to disk [default: half of what is free]
    #[arg(long, value_name = "SIZE", value_parser = size::memory)]
    memory: Option<usize>,
}

/// Runs the command.
///
/// # Errors
/// As [`report::write`].
pub(super) fn run(args: ReportArgs) -> Result<u8> {
    refuse_url(&args.output, "a page is written to")?;
    let dataset = dataset::open(&Root::named(&args.dataset)?)?;
    let unanswered = report::write(&dataset, &args.output, args.memory, interrupt_flag()?)?;
    for Unanswered { query, why } in unanswered {
        say!("warning: the page is without {query}: {why}");
    }
    Ok(0)
}
