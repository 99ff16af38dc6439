//! How often training shows each word.

use super::chosen::Request;
use super::columns::Columns;
use super::sweep::Taker;
use crate::error::Result;
use std::ops::Range;

/// Counts by the numbers of words, of the kinds that words have.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub call: Vec<u64>,
    pub process: Vec<u64>,
    pub flags: Vec<u64>,
    pub path: Vec<u64>,
}

/// Counts the words of the requests of one part.
pub(super) struct Counting<'a> {
    pub requests: &'a [Request],
    /// The part to train with.
    pub train: usize,
    pub counts: &'a mut Counts,
}

impl Taker for Counting<'_> {
    fn take(&mut self, request: usize, from: &Columns, run: Range<usize>) {
        if self.requests[request].part != self.train {
            return;
        }
        count(&mut self.counts.call, &from.call[run.clone()]);
        count(&mut self.counts.process, &from.process[run.clone()]);
        if let Some(arguments) = &from.arguments {
            count(&mut self.counts.flags, &arguments.flags[run.clone()]);
            let components = arguments.paths.of(&run);
            count(
                &mut self.counts.path,
                &arguments.paths.components[components],
            );
        }
    }

    fn end(&mut self, _: usize, _: u64) -> Result<()> {
        Ok(())
    }
}

fn count(counts: &mut Vec<u64>, numbers: &[i32]) {
    for number in numbers {
        // What is not there has no number.
        let Ok(number) = usize::try_from(*number) else {
            continue;
        };
        if number >= counts.len() {
            counts.resize(number + 1, 0);
        }
        counts[number] += 1;
    }
}
