//! The points of one batch and the intervals around them, as pairs of rows.
//!
//! Points mostly come in order, so the intervals around one are those around the last one, without the ones that ended and
//! with the ones that began: what it costs is what comes out. Points that are not in order are put into it.

use super::group::Group;
use arrow::array::{Array, ArrayRef, AsArray, UInt32Array};
use arrow::datatypes::Int64Type;
use std::collections::VecDeque;
use std::ops::Range;

/// Points that have the same keys, and the group of intervals that have them, too.
struct Run {
    /// Rows of the points, in the order of their points.
    rows: Vec<u32>,
    group: usize,
}

/// The pairs of a batch, bit by bit.
pub(super) struct Sweep {
    points: ArrayRef,
    runs: VecDeque<Run>,
    /// Of the first run: the point that is looked at, and the interval that would begin next.
    at: usize,
    next: usize,
    /// Intervals around it, as end and row, and how many of them are told already.
    around: Vec<(i64, u32)>,
    told: usize,
}

/// Rows that belong together.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    /// Rows of intervals.
    pub intervals: Vec<u32>,
    /// Rows of points.
    pub points: Vec<u32>,
}

impl Pairs {
    /// Both as indices.
    pub(super) fn indices(self) -> (UInt32Array, UInt32Array) {
        (self.intervals.into(), self.points.into())
    }
}

impl Sweep {
    /// Of `points` (of type int64), in runs of equal keys, each with the number of its group.
    pub(super) fn new(points: ArrayRef, runs: impl Iterator<Item = (Range<usize>, usize)>) -> Self {
        let runs = runs.map(|(range, group)| Run {
            rows: in_order(&points, range),
            group,
        });
        Sweep {
            runs: runs.collect(),
            points,
            at: 0,
            next: 0,
            around: Vec::new(),
            told: 0,
        }
    }

    /// The next pairs, at most `limit`; none where all are told.
    pub(super) fn pairs(&mut self, groups: &[Group], limit: usize) -> Pairs {
        let values = self.points.as_primitive::<Int64Type>();
        let mut pairs = Pairs::default();
        while let Some(run) = self.runs.front()
            && pairs.points.len() < limit
        {
            let Some(&row) = run.rows.get(self.at) else {
                self.runs.pop_front();
                self.around.clear();
                (self.at, self.told) = (0, 0);
                continue;
            };
            let (group, point) = (&groups[run.group], values.value(row as usize));
            if self.told == 0 && self.at == 0 {
                group.stab(point, &mut self.around);
                self.next = group.begun(point);
            } else if self.told == 0 {
                self.around.retain(|(end, _)| *end >= point);
                self.next = group.advance(self.next, point, &mut self.around);
            }
            let rest = &self.around[self.told..];
            let count = rest.len().min(limit - pairs.points.len());
            let intervals = rest[..count].iter().map(|(_, interval)| *interval);
            pairs.intervals.extend(intervals);
            pairs.points.resize(pairs.intervals.len(), row);
            self.told += count;
            if self.told < self.around.len() {
                continue;
            }
            (self.at, self.told) = (self.at + 1, 0);
            if self.around.is_empty() {
                // Those before the next interval are in none.
                let begin = group.begin(self.next);
                let before =
                    |row: &u32| begin.is_none_or(|begin| values.value(*row as usize) < begin);
                self.at += run.rows[self.at..].partition_point(before);
            }
        }
        pairs
    }
}

/// The rows of a range that have a point, in the order of points.
fn in_order(points: &ArrayRef, range: Range<usize>) -> Vec<u32> {
    let values = points.as_primitive::<Int64Type>();
    let rows = range.filter(|row| values.is_valid(*row));
    let mut rows: Vec<u32> = rows.map(|row| row as u32).collect();
    let value = |row: &u32| values.value(*row as usize);
    if !rows.is_sorted_by_key(value) {
        rows.sort_by_key(value);
    }
    rows
}
