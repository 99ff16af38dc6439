//! What `sysds record` says of a recording, anonymized.

use super::anonymizer::Anonymizer;
use super::times::{SECOND, Time};
use crate::dataset::record_metadata::{
    CopiedLog, Count, Load, Machine, Ran, RecordMetadata, Session,
};
use crate::dataset::timestamp;
use crate::error::{Error, Place, Result};

/// Stands for a text that is left out.
pub(super) const OUT: &str = "(left out)";
/// Kinds of errors in the fixed words of wrk and wrk2, and of oha.
const ERRORS: [&str; 6] = [
    "connect",
    "read",
    "write",
    "timeout",
    "Non-2xx or 3xx responses",
    "aborted due to deadline",
];

impl Anonymizer {
    /// What `sysds record` says: figures, versions and what was traced stay. Commands name hosts, folders and people in any
    /// form, and are left out whole; `label` is the one that the tables have, and another is left out.
    /// `time` is that of the recording, and of its first event.
    pub(super) fn recorded(
        &mut self,
        recorded: RecordMetadata,
        label: Option<&str>,
        time: (Time, Option<i64>),
    ) -> Result<RecordMetadata> {
        let RecordMetadata {
            format_version,
            label: own,
            started,
            duration_ns,
            ended_by,
            session,
            machine,
            discarded_events,
            lost_packets,
            command,
            noise,
            load,
            access_log,
        } = recorded;
        let without = |ran: Option<Ran>| {
            ran.map(|mut ran| {
                ran.command = vec![OUT.to_owned()];
                ran
            })
        };
        Ok(RecordMetadata {
            format_version,
            label: own.filter(|own| Some(&**own) == label),
            started: self.started(&started, time)?,
            duration_ns,
            ended_by,
            session: self.session(session),
            machine: self.machine(machine),
            discarded_events,
            lost_packets,
            command: without(command),
            noise: without(noise),
            load: load.map(load_without),
            access_log: access_log.map(log_without),
        })
    }

    fn session(&mut self, session: Session) -> Session {
        let Session {
            name: _,
            kernel_events,
            user_events,
            contexts,
            subbuf_size,
            num_subbuf,
        } = session;
        let mut plain = |all: Vec<String>| all.iter().map(|text| self.plain(text)).collect();
        Session {
            name: OUT.to_owned(),
            kernel_events: plain(kernel_events),
            user_events: plain(user_events),
            contexts: plain(contexts),
            subbuf_size,
            num_subbuf,
        }
    }

    fn machine(&mut self, machine: Machine) -> Machine {
        let Machine {
            sysds,
            lttng,
            kernel,
            cpus,
            memory_bytes,
        } = machine;
        Machine {
            sysds: self.plain(&sysds),
            lttng: self.plain(&lttng),
            kernel: self.plain(&kernel),
            cpus,
            memory_bytes,
        }
    }

    /// When tracing began, shifted as the times in the tables; at the first event where the machine's clock and the tracer's
    /// tell of different days, since what lies between them would tell of the true ones.
    fn started(&self, text: &str, (time, first_ns): (Time, Option<i64>)) -> Result<String> {
        let unknown = || {
            Error::input(
                format!("'{text}' is no time"),
                Place::file(crate::dataset::MANIFEST),
                "Make the dataset again with sysds ingest.",
            )
        };
        let ns = timestamp::nanoseconds(text).ok_or_else(unknown)?;
        match (time.moves(ns), first_ns) {
            (true, _) => timestamp::later(text, time.shift).ok_or_else(unknown),
            (false, None) => Ok(OUT.to_owned()),
            (false, Some(first)) => {
                let seconds = first.div_euclid(SECOND).saturating_add(time.shift);
                timestamp::later("1970-01-01T00:00:00Z", seconds).ok_or_else(unknown)
            }
        }
    }
}

fn log_without(log: CopiedLog) -> CopiedLog {
    let CopiedLog {
        path: _,
        bytes,
        lines,
        rotated,
        truncated,
    } = log;
    CopiedLog {
        path: OUT.to_owned(),
        bytes,
        lines,
        rotated,
        truncated,
    }
}

fn load_without(load: Load) -> Load {
    let Load {
        command: _,
        status,
        mut summary,
    } = load;
    if let Some(summary) = &mut summary {
        anonymous(&mut summary.errors);
    }
    Load {
        command: OUT.to_owned(),
        status,
        summary,
    }
}

/// Errors by kind; those that a load generator tells in words of its own, which may have addresses in them, as one.
fn anonymous(errors: &mut Vec<Count>) {
    let all: u64 = errors.iter().map(|e| e.count).sum();
    errors.retain(|e| is_kind(&e.what));
    let count = all - errors.iter().map(|e| e.count).sum::<u64>();
    if count > 0 {
        let what = "other".to_owned();
        errors.push(Count { what, count });
    }
}

/// Whether this is one of the fixed words of wrk, wrk2 or oha for a kind of error: those say nothing of who and where.
fn is_kind(what: &str) -> bool {
    let status = what.strip_prefix("status ");
    ERRORS.contains(&what)
        || status.is_some_and(|s| s.len() == 3 && s.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_keep_their_kinds_and_their_sum() {
        let errors = [
            ("timeout", 2),
            ("status 503", 5),
            ("error trying to connect to 10.1.2.3:80", 7),
            ("status of web01", 11),
        ];
        let count = |(what, count): (&str, u64)| Count {
            what: what.to_owned(),
            count,
        };
        let mut left = errors.map(count).to_vec();
        anonymous(&mut left);
        let expected = [("timeout", 2), ("status 503", 5), ("other", 18)];
        assert_eq!(left, expected.map(count));
        let mut none = Vec::new();
        anonymous(&mut none);
        assert_eq!(none, []);
    }
}
