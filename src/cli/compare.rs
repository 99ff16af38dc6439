//! `sysds compare`: its options and its output.

use super::{size, terminal};
use crate::compare::{Compared, compare};
use crate::dataset;
use crate::dataset::root::Root;
use crate::error::Result;
use crate::query::output::{Format, Results, TextOutput};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Exit status of labels that differ, where that was asked for.
const DIFFERS: u8 = 1;

/// Says whether the recordings of different labels can be compared, before a model is trained to tell them apart.
///
/// For each two labels: what differs though it should not (event classes, their fields, contexts, tracer and its options,
/// kernel, CPUs, memory, losses, events per second, length and number of recordings), and how well a few plain figures of a
/// request alone tell its label: how many events and system calls it has, how many different ones, how long it takes, and
/// whether it has an event of a name. That is the area under the ROC curve (AUROC), exactly: the share of pairs of requests,
/// one of each label, in which that of one label has more, where equal ones count half. 0.5 tells nothing, 1 tells always.
///
/// First come sentences on what should be looked at: what differs (quantities by a factor of 2), and figures with an AUROC of
/// 0.9 or more. Then comes a row for each comparison.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sysds compare web
  sysds compare web --format csv > compared.csv
  sysds compare web-1.0.0 --strict

Exit status: 0 compared, 1 with --strict where something differs, or failed, 2 wrong call, 130 interrupted.")]
pub(super) struct CompareArgs {
    /// Folder or URL of the dataset, or of the release
    #[arg(value_name = "DATASET")]
    dataset: PathBuf,
    /// Format of the rows; sentences go to stderr where it is not table
    #[arg(long, value_enum, default_value_t = Form::Table)]
    format: Form,
    /// End with exit status 1 where some labels differ (`differs` of a row)
    #[arg(long)]
    strict: bool,
    /// Memory for sorting and grouping, as 512M or 8G (powers of 1024; MB and GB: of 1000); beyond it they go to disk [default: half of what is free]
    #[arg(long, value_name = "SIZE", value_parser = size::memory)]
    memory: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// Aligned columns
    Table,
    /// Comma-separated
    Csv,
    /// An array of objects
    Json,
    /// A Markdown table
    Markdown,
}

/// Runs the command.
///
/// # Errors
/// As [`compare`].
pub(super) fn run(args: CompareArgs) -> Result<u8> {
    let dataset = dataset::open(&Root::named(&args.dataset)?)?;
    let compared = compare(&dataset, args.memory, terminal::interrupt_flag()?)?;
    sentences(&compared, args.format)?;
    if !compared.rows.is_empty() {
        let format = match args.format {
            Form::Table => Format::Table,
            Form::Csv => Format::Csv,
            Form::Json => Format::Json,
            Form::Markdown => Format::Markdown,
        };
        let table = compared.table();
        let mut output = TextOutput::new(format, Vec::new(), "stdout");
        output.begin(&table.schema())?;
        output.rows(&table)?;
        output.end()?;
        terminal::print_rows(&output.finish()?)?;
    }
    Ok(match args.strict && compared.differs() {
        true => DIFFERS,
        false => 0,
    })
}

/// What should be looked at: before the table, or beside rows for a program.
fn sentences(compared: &Compared, form: Form) -> Result<()> {
    let mut lines = compared.warnings.clone();
    lines.extend(
        compared
            .missing
            .iter()
            .map(|why| format!("not compared: {why}")),
    );
    if compared.rows.is_empty() {
        lines.push("there is one label only: nothing to compare".to_owned());
    }
    match form {
        Form::Table => {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            terminal::print(&text)
        }
        _ => {
            lines.iter().for_each(|line| say!("{line}"));
            Ok(())
        }
    }
}
