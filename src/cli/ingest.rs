//! `sysds ingest`: its options, and the words it says when it is done.

use super::ingest_list::{self, DAMAGED, ListArgs};
use super::reader::ReaderArgs;
use super::select::SelectArgs;
use super::terminal::{self, Meter};
use crate::dataset::access_lines::AccessLines;
use crate::dataset::codec::Codec;
use crate::dataset::manifest::Manifest;
use crate::dataset::options::{RequestArguments, RequestEnd};
use crate::dataset::root::{Root, refuse_url};
use crate::dataset::{self, classes};
use crate::error::{Error, Result};
use crate::ingest::{Control, IngestOptions, LabelFile, ingest};
use crate::requests;
use crate::requests::rules::{self, Rule};
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use glob::Pattern;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

/// Reads traces and writes them as a dataset: the Parquet tables events, requests, downstream and losses, and manifest.json.
///
/// TRACE is a folder that LTTng wrote (the one that holds `kernel/`), or any folder above such folders; traces are
/// found by their `metadata` file. All CTF traces of one tracing session are read on one time line.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sysds ingest ~/lttng-traces/web-20261123-230639 -o web
  sysds ingest normal cpu -o web --label normal --label cpu --requests exchange
  sysds ingest later -o web --append --label memory
  sysds ingest attacked -o web --label normal --labels attacks.csv
  sysds ingest ~/lttng-traces -o all --jobs 4
  sysds ingest --list fleet.csv -o all --report report.csv
  sysds query latency -d web

Exit status: 0 done, 1 failed (nothing is left behind), 2 wrong call, 3 done with --keep-going, but some input was \
damaged (manifest.json says what was lost), 4 done, but what was replaced is left beside it or the disk did not take it \
for good (the message says which), 5 some recordings of a list failed (the others are in the dataset), 130 interrupted.")]
pub(super) struct IngestArgs {
    /// Folders to look for traces in
    #[arg(required_unless_present = "list", value_name = "TRACE")]
    traces: Vec<PathBuf>,
    /// Folder of the dataset: a path, or a URL (s3://BUCKET/FOLDER, gs://, az://; docs/guide/stores.md)
    #[arg(short, long, value_name = "DATASET")]
    output: PathBuf,
    /// Replace a dataset that stands there already; refused where anything in its folder is not the dataset's
    #[arg(long)]
    force: bool,
    /// Append to the dataset that stands there, with the options that it was made with; where nothing is, make it
    #[arg(long, conflicts_with = "force")]
    append: bool,
    /// Label for the column `label`: once for all traces, or once for each TRACE, in their order
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// Labels of parts of the recordings: CSV with the columns begin, end, label, and recording (trace_id or folder) where there
    /// are several. Times as for --begin, or after the first event as +1m30.5s; the end is not in it, and an empty border is
    /// that of the recording
    #[arg(long = "labels", value_name = "FILE")]
    label_file: Option<PathBuf>,
    /// What a request is [default: connection]
    #[arg(long, value_name = "RULE", value_parser = rule_parser())]
    requests: Option<&'static Rule>,
    /// Only requests of threads of this name (15 bytes of it count)
    #[arg(long, value_name = "NAME")]
    server: Option<String>,
    /// Which call on the connection ends a request [default: close]
    #[arg(long, value_enum)]
    request_end: Option<End>,
    /// Arguments of the events nested in requests [default: struct]
    #[arg(long, value_enum)]
    request_args: Option<RequestArgs>,
    /// Events that a request carries at most; what is more stays in the table events, and is counted [default: 100000]
    #[arg(long, value_name = "N")]
    max_request_events: Option<usize>,
    /// Compression of the Parquet files: zstd (of level 3), zstd:LEVEL, snappy or none
    #[arg(long, value_name = "CODEC", default_value_t)]
    compression: Codec,
    /// Keep what comes before a damage in each stream, instead of failing
    #[arg(long)]
    keep_going: bool,
    #[command(flatten)]
    list: ListArgs,
    #[command(flatten)]
    select: SelectArgs,
    /// Only arguments whose name (filename, prev_*) fits GLOB get columns in args; may be given several times
    #[arg(long, value_name = "GLOB", value_parser = Pattern::new)]
    columns: Vec<Pattern>,
    #[command(flatten)]
    reader: ReaderArgs,
    /// Recordings that are read at once, which makes no difference to the dataset; babeltrace2 reads one after the other
    /// [default: one for every 4 CPUs, as long as each can have 300 MB of half the free memory]
    #[arg(long, value_name = "N")]
    jobs: Option<NonZeroUsize>,
    /// Say nothing on stderr but errors
    #[arg(short, long)]
    quiet: bool,
}

