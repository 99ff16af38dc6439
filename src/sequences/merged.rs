//! The events of a recording in their order, out of all the files that have some.
//!
//! Those of a dataset follow one another; in a release each part has files of its own, and events of all parts are mixed.

use super::decoded::{Decoded, Decoder};
use super::downstream::Downstream;
use crate::dataset::root::Root;
use crate::error::Result;
use crate::process::stop::go_on;
use crate::publish::rows::Rows;
use arrow::array::RecordBatch;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;

/// Events that are put together of several files at once.
const TOGETHER: usize = 8192;

/// The events.
pub(super) struct Merged {
    heads: Vec<Head>,
}

/// A file that is read.
struct Head {
    path: PathBuf,
    batches: Box<dyn Iterator<Item = Result<RecordBatch>> + Send>,
    decoded: Decoded,
    /// The first event that was not given out.
    at: usize,
}

/// How events are read.
pub(super) struct Reading<'a> {
    pub decoder: &'a mut Decoder,
    pub downstream: &'a Downstream,
    pub interrupted: &'a AtomicBool,
}

impl Merged {
    /// Of these files.
    ///
    /// # Errors
    /// As [`Rows::open`].
    pub(super) fn open(root: &Root, files: &[String], decoder: &Decoder) -> Result<Self> {
        let needed = decoder.needed();
        let needed: Vec<&str> = needed.iter().map(String::as_str).collect();
        let heads = files.iter().map(|file| {
            Ok(Head {
                path: root.join(file),
                batches: Box::new(Rows::open(root, file)?.batches(Some(&needed))?),
                decoded: Decoded::default(),
                at: 0,
            })
        });
        Ok(Merged {
            heads: heads.collect::<Result<_>>()?,
        })
    }

    /// The next events, at least one; `None` when all were given out.
    ///
    /// # Errors
    /// Those of reading, as [`Decoder::decode`], and [`Error::Interrupted`](crate::error::Error::Interrupted).
    pub(super) fn next(&mut self, reading: &mut Reading) -> Result<Option<Decoded>> {
        let mut events = Decoded::default();
        while events.ids.len() < TOGETHER {
            for head in &mut self.heads {
                events.rows += head.fill(reading)?;
            }
            self.heads.retain(|head| !head.is_empty());
            let heads = self.heads.iter().enumerate();
            let Some((first, _)) = heads.min_by_key(|(_, head)| head.next()) else {
                break;
            };
            let others = self.heads.iter().enumerate().filter(|(at, _)| *at != first);
            let until = others.map(|(_, head)| head.next()).min();
            self.heads[first].give(until.unwrap_or(i64::MAX), &mut events);
        }
        Ok((!events.ids.is_empty() || events.rows > 0).then_some(events))
    }
}

impl Head {
    fn is_empty(&self) -> bool {
        self.at == self.decoded.ids.len()
    }

    /// The `event_id` of its next event.
    fn next(&self) -> i64 {
        self.decoded.ids[self.at]
    }

    /// Reads on until it has an event, if it has more; gives how many rows were read.
    fn fill(&mut self, reading: &mut Reading) -> Result<usize> {
        let mut rows = 0;
        while self.is_empty()
            && let Some(batch) = self.batches.next()
        {
            go_on(reading.interrupted)?;
            let batch = batch?;
            rows += batch.num_rows();
            let decoder = &mut *reading.decoder;
            self.decoded = decoder.decode(&batch, reading.downstream, &self.path)?;
            self.at = 0;
        }
        Ok(rows)
    }

    /// Gives out the events before the one of this `event_id`, and one at least.
    fn give(&mut self, until: i64, to: &mut Decoded) {
        let before = self.decoded.ids[self.at..].partition_point(|id| *id < until);
        let run = self.at..self.at + before.max(1);
        to.append(&self.decoded, &run);
        self.at = run.end;
    }
}
