//! Definition and repetition levels of columns that are null but for some values.
//!
//! Most columns are null in nearly all rows. They share one buffer of levels: it says null everywhere, and only while a
//! column is written it says otherwise at the rows that have a value.

use std::ops::Range;

/// The levels that columns share, so that none must make its own.
#[derive(Default)]
pub struct Levels {
    /// Of nulls, and of lists without elements.
    definition: Vec<i16>,
    /// None at top level.
    repetition: Vec<i16>,
    /// Where in both each element of the lists is; at top level each row is at its own number.
    places: Vec<u32>,
    /// The definition level of a null.
    null: i16,
}

/// Consecutive rows, or elements of lists, of a column. (Not a column chunk, which is all that a row group has of it.)
#[derive(Debug, Clone)]
pub struct Chunk {
    /// Its levels.
    pub levels: Range<usize>,
    /// The number of its first row or element, from which its values are numbered.
    pub first: usize,
}

impl Levels {
    /// Those of the elements of lists that every row has, and that have so many elements each.
    pub fn of_lists(lengths: impl Iterator<Item = usize>) -> Self {
        let mut levels = Levels {
            null: 1,
            ..Levels::default()
        };
        for length in lengths {
            let first = levels.definition.len() as u32;
            levels.places.extend(first..first + length as u32);
            match length {
                // A list without elements has a level, too.
                0 => levels.definition.push(0),
                _ => levels.definition.resize(first as usize + length, 1),
            }
            levels.repetition.push(0);
            levels.repetition.resize(levels.definition.len(), 1);
        }
        levels
    }

    /// A chunk of so many rows at top level.
    pub fn of_rows(&mut self, rows: usize) -> Chunk {
        if self.definition.len() < rows {
            self.definition.resize(rows, 0);
        }
        Chunk {
            levels: 0..rows,
            first: 0,
        }
    }

    /// Calls `write` with the levels of `chunk`, whose values are at `rows` and of the level `there`.
    pub(super) fn with<R>(
        &mut self,
        rows: &[u32],
        there: i16,
        chunk: &Chunk,
        write: impl FnOnce(&[i16], Option<&[i16]>) -> R,
    ) -> R {
        self.set(rows, chunk, there);
        let repetition = match self.repetition.is_empty() {
            true => None,
            false => Some(&self.repetition[chunk.levels.clone()]),
        };
        let result = write(&self.definition[chunk.levels.clone()], repetition);
        self.set(rows, chunk, self.null);
        result
    }

    fn set(&mut self, rows: &[u32], chunk: &Chunk, level: i16) {
        let rows = rows.iter().map(|at| *at as usize);
        match self.places.is_empty() {
            true => rows.for_each(|at| self.definition[at] = level),
            false => {
                let places = &self.places[chunk.first..];
                rows.for_each(|at| self.definition[places[at] as usize] = level);
            }
        }
    }
}
