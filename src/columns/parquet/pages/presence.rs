//! Which places of a page have a value, and what that comes to in definition levels.

use super::hybrid::{Packed, encode_equal_levels, width_of};
use super::shape::{Ground, Shape};
use crate::columns::parquet::sparse::At;
use std::ops::Range;

/// Which rows of a page, or places in its lists, have a value: pieces of it, one after the other.
#[derive(Debug, Default)]
pub(super) struct Presence {
    pieces: Vec<Piece>,
    /// Places that have a value, of the pieces that tell them one by one.
    places: Vec<u32>,
    /// Values in all.
    pub values: usize,
}

#[derive(Debug)]
enum Piece {
    /// All of these places.
    All(Range<usize>),
    /// These of the places that are told one by one.
    Some(Range<usize>),
}

impl Presence {
    /// Adds the places that have the values in `range`; `at` tells which places those are, counted from `base` on.
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
                let places = base + range.start..base + range.end;
                self.pieces.push(Piece::All(places));
            }
            (At::Some(these), _) => {
                let (first, base) = (self.places.len(), base as u32);
                let these = these[range].iter().map(|at| base + at);
                self.places.extend(these);
                self.pieces.push(Piece::Some(first..self.places.len()));
            }
        }
    }

    /// Nothing, for the next page.
    pub(super) fn clear(&mut self) {
        self.pieces.clear();
        self.places.clear();
        self.values = 0;
    }

    /// Appends the definition levels of `rows`, encoded; `there` is that of a value, `null` that of a place without one.
    pub(super) fn encode(
        &self,
        rows: &Range<usize>,
        shape: Shape,
        (null, there): (u8, u8),
        packed: &mut Packed,
        out: &mut Vec<u8>,
    ) {
        let levels = shape.levels(rows);
        let width = width_of(u64::from(there));
        match shape.ground(rows) {
            Ground::Equal(level) => return encode_equal_levels(levels.len(), level, width, out),
            Ground::Places if self.values == 0 => {
                return encode_equal_levels(levels.len(), null, width, out);
            }
            Ground::Places if self.values == levels.len() => {
                return encode_equal_levels(levels.len(), there, width, out);
            }
            _ => shape.lay(rows, width, null, packed),
        }
        for piece in &self.pieces {
            match piece {
                Piece::All(places) => shape.fill(rows, places, there, packed),
                Piece::Some(places) => {
                    for place in &self.places[places.clone()] {
                        packed.set(shape.level_of(*place as usize) - levels.start, there);
                    }
                }
            }
        }
        packed.encode(out);
    }
}
