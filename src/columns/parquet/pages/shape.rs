//! How the values of a column lie in the rows: one in each, in lists that every row has, or deeper, in any structures and lists
//! that some rows have.
//!
//! Places for values are counted: rows, or elements of the innermost list. All columns of a list's elements share what
//! their levels come to.

use super::base::Base;
use super::hybrid::{Packed, encode_equal_levels, width_of};
use super::layout::{Definitions, Layout};
use std::ops::Range;

/// Of columns of a row group.
#[derive(Clone, Copy)]
pub struct Shape<'a> {
    pub(super) base: &'a Base,
    pub(super) deep: Option<(&'a Layout, &'a Definitions)>,
}

/// What levels are where there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// All are of places for values.
    Places,
    /// All are this one, and there is no place for a value.
    Equal(u8),
    Mixed,
}

impl<'a> Shape<'a> {
    /// That of columns that go no deeper.
    pub fn of(base: &'a Base) -> Self {
        Shape { base, deep: None }
    }

    /// The definition level of a place for a value.
    pub(super) fn level(&self) -> u8 {
        self.deep
            .map_or(self.base.level(), |(_, levels)| levels.level)
    }

    /// The greatest repetition level.
    pub(super) fn repetition(&self) -> u8 {
        self.deep
            .map_or(self.base.level(), |(layout, _)| layout.level)
    }

    /// The levels of rows.
    pub(super) fn levels(&self, rows: &Range<usize>) -> Range<usize> {
        let levels = self.base.levels(rows);
        match self.deep {
            None => levels,
            Some((layout, _)) => {
                let runs = layout.runs(&self.base.elements(rows));
                levels.start + layout.extra(runs.start)..levels.end + layout.extra(runs.end)
            }
        }
    }

    /// The places of rows.
    pub fn places(&self, rows: &Range<usize>) -> Range<usize> {
        let elements = self.base.elements(rows);
        let deep = self
            .deep
            .and_then(|(layout, _)| layout.places(&layout.runs(&elements)));
        deep.unwrap_or(elements)
    }

    /// The row that has a place.
    pub(super) fn row_of(&self, place: usize) -> usize {
        let run = self
            .deep
            .and_then(|(layout, _)| Some(layout.slot(layout.run_of(place)?)));
        self.base.row_of(run.unwrap_or(place))
    }

    /// The level of a place.
    #[inline]
    pub(super) fn level_of(&self, place: usize) -> usize {
        let deep = self.deep.and_then(|(layout, _)| layout.level_of(place));
        deep.unwrap_or_else(|| self.base.level_of(place))
    }

    /// How many levels of rows are below those of places, by their levels: of rows without a list, of lists without elements,
    /// of structures that are null.
    pub(super) fn beneath(&self, rows: &Range<usize>) -> Vec<usize> {
        let mut counts = vec![0; self.level() as usize];
        let empty = self.base.empty(rows).len();
        if empty > 0 {
            counts[0] += empty;
        }
        if let Some((layout, definitions)) = self.deep {
            let elements = self.base.elements(rows);
            let runs = layout.runs(&elements);
            if let Some(count) = counts.get_mut(self.base.level() as usize) {
                *count += elements.len() - runs.len();
            }
            for level in &definitions.of[layout.kept(&runs)] {
                if let Some(count) = counts.get_mut(*level as usize) {
                    *count += 1;
                }
            }
        }
        counts
    }

    /// How many repetition levels of rows there are of each kind.
    pub(super) fn repetitions(&self, rows: &Range<usize>) -> Vec<usize> {
        let mut counts = vec![0; 1 + self.repetition() as usize];
        counts[0] = rows.len();
        if let Some(count) = counts.get_mut(1) {
            *count = self.base.levels(rows).len() - rows.len();
        }
        if let Some((layout, _)) = self
            .deep
            .filter(|(layout, _)| layout.place_count().is_some())
        {
            let runs = layout.runs(&self.base.elements(rows));
            for run in runs {
                for level in &layout.repetition(layout.kept(&(run..run + 1)))[1..] {
                    counts[*level as usize] += 1;
                }
            }
        }
        counts
    }

