//! `sysds record`: its options, and the words it says when it is done.

use super::size;
use super::terminal;
use crate::dataset::record_metadata::{EndedBy, RecordMetadata};
use crate::error::{Error, Result};
use crate::record::{LOAD_OUTPUT, RecordOptions, record};
use clap::Args;
use std::path::PathBuf;
use std::time::Duration;

/// Exit status of a recording that was made, but whose command or load failed.
const FAILED_COMMAND: u8 = 3;

/// Records a kernel trace of this machine with LTTng, with what was run meanwhile, for `sysds ingest`.
///
/// Traces all system calls, with the name, process and thread of each, into OUT/trace; OUT/record.json says how it was
/// made and what the load generator measured. It ends when COMMAND or the load ends, when --duration is over, or at
/// Ctrl-C; the LTTng session ends with it, whatever ends it.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sudo sysds record -o normal --label normal --sched \\
    --load 'wrk2 -t2 -c8 -d20s -R15 --latency http://localhost/'
  sudo sysds record -o normal \\
    --load 'ssh client oha -q 15 -z 20s --latency-correction --output-format json http://server/'
  sudo sysds record -o busy --label cpu --noise 'stress-ng --cpu 2' --duration 100s
  sudo sysds record -o urls --access-log /var/log/apache2/sysds.log --duration 100s
  sudo sysds record -o one -- curl -s http://localhost/
  sysds ingest normal busy -o web

