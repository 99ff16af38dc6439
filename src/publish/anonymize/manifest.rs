//! The manifest, anonymized: the same pseudonyms as in the tables.
//!
//! Each part is taken apart by name, without a rest: a new one does not compile until somebody says here what becomes of
//! it. What only tells of the machine that made the dataset, or is a text in words of a person, is left out.

use super::anonymizer::Anonymizer;
use super::fate::Fate;
use super::record_metadata::OUT;
use super::times::SECOND;
use crate::columns::schema::holds::Holds;
use crate::dataset::manifest::{Damage, Manifest, Recording, StreamLoss};
use crate::dataset::options::ManifestOptions;
use crate::dataset::timestamp;
use crate::error::Result;
use crate::label_spans::LabelSpan;
use crate::trace::{Clock, Source, SourceStream};
use std::path::PathBuf;

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
            // Only an append goes by them.
            fields: _,
            classes,
        } = manifest;
        let recordings = recordings.into_iter().map(|r| self.recording(r));
        let recordings = recordings.collect::<Result<Vec<_>>>()?;
        let (created, appended) = match self.times.are_moved() {
            false => (created, appended),
            true => {
                let made = made(&recordings);
                let appended = appended.iter().map(|_| made.clone()).collect();
                (made, appended)
            }
        };
        Ok(Manifest {
            format_version,
            tool,
            created,
            appended,
            options: self.options(options),
            events,
            requests,
            incomplete_requests,
            discarded_events,
            discarded_packets,
            damaged,
            recordings,
            tables,
            fields: None,
            classes,
        })
    }

    /// The options of the ingest.
    fn options(&mut self, options: ManifestOptions) -> ManifestOptions {
        let ManifestOptions {
            begin_ns,
            columns,
            compression,
            end,
            end_ns,
            events,
            keep_going,
            max_request_events,
            request_args,
            requests,
            server,
        } = options;
        // A person writes them, and likes round ones: what is no more round has been moved by the rest.
        let said = |ns: Option<i64>| ns.filter(|_| !self.times.are_moved());
        let (begin_ns, end_ns) = (said(begin_ns), said(end_ns));
        let server_is = Fate::of(Some(Holds::ThreadName));
        ManifestOptions {
            begin_ns,
            columns: columns.iter().map(|text| self.plain(text)).collect(),
            compression: self.plain(&compression),
            end,
            end_ns,
            events: events.iter().map(|text| self.plain(text)).collect(),
            keep_going,
            max_request_events,
            request_args,
            requests: self.plain(&requests),
            server: server.map(|s| self.text(server_is, "procname", &s)),
        }
    }

    /// A text that stays, but for what tells of persons and machines in it.
    pub(super) fn plain(&mut self, text: &str) -> String {
        let text = self.texts.names(text);
        self.scrubbed(&text)
    }

    fn recording(&mut self, recording: Recording) -> Result<Recording> {
        let Recording {
            trace_id,
            label,
            spans,
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
            access_log,
            // A release has those of all recordings in one file.
            classes: _,
        } = recording;
        let time = self.times.of(&trace_id);
        let by = time.shift * SECOND;
        let later = |ns: Option<i64>| ns.map(|ns| ns.saturating_add(by));
        let spans = match by {
            0 => spans,
            _ => self.borders.at_events(&trace_id, spans, last_ns),
        };
        let spans = spans.into_iter().map(|span| moved(span, by)).collect();
        let losses = losses.into_iter().map(|loss| self.loss(loss)).collect();
        let recorded = recorded
            .map(|r| self.recorded(r, label.as_deref(), (time, first_ns)))
            .transpose()?;
        Ok(Recording {
            trace_id: self.trace(&trace_id),
            label,
            spans,
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
            access_log,
            classes: None,
        })
    }

    fn loss(&self, loss: StreamLoss) -> StreamLoss {
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
        let mut without_origin = |clock: Clock| {
            let Clock {
                name,
                frequency,
                // Where the clock begins is when the machine was switched on, or the shift itself where that is 0.
                offset_s: _,
                offset_cycles: _,
                origin_is_unix_epoch,
                assumed,
            } = clock;
            Clock {
                name: name.map(|name| self.plain(&name)),
                frequency,
                offset_s: None,
                offset_cycles: None,
                origin_is_unix_epoch,
                assumed,
            }
        };
        let clock = clock.map(&mut without_origin);
        let clocks = clocks.into_iter().map(&mut without_origin).collect();
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
}

/// A span as the times of its recording are moved, so that rows are in it as before. Its label is a label, and stays.
fn moved(span: LabelSpan, by: i64) -> LabelSpan {
    let LabelSpan {
        begin_ns,
        end_ns,
        label,
    } = span;
    LabelSpan {
        begin_ns: begin_ns.saturating_add(by),
        end_ns: end_ns.saturating_add(by),
        label,
    }
}

/// When a dataset says that it was made: at its last event. The true moment is near the day of publication, which is
/// true; shifted, the two would tell the shift.
fn made(recordings: &[Recording]) -> String {
    let last = recordings.iter().filter_map(|r| r.last_ns).max();
    let seconds = last.unwrap_or(0).div_euclid(SECOND);
    timestamp::later("1970-01-01T00:00:00Z", seconds).expect("seconds of 64 bits of nanoseconds")
}
