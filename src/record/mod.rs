//! From a running server to a trace with its record: an LTTng session, and what goes on while it traces.
//!
//! ```text
//! check ─► folder aside ─► session, watchdog ─► start ─► noise, load or command ─► wait ─► stop, losses, destroy
//!       ─► access log ─► rename
//! ```
//!
//! What each step has begun, it ends by itself when a later one fails.

mod access_log;
mod buffers;
mod checks;
mod children;
mod folder;
mod load;
mod lttng;
mod session;

use crate::dataset::record_metadata::{
    self, CopiedLog, EndedBy, FORMAT_VERSION, Load, Machine, Ran, RecordMetadata, TRACE,
};
use crate::dataset::timestamp;
use crate::error::{Error, Result};
use crate::process::stop::go_on;
use access_log::AccessLog;
use buffers::Buffers;
use children::Running;
use folder::Folder;
use lttng::Lost;
use session::Session;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The scheduler's events that `sysds ingest` makes use of, and what tells of processes that come and go.
const SCHED: [&str; 8] = [
    "sched_switch",
    "sched_waking",
    "sched_wakeup",
    "sched_wakeup_new",
    "sched_migrate_task",
    "sched_process_fork",
    "sched_process_exec",
    "sched_process_exit",
];
/// What says which descriptors and processes were there before the first event.
const STATE_DUMP: &str = "lttng_statedump_*";
/// Context fields of kernel events, and of user-space events.
const CONTEXTS: [&str; 3] = ["procname", "pid", "tid"];
const USER_CONTEXTS: [&str; 3] = ["procname", "vpid", "vtid"];
/// Name of the channels.
const CHANNEL: &str = "sysds";
/// File for what the load prints.
pub(crate) const LOAD_OUTPUT: &str = "load.out";
/// How often what may end a recording is looked at, and how often the disk is.
const TICK: Duration = Duration::from_millis(20);
const DISK_TICK: Duration = Duration::from_secs(1);

/// What to record.
#[derive(Debug, Clone, Default)]
pub(crate) struct RecordOptions {
    /// Folder for the recording.
    pub output: PathBuf,
    /// Its label.
    pub label: Option<String>,
    /// How long to record at most; until the command or the load ends, or the user says so, where it is not given.
    pub duration: Option<Duration>,
    /// A command to record.
    pub command: Vec<String>,
    /// A shell line that runs a load generator.
    pub load: Option<String>,
    /// A shell line to run in the background meanwhile.
    pub noise: Option<String>,
    /// The server's access log.
    pub access_log: Option<PathBuf>,
    /// Whether to trace the scheduler.
    pub sched: bool,
    /// Whether to trace the state at the start.
    pub state_dump: bool,
    /// More kernel events, by name or pattern.
    pub kernel_events: Vec<String>,
    /// User-space events, by name or pattern.
    pub user_events: Vec<String>,
    /// Bytes of a sub-buffer.
    pub subbuf_size: Option<u64>,
    /// Sub-buffers for each CPU.
    pub num_subbuf: Option<u64>,
    /// Whether to go on without the checks of rights, modules, daemon and disk.
    pub unchecked: bool,
    /// Whether to show each call of `lttng` on stderr.
    pub verbose: bool,
}

