//! How the values of a column lie in the rows: one in each, or in lists.
//!
//! All columns of a list's elements share its shape: where each row's elements are among all, and what that comes to in
//! repetition levels, which are encoded once for all of them.

use super::hybrid::{Packed, encode_equal_levels};
use std::ops::Range;

/// Of columns of a row group.
#[derive(Default)]
pub struct Shape {
    lists: Option<Lists>,
}

/// Lists that every row has.
#[derive(Default)]
struct Lists {
    /// Where each row's elements begin among all, and where the last's end.
    elements: Vec<u32>,
    /// Where each row's levels begin, and where the last's end. A list without elements has a level, too.
    levels: Vec<u32>,
    /// The level of each element.
    places: Vec<u32>,
    /// The row of each level of a list without elements, and the level.
    empty: Vec<u32>,
    /// The repetition levels that were encoded last, and of which rows.
    encoded: Option<(Range<usize>, Vec<u8>)>,
}

impl Shape {
    /// That of columns with a value, or null, for each row.
    pub fn rows() -> Self {
        Shape { lists: None }
    }

    /// That of the elements of lists, of no rows yet.
    pub fn lists() -> Self {
        Shape {
            lists: Some(Lists {
                elements: vec![0],
                levels: vec![0],
                ..Lists::default()
            }),
        }
    }

    /// Adds rows whose lists have so many elements each.
    ///
    /// # Panics
    /// Where it is that of rows.
    pub fn add(&mut self, lengths: impl Iterator<Item = usize>) {
        let lists = self.lists.as_mut().expect("rows have no lists");
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
    pub fn len(&self) -> Option<usize> {
        self.lists.as_ref().map(|lists| lists.levels.len() - 1)
    }

    /// The levels of rows.
    pub(super) fn levels(&self, rows: &Range<usize>) -> Range<usize> {
        match &self.lists {
            None => rows.clone(),
            Some(lists) => lists.levels[rows.start] as usize..lists.levels[rows.end] as usize,
        }
    }

    /// The elements of rows.
    pub fn elements(&self, rows: &Range<usize>) -> Range<usize> {
        match &self.lists {
            None => rows.clone(),
            Some(lists) => lists.elements[rows.start] as usize..lists.elements[rows.end] as usize,
        }
    }

    /// The row that has an element.
    pub(super) fn row_of(&self, element: usize) -> usize {
        match &self.lists {
            None => element,
            Some(lists) => {
                let behind = lists.elements.partition_point(|first| *first as usize <= element);
                behind - 1
            }
        }
    }

    /// The level of an element.
    #[inline]
    pub(super) fn level_of(&self, element: usize) -> usize {
        match &self.lists {
            None => element,
            Some(lists) => lists.places[element] as usize,
        }
    }

    /// The levels of lists without elements among those of rows.
    pub(super) fn empty(&self, rows: &Range<usize>) -> &[u32] {
        let Some(lists) = &self.lists else {
            return &[];
        };
        let levels = self.levels(rows);
        let at = |level: usize| lists.empty.partition_point(|empty| (*empty as usize) < level);
        &lists.empty[at(levels.start)..at(levels.end)]
    }

    /// Appends the repetition levels of rows, encoded; none where there are no lists.
    pub(super) fn encode_repetition(
        &mut self,
        rows: &Range<usize>,
        packed: &mut Packed,
        out: &mut Vec<u8>,
    ) {
        let levels = self.levels(rows);
        let Some(lists) = &mut self.lists else {
            return;
        };
        match &lists.encoded {
            Some((known, encoded)) if known == rows => out.extend_from_slice(encoded),
            _ => {
                let mut encoded = Vec::new();
                match levels.len() == rows.len() {
                    true => encode_equal_levels(rows.len(), 0, 1, &mut encoded),
                    false => {
                        packed.reset(1, levels.len(), 1);
                        for first in &lists.levels[rows.clone()] {
                            packed.set(*first as usize - levels.start, 0);
                        }
                        packed.encode(&mut encoded);
                    }
                }
                out.extend_from_slice(&encoded);
                lists.encoded = Some((rows.clone(), encoded));
            }
        }
    }
}

fn end(bounds: &[u32]) -> u32 {
    bounds[bounds.len() - 1]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_and_levels_are_found() {
        let mut shape = Shape::lists();
        shape.add([2, 0].into_iter());
        shape.add([0, 3].into_iter());
        assert_eq!(shape.len(), Some(4));
        assert_eq!((shape.levels(&(0..4)), shape.elements(&(0..4))), (0..7, 0..5));
        assert_eq!((shape.levels(&(1..3)), shape.elements(&(1..3))), (2..4, 2..2));
        assert_eq!(shape.empty(&(0..4)), [2, 3]);
        assert_eq!(shape.empty(&(2..4)), [3]);
        let places: Vec<usize> = (0..5).map(|element| shape.level_of(element)).collect();
        assert_eq!(places, [0, 1, 4, 5, 6]);
        let rows: Vec<usize> = (0..5).map(|element| shape.row_of(element)).collect();
        assert_eq!(rows, [0, 0, 3, 3, 3]);
    }
}
