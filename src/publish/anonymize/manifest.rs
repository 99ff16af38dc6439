//! The manifest, anonymized: the same pseudonyms as in the tables.
//!
//! Each part is taken apart by name, without a rest: a new one does not compile until somebody says here what becomes of
//! it. What only tells of the machine that made the dataset, or is a text in words of a person, is left out.

use super::fate::Fate;
use super::{Anonymizer, SECOND};
use crate::columns::schema::holds::Holds;
use crate::dataset::manifest::{Damage, Manifest, Recording, StreamLoss};
use crate::dataset::moment;
use crate::dataset::recorded::{Count, Load, Machine, Recorded, Session};
use crate::error::{Error, Place, Result};
use crate::trace::{Clock, Source, SourceStream};
use std::path::PathBuf;

/// The part of a trace's environment that names the machine.
const HOST: &str = "hostname";
/// Stands for a text that is left out.
const OUT: &str = "(left out)";
/// Options of an ingest that are times.
const TIMES: [&str; 2] = ["begin_ns", "end_ns"];
/// Options of an ingest that say what was done, not to what.
const OPTIONS: [&str; 8] = [
    "requests",
    "end",
    "max_request_events",
    "request_args",
    "compression",
    "keep_going",
    "events",
    "columns",
];
/// Kinds of errors in the fixed words of wrk and wrk2, and of oha.
const ERRORS: [&str; 6] = [
    "connect",
    "read",
    "write",
    "timeout",
    "Non-2xx or 3xx responses",
    "aborted due to deadline",
];

/// Names of the machines that a dataset was recorded on.
pub fn host_names(manifest: &Manifest) -> Vec<String> {
    let sources = manifest.recordings.iter().flat_map(|r| &r.sources);
    let env = sources.flat_map(|s| &s.env);
    env.filter(|(name, _)| name == HOST)
        .map(|(_, value)| value.clone())
        .collect()
}

impl Anonymizer {
    /// The manifest of the release.
    pub(super) fn rewritten(&mut self, manifest: Manifest) -> Result<Manifest> {
        let Manifest {
            format_version,
            tool,
            created,
            appended,
            options,
            events,
            requests,
            incomplete_requests,
            discarded_events,
            discarded_packets,
            damaged,
            recordings,
            tables,
            classes,
        } = manifest;
        let recordings = recordings.into_iter().map(|r| self.recording(r));
        let recordings = recordings.collect::<Result<Vec<_>>>()?;
        let made = match self.shift {
            0 => created,
            _ => made(&recordings),
        };
        Ok(Manifest {
            format_version,
            tool,
            appended: match self.shift {
                0 => appended,
                _ => appended.iter().map(|_| made.clone()).collect(),
            },
            created: made,
            options: options
                .into_iter()
                .filter_map(|(name, value)| self.option(&name, value).map(|v| (name, v)))
                .collect(),
            events,
            requests,
            incomplete_requests,
            discarded_events,
            discarded_packets,
            damaged,
            recordings,
            tables,
            classes,
        })
    }

    /// An option of the ingest; nothing where nobody knows what it tells.
    fn option(&mut self, name: &str, value: serde_json::Value) -> Option<serde_json::Value> {
        use serde_json::Value;
        if TIMES.contains(&name) {
            return Some(value.as_i64()?.checked_add(self.shift * SECOND)?.into());
        }
        if name == "server" {
            let server = value.as_str().map(str::to_owned);
            let fate = Fate::of(Some(Holds::ThreadName));
            return Some(server.map_or(Value::Null, |s| self.text(fate, "procname", &s).into()));
        }
        if !OPTIONS.contains(&name) {
            self.told.environment(name);
            return None;
        }
        Some(match value {
            Value::String(text) => self.plain(&text).into(),
            Value::Array(items) => {
                let items = items.into_iter().map(|item| match item {
                    Value::String(text) => Value::from(self.plain(&text)),
                    other => other,
                });
                items.collect()
            }
            other => other,
        })
    }

    /// A text that stays, but for what tells of persons and machines in it.
    fn plain(&mut self, text: &str) -> String {
        let text = self.texts.names(text);
        self.scrubbed(&text)
    }

