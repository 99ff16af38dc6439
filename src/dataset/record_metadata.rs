//! `record.json`: what `sysds record` says of a recording that it made, beside the trace.
//!
//! ```text
//! OUT/record.json     this
//! OUT/trace/          what LTTng wrote: kernel/, ust/
//! OUT/load.out        what the load generator printed, as it is
//! OUT/access.log      what the server's access log got meanwhile
//! ```
//!
//! It goes into the manifest of the dataset that the trace comes to be in, whole. Durations are nanoseconds.

use crate::error::{Error, Place, Result};
use crate::foreign::{self, Kind};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// Name of the file.
pub const RECORD: &str = "record.json";
/// Name of the folder beside it that LTTng writes to.
pub const TRACE: &str = "trace";
/// Name of the copy of the server's access log beside it.
pub const ACCESS_LOG: &str = "access.log";
/// Version of its form; a reader must refuse versions it does not know.
pub const FORMAT_VERSION: u32 = 1;

/// A recording, as `sysds record` made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordMetadata {
    /// [`FORMAT_VERSION`].
    pub format_version: u32,
    /// Its label.
    pub label: Option<String>,
    /// When tracing began, UTC, RFC 3339, by the machine's clock.
    pub started: String,
    /// How long it went on.
    pub duration_ns: u64,
    /// What ended it.
    pub ended_by: EndedBy,
    /// What was traced, into which buffers.
    pub session: Session,
    /// Where, and by which programs.
    pub machine: Machine,
    /// How many events the tracer discarded, as `lttng list` told at the end.
    pub discarded_events: u64,
    /// How many packets it overwrote or lost.
    pub lost_packets: u64,
    /// The command that was recorded (`-- COMMAND`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<Ran>,
    /// The background command (`--noise`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noise: Option<Ran>,
    /// The load (`--load`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load: Option<Load>,
    /// What was copied of the server's access log (`--access-log`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_log: Option<CopiedLog>,
}

/// What ended a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// `--duration` was over.
    Duration,
    /// The command or the load ended.
    Command,
    /// Ctrl-C or another signal.
    Signal,
    /// The disk was nearly full.
    Disk,
}

/// What was traced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Name of the LTTng session.
    pub name: String,
    /// Kernel events: `syscalls`, and tracepoints by name or pattern.
    pub kernel_events: Vec<String>,
    /// User-space events, by name or pattern.
    pub user_events: Vec<String>,
    /// Context fields of kernel events.
    pub contexts: Vec<String>,
    /// Bytes of a sub-buffer.
    pub subbuf_size: u64,
    /// Sub-buffers for each CPU.
    pub num_subbuf: u64,
}

/// Where a recording was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Version of sysds.
    pub sysds: String,
    /// Version of the `lttng` command.
    pub lttng: String,
    /// Release of the kernel.
    pub kernel: String,
    /// CPUs for which the tracer has buffers.
    pub cpus: u64,
    /// Memory, in bytes.
    pub memory_bytes: u64,
}

/// A command that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ran {
    /// Its words; one where a shell took it apart.
    pub command: Vec<String>,
    /// Its exit status; null where a signal ended it, as it does noise.
    pub status: Option<i32>,
}

/// What was copied of an access log, to [`ACCESS_LOG`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CopiedLog {
    /// The log.
    pub path: String,
    /// Bytes that were copied.
    pub bytes: u64,
    /// Lines among them, without one that was cut off at the end.
    pub lines: u64,
    /// Whether another file had come in its place meanwhile; both were copied.
    pub rotated: bool,
    /// Whether it had been truncated meanwhile; what was logged before is missing.
    pub truncated: bool,
}

/// A load and what its generator measured.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Load {
    /// The command, as given.
    pub command: String,
    /// Its exit status; null where a signal ended it.
    pub status: Option<i32>,
    /// What it measured; null where its output is not that of a load generator that sysds knows.
    pub summary: Option<LoadSummary>,
}

/// What a load generator measured, as exactly as it prints it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LoadSummary {
    /// wrk2, wrk or oha.
    pub tool: String,
    /// Requests in a second that it was told to make; null where it was told no rate.
    pub rate_asked: Option<f64>,
    /// Requests in a second that were answered.
    pub rate_reached: f64,
    /// How long it took.
    pub duration_ns: u64,
    /// Requests that were answered, whatever the status.
    pub requests: u64,
    /// What went wrong, by the generator's words for it.
    pub errors: Vec<Count>,
    /// Bytes that it read. wrk2 and wrk round to about four digits and count headers, oha counts bodies.
    pub bytes_read: u64,
    /// Whether a latency counts from when the request was due rather than sent (coordinated omission is corrected).
    pub latency_corrected: bool,
    /// Mean latency.
    pub mean_ns: Option<u64>,
    /// Largest latency.
    pub max_ns: Option<u64>,
    /// Latencies by share of the requests, rising.
    pub percentiles: Vec<Percentile>,
}

/// How often something happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Count {
    /// What.
    pub what: String,
    /// How often.
    pub count: u64,
}