/// Records, until something ends it, and gives the record as it was written.
///
/// `tell` is called with what a person should know meanwhile.
///
/// # Errors
/// [`Error::Tracer`] for what is missing or fails, [`Error::Usage`] for options that do not fit and an output that exists,
/// [`Error::Io`], and [`Error::Interrupted`] before tracing began. No session and no process is left then, and no folder
/// either, unless tracing had begun: what was traced is kept aside, and told of.
pub(crate) fn record(
    options: &RecordOptions,
    interrupted: &AtomicBool,
    tell: &mut dyn FnMut(&str),
) -> Result<RecordMetadata> {
    let (machine, available) = checks::machine()?;
    if !options.unchecked {
        checks::check(options.verbose)?;
    }
    let channels = if options.user_events.is_empty() { 1 } else { 2 };
    let asked = (options.subbuf_size, options.num_subbuf);
    let buffers = Buffers::choose(asked, channels, machine.cpus, available)?;
    for dir in folder::abandoned(&options.output) {
        tell(&format!(
            "{}: left by a recording that was killed; `sysds ingest` reads it, remove it if it can go",
            dir.display()
        ));
    }
    for name in session::destroy_abandoned(options.verbose)? {
        tell(&format!(
            "destroyed {name}, the session of a recording that was killed"
        ));
    }
    let log = options.access_log.as_ref();
    let log = log.map(|path| AccessLog::open(path, options.unchecked));
    let mut log = log.transpose()?;
    let mut folder = Folder::begin(&options.output)?;
    if !options.unchecked {
        checks::disk(&folder.dir)?;
    }
    let mut session = Session::create(&folder.dir.join(TRACE), options.verbose)?;
    let traced = enable(&session, options, buffers)?;
    go_on(interrupted)?;
    log.as_mut().map(AccessLog::begin_here).transpose()?;
    session.lttng(&["start", &session.name])?;
    let started = timestamp::now();
    tell(&until(options));
    let (duration, done) = while_tracing(&mut session, options, &folder.dir, interrupted)?;
    tell("stopping, and waiting until all is written");
    folder.keep();
    let aside = folder.dir.clone();
    let finish = || {
        let lost = session.end()?;
        let copied = copy(log, &folder.dir, tell)?;
        let recorded = describe(
            options,
            traced,
            machine,
            (started, duration),
            done,
            (lost, copied),
        );
        recorded.write(&folder.dir)?;
        folder.commit()?;
        Ok(recorded)
    };
    finish().inspect_err(|_| tell(&format!("what was traced is kept in {}", aside.display())))
}

/// Copies the access log, if there is one.
fn copy(
    log: Option<AccessLog>,
    dir: &Path,
    tell: &mut dyn FnMut(&str),
) -> Result<Option<CopiedLog>> {
    let Some(log) = log else {
        return Ok(None);
    };
    let (copied, told) = log.copy(dir)?;
    told.iter().for_each(|words| tell(words));
    Ok(Some(copied))
}

/// What ends the recording, for a person.
fn until(options: &RecordOptions) -> String {
    let what = match (&options.load, &options.command[..]) {
        (Some(_), _) => "until the load ends",
        (None, []) => "until Ctrl-C",
        (None, _) => "until the command ends",
    };
    match options.duration {
        Some(duration) => format!("recording {what}, at most {duration:?}"),
        None => format!("recording {what}"),
    }
}

/// Sets up the session's channels, events and contexts.
fn enable(
    session: &Session,
    options: &RecordOptions,
    buffers: Buffers,
) -> Result<record_metadata::Session> {
    let mut points: Vec<String> = Vec::new();
    if options.sched {
        points.extend(SCHED.map(str::to_owned));
    }
    if options.state_dump {
        points.push(STATE_DUMP.to_owned());
    }
    points.extend(options.kernel_events.iter().cloned());
    channel(session, "--kernel", buffers, &CONTEXTS)?;
    let into = |words: &[&str]| {
        let of = [
            &[
                "enable-event",
                "--session",
                &session.name,
                "--channel",
                CHANNEL,
            ],
            words,
        ];
        session.lttng(&of.concat())
    };
    into(&["--kernel", "--syscall", "--all"])?;
    if !points.is_empty() {
        into(&["--kernel", "--tracepoint", &points.join(",")])?;
    }
    if !options.user_events.is_empty() {
        channel(session, "--userspace", buffers, &USER_CONTEXTS)?;
        into(&[
            "--userspace",
            "--tracepoint",
            &options.user_events.join(","),
        ])?;
    }
    points.insert(0, "syscalls".to_owned());
    Ok(record_metadata::Session {
        name: session.name.clone(),
        kernel_events: points,
        user_events: options.user_events.clone(),
        contexts: CONTEXTS.map(str::to_owned).into(),
        subbuf_size: buffers.size,
        num_subbuf: buffers.number,
    })
}