    fn recording(&mut self, recording: Recording) -> Result<Recording> {
        let Recording {
            trace_id,
            label,
            path,
            folders,
            first_ns,
            last_ns,
            events,
            requests,
            incomplete_requests,
            reader,
            derived,
            sources,
            losses,
            damage,
            // Whoever has the trace would find it by them.
            fingerprints: _,
            recorded,
        } = recording;
        let by = self.shift * SECOND;
        let later = |ns: Option<i64>| ns.map(|ns| ns.saturating_add(by));
        let losses = losses.into_iter().map(|loss| {
            let StreamLoss {
                stream,
                discarded_events,
                discarded_packets,
            } = loss;
            StreamLoss {
                stream: self.texts.stream(&stream),
                discarded_events,
                discarded_packets,
            }
        });
        let losses = losses.collect();
        let recorded = recorded
            .map(|r| self.recorded(r, label.as_deref()))
            .transpose()?;
        Ok(Recording {
            trace_id: self.trace(&trace_id),
            label,
            path: self.texts.machine_path(&path),
            folders: folders.iter().map(|f| self.texts.machine_path(f)).collect(),
            first_ns: later(first_ns),
            last_ns: later(last_ns),
            events,
            requests,
            incomplete_requests,
            reader,
            derived,
            sources: sources.into_iter().map(|s| self.source(s)).collect(),
            losses,
            damage: damage.into_iter().map(|d| self.damage(&d)).collect(),
            fingerprints: None,
            recorded,
        })
    }

    fn damage(&self, damage: &Damage) -> Damage {
        let Damage { place, what: _ } = damage;
        Damage {
            place: self.texts.machine_path(place),
            what: OUT.to_owned(),
        }
    }

    fn source(&mut self, source: Source) -> Source {
        let Source {
            path,
            uuid,
            env,
            clock,
            clocks,
            streams,
        } = source;
        let mut later = |clock: Clock| {
            let Clock {
                name,
                frequency,
                offset_s,
                offset_cycles,
                origin_is_unix_epoch,
                assumed,
            } = clock;
            Clock {
                name: name.map(|name| self.plain(&name)),
                frequency,
                offset_s: offset_s.saturating_add(self.shift),
                offset_cycles,
                origin_is_unix_epoch,
                assumed,
            }
        };
        let clock = clock.map(&mut later);
        let clocks = clocks.into_iter().map(&mut later).collect();
        let streams = streams.into_iter().map(|stream| {
            let SourceStream { file, class_id } = stream;
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            SourceStream {
                file: PathBuf::from(self.texts.stream(&name)),
                class_id,
            }
        });
        let streams = streams.collect();
        Source {
            path: PathBuf::from(self.texts.machine_path(&path.to_string_lossy())),
            uuid: uuid.map(|uuid| self.trace(&uuid)),
            env: env
                .into_iter()
                .filter_map(|(key, value)| self.environment(&key, &value).map(|v| (key, v)))
                .collect(),
            clock,
            clocks,
            streams,
        }
    }

    /// A word of a trace's environment; nothing where the table does not know what it tells.
    fn environment(&mut self, key: &str, value: &str) -> Option<String> {
        match self.table.environment(key) {
            Some(holds) if holds.stays() => Some(self.plain(value)),
            Some(Holds::Secret) => None,
            Some(Holds::Process) => {
                let number = value.parse().ok()?;
                let renumber = self.policy.ids.renumber;
                let number = if renumber {
                    self.numbers.process(number)
                } else {
                    number
                };
                Some(number.to_string())
            }
            Some(holds) => Some(self.text(Fate::of(Some(holds)), key, value)),
            None => {
                self.told.environment(key);
                None
            }
        }
    }

    /// What `sysds record` says: figures, versions and what was traced stay. Commands name hosts, folders and people in any
    /// form, and are left out whole; `label` is the one that the tables have, and another is left out.
    fn recorded(&mut self, recorded: Recorded, label: Option<&str>) -> Result<Recorded> {
        let Recorded {
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
        } = recorded;
        let without = |ran: Option<crate::dataset::recorded::Ran>| {
            ran.map(|mut ran| {
                ran.command = vec![OUT.to_owned()];
                ran
            })
        };
        Ok(Recorded {
            format_version,
            label: own.filter(|own| Some(&**own) == label),
            started: self.later(&started)?,
            duration_ns,
            ended_by,
            session: self.session(session),
            machine: self.machine(machine),
            discarded_events,
            lost_packets,
            command: without(command),
            noise: without(noise),
            load: load.map(load_without),
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

    /// A moment, shifted as the times in the tables.
    fn later(&self, text: &str) -> Result<String> {
        let unknown = || {
            Error::input(
                format!("'{text}' is no time"),
                Place::file(crate::dataset::MANIFEST),
                "Make the dataset again with sysds ingest.",
            )
        };
        moment::later(text, self.shift).ok_or_else(unknown)
    }
}

/// When a dataset says that it was made: at its last event. The true moment is near the day of publication, which is
/// true; shifted, the two would tell the shift.
fn made(recordings: &[Recording]) -> String {
    let last = recordings.iter().filter_map(|r| r.last_ns).max();
    let seconds = last.unwrap_or(0).div_euclid(SECOND);
    moment::later("1970-01-01T00:00:00Z", seconds).expect("seconds of 64 bits of nanoseconds")
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
