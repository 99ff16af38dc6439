//! Levels of the rows that have something deeper than rows, or than lists that every row has: structures that may be null, and
//! further lists.
//!
//! A row (an element, where every row has a list) that has nothing there is not kept. Of each other one, here called a
//! run, all levels are kept; but in structures alone these are one level, that of the run's own element.

use super::repetition::Repetition;
use std::ops::Range;

/// Where the levels of runs are, and which of them are places for values.
pub(super) struct Layout {
    /// The greatest repetition level.
    pub level: u8,
    /// The element of the base that each run is.
    slots: Vec<u32>,
    /// Where the levels of each begin among those kept, and where the last's end.
    starts: Vec<u32>,
    /// Repetition levels. That of a run's first is the base's.
    repetition: Vec<u8>,
    /// Elements of further lists. There are none in structures alone, whose places are the elements of the base.
    lists: Option<Elements>,
    pub encoded: Repetition,
}

/// Elements of lists in runs.
struct Elements {
    /// Where those of each run begin, and where the last's end.
    starts: Vec<u32>,
    /// Which of the levels that are kept is that of each.
    kept: Vec<u32>,
    /// The same among all levels.
    places: Vec<u32>,
}

/// Definition levels of the same runs, as far as they are known: where the levels end, a value is still to come.
pub(super) struct Definitions {
    /// That of a place for a value.
    pub level: u8,
    pub of: Vec<u8>,
}

impl Layout {
    /// No runs; of further lists or not.
    pub(super) fn new(level: u8, lists: bool) -> Self {
        Layout {
            level,
            slots: Vec::new(),
            starts: vec![0],
            repetition: Vec::new(),
            lists: lists.then(|| Elements {
                starts: vec![0],
                kept: Vec::new(),
                places: Vec::new(),
            }),
            encoded: Repetition::default(),
        }
    }

    /// How many runs there are.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Begins a run, which is this element of the base.
    pub(super) fn begin(&mut self, slot: usize) {
        self.slots.push(slot as u32);
    }

    /// Adds a level to the run.
    pub(super) fn push(&mut self, repetition: u8) {
        self.repetition.push(repetition);
    }

    /// Adds the levels of a list's elements to the run, whose level in the base is `place`.
    pub(super) fn push_elements(&mut self, count: usize, repetition: u8, place: usize) {
        let first = self.repetition.len();
        self.repetition.push(repetition);
        self.repetition.resize(first + count, self.level);
        // Runs before this one have a level each in the base.
        let before = first + place - (self.slots.len() - 1);
        let lists = self.lists.as_mut().expect("made for lists");
        lists.kept.extend(first as u32..(first + count) as u32);
        lists.places.extend(before as u32..(before + count) as u32);
    }

    /// Ends the run.
    pub(super) fn end(&mut self) {
        self.starts.push(self.repetition.len() as u32);
        if let Some(lists) = &mut self.lists {
            lists.starts.push(lists.kept.len() as u32);
        }
    }

    /// The element of the base that a run is.
    pub(super) fn slot(&self, run: usize) -> usize {
        self.slots[run] as usize
    }

    /// Which levels are those of runs.
    pub(super) fn kept(&self, runs: &Range<usize>) -> Range<usize> {
        self.starts[runs.start] as usize..self.starts[runs.end] as usize
    }

    /// Their repetition levels.
    pub(super) fn repetition(&self, kept: Range<usize>) -> &[u8] {
        &self.repetition[kept]
    }

    /// The runs among elements of the base.
    pub(super) fn runs(&self, slots: &Range<usize>) -> Range<usize> {
        let run = |slot: usize| self.slots.partition_point(|at| (*at as usize) < slot);
        run(slots.start)..run(slots.end)
    }

    /// How many levels more than the base has come before a run.
    pub(super) fn extra(&self, run: usize) -> usize {
        self.starts[run] as usize - run
    }

    /// Which of the levels that are kept is that of a place, if one is; runs before `from` are not looked at.
    pub(super) fn kept_of(&self, place: usize, from: usize) -> Option<usize> {
        match &self.lists {
            Some(lists) => lists.kept.get(place).map(|kept| *kept as usize),
            None => {
                let found = self.slots[from..].binary_search(&(place as u32));
                found.ok().map(|run| from + run)
            }
        }
    }

    /// How many places there are in lists; none where places are elements of the base.
    pub(super) fn place_count(&self) -> Option<usize> {
        self.lists.as_ref().map(|lists| lists.kept.len())
    }

    /// The places of runs.
    pub(super) fn places(&self, runs: &Range<usize>) -> Option<Range<usize>> {
        let starts = &self.lists.as_ref()?.starts;
        Some(starts[runs.start] as usize..starts[runs.end] as usize)
    }

    /// The level of a place.
    #[inline]
    pub(super) fn level_of(&self, place: usize) -> Option<usize> {
        let lists = self.lists.as_ref()?;
        Some(lists.places[place] as usize)
    }

    /// The run that has a place.
    pub(super) fn run_of(&self, place: usize) -> Option<usize> {
        let starts = &self.lists.as_ref()?.starts;
        Some(starts.partition_point(|at| *at as usize <= place) - 1)
    }
}
