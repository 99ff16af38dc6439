//! Repetition levels of a page, encoded once for all columns that have the same.

use std::cell::RefCell;
use std::ops::Range;

/// Those that were encoded last: of which rows, and with how many bits each.
#[derive(Default)]
pub(super) struct Repetition(RefCell<Option<(Range<usize>, usize, Vec<u8>)>>);

impl Repetition {
    /// Appends those of `rows`, of `width` bits each; `encode` makes them where they are not those that came last.
    pub(super) fn append(
        &self,
        rows: &Range<usize>,
        width: usize,
        out: &mut Vec<u8>,
        encode: impl FnOnce(&mut Vec<u8>),
    ) {
        let mut last = self.0.borrow_mut();
        match &*last {
            Some((known, of_width, encoded)) if known == rows && *of_width == width => {
                out.extend_from_slice(encoded);
            }
            _ => {
                let mut encoded = Vec::new();
                encode(&mut encoded);
                out.extend_from_slice(&encoded);
                *last = Some((rows.clone(), width, encoded));
            }
        }
    }
}
