//! How the values of a column lie in the rows: one in each, in lists that every row has, or in lists that some rows have.
//!
//! All columns of a list's elements share its shape: where each row's elements are among all, and what that comes to in
//! repetition levels, which are encoded once for all of them.

use super::hybrid::{Packed, encode_equal_levels};
use crate::columns::parquet::sparse::At;
use std::ops::Range;

/// Of columns of a row group.
pub struct Shape {
    form: Form,
    /// The repetition levels that were encoded last, and of which rows.
    encoded: Option<(Range<usize>, Vec<u8>)>,
}

enum Form {
    Rows,
    All(AllLists),
    Some(SomeLists),
}

/// Lists that every row has.
struct AllLists {
    /// Where each row's elements begin among all, and where the last's end.
    elements: Vec<u32>,
    /// Where each row's levels begin, and where the last's end. A list without elements has a level, too.
    levels: Vec<u32>,
    /// The level of each element.
    places: Vec<u32>,
    /// The levels of lists without elements.
    empty: Vec<u32>,
}

/// Lists that some rows have.
struct SomeLists {
    rows: u32,
    /// The row of each list.
    lists: Vec<u32>,
    /// Where each list's elements begin among all, and where the last's end.
    elements: Vec<u32>,
    /// The level of each list's first element, or of the list, where it has none.
    levels: Vec<u32>,
    /// The level of each element.
    places: Vec<u32>,
}

/// What levels are where there is no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ground {
    /// All are of elements.
    Elements,
    /// All are of rows without a list.
    Nothing,
    Mixed,
}

impl Shape {
    fn new(form: Form) -> Self {
        Shape {
            form,
            encoded: None,
        }
    }

    /// That of columns with a value, or null, for each row.
    pub fn rows() -> Self {
        Self::new(Form::Rows)
    }

    /// That of the elements of lists that every row has, of no rows yet.
    pub fn all_lists() -> Self {
        Self::new(Form::All(AllLists {
            elements: vec![0],
            levels: vec![0],
            places: Vec::new(),
            empty: Vec::new(),
        }))
    }

    /// That of the elements of lists that rows may have or not, of no rows yet.
    pub fn some_lists() -> Self {
        Self::new(Form::Some(SomeLists {
            rows: 0,
            lists: Vec::new(),
            elements: vec![0],
            levels: Vec::new(),
            places: Vec::new(),
        }))
    }