fn channel(session: &Session, domain: &str, buffers: Buffers, contexts: &[&str]) -> Result<()> {
    let size = format!("--subbuf-size={}", buffers.size);
    let number = format!("--num-subbuf={}", buffers.number);
    let name = &session.name;
    session.lttng(&[
        "enable-channel",
        domain,
        "--discard",
        &size,
        &number,
        "--session",
        name,
        CHANNEL,
    ])?;
    let types = contexts.iter().map(|c| format!("--type={c}"));
    let types: Vec<String> = types.collect();
    let mut words = vec![
        "add-context",
        domain,
        "--session",
        name,
        "--channel",
        CHANNEL,
    ];
    words.extend(types.iter().map(String::as_str));
    session.lttng(&words).map(drop)
}

/// What went on during the recording.
struct Done {
    ended_by: EndedBy,
    command: Option<Ran>,
    noise: Option<Ran>,
    load: Option<Load>,
}

/// Runs noise, load and command, and waits for what ends the recording; all of them have ended then.
fn while_tracing(
    session: &mut Session,
    options: &RecordOptions,
    dir: &Path,
    interrupted: &AtomicBool,
) -> Result<(Duration, Done)> {
    let begun = Instant::now();
    let mut noise = match &options.noise {
        Some(line) => Some(Running::shell(line, Stdio::null())?),
        None => None,
    };
    let output = dir.join(LOAD_OUTPUT);
    let mut main = match &options.load {
        Some(line) => {
            let file = File::create(&output).map_err(Error::io("create", &output))?;
            Some(Running::shell(line, file.into())?)
        }
        None if options.command.is_empty() => None,
        None => Some(Running::command(&options.command)?),
    };
    for group in [&noise, &main]
        .into_iter()
        .flatten()
        .filter_map(Running::group)
    {
        session.watch(group);
    }
    let ended_by = wait(main.as_mut(), options, dir, begun, interrupted)?;
    let duration = begun.elapsed();
    let status = main.as_mut().and_then(Running::end);
    let noise_status = noise.as_mut().and_then(Running::end);
    let load = match &options.load {
        Some(command) => Some(read_load(command, status, &output)?),
        None => None,
    };
    let done = Done {
        ended_by,
        command: main.filter(|_| load.is_none()).map(|_| Ran {
            command: options.command.clone(),
            status,
        }),
        noise: options.noise.as_ref().map(|line| Ran {
            command: vec![line.clone()],
            status: noise_status,
        }),
        load,
    };
    Ok((duration, done))
}

fn wait(
    mut main: Option<&mut Running>,
    options: &RecordOptions,
    dir: &Path,
    begun: Instant,
    interrupted: &AtomicBool,
) -> Result<EndedBy> {
    let mut disk = begun;
    loop {
        if interrupted.load(Ordering::Relaxed) {
            return Ok(EndedBy::Signal);
        }
        if main.as_mut().is_some_and(|main| main.has_ended()) {
            return Ok(EndedBy::Command);
        }
        let left = options.duration.map(|d| d.saturating_sub(begun.elapsed()));
        if left == Some(Duration::ZERO) {
            return Ok(EndedBy::Duration);
        }
        if disk.elapsed() >= DISK_TICK {
            disk = Instant::now();
            if !options.unchecked && checks::free(dir)? < checks::KEEP_FREE {
                return Ok(EndedBy::Disk);
            }
        }
        std::thread::sleep(left.map_or(TICK, |left| left.min(TICK)));
    }
}

fn read_load(command: &str, status: Option<i32>, output: &Path) -> Result<Load> {
    let bytes = fs::read(output).map_err(Error::io("read", output))?;
    Ok(Load {
        command: command.to_owned(),
        status,
        summary: load::summary(command, &String::from_utf8_lossy(&bytes)),
    })
}

fn describe(
    options: &RecordOptions,
    session: record_metadata::Session,
    machine: Machine,
    (started, duration): (String, Duration),
    done: Done,
    (lost, access_log): (Lost, Option<CopiedLog>),
) -> RecordMetadata {
    RecordMetadata {
        format_version: FORMAT_VERSION,
        label: options.label.clone(),
        started,
        duration_ns: duration.as_nanos() as u64,
        ended_by: done.ended_by,
        session,
        machine,
        discarded_events: lost.events,
        lost_packets: lost.packets,
        command: done.command,
        noise: done.noise,
        load: done.load,
        access_log,
    }
}