/// A latency that a share of the requests did not exceed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Percentile {
    /// The share, in percent.
    pub percent: f64,
    /// The latency.
    pub latency_ns: u64,
}

impl LoadSummary {
    /// How many things went wrong.
    pub fn error_count(&self) -> u64 {
        self.errors.iter().map(|e| e.count).sum()
    }
}

impl RecordMetadata {
    /// Writes it to `dir`.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn write(&self, dir: &Path) -> Result<()> {
        let path = dir.join(RECORD);
        let mut text = serde_json::to_string_pretty(self).expect("a record is JSON");
        text.push('\n');
        std::fs::write(&path, text).map_err(Error::io("write", &path))
    }

    /// Reads it from `dir`.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Input`] where it is not a record of a known version.
    pub fn read(dir: &Path) -> Result<RecordMetadata> {
        let path = dir.join(RECORD);
        let text = foreign::read_text(&path)?;
        let recorded: RecordMetadata = serde_json::from_str(&text).map_err(|e| {
            Error::input(
                format!("not a record of sysds: {e}"),
                Place::line(&path, e.line() as u64, e.column() as u64),
                "Mend it, or move the folder trace/ elsewhere to do without the record.",
            )
        })?;
        match recorded.format_version {
            FORMAT_VERSION => Ok(recorded),
            other => Err(Error::input(
                format!("the record has version {other}; this program knows {FORMAT_VERSION}"),
                Place::file(&path),
                "Use the version of sysds that made the recording.",
            )),
        }
    }

    /// The record of the recording in `root`, with the folder that it is in, where `sysds record` made it: then `root` is a
    /// folder `trace` with a record beside it, or is in one (`trace/kernel`).
    ///
    /// # Errors
    /// As [`RecordMetadata::read`].
    pub fn beside(root: &Path) -> Result<Option<(PathBuf, RecordMetadata)>> {
        let real = root.canonicalize().map_err(Error::io("read", root))?;
        // Only what LTTng itself makes in its folder: another trace further below is not of this recording.
        let of_lttng = |below: &Path| {
            let first = below.iter().next();
            first.is_none_or(|name| ["kernel", "ust", "archives"].iter().any(|n| name == *n))
        };
        let traces = real
            .ancestors()
            .filter(|dir| dir.ends_with(TRACE) && real.strip_prefix(dir).is_ok_and(of_lttng));
        for dir in traces.filter_map(Path::parent) {
            // A folder of this name is somebody's; what is there, but cannot be read, is an error.
            if !matches!(foreign::kind(&dir.join(RECORD))?, None | Some(Kind::Folder)) {
                return Ok(Some((dir.to_path_buf(), RecordMetadata::read(dir)?)));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn example() -> RecordMetadata {
        RecordMetadata {
            format_version: FORMAT_VERSION,
            label: Some("cpu".to_owned()),
            started: "2026-11-25T03:00:00Z".to_owned(),
            duration_ns: 20_000_000_000,
            ended_by: EndedBy::Command,
            session: Session {
                name: "sysds-1-2".to_owned(),
                kernel_events: vec!["syscalls".to_owned(), "sched_switch".to_owned()],
                user_events: Vec::new(),
                contexts: vec!["pid".to_owned()],
                subbuf_size: 1 << 20,
                num_subbuf: 8,
            },
            machine: Machine {
                sysds: "0.1.0".to_owned(),
                lttng: "2.13.9".to_owned(),
                kernel: "6.1.0".to_owned(),
                cpus: 2,
                memory_bytes: 1 << 31,
            },
            discarded_events: 3,
            lost_packets: 0,
            command: None,
            noise: None,
            load: None,
            access_log: None,
        }
    }

    #[test]
    fn a_record_is_found_beside_its_trace_only() {
        let dir = tempfile::tempdir().unwrap();
        let kernel = dir.path().join("out/trace/kernel");
        fs::create_dir_all(&kernel).unwrap();
        let other = dir.path().join("out/other");
        fs::create_dir_all(&other).unwrap();
        assert_eq!(RecordMetadata::beside(&kernel).unwrap(), None);
        example().write(&dir.path().join("out")).unwrap();
        let out = dir.path().join("out").canonicalize().unwrap();
        let found = Some((out, example()));
        assert_eq!(RecordMetadata::beside(&kernel).unwrap(), found);
        let trace = dir.path().join("out/trace");
        assert_eq!(RecordMetadata::beside(&trace).unwrap(), found);
        assert_eq!(RecordMetadata::beside(&other).unwrap(), None);
        let below = trace.join("mine");
        fs::create_dir(&below).unwrap();
        assert_eq!(RecordMetadata::beside(&below).unwrap(), None);
    }

    #[test]
    fn what_is_no_record_is_refused_with_its_place() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(RECORD), "{\n}").unwrap();
        let e = RecordMetadata::read(dir.path()).unwrap_err().to_string();
        assert!(e.contains("record.json, line 2"), "{e}");
        let mut later = example();
        later.format_version = 2;
        later.write(dir.path()).unwrap();
        let e = RecordMetadata::read(dir.path()).unwrap_err().to_string();
        assert!(e.contains("version 2"), "{e}");
    }
}
