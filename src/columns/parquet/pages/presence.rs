//! Which rows of a page have a value, and what that comes to in definition levels.

use super::hybrid::{Packed, encode_equal_levels, width_of};
use super::shape::Shape;
use crate::columns::parquet::sparse::At;
use std::ops::Range;

/// Which rows, or elements of lists, of a page have a value: pieces of it, one after the other.
#[derive(Debug, Default)]
pub(super) struct Presence {
    pieces: Vec<Piece>,
    /// Elements that have a value, of the pieces that tell them one by one.
    elements: Vec<u32>,
    /// Values in all.
    pub values: usize,
}

#[derive(Debug)]
enum Piece {
    /// All of these elements.
    All(Range<usize>),
    /// These of the elements that are told one by one.
    Some(Range<usize>),
}

impl Presence {
    /// Adds the elements that have the values in `range`; `at` tells which elements those are, counted from `base` on.
    pub(super) fn add(&mut self, at: At, range: Range<usize>, base: usize) {
        if range.is_empty() {
            return;
        }
        self.values += range.len();
        match (at, self.pieces.last_mut()) {
            (At::All(_), Some(Piece::All(last))) if last.end == base + range.start => {
                last.end = base + range.end;
            }
            (At::All(_), _) => {
                let elements = base + range.start..base + range.end;
                self.pieces.push(Piece::All(elements));
            }
            (At::Some(these), _) => {
                let (first, base) = (self.elements.len(), base as u32);
                let these = these[range].iter().map(|at| base + at);
                self.elements.extend(these);
                self.pieces.push(Piece::Some(first..self.elements.len()));
            }
        }
    }

    /// Nothing, for the next page.
    pub(super) fn clear(&mut self) {
        self.pieces.clear();
        self.elements.clear();
        self.values = 0;
    }

    /// Appends the definition levels of `rows`, encoded; `there` is that of a value, `null` that of an element without one.
    pub(super) fn encode(
        &self,
        rows: &Range<usize>,
        shape: &Shape,
        (null, there): (u8, u8),
        packed: &mut Packed,
        out: &mut Vec<u8>,
    ) {
        let (levels, empty) = (shape.levels(rows), shape.empty(rows));
        let width = width_of(u64::from(there));
        if empty.is_empty() && self.values == 0 {
            return encode_equal_levels(levels.len(), null, width, out);
        }
        if empty.is_empty() && self.values == levels.len() {
            return encode_equal_levels(levels.len(), there, width, out);
        }
        packed.reset(width, levels.len(), null);
        for piece in &self.pieces {
            match piece {
                Piece::All(elements) => {
                    let first = shape.level_of(elements.start) - levels.start;
                    let last = shape.level_of(elements.end - 1) - levels.start;
                    packed.fill(first..last + 1, there);
                }
                Piece::Some(elements) => {
                    for element in &self.elements[elements.clone()] {
                        packed.set(shape.level_of(*element as usize) - levels.start, there);
                    }
                }
            }
        }
        for level in empty {
            packed.set(*level as usize - levels.start, 0);
        }
        packed.encode(out);
    }
}
