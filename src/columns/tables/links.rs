//! To what each event belongs: the columns `request_id` and `service_id` of `events`.
//!
//! That is known when a request or a piece of downstream work ends, long after its events were encoded. So it is kept
//! aside, on disk, as runs of consecutive events, in a file for each [`SPAN`] of `event_id`s; when the row groups are
//! joined, the runs of one are read, sorted, and encoded as columns of their own. Memory is that of one span, however
//! long the trace.

use crate::columns::parquet::late::Late;
use crate::columns::parquet::sparse::Sparse;
use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Events whose runs are in one file: those of a row group.
const SPAN: i64 = 1 << 20;
/// Bytes of runs that wait in memory, of all files.
const WAITING: usize = 4 << 20;
/// Bytes of a run: its first event in the span, how many, and to what they belong.
const RUN: usize = 16;

/// A link of events to what they belong to, being written.
pub struct LinkWriter {
    dir: PathBuf,
    waiting: BTreeMap<i64, Vec<u8>>,
    bytes: usize,
}

/// A link of events, as it was written.
#[derive(Debug, Clone)]
pub struct Link {
    dir: PathBuf,
}

/// The links of a recording's events.
#[derive(Debug, Clone)]
pub struct EventLinks {
    /// To requests.
    pub requests: Link,
    /// To rows of `downstream`.
    pub services: Link,
}

impl LinkWriter {
    /// No links; files are made in the folder `dir`, which must be empty.
    pub fn new(dir: PathBuf) -> Self {
        LinkWriter {
            dir,
            waiting: BTreeMap::new(),
            bytes: 0,
        }
    }

    /// These events, in order, belong to what has this number.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn link(&mut self, event_ids: impl Iterator<Item = i64>, to: i64) -> Result<()> {
        let mut run: Option<Range<i64>> = None;
        for id in event_ids {
            match &mut run {
                Some(run) if run.end == id && id % SPAN != 0 => run.end = id + 1,
                _ => {
                    if let Some(run) = run.replace(id..id + 1) {
                        self.push(run, to);
                    }
                }
            }
        }
        if let Some(run) = run {
            self.push(run, to);
        }
        match self.bytes >= WAITING {
            true => self.flush(),
            false => Ok(()),
        }
    }

    fn push(&mut self, run: Range<i64>, to: i64) {
        let span = run.start / SPAN;
        let runs = self.waiting.entry(span).or_default();
        runs.extend_from_slice(&((run.start % SPAN) as u32).to_le_bytes());
        runs.extend_from_slice(&((run.end - run.start) as u32).to_le_bytes());
        runs.extend_from_slice(&to.to_le_bytes());
        self.bytes += RUN;
    }

    fn flush(&mut self) -> Result<()> {
        for (span, runs) in std::mem::take(&mut self.waiting) {
            let path = file_of(&self.dir, span);
            let file = File::options().append(true).create(true).open(&path);
            let written = file.and_then(|mut file| file.write_all(&runs));
            written.map_err(Error::io("write", &path))?;
        }
        self.bytes = 0;
        Ok(())
    }

    /// Ends the link.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn finish(mut self) -> Result<Link> {
        self.flush()?;
        Ok(Link { dir: self.dir })
    }
}

/// Consecutive events and to what they belong.
struct Run {
    first: i64,
    length: i64,
    to: i64,
}

impl Link {
    /// To what the events with these `event_id`s belong; they are numbered from the first on.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Fault`] where an event belongs to two.
    fn numbers(&self, events: Range<i64>) -> Result<Sparse<i64>> {
        let mut linked = Sparse::new();
        let mut next = events.start;
        for span in events.start / SPAN..=(events.end - 1).max(events.start) / SPAN {
            for run in self.runs(span)? {
                let end = run.first + run.length;
                let own = run.first.max(events.start)..end.min(events.end);
                if own.start < next && !own.is_empty() {
                    let what = format!(
                        "the event {} belongs to {} and to another",
                        own.start, run.to
                    );
                    return Err(Error::Fault { what });
                }
                next = next.max(own.end);
                own.for_each(|id| linked.push((id - events.start) as usize, run.to));
            }
        }
        Ok(linked)
    }