Exit status: 0 done, 1 failed (nothing is left behind), 2 wrong call, 3 recorded, but COMMAND or the load failed (or its \
report could not be read), 130 interrupted before tracing began.")]
pub(super) struct RecordArgs {
    /// Folder for the recording; it must not exist
    #[arg(short, long, value_name = "OUT")]
    output: PathBuf,
    /// Label of the recording, which `sysds ingest` takes over
    #[arg(long)]
    label: Option<String>,
    /// Record for so long, at most: 100s, 500ms, 5m or 1h
    #[arg(long, value_name = "TIME", value_parser = duration)]
    duration: Option<Duration>,
    /// Shell line of a load generator; the reports of wrk2, wrk and oha (with its --output-format json) are understood
    #[arg(long, value_name = "COMMAND", conflicts_with = "command")]
    load: Option<String>,
    /// Shell line to run in the background meanwhile; it is ended with the recording
    #[arg(long, value_name = "COMMAND")]
    noise: Option<String>,
    /// Apache's access log, in the format that docs/guide/record.md shows: what is written into it meanwhile goes to
    /// OUT/access.log, and tells `sysds ingest` the URL, status and bytes of each request
    #[arg(long, value_name = "FILE")]
    access_log: Option<PathBuf>,
    /// Trace the scheduler, too: where the time of a request went needs it
    #[arg(long)]
    sched: bool,
    /// Trace the descriptors and processes that are there at the start, too
    #[arg(long)]
    state_dump: bool,
    /// Trace this kernel event, too, by name or pattern (net_dev_queue, 'block_*'); may be given several times
    #[arg(long = "kernel-event", value_name = "EVENT")]
    kernel_events: Vec<String>,
    /// Trace this user-space event, too, by name or pattern ('httpd:*'); may be given several times
    #[arg(long = "user-event", value_name = "EVENT")]
    user_events: Vec<String>,
    /// Size of a sub-buffer, a power of two: 512K, 4M (of 1024) [default: by the memory that is available]
    #[arg(long, value_name = "SIZE", value_parser = size::bytes)]
    subbuf_size: Option<u64>,
    /// Sub-buffers for each CPU, a power of two [default: 8]
    #[arg(long, value_name = "N")]
    num_subbuf: Option<u64>,
    /// Go on where the checks beforehand (rights, modules, daemon, disk) find something missing
    #[arg(long)]
    no_checks: bool,
    /// Show each call of lttng on stderr
    #[arg(short, long, conflicts_with = "quiet")]
    verbose: bool,
    /// Say nothing on stderr but errors
    #[arg(short, long)]
    quiet: bool,
    /// Command to record, to its end
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

/// A number and a unit of time.
fn duration(text: &str) -> Result<Duration, String> {
    let units = [
        ("s", 1.0),
        ("", 1.0),
        ("ms", 1e-3),
        ("m", 60.0),
        ("h", 3600.0),
    ];
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let mut units = units.iter();
    let factor = units.find(|(name, _)| name.eq_ignore_ascii_case(unit));
    match (number.parse::<f64>(), factor) {
        (Ok(n), Some((_, factor))) if n > 0.0 => {
            Duration::try_from_secs_f64(n * factor).map_err(|e| e.to_string())
        }
        _ => Err("a number and a unit, as in 100s".to_owned()),
    }
}

/// Runs the command.
///
/// # Errors
/// As [`record`].
pub(super) fn run(args: RecordArgs) -> Result<u8> {
    if args.label.as_deref() == Some("") {
        return Err(Error::usage("--label: empty", "Leave it out for no label."));
    }
    let quiet = args.quiet;
    let output = args.output.clone();
    let options = options(args);
    let interrupted = terminal::ending_flag()?;
    let recorded = record(&options, &interrupted, &mut |words| {
        if !quiet {
            say!("{words}");
        }
    })?;
    let failures = failures(&recorded, &output);
    if !quiet {
        report(&recorded, &output);
    }
    failures.iter().for_each(|f| say!("warning: {f}"));
    Ok(if failures.is_empty() {
        0
    } else {
        FAILED_COMMAND
    })
}

fn options(args: RecordArgs) -> RecordOptions {
    RecordOptions {
        output: args.output,
        label: args.label,
        duration: args.duration,
        command: args.command,
        load: args.load,
        noise: args.noise,
        access_log: args.access_log,
        sched: args.sched,
        state_dump: args.state_dump,
        kernel_events: args.kernel_events,
        user_events: args.user_events,
        subbuf_size: args.subbuf_size,
        num_subbuf: args.num_subbuf,
        unchecked: args.no_checks,
        verbose: args.verbose,
    }
}

/// Says on stderr what was recorded.
fn report(recorded: &RecordMetadata, output: &std::path::Path) {
    let seconds = recorded.duration_ns as f64 / 1e9;
    say!("{}: {seconds:.1} s recorded", output.display());
    if let Some(s) = recorded.load.as_ref().and_then(|l| l.summary.as_ref()) {
        let asked = s.rate_asked.map(|r| format!(" of {r}")).unwrap_or_default();
        let rate = s.rate_reached;
        let (requests, errors) = (s.requests, s.error_count());
        say!("load: {requests} requests, {rate:.2}{asked} a second, {errors} errors");
    }
    if let Some(log) = &recorded.access_log {
        say!("access log: {} lines", log.lines);
    }
    if recorded.discarded_events + recorded.lost_packets > 0 {
        say!(
            "warning: the tracer discarded {} events and {} packets: make the buffers larger (--subbuf-size, --num-subbuf)",
            recorded.discarded_events,
            recorded.lost_packets
        );
    }
    if recorded.ended_by == EndedBy::Disk {
        say!("warning: it ended early, because the disk was nearly full");
    }
    say!("next: sysds ingest {} -o DATASET", output.display());
}

/// What failed of what ran meanwhile.
fn failures(recorded: &RecordMetadata, output: &std::path::Path) -> Vec<String> {
    let mut failures = Vec::new();
    let ended = recorded.ended_by == EndedBy::Command;
    let command = recorded.command.as_ref().map(|c| c.status);
    let load = recorded.load.as_ref();
    for (what, status) in [
        ("the command", command),
        ("the load", load.map(|l| l.status)),
    ] {
        match status {
            Some(Some(0)) | None => {}
            Some(Some(status)) => failures.push(format!("{what} failed: exit status {status}")),
            Some(None) if ended => failures.push(format!("{what} was ended by a signal")),
            Some(None) => failures.push(format!("{what} was stopped before its end")),
        }
    }
    if load.is_some_and(|l| l.summary.is_none()) {
        failures.push(format!(
            "what the load printed is no report of wrk2, wrk or oha (--output-format json): see {}",
            output.join(LOAD_OUTPUT).display()
        ));
    }
    failures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(duration("100s"), Ok(Duration::from_secs(100)));
        assert_eq!(duration("1.5m"), Ok(Duration::from_secs(90)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("20"), Ok(Duration::from_secs(20)));
        assert!(duration("0s").is_err() && duration("-1s").is_err() && duration("5 days").is_err());
    }
}