/// The rules by their names.
fn rule_parser() -> impl TypedValueParser<Value = &'static Rule> {
    let names = rules::ALL
        .iter()
        .map(|rule| PossibleValue::new(rule.name).help(rule.summary));
    PossibleValuesParser::new(names).map(|name| rules::named(&name).expect("one of them"))
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum End {
    /// The return of close
    Close,
    /// The return of shutdown, or of close where it comes first
    Shutdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RequestArgs {
    /// A structure by field name, as in events
    Struct,
    /// None: they are in events
    None,
}

/// Runs the command.
///
/// # Errors
/// As [`ingest`].
pub(super) fn run(mut args: IngestArgs) -> Result<u8> {
    for trace in &args.traces {
        refuse_url(trace, "traces are read from")?;
    }
    args.append |= args.list.list.is_some();
    let output = Root::named(&args.output)?;
    if args.append {
        as_before(&mut args, &output)?;
    }
    if args.max_request_events == Some(0) {
        return Err(Error::usage(
            "--max-request-events 0: a request has at least the event that begins it",
            "Leave the arguments of nested events out with --request-args none instead.",
        ));
    }
    let rule = args.requests.unwrap_or(rules::ALL[0]);
    if args.request_end == Some(End::Shutdown) && !rule.may_end_at_shutdown {
        let rules = rules::ALL.iter().filter(|rule| rule.may_end_at_shutdown);
        let names: Vec<&str> = rules.map(|rule| rule.name).collect();
        return Err(Error::usage(
            format!(
                "--request-end shutdown goes with --requests {} only",
                names.join(" or ")
            ),
            "The other rules say themselves where a request ends: leave --request-end out.",
        ));
    }
    let quiet = args.quiet;
    if quiet {
        crate::process::be_quiet();
    }
    if args.list.list.is_some() {
        let (list, options) = options(args, output)?;
        return ingest_list::run(&list, &options, quiet);
    }
    let interrupted = terminal::interrupt_flag()?;
    let mut meter = Meter::new(quiet);
    let result = ingest(
        options(args, output.clone())?.1,
        &mut Control {
            interrupted: &interrupted,
            progress: &mut |progress| meter.show(progress),
        },
    );
    meter.clear();
    let manifest = result?;
    if !quiet {
        report(&manifest, &output, meter.elapsed());
        without_effect(&manifest, &output);
    }
    Ok(if manifest.damaged { DAMAGED } else { 0 })
}

/// Options that were not given are those that the dataset was made with.
fn as_before(args: &mut IngestArgs, root: &Root) -> Result<()> {
    if !dataset::is_there(root)? {
        return Ok(());
    }
    dataset::refuse_others(root)?;
    let made = Manifest::read(root)?.options;
    let requests = rules::named(&made.requests);
    args.requests = args.requests.or(requests);
    args.request_end = args.request_end.or(Some(match made.end {
        RequestEnd::Close => End::Close,
        RequestEnd::Shutdown => End::Shutdown,
    }));
    args.request_args = args.request_args.or(Some(match made.request_args {
        RequestArguments::Struct => RequestArgs::Struct,
        RequestArguments::None => RequestArgs::None,
    }));
    let most = made
        .max_request_events
        .and_then(|n| usize::try_from(n).ok());
    args.max_request_events = args.max_request_events.or(most);
    args.server = args.server.take().or(made.server);
    let globs = |texts: &[String]| -> Vec<Pattern> {
        let patterns = texts.iter().filter_map(|text| Pattern::new(text).ok());
        patterns.collect()
    };
    if args.columns.is_empty() {
        args.columns = globs(&made.columns);
    }
    args.select.events_or(|| globs(&made.events));
    Ok(())
}

/// What of the options concerns lists, and the others.
fn options(args: IngestArgs, output: Root) -> Result<(ListArgs, IngestOptions)> {
    let defaults = requests::RuleOptions::default();
    let label_file = args
        .label_file
        .as_deref()
        .map(LabelFile::read)
        .transpose()?;
    let options = IngestOptions {
        traces: args.traces,
        output,
        force: args.force,
        append: args.append,
        codec: args.compression,
        labels: args.labels,
        label_file: label_file.map(Arc::new),
        rule: requests::RuleOptions {
            rule: args.requests.unwrap_or(rules::ALL[0]),
            end_at_shutdown: args.request_end == Some(End::Shutdown),
            server: args.server,
            max_nested: args.max_request_events.unwrap_or(defaults.max_nested),
            ..defaults
        },
        request_args: args.request_args != Some(RequestArgs::None),
        keep_going: args.keep_going,
        reader: args.reader.choice(),
        selection: args.select.selection(args.columns)?,
        jobs: args.jobs,
    };
    Ok((args.list, options))
}

/// Says on stderr which of the options that choose something fit nothing: most often they are misspelt.
fn without_effect(manifest: &Manifest, output: &Root) {
    let options = &manifest.options;
    // Of an append it was said when the dataset was made. It is in place, whatever comes of this.
    let chosen = (options.events.len() + options.columns.len()) > 0;
    let read = match chosen && manifest.appended.is_empty() {
        true => classes::read(output, manifest),
        false => return no_request(manifest),
    };
    let Ok(read) = read else { return };
    let classes = || read.iter().flat_map(|c| &c.classes).map(|c| &c.class);
    let fits = |glob: &str, name: &str| Pattern::new(glob).is_ok_and(|p| p.matches(name));
    for glob in &options.events {
        if !classes().any(|c| fits(glob, &c.full_name) || fits(glob, &c.name)) {
            say!("warning: --events {glob}: no event of these traces is called so");
        }
    }
    for glob in &options.columns {
        if !classes().any(|c| c.payload.iter().any(|field| fits(glob, &field.name))) {
            say!("warning: --columns {glob}: no argument of these events is called so");
        }
    }
    no_request(manifest);
}

fn no_request(manifest: &Manifest) {
    if let Some(server) = &manifest.options.server
        && manifest.requests == 0
    {
        say!("warning: --server {server}: no request is of a thread of this name");
    }
}

/// Says on stderr how access logs and requests went together.
fn logged(manifest: &Manifest) {
    let all = || manifest.recordings.iter();
    let of_all = || all().filter_map(|r| r.access_log.as_ref());
    if of_all().next().is_none() {
        return;
    }
    let sum = |get: fn(&AccessLines) -> u64| of_all().map(get).sum::<u64>();
    say!(
        "access log: {} of {} lines belong to requests; {} requests have one, {} have several, {} have none",
        sum(|l| l.matched),
        sum(|l| l.lines),
        sum(|l| l.requests_with_one),
        sum(|l| l.requests_with_several),
        sum(|l| l.requests_with_none)
    );
    let none = |l: &AccessLines| l.lines > 0 && l.matched == 0;
    for recording in all().filter(|r| r.access_log.as_ref().is_some_and(none)) {
        say!(
            "warning: {}: no line of its access log belongs to a request: the log is of another server, or its clock was set \
             meanwhile (docs/guide/record.md)",
            recording.path
        );
    }
}

/// Says on stderr what was made and what was lost.
fn report(manifest: &Manifest, output: &Root, seconds: f64) {
    let bytes: u64 = manifest.tables.values().map(|t| t.bytes).sum();
    say!(
        "{}: {} events, {} requests ({} incomplete), {:.1} MB, in {:.1} s",
        output.path().display(),
        manifest.events,
        manifest.requests,
        manifest.incomplete_requests,
        bytes as f64 / 1e6,
        seconds
    );
    if manifest.discarded_events + manifest.discarded_packets > 0 {
        say!(
            "warning: the tracer discarded {} events and {} packets: see the table losses",
            manifest.discarded_events,
            manifest.discarded_packets
        );
    }
    for recording in &manifest.recordings {
        let (Some(derived), path) = (&recording.derived, &recording.path) else {
            continue;
        };
        match derived.remedy() {
            Some(remedy) => say!(
                "warning: {path}: {derived}: tid is null there, and they make no requests. {remedy}"
            ),
            None => say!("{path}: derived: {derived}"),
        }
    }
    logged(manifest);
    for damage in manifest.recordings.iter().flat_map(|r| &r.damage) {
        say!(
            "warning: {}: {}; what follows in this stream is lost",
            damage.place,
            damage.what
        );
    }
}