    /// The runs in a span, in the order of their events.
    fn runs(&self, span: i64) -> Result<Vec<Run>> {
        let path = file_of(&self.dir, span);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
            Err(e) => return Err(Error::io("read", &path)(e)),
        };
        let word = |run: &[u8], at: usize| {
            let four = run[at..at + 4].try_into().expect("4 bytes");
            i64::from(u32::from_le_bytes(four))
        };
        let runs = bytes.chunks_exact(RUN).map(|run| Run {
            first: span * SPAN + word(run, 0),
            length: word(run, 4),
            to: i64::from_le_bytes(run[8..].try_into().expect("8 bytes")),
        });
        let mut runs: Vec<Run> = runs.collect();
        runs.sort_unstable_by_key(|run| run.first);
        Ok(runs)
    }
}

fn file_of(dir: &Path, span: i64) -> PathBuf {
    dir.join(format!("span-{span:06}"))
}

impl Late for EventLinks {
    fn numbers(&self, path: &str, rows: Range<usize>) -> Result<Option<Sparse<i64>>> {
        // The rows of a recording are its events, from 0 on.
        let events = rows.start as i64..rows.end as i64;
        match path {
            "request_id" => self.requests.numbers(events).map(Some),
            "service_id" => self.services.numbers(events).map(Some),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(belong: &[(&[i64], i64)]) -> (tempfile::TempDir, Link) {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = LinkWriter::new(dir.path().to_path_buf());
        for (ids, to) in belong {
            writer.link(ids.iter().copied(), *to).unwrap();
            // As if there were much.
            writer.flush().unwrap();
        }
        let link = writer.finish().unwrap();
        (dir, link)
    }

    fn rows(link: &Link, events: Range<i64>) -> Vec<(u32, i64)> {
        let linked = link.numbers(events).unwrap();
        let values = linked.values().iter().copied();
        let rows = (0..linked.values().len()).map(|n| linked.at().element(n) as u32);
        rows.zip(values).collect()
    }

    #[test]
    fn events_come_in_their_order_whatever_that_of_the_ends() {
        let (_dir, link) = link(&[(&[4, 5, 9], 1), (&[], 2), (&[0, 6, 7], 0)]);
        let all = [(0, 0), (4, 1), (5, 1), (6, 0), (7, 0), (9, 1)];
        assert_eq!(rows(&link, 0..10), all);
        assert_eq!(rows(&link, 5..8), [(0, 1), (1, 0), (2, 0)]);
        assert_eq!(rows(&link, 20..30), []);
    }

    #[test]
    fn runs_go_on_from_span_to_span() {
        let ids: Vec<i64> = (SPAN - 2..SPAN + 3).collect();
        let (_dir, link) = link(&[(&ids, 7)]);
        assert_eq!(rows(&link, 0..SPAN).len(), 2);
        assert_eq!(rows(&link, SPAN..2 * SPAN), [(0, 7), (1, 7), (2, 7)]);
        assert_eq!(rows(&link, SPAN - 1..SPAN + 1), [(0, 7), (1, 7)]);
    }

    #[test]
    fn an_event_that_belongs_to_two_is_a_fault() {
        let (_dir, link) = link(&[(&[1, 2, 3], 0), (&[3], 1)]);
        assert!(matches!(link.numbers(0..10), Err(Error::Fault { .. })));
        assert!(link.numbers(0..3).is_ok());
    }

    #[test]
    fn only_the_links_are_late() {
        let (_dir, link) = link(&[(&[1], 5)]);
        let links = EventLinks {
            requests: link.clone(),
            services: link,
        };
        for (path, late) in [("request_id", true), ("service_id", true), ("fd", false)] {
            assert_eq!(links.numbers(path, 0..3).unwrap().is_some(), late, "{path}");
        }
    }
}
