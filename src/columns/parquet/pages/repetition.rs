//! Repetition levels of a page, encoded once for all columns that have the same.

use std::cell::RefCell;
use std::ops::Range;

/// Those that were encoded last.
#[derive(Default)]
pub(super) struct Repetition(RefCell<Option<Last>>);

struct Last {
    rows: Range<usize>,
    /// Bits of each.
    width: usize,
    encoded: Vec<u8>,
}

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
        if let Some(known) = &*last
            && (&known.rows, known.width) == (rows, width)
        {
            return out.extend_from_slice(&known.encoded);
        }
        let mut encoded = Vec::new();
        encode(&mut encoded);
        out.extend_from_slice(&encoded);
        *last = Some(Last {
            rows: rows.clone(),
            width,
            encoded,
        });
    }
}