    /// Adds rows whose lists have so many elements each.
    ///
    /// # Panics
    /// Where not every row has a list.
    pub fn add(&mut self, lengths: impl Iterator<Item = usize>) {
        let Form::All(lists) = &mut self.form else {
            panic!("not every row has a list")
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

    /// Adds `rows` rows, of which `at` tells those that have a list; `lengths` are those of the lists.
    ///
    /// # Panics
    /// Where rows have no lists, or every row has one.
    pub fn add_some(&mut self, rows: usize, at: At, lengths: impl Iterator<Item = usize>) {
        let Form::Some(lists) = &mut self.form else {
            panic!("not some rows have a list")
        };
        for (number, length) in lengths.enumerate() {
            let row = lists.rows + at.element(number) as u32;
            let level = lists.level(row);
            lists.lists.push(row);
            lists.levels.push(level);
            lists.places.extend(level..level + length as u32);
            lists.elements.push(end(&lists.elements) + length as u32);
        }
        lists.rows += rows as u32;
    }

    /// How many rows there are, where they are counted.
    pub fn row_count(&self) -> Option<usize> {
        match &self.form {
            Form::Rows => None,
            Form::All(lists) => Some(lists.levels.len() - 1),
            Form::Some(lists) => Some(lists.rows as usize),
        }
    }

    /// The levels of rows.
    pub(super) fn levels(&self, rows: &Range<usize>) -> Range<usize> {
        match &self.form {
            Form::Rows => rows.clone(),
            Form::All(lists) => lists.levels[rows.start] as usize..lists.levels[rows.end] as usize,
            Form::Some(lists) => {
                let [start, end] = [rows.start, rows.end].map(|row| lists.level(row as u32));
                start as usize..end as usize
            }
        }
    }

    /// The elements of rows.
    pub fn elements(&self, rows: &Range<usize>) -> Range<usize> {
        match &self.form {
            Form::Rows => rows.clone(),
            Form::All(lists) => {
                lists.elements[rows.start] as usize..lists.elements[rows.end] as usize
            }
            Form::Some(lists) => {
                let lists_of = lists.of(rows);
                lists.elements[lists_of.start] as usize..lists.elements[lists_of.end] as usize
            }
        }
    }

    /// The row that has an element.
    pub(super) fn row_of(&self, element: usize) -> usize {
        let list = |elements: &[u32]| elements.partition_point(|at| *at as usize <= element) - 1;
        match &self.form {
            Form::Rows => element,
            Form::All(lists) => list(&lists.elements),
            Form::Some(lists) => lists.lists[list(&lists.elements)] as usize,
        }
    }

    /// The level of an element.
    #[inline]
    pub(super) fn level_of(&self, element: usize) -> usize {
        match &self.form {
            Form::Rows => element,
            Form::All(lists) => lists.places[element] as usize,
            Form::Some(lists) => lists.places[element] as usize,
        }
    }

    /// How many levels of rows are below those of elements, by their levels: of rows without a list, where there can be such,
    /// and of lists without elements.
    pub(super) fn beneath(&self, rows: &Range<usize>) -> Vec<usize> {
        match &self.form {
            Form::Rows => Vec::new(),
            Form::All(lists) => vec![lists.empty(rows).len()],
            Form::Some(lists) => {
                let lists_of = lists.of(rows);
                let none = rows.len() - lists_of.len();
                vec![
                    none,
                    lists_of.filter(|list| lists.length(*list) == 0).count(),
                ]
            }
        }
    }

    /// What the levels of rows are where there is no value.
    pub(super) fn ground(&self, rows: &Range<usize>) -> Ground {
        let elements = match &self.form {
            Form::Rows => true,
            Form::All(lists) => lists.empty(rows).is_empty(),
            Form::Some(lists) if lists.of(rows).is_empty() => return Ground::Nothing,
            Form::Some(_) => false,
        };
        match elements {
            true => Ground::Elements,
            false => Ground::Mixed,
        }
    }

    /// Makes `packed` the levels of rows where no element has a value, whose level would be `null`.
    pub(super) fn lay(&self, rows: &Range<usize>, width: usize, null: u8, packed: &mut Packed) {
        let levels = self.levels(rows);
        let Form::Some(lists) = &self.form else {
            packed.reset(width, levels.len(), null);
            return self.empty(rows, packed);
        };
        packed.reset(width, levels.len(), 0);
        for list in lists.of(rows) {
            let first = lists.levels[list] as usize - levels.start;
            match lists.length(list) {
                0 => packed.set(first, 1),
                length => packed.fill(first..first + length, null),
            }
        }
    }

    /// Sets the levels of consecutive elements, all of which have a value, among those of rows.
    pub(super) fn fill(
        &self,
        rows: &Range<usize>,
        elements: &Range<usize>,
        there: u8,
        packed: &mut Packed,
    ) {
        let levels = self.levels(rows);
        let Form::Some(lists) = &self.form else {
            let first = self.level_of(elements.start) - levels.start;
            let last = self.level_of(elements.end - 1) - levels.start;
            packed.fill(first..last + 1, there);
            return self.empty(rows, packed);
        };
        let lists_of = lists.of(&(self.row_of(elements.start)..self.row_of(elements.end - 1) + 1));
        for list in lists_of {
            let own = lists.elements[list] as usize..lists.elements[list + 1] as usize;
            let (from, to) = (own.start.max(elements.start), own.end.min(elements.end));
            if from < to {
                let first = lists.places[from] as usize - levels.start;
                packed.fill(first..first + (to - from), there);
            }
        }
    }

    /// Sets the levels of lists without elements, where every row has a list.
    fn empty(&self, rows: &Range<usize>, packed: &mut Packed) {
        if let Form::All(lists) = &self.form {
            let first = self.levels(rows).start;
            let empty = lists.empty(rows).iter();
            empty.for_each(|level| packed.set(*level as usize - first, 0));
        }
    }

    /// Appends the repetition levels of rows, encoded; none where there are no lists.
    pub(super) fn encode_repetition(
        &mut self,
        rows: &Range<usize>,
        packed: &mut Packed,
        out: &mut Vec<u8>,
    ) {
        if let Some((known, encoded)) = &self.encoded
            && known == rows
        {
            return out.extend_from_slice(encoded);
        }
        let levels = self.levels(rows);
        let mut encoded = Vec::new();
        match levels.len() == rows.len() {
            true => encode_equal_levels(rows.len(), 0, 1, &mut encoded),
            false => {
                self.lay_repetition(rows, levels, packed);
                packed.encode(&mut encoded);
            }
        }
        out.extend_from_slice(&encoded);
        self.encoded = Some((rows.clone(), encoded));
    }

    fn lay_repetition(&self, rows: &Range<usize>, levels: Range<usize>, packed: &mut Packed) {
        match &self.form {
            Form::Rows => {}
            Form::All(lists) => {
                packed.reset(1, levels.len(), 1);
                for first in &lists.levels[rows.clone()] {
                    packed.set(*first as usize - levels.start, 0);
                }
            }
            Form::Some(lists) => {
                packed.reset(1, levels.len(), 0);
                for list in lists.of(rows) {
                    let (first, length) = (lists.levels[list] as usize, lists.length(list));
                    let first = first - levels.start;
                    packed.fill(first + 1..first + length.max(1), 1);
                }
            }
        }
    }
}

impl AllLists {
    /// The levels of lists without elements among those of rows.
    fn empty(&self, rows: &Range<usize>) -> &[u32] {
        let at = |row: usize| {
            self.empty
                .partition_point(|level| *level < self.levels[row])
        };
        &self.empty[at(rows.start)..at(rows.end)]
    }
}

impl SomeLists {
    /// The first level of a row, or of that behind the last.
    fn level(&self, row: u32) -> u32 {
        match self.lists.partition_point(|at| *at < row) {
            0 => row,
            lists => {
                let last = lists - 1;
                let behind = self.levels[last] + self.length(last).max(1) as u32;
                behind + (row - self.lists[last] - 1)
            }
        }
    }

    /// The lists of rows.
    fn of(&self, rows: &Range<usize>) -> Range<usize> {
        let list = |row: usize| self.lists.partition_point(|at| (*at as usize) < row);
        list(rows.start)..list(rows.end)
    }

    /// How many elements a list has.
    fn length(&self, list: usize) -> usize {
        (self.elements[list + 1] - self.elements[list]) as usize
    }
}

fn end(bounds: &[u32]) -> u32 {
    bounds[bounds.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_and_levels_are_found_where_every_row_has_a_list() {
        let mut shape = Shape::all_lists();
        shape.add([2, 0].into_iter());
        shape.add([0, 3].into_iter());
        assert_eq!(shape.row_count(), Some(4));
        assert_eq!(
            (shape.levels(&(0..4)), shape.elements(&(0..4))),
            (0..7, 0..5)
        );
        assert_eq!(
            (shape.levels(&(1..3)), shape.elements(&(1..3))),
            (2..4, 2..2)
        );
        assert_eq!(shape.beneath(&(0..4)), [2]);
        assert_eq!(
            (shape.beneath(&(2..4)), shape.ground(&(2..4))),
            (vec![1], Ground::Mixed)
        );
        assert_eq!(shape.ground(&(3..4)), Ground::Elements);
        let places: Vec<usize> = (0..5).map(|element| shape.level_of(element)).collect();
        assert_eq!(places, [0, 1, 4, 5, 6]);
        let rows: Vec<usize> = (0..5).map(|element| shape.row_of(element)).collect();
        assert_eq!(rows, [0, 0, 3, 3, 3]);
    }

    #[test]
    fn elements_and_levels_are_found_where_some_rows_have_a_list() {
        let mut shape = Shape::some_lists();
        shape.add_some(4, At::Some(&[1, 3]), [2, 0].into_iter());
        shape.add_some(2, At::Some(&[]), [].into_iter());
        shape.add_some(2, At::All(2), [3, 1].into_iter());
        assert_eq!(shape.row_count(), Some(8));
        // Rows: none, [0, 1], none, [], none, none, [2, 3, 4], [5].
        assert_eq!(
            (shape.levels(&(0..8)), shape.elements(&(0..8))),
            (0..11, 0..6)
        );
        assert_eq!(
            (shape.levels(&(2..7)), shape.elements(&(2..7))),
            (3..10, 2..5)
        );
        assert_eq!(shape.beneath(&(0..8)), [4, 1]);
        assert_eq!(shape.ground(&(4..6)), Ground::Nothing);
        let places: Vec<usize> = (0..6).map(|element| shape.level_of(element)).collect();
        assert_eq!(places, [1, 2, 7, 8, 9, 10]);
        let rows: Vec<usize> = (0..6).map(|element| shape.row_of(element)).collect();
        assert_eq!(rows, [1, 1, 6, 6, 6, 7]);
    }
}
