//! What the values of a row group's columns lie in to begin with: rows, or the elements of lists that every row has.

use super::hybrid::Packed;
use super::repetition::Repetition;
use std::ops::Range;

/// Where columns begin.
pub struct Base {
    form: Form,
    /// The repetition levels of columns that go no deeper.
    pub(super) repetition: Repetition,
}

enum Form {
    Rows,
    Lists(Lists),
}

/// Lists that every row has.
struct Lists {
    /// Where each row's elements begin among all, and where the last's end.
    elements: Vec<u32>,
    /// Where each row's levels begin, and where the last's end. A list without elements has a level, too.
    levels: Vec<u32>,
    /// The level of each element.
    places: Vec<u32>,
    /// The levels of lists without elements.
    empty: Vec<u32>,
}

impl Base {
    fn new(form: Form) -> Self {
        Base {
            form,
            repetition: Repetition::default(),
        }
    }

    /// A place for each row.
    pub fn rows() -> Self {
        Self::new(Form::Rows)
    }

    /// A place for each element of lists that every row has, of no rows yet.
    pub fn lists() -> Self {
        Self::new(Form::Lists(Lists {
            elements: vec![0],
            levels: vec![0],
            places: Vec::new(),
            empty: Vec::new(),
        }))
    }

    /// Adds rows whose lists have so many elements each.
    ///
    /// # Panics
    /// Where rows have no lists.
    pub fn add(&mut self, lengths: impl Iterator<Item = usize>) {
        let Form::Lists(lists) = &mut self.form else {
            panic!("rows have no lists")
        };
        for length in lengths {
            let (element, level) = (end(&lists.elements), end(&lists.levels));
            lists.places.extend(level..level + length as u32);
            if length == 0 {
                lists.empty.push(level);
            }
            lists.elements.push(element + length as u32);
            lists.levels.push(level + length.max(1) as u32);
        }
    }

    /// How many rows there are, where they are counted.
    pub fn row_count(&self) -> Option<usize> {
        match &self.form {
            Form::Rows => None,
            Form::Lists(lists) => Some(lists.levels.len() - 1),
        }
    }

    /// The definition level of an element; the greatest repetition level is as great.
    pub(super) fn level(&self) -> u8 {
        match &self.form {
            Form::Rows => 0,
            Form::Lists(_) => 1,
        }
    }

    /// The levels of rows, as long as nothing goes deeper.
    pub(super) fn levels(&self, rows: &Range<usize>) -> Range<usize> {
        match &self.form {
            Form::Rows => rows.clone(),
            Form::Lists(lists) => {
                lists.levels[rows.start] as usize..lists.levels[rows.end] as usize
            }
        }
    }

    /// The elements of rows.
    pub fn elements(&self, rows: &Range<usize>) -> Range<usize> {
        match &self.form {
            Form::Rows => rows.clone(),
            Form::Lists(lists) => {
                lists.elements[rows.start] as usize..lists.elements[rows.end] as usize
            }
        }
    }

    /// The row that has an element.
    pub(super) fn row_of(&self, element: usize) -> usize {
        match &self.form {
            Form::Rows => element,
            Form::Lists(lists) => {
                let behind = lists.elements.partition_point(|at| *at as usize <= element);
                behind - 1
            }
        }
    }

    /// The level of an element, as long as nothing goes deeper.
    #[inline]
    pub(super) fn level_of(&self, element: usize) -> usize {
        match &self.form {
            Form::Rows => element,
            Form::Lists(lists) => lists.places[element] as usize,
        }
    }

    /// The levels of lists without elements among those of rows.
    pub(super) fn empty(&self, rows: &Range<usize>) -> &[u32] {
        match &self.form {
            Form::Rows => &[],
            Form::Lists(lists) => {
                let at = |row: usize| {
                    lists
                        .empty
                        .partition_point(|level| *level < lists.levels[row])
                };
                &lists.empty[at(rows.start)..at(rows.end)]
            }
        }
    }

    /// The first level of each row, where rows may have more than one.
    pub(super) fn firsts(&self, rows: &Range<usize>) -> &[u32] {
        match &self.form {
            Form::Rows => &[],
            Form::Lists(lists) => &lists.levels[rows.clone()],
        }
    }

    /// Makes `packed` the definition levels of rows whose elements all have the level `element`.
    pub(super) fn lay(&self, rows: &Range<usize>, width: usize, element: u8, packed: &mut Packed) {
        packed.reset(width, self.levels(rows).len(), element);
        self.lay_empty(rows, packed);
    }

    /// Sets the levels of consecutive elements among those of rows.
    pub(super) fn fill(
        &self,
        rows: &Range<usize>,
        elements: &Range<usize>,
        level: u8,
        packed: &mut Packed,
    ) {
        let start = self.levels(rows).start;
        let (first, last) = (
            self.level_of(elements.start),
            self.level_of(elements.end - 1),
        );
        packed.fill(first - start..last + 1 - start, level);
        self.lay_empty(rows, packed);
    }

    /// Sets the levels of lists without elements.
    fn lay_empty(&self, rows: &Range<usize>, packed: &mut Packed) {
        let start = self.levels(rows).start;
        let empty = self.empty(rows).iter();
        empty.for_each(|level| packed.set(*level as usize - start, 0));
    }
}

fn end(bounds: &[u32]) -> u32 {
    bounds[bounds.len() - 1]
}
