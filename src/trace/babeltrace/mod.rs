//! Reads CTF traces with babeltrace2, through its C interface.
//!
//! Everything unsafe of this program is in this folder. What leaves it is plain data: [`Source`]s and
//! [`EventBatch`]es. The events come in the order of babeltrace2's muxer, so that they are in the order in which
//! `babeltrace2 TRACE` prints them.

mod classes;
mod collector;
mod describe;
mod discarded;
mod failure;
mod fields;
mod graph;
mod guard;
mod heads;
mod losses;
mod plan;
mod pointers;

use super::Source;
use super::check::Checked;
use super::event::{EventBatch, EventClass, Loss, UNKNOWN};
use super::select::Selection;
use crate::error::{Damage, Error, Hint, Place, Remedy, Result};
use babeltrace2_sys::ffi::*;
use collector::Collector;
use graph::{Graph, Status};
use guard::Break;
use losses::Counted;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

/// The version of the babeltrace2 library in this program.
pub fn version() -> String {
    // SAFETY: the calls have no conditions.
    unsafe {
        format!(
            "{}.{}.{}",
            bt_version_get_major(),
            bt_version_get_minor(),
            bt_version_get_patch()
        )
    }
}

/// Refuses clocks without a frequency, by which babeltrace2 divides (and dies).
fn divisible(checked: &Checked) -> Result<()> {
    for trace in &checked.traces {
        let mut clocks = trace.metadata.clocks.iter();
        if let Some(clock) = clocks.find(|clock| !clock.frequency_said) {
            return Err(Error::input(
                format!(
                    "the clock `{}` has no `freq`, without which babeltrace2 cannot read a trace",
                    clock.name
                ),
                Place::file(trace.dir.join("metadata")),
                Remedy::with(
                    "The native reader reads it, with the 1,000,000,000 Hz that CTF 1.8 has then.",
                    Hint::ReadNatively,
                ),
            ));
        }
    }
    Ok(())
}

/// Reads the events of one recording: of one or several CTF traces on one time line.
pub struct BabeltraceReader {
    graph: Graph<Collector>,
    checked: Checked,
    done: bool,
}

/// The counters of all streams, by the files that babeltrace2 reads them from.
fn counters(checked: &Checked) -> HashMap<PathBuf, Counted> {
    let walks = checked.traces.iter();
    let walks = walks.flat_map(|trace| trace.walks.iter().map(move |walk| (trace, walk)));
    let counted = walks.filter_map(|(trace, (path, walk))| {
        let first = walk.packets.first().or(walk.cut.as_ref())?;
        Some((checked.readable_path(path), Counted::new(trace, first)?))
    });
    counted.collect()
}

impl BabeltraceReader {
    /// Opens a recording that was checked, to read what is selected, and reads up to the first event, so that all event classes are known. With
    /// `keep_going`, a stream that breaks ends there, and the others are read on; see [`BabeltraceReader::damage`].
    ///
    /// # Errors
    /// [`Error::Input`] where babeltrace2 cannot open the traces.
    pub fn open(mut checked: Checked, keep_going: bool, selection: Selection) -> Result<Self> {
        divisible(&checked)?;
        let groups = checked.readable()?;
        let collector = Collector::new(selection, counters(&checked));
        let mut reader = BabeltraceReader {
            graph: Graph::new(&groups, keep_going, collector)?,
            checked,
            done: false,
        };
        while !reader.done && reader.collector().batch.heads.is_empty() {
            reader.turn()?;
        }
        let found_before = reader.checked.losses.iter().map(|loss| (0, loss.clone()));
        let found_before: Vec<_> = found_before.collect();
        reader.collector().batch.losses.extend(found_before);
        Ok(reader)
    }

    /// What was learned when the recording was checked.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }

    /// All event classes of the traces, whether such events occur or not.
    pub fn classes(&self) -> &[EventClass] {
        &self.graph.sink.sink.classes
    }

    /// Names of the context fields that events carry, sorted.
    pub fn contexts(&self) -> &[String] {
        &self.graph.sink.sink.contexts
    }