    /// What the levels of rows are where there is no value.
    pub(super) fn ground(&self, rows: &Range<usize>) -> Ground {
        if !self.base.empty(rows).is_empty() {
            return Ground::Mixed;
        }
        match self.deep {
            None => Ground::Places,
            Some((layout, _)) => match layout.runs(&self.base.elements(rows)).is_empty() {
                true => Ground::Equal(self.base.level()),
                false => Ground::Mixed,
            },
        }
    }

    /// Makes `packed` the levels of rows where no place has a value, where its level would be `null`.
    pub(super) fn lay(&self, rows: &Range<usize>, width: usize, null: u8, packed: &mut Packed) {
        let Some((layout, definitions)) = self.deep else {
            return self.base.lay(rows, width, null, packed);
        };
        let runs = layout.runs(&self.base.elements(rows));
        if layout.extra(runs.start) == layout.extra(runs.end) {
            self.base.lay(rows, width, self.base.level(), packed);
        } else {
            packed.reset(width, self.levels(rows).len(), self.base.level());
            let start = self.levels(rows).start;
            for (level, extra) in self.shifted(self.base.empty(rows), &runs) {
                packed.set(level as usize + extra - start, 0);
            }
        }
        let start = self.levels(rows).start;
        for run in runs {
            let first = self.base.level_of(layout.slot(run)) + layout.extra(run) - start;
            let levels = &definitions.of[layout.kept(&(run..run + 1))];
            for (at, level) in (first..).zip(levels) {
                packed.set(at, *level);
            }
        }
    }

    /// Levels of the base that are no elements of it, or are rows' first, each with how many more levels come before it.
    fn shifted<'b>(
        &'b self,
        levels: &'b [u32],
        runs: &Range<usize>,
    ) -> impl Iterator<Item = (u32, usize)> + 'b {
        let layout = self.deep.map(|(layout, _)| layout);
        let (mut run, end) = (runs.start, runs.end);
        levels.iter().map(move |level| {
            let Some(layout) = layout else {
                return (*level, 0);
            };
            while run < end && self.base.level_of(layout.slot(run)) < *level as usize {
                run += 1;
            }
            (*level, layout.extra(run))
        })
    }

    /// Sets the levels of consecutive places, all of which have a value, among those of rows.
    pub(super) fn fill(
        &self,
        rows: &Range<usize>,
        places: &Range<usize>,
        there: u8,
        packed: &mut Packed,
    ) {
        if self
            .deep
            .is_none_or(|(layout, _)| layout.place_count().is_none())
        {
            return self.base.fill(rows, places, there, packed);
        }
        let start = self.levels(rows).start;
        for place in places.clone() {
            packed.set(self.level_of(place) - start, there);
        }
    }

    /// Appends the repetition levels of rows, encoded; `greatest` is the column's.
    pub(super) fn encode_repetition(
        &self,
        rows: &Range<usize>,
        greatest: u8,
        packed: &mut Packed,
        out: &mut Vec<u8>,
    ) {
        let cache = match self.deep {
            Some((layout, _)) => &layout.encoded,
            None => &self.base.repetition,
        };
        let width = width_of(u64::from(greatest));
        cache.append(rows, width, out, |out| {
            match self.levels(rows).len() == rows.len() {
                true => encode_equal_levels(rows.len(), 0, width, out),
                false => {
                    self.lay_repetition(rows, width, packed);
                    packed.encode(out);
                }
            }
        });
    }

    fn lay_repetition(&self, rows: &Range<usize>, width: usize, packed: &mut Packed) {
        let levels = self.levels(rows);
        packed.reset(width, levels.len(), self.base.level());
        let runs = match self.deep {
            None => 0..0,
            Some((layout, _)) => layout.runs(&self.base.elements(rows)),
        };
        for (first, extra) in self.shifted(self.base.firsts(rows), &runs) {
            packed.set(first as usize + extra - levels.start, 0);
        }
        let Some((layout, _)) = self.deep else {
            return;
        };
        for run in runs {
            let first = self.base.level_of(layout.slot(run)) + layout.extra(run) - levels.start;
            let behind = &layout.repetition(layout.kept(&(run..run + 1)))[1..];
            for (at, level) in (first + 1..).zip(behind) {
                packed.set(at, *level);
            }
        }
    }
}
