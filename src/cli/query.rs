//! `sysds query`: its options, and where results go.

use super::{cluster, script, shell, size, terminal};
use crate::dataset;
use crate::dataset::root::{Root, refuse_url};
use crate::error::{Error, Result};
use crate::process::threads;
use crate::query::output::{FileOutput, Format, ParquetOutput, TextOutput};
use crate::query::{Access, Session};
use clap::{Args, ValueEnum};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// Runs SQL on a dataset, or opens a shell for it.
///
/// The tables are `events`, `requests`, `downstream`, `losses` and `recordings`; arguments of events are reached by name,
/// as in `args['filename']`, and a request's events as rows with `unnest(events)`.
///
/// SQL only reads, and only the dataset. `COPY (SELECT …) TO 'file.parquet'` writes below the folders of --allow-write, and
/// `CREATE EXTERNAL TABLE` reads below those of --allow-read; nothing is ever written into a dataset. The queries that ship
/// with the program write where a parameter says (-p out=…) without more: naming the target allows it. That is for their text
/// as shipped; a changed copy needs --allow-write, as any other SQL does.
///
/// Without SQL, on a terminal, a shell opens: statements end with a semicolon, Tab completes names, \? says what else there
/// is, and Ctrl-D leaves.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sysds query latency -d web
  sysds query split -d web -p fraction=0.7 -p by=time -p out=web-split
  sysds query -d web
  sysds query -d web \\
    -e \"SELECT name, count(*) AS n FROM events GROUP BY name ORDER BY n DESC LIMIT 10\"
  sysds query slow.sql -d web -p ms=250 --format csv -o slow.csv
  sysds query latency -d s3://traces/web --cluster df://node1,node2,node3
  sysds query -d web --allow-write out -e \"COPY (SELECT * FROM losses) TO 'out/losses.csv'\"
  sysds query -d web --allow-read hosts.csv \\
    -e \"CREATE EXTERNAL TABLE hosts STORED AS CSV LOCATION 'hosts.csv'; SELECT * FROM hosts\"

In slow.sql, `$ms` stands for the parameter, and a comment at the top can give it a default value:
  -- The slow requests.
  -- $ms = 250  from how many milliseconds on a request is slow
  SELECT * EXCLUDE (events) FROM requests WHERE duration_ns >= $ms * 1000000")]
pub(super) struct QueryArgs {
    /// A file of SQL statements, the name of a shipped query (see --list), or - for stdin; on a terminal, nothing for a shell
    #[arg(value_name = "FILE.sql|NAME|-")]
    script: Option<String>,
    /// SQL statements to run instead
    #[arg(
        short,
        long,
        value_name = "SQL",
        conflicts_with = "script",
        allow_hyphen_values = true
    )]
    execute: Option<String>,
    /// Folder of the dataset, or its URL (s3://BUCKET/FOLDER, gs://, az://)
    #[arg(short, long, value_name = "DATASET", default_value = ".")]
    dataset: PathBuf,
    /// Value of a parameter: `$NAME` in the SQL; quotes make it a string (-p id="'12'")
    #[arg(short, long = "parameter", value_name = "NAME=VALUE", value_parser = script::parameter)]
    parameters: Vec<(String, String)>,
    /// Format of the results; parquet needs -o
    #[arg(long, value_enum, default_value_t = OutputFormat::Table)]
    format: OutputFormat,
    /// File for the results, instead of stdout; one that is there is replaced
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Folder below which COPY may write; may be given several times
    #[arg(long, value_name = "DIR")]
    allow_write: Vec<PathBuf>,
    /// File or folder outside of the dataset that SQL may read; may be given several times
    #[arg(long, value_name = "PATH")]
    allow_read: Vec<PathBuf>,
    /// Let COPY replace a file that is there (never a folder)
    #[arg(long)]
    force: bool,
    /// In CSV, put ' before a text that a spreadsheet would take for a formula (= + - @, tab, carriage return)
    #[arg(long)]
    csv_safe: bool,
    /// Memory for sorting, grouping and joining, as 512M or 8G (powers of 1024; MB and GB: of 1000); beyond it they go to disk [default: half of what is free]
    #[arg(long, value_name = "SIZE", value_parser = size::memory)]
    memory: Option<usize>,
    /// Carry statements out on the executors at these addresses, separated by commas; the dataset must be there for all of them under this path or URL
    #[arg(long, value_name = "df://HOST:PORT,…")]
    cluster: Option<String>,
    /// List the queries that go by a bare name
    #[arg(long)]
    list: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OutputFormat {
    /// Aligned columns
    Table,
    /// Comma-separated; NULL is nothing, an empty string is ""
    Csv,
    /// An array of objects for each result
    Json,
    /// An object a line
    Ndjson,
    /// A Markdown table
    Markdown,
    /// A Parquet file
    Parquet,
}