    /// What the CTF traces say of themselves.
    pub fn sources(&self) -> Vec<Source> {
        let collected = &self.graph.sink.sink;
        let mut sources = collected.sources.clone();
        for (source, clocks) in sources.iter_mut().zip(&collected.clocks) {
            source.path = self.checked.original(&source.path);
            let trace = self.checked.traces.iter().find(|t| t.dir == source.path);
            let assumed = trace.is_some_and(|t| t.metadata.clock_assumed);
            source.set_clocks(clocks.iter().cloned(), assumed);
            for stream in &mut source.streams {
                stream.file = self.checked.original(&stream.file);
            }
        }
        sources
    }

    /// What could not be read: streams that broke so far (at most one without `keep_going`), and what the check found
    /// and left out.
    pub fn damage(&self) -> Vec<Damage> {
        let shared = self.graph.shared.borrow();
        let broken = shared.breaks.iter().map(|b| self.broken(b));
        broken.chain(self.checked.damage.iter().cloned()).collect()
    }

    /// What is said of a stream that broke while it was read.
    fn broken(&self, found: &Break) -> Damage {
        let file = found
            .stream
            .as_ref()
            .map(|s| self.checked.original(Path::new(s)));
        let file = file.unwrap_or_default();
        let place = Place {
            packet: Some(found.packet),
            offset: self.checked.offset(&file, found.packet),
            ..Place::file(file)
        };
        Damage {
            what: found.what.clone(),
            place,
            remedy: Remedy::with(
                "The packet that begins at this byte is damaged.",
                Hint::KeepGoing,
            ),
        }
    }

    /// Fills `batch`, which is cleared first, with at least `events` events, or with fewer at the end or where they are
    /// very large. Returns false
    /// when there was nothing more.
    ///
    /// # Errors
    /// [`Error::Damaged`] where a stream breaks (without `keep_going`), [`Error::Input`] where an event's time cannot be told.
    pub fn next(&mut self, events: usize, batch: &mut EventBatch) -> Result<bool> {
        while !self.done && self.collector().batch.has_room(events) {
            self.turn()?;
        }
        self.lose_damaged();
        batch.clear();
        std::mem::swap(batch, &mut self.collector().batch);
        for (_, loss) in &mut batch.losses {
            let file = self.checked.original(Path::new(&loss.stream));
            // A loss before the stream's first packet is told before that packet's context is known.
            loss.cpu = loss.cpu.or_else(|| self.checked.cpu(&file));
            loss.stream = crate::shown::path_text(&file);
        }
        Ok(!(batch.heads.is_empty() && batch.losses.is_empty()))
    }

    /// Adds to the batch a loss for every stream that broke while it was read: what followed there is gone.
    fn lose_damaged(&mut self) {
        for (position, stream) in std::mem::take(&mut self.collector().ended) {
            let stream = &self.graph.sink.sink.streams[stream];
            let file = self.checked.original(Path::new(&stream.name));
            let broken = self.graph.shared.borrow().breaks.iter().any(|b| {
                let name = b.stream.as_deref().map(Path::new);
                name.is_some_and(|name| self.checked.original(name) == file)
            });
            if broken {
                let loss = Loss {
                    stream: stream.name.clone(),
                    cpu: (stream.cpu != UNKNOWN).then_some(stream.cpu),
                    begin: stream.last,
                    end: self.checked.span.map(|(_, end)| end),
                    events: None,
                    packets: None,
                };
                self.collector().batch.losses.push((position, loss));
            }
        }
        self.collector()
            .batch
            .losses
            .sort_by_key(|(position, _)| *position);
    }

    fn collector(&mut self) -> &mut Collector {
        &mut self.graph.sink.sink
    }

    fn turn(&mut self) -> Result<()> {
        match self.graph.turn() {
            Ok(Status::More) => Ok(()),
            Ok(Status::End) => {
                self.done = true;
                Ok(())
            }
            Err(error) => {
                let shared = self.graph.shared.borrow();
                Err(shared
                    .breaks
                    .last()
                    .map_or(error, |b| Error::Damaged(Box::new(self.broken(b)))))
            }
        }
    }
}
