//! `sysds sequences`: its options, and the table that it prints.

use super::split::SplitArgs;
use super::{size, terminal};
use crate::dataset::root::{Root, refuse_url};
use crate::error::{Error, Result};
use crate::sequences::{Control, Kinds, Manifest, Options, Reach, make};
use crate::shown::shown_path;
use crate::split::names::place;
use clap::{Args, ValueEnum};
use std::fmt::Write;
use std::path::PathBuf;

/// Writes each request as arrays of integers to train sequence models on, and their vocabulary.
///
/// A row is a complete request, with a value for each of its events between a start and an end mark: the call, whether it is
/// entry or exit, the time since the event before, the thread and its name, the result, and with --arguments what the call
/// was given. Names are codes of a vocabulary that is made of the training requests alone.
///
/// FOLDER gets data/PART-00000-of-00001.parquet and so on, vocabulary.parquet, and sequences.json, which says what the codes
/// below 6 mean and how much of everything there is. docs/guide/sequences.md has all columns.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sysds sequences web-1.0.0 -o web-sequences
  sysds sequences web --split time -p fraction=0.7 --reach window --arguments -o windows
  sysds sequences web-1.0.0 --events 'read,write,sched_*' --max-length 512 -o short

Exit status: 0 done, 1 failed (nothing is left behind), 2 wrong call, 4 done, but the table could not be printed, 130 interrupted.")]
pub(super) struct SequencesArgs {
    /// The release, or the dataset: its folder, or its URL (s3://BUCKET/FOLDER, gs://, az://)
    #[arg(value_name = "DATASET")]
    source: PathBuf,
    /// Folder to write; it must not hold anything
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
    /// Which events are a request's
    #[arg(long, value_enum, value_name = "REACH", default_value_t = Wanted::Own)]
    reach: Wanted,
    /// Which of them are taken: syscalls, all, or names and patterns, as 'read,write,sched_*'
    #[arg(long, value_name = "EVENTS", default_value = "syscalls", value_parser = Kinds::read)]
    events: Kinds,
    /// Write arguments, too: descriptor, size, flags, path
    #[arg(long)]
    arguments: bool,
    /// Events of a request that are written; of a longer one the first, with a mark that it is cut. 0 for all
    #[arg(long, value_name = "EVENTS", default_value_t = 2048)]
    max_length: usize,
    /// Requests at the begin of each recording that are left out, while the server warms up
    #[arg(long, value_name = "REQUESTS", default_value_t = 0)]
    skip_first: u64,
    /// Components of paths that get a code: the most frequent ones
    #[arg(
        long,
        value_name = "WORDS",
        default_value_t = 4096,
        requires = "arguments"
    )]
    path_words: usize,
    #[command(flatten)]
    split: SplitArgs,
    /// Size of a file on disk, as 500MB or 2GB (powers of 1000; M and MiB: of 1024)
    #[arg(long, value_name = "SIZE", default_value = "250MB", value_parser = size::bytes)]
    shard_size: u64,
    /// Memory for splitting, as 512M or 8G (powers of 1024; MB and GB: of 1000); beyond it goes to disk [default: half of what is free]
    #[arg(long, value_name = "SIZE", value_parser = size::memory)]
    memory: Option<usize>,
    /// Say nothing on stderr but errors
    #[arg(short, long)]
    quiet: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Wanted {
    /// Its own
    Own,
    /// Its own, and those of what other processes did for it (the table downstream)
    Causal,
    /// All of the machine, from its first event to its last
    Window,
}

/// Runs the command.
///
/// # Errors
/// As [`make`].
pub(super) fn run(args: SequencesArgs) -> Result<u8> {
    let (quiet, output) = (args.quiet, args.output.clone());
    if quiet {
        crate::process::be_quiet();
    }
    let options = options(args)?;
    let mut meter = terminal::Meter::new(quiet);
    let mut control = Control {
        interrupted: terminal::interrupt_flag()?,
        progress: &mut |done, total| meter.show_rows(done, total),
    };
    let made = make(&options, &mut control);
    meter.clear();
    let made = made?;
    if !quiet {
        let output = shown_path(&output);
        say!(
            "{output}: {} parts, in {:.1} s",
            made.parts.len(),
            meter.elapsed()
        );
        told(&made);
    }
    let printed = terminal::print(&table(&made));
    printed.map(|()| 0).map_err(|e| Error::InPlace {
        target: output,
        what: format!(
            "what there is of each part could not be printed: {}",
            e.reason()
        ),
        remedy: "It stands in sequences.json, too.".to_owned(),
    })
}

fn options(args: SequencesArgs) -> Result<Options> {
    refuse_url(&args.output, "sequences are written to")?;
    Ok(Options {
        source: Root::named(&args.source)?,
        output: args.output,
        reach: match args.reach {
            Wanted::Own => Reach::Own,
            Wanted::Causal => Reach::Causal,
            Wanted::Window => Reach::Window,
        },
        kinds: args.events,
        arguments: args.arguments,
        longest: (args.max_length > 0).then_some(args.max_length),
        skip: args.skip_first,
        path_words: args.path_words,
        split: args.split.strategy()?,
        shard_bytes: args.shard_size,
        memory: args.memory,
    })
}

/// Says on stderr what is not in the sequences.
fn told(made: &Manifest) {
    let left_out = &made.left_out;
    let reasons = [
        (left_out.incomplete, "not complete or touched by losses"),
        (
            left_out.skipped,
            "at the begin of a recording (--skip-first)",
        ),
        (left_out.omitted, "with events that are not linked to them"),
        (left_out.without_part, "in no part of the split"),
        (left_out.empty, "without one of these events"),
    ];
    for (requests, why) in reasons.iter().filter(|(requests, _)| *requests > 0) {
        say!("left out: {requests} requests {why}");
    }
    let cut: u64 = made.parts.values().map(|part| part.truncated).sum();
    if let (1.., Some(longest)) = (cut, made.max_length) {
        say!("cut: {cut} requests after {longest} events (--max-length)");
    }
}

/// The parts, a line each.
fn table(made: &Manifest) -> String {
    let head = [
        "part",
        "requests",
        "events",
        "truncated",
        "unknown_calls",
        "unknown_processes",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    let mut parts: Vec<_> = made.parts.iter().collect();
    parts.sort_by_key(|(name, _)| place(name));
    rows.extend(parts.into_iter().map(|(name, part)| {
        let numbers = [
            part.requests,
            part.events,
            part.truncated,
            part.unknown_calls,
            part.unknown_processes,
        ];
        let [a, b, c, d, e] = numbers.map(|number| number.to_string());
        [name.clone(), a, b, c, d, e]
    }));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..head.len()).filter_map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match column {
            0 => format!("{cell:width$}"),
            _ => format!("{cell:>width$}"),
        });
        let cells: Vec<String> = cells.collect();
        let _ = writeln!(text, "{}", cells.join("  "));
    }
    text
}