impl OutputFormat {
    /// `None` for Parquet, which is no text.
    fn text(self, csv_safe: bool) -> Option<Format> {
        match self {
            OutputFormat::Table => Some(Format::Table),
            OutputFormat::Csv if csv_safe => Some(Format::CsvSafe),
            OutputFormat::Csv => Some(Format::Csv),
            OutputFormat::Json => Some(Format::Json),
            OutputFormat::Ndjson => Some(Format::Ndjson),
            OutputFormat::Markdown => Some(Format::Markdown),
            OutputFormat::Parquet => None,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// [`Error::Sql`] for mistakes in the SQL, [`Error::Input`] where there is no dataset, [`Error::Usage`] and
/// [`Error::Io`] for options and files.
pub(super) fn run(args: QueryArgs) -> Result<u8> {
    let done = match args.list {
        true => list(),
        false => deep(args),
    };
    match done {
        Err(e) if is_closed_stdout(&e) => Ok(0),
        done => done.map(|()| 0),
    }
}

/// Stack of the thread that plans; only what is used of it takes memory.
const STACK: usize = 64 << 20;

/// What errors call the standard output.
const STDOUT: &str = "stdout";

/// Whether the reader of our output had enough, as `head` has: no failure.
fn is_closed_stdout(e: &Error) -> bool {
    matches!(e, Error::Io { path, source, .. }
        if path == Path::new(STDOUT) && source.kind() == io::ErrorKind::BrokenPipe)
}

fn list() -> Result<()> {
    let mut out = io::stdout().lock();
    let written = out.write_all(script::list()?.as_bytes());
    written.map_err(Error::io("write", Path::new(STDOUT)))
}

/// Runs the query in a thread whose stack is deep enough for every statement that is accepted, wherever the limit for
/// stacks is.
fn deep(args: QueryArgs) -> Result<()> {
    let thread = threads::spawn_with("sql", STACK, move || query(args))?;
    threads::ended(thread.join())?
}

fn query(args: QueryArgs) -> Result<()> {
    if args.format == OutputFormat::Parquet && args.output.is_none() {
        return Err(Error::usage(
            "--format parquet writes a file, and none is named",
            "Name it with -o FILE.",
        ));
    }
    if let Some(output) = &args.output {
        refuse_url(output, "results are written to")?;
    }
    if args.script.is_none() && args.execute.is_none() {
        return in_shell(args);
    }
    let source = script::source(args.script.as_deref(), args.execute)?;
    let access = Access::new(&args.allow_write, &args.allow_read, args.force)?;
    let machines = cluster::machines(args.cluster.as_deref())?;
    let dataset = dataset::open(&Root::named(&args.dataset)?)?;
    let interrupted = terminal::interrupt_flag()?;
    let machines = machines.as_deref();
    let session = Session::open_with(&dataset, args.memory, interrupted, access, machines)?;
    let given = &args.parameters;
    match (args.format.text(args.csv_safe), args.output) {
        (Some(format), None) => {
            let mut output = TextOutput::new(format, terminal::rows_out(), STDOUT);
            session.run(&source, given, &mut output)?;
            output.finish().map(drop)
        }
        (Some(format), Some(path)) => {
            let mut output = FileOutput::create(format, &path)?;
            session.run(&source, given, &mut output)?;
            output.finish()
        }
        (None, path) => {
            let mut output = ParquetOutput::create(&path.unwrap_or_default())?;
            session.run(&source, given, &mut output)?;
            output.finish()
        }
    }
}

/// Opens the shell, where there is a terminal for it.
fn in_shell(args: QueryArgs) -> Result<()> {
    if !shell::has_terminal() {
        return Err(Error::usage(
            "no query is given, and a shell needs a terminal as stdin and stdout",
            "Name a file of SQL, a shipped query (sysds query --list), or - for stdin, or give SQL with -e.",
        ));
    }
    let format = args.format.text(args.csv_safe);
    let (Some(format), None, true) = (format, &args.output, args.parameters.is_empty()) else {
        return Err(Error::usage(
            "no query is given; -o, -p and --format parquet are for one, and not for the shell",
            "Name a file of SQL or a shipped query (sysds query --list), or give SQL with -e.",
        ));
    };
    let access = Access::new(&args.allow_write, &args.allow_read, args.force)?;
    let machines = cluster::machines(args.cluster.as_deref())?;
    let dataset = dataset::open(&Root::named(&args.dataset)?)?;
    let interrupted = terminal::shell_flag()?;
    let machines = machines.as_deref();
    let session = Session::open_with(&dataset, args.memory, interrupted, access, machines)?;
    shell::run(session, format)
}
