//! Values at some rows of many.
//!
//! Most columns are null in most rows: an event has 5 of 150 arguments. So values are gathered with the numbers of their
//! rows, and encoded without the rows between them.

use std::ops::Range;

/// Fixed-size values at some rows.
pub struct Sparse<T> {
    values: Vec<T>,
    rows: Rows,
}

/// Which rows have a value, in order.
#[derive(Debug, Clone, Default)]
pub struct Rows {
    /// The first so many, as long as there are no others.
    first: usize,
    /// All of them, once there are others.
    these: Vec<u32>,
}

/// Which rows have a value: a view of it.
#[derive(Debug, Clone, Copy)]
pub enum At<'a> {
    /// The first so many.
    All(usize),
    /// These, in order.
    Some(&'a [u32]),
}

impl At<'_> {
    /// How many rows before `row` have a value.
    pub fn before(&self, row: usize) -> usize {
        match self {
            At::All(rows) => row.min(*rows),
            At::Some(rows) => rows.partition_point(|at| (*at as usize) < row),
        }
    }

    /// How many rows have a value.
    pub fn count(&self) -> usize {
        match self {
            At::All(rows) => *rows,
            At::Some(rows) => rows.len(),
        }
    }

    /// The rows, in order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        (0..self.count()).map(|value| self.element(value))
    }

    /// The row of a value.
    pub fn element(&self, value: usize) -> usize {
        match self {
            At::All(_) => value,
            At::Some(rows) => rows[value] as usize,
        }
    }
}

impl Rows {
    /// Adds row `at`, which must be behind all others.
    #[inline]
    pub fn push(&mut self, at: usize) {
        if self.these.is_empty() {
            if at == self.first {
                self.first += 1;
                return;
            }
            self.these.extend(0..self.first as u32);
        }
        self.these.push(at as u32);
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.first == 0 && self.these.is_empty()
    }

    /// A view of them.
    pub fn at(&self) -> At<'_> {
        match self.these.is_empty() {
            true => At::All(self.first),
            false => At::Some(&self.these),
        }
    }

    /// None, and room for as many as there are here.
    fn with_as_much_room(&self) -> Self {
        Rows {
            first: 0,
            these: Vec::with_capacity(self.these.len()),
        }
    }

    /// All of them; afterwards there are none, and room for as many.
    pub(crate) fn take(&mut self) -> Self {
        let next = self.with_as_much_room();
        std::mem::replace(self, next)
    }

    /// Those in `places`, which are in order.
    pub(crate) fn within(&self, places: &[Range<usize>]) -> impl Iterator<Item = usize> {
        let mut places = places.iter().peekable();
        self.iter().filter(move |at| {
            while places.next_if(|place| place.end <= *at).is_some() {}
            places.peek().is_some_and(|place| place.contains(at))
        })
    }

    /// Those in `places`, counted as if there were no others; each row is in one of them.
    pub(crate) fn counted_anew(&self, places: &[Range<usize>]) -> Self {
        let (mut before, mut places) = (0, places.iter().peekable());
        let anew = self.iter().map(|at| {
            while let Some(place) = places.next_if(|place| place.end <= at) {
                before += place.len();
            }
            let place = places.peek().expect("each is in a place");
            before + at - place.start
        });
        anew.collect()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        let first = match self.these.is_empty() {
            true => self.first,
            false => 0,
        };
        (0..first).chain(self.these.iter().map(|at| *at as usize))
    }
}

impl FromIterator<usize> for Rows {
    /// These, in order.
    fn from_iter<I: IntoIterator<Item = usize>>(rows: I) -> Self {
        let mut all = Rows::default();
        rows.into_iter().for_each(|row| all.push(row));
        all
    }
}

impl<T: Copy + Default> Sparse<T> {
    /// No values.
    pub fn new() -> Self {
        Self::with_room(0)
    }

    /// Sets the value of row `at`, which must be behind all rows set before.
    #[inline]
    pub fn push(&mut self, at: usize, value: T) {
        self.values.push(value);
        self.rows.push(at);
    }

    /// Whether no row has a value.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The values, in the order of their rows.
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// The rows that have them.
    pub fn at(&self) -> At<'_> {
        self.rows.at()
    }

    /// All values; afterwards there are none, and room for as many.
    pub fn take(&mut self) -> Self {
        let next = Sparse {
            values: Vec::with_capacity(self.values.len()),
            rows: self.rows.with_as_much_room(),
        };
        std::mem::replace(self, next)
    }

    /// Counts the rows anew, which are all in `places`.
    pub(crate) fn count_anew(&mut self, places: &[Range<usize>]) {
        self.rows = self.rows.counted_anew(places);
    }

    /// No values, and room for so many.
    fn with_room(room: usize) -> Self {
        Sparse {
            values: Vec::with_capacity(room),
            rows: Rows::default(),
        }
    }
}

impl Sparse<u64> {
    /// The bits of the values, as Parquet keeps unsigned numbers.
    pub fn into_bits(self) -> Sparse<i64> {
        Sparse {
            values: self.values.into_iter().map(|value| value as i64).collect(),
            rows: self.rows,
        }
    }
}

impl<T: Copy + Default> FromIterator<Option<T>> for Sparse<T> {
    /// What each row has, from the first on.
    fn from_iter<I: IntoIterator<Item = Option<T>>>(rows: I) -> Self {
        let rows = rows.into_iter();
        let mut sparse = Sparse::with_room(rows.size_hint().0);
        for (at, value) in rows.enumerate() {
            if let Some(value) = value {
                sparse.push(at, value);
            }
        }
        sparse
    }
}

impl<T: Copy + Default> Default for Sparse<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Texts or byte strings at some rows.
pub struct SparseBytes {
    /// Where each begins, and where the last ends.
    offsets: Vec<i32>,
    bytes: Vec<u8>,
    rows: Rows,
}

impl SparseBytes {
    /// No values.
    pub fn new() -> Self {
        SparseBytes {
            offsets: vec![0],
            bytes: Vec::new(),
            rows: Rows::default(),
        }
    }

    /// Sets the value of row `at`, which must be behind all rows set before.
    pub fn push(&mut self, at: usize, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        let end = i32::try_from(self.bytes.len()).expect("a chunk holds less than 2 GiB of text");
        self.offsets.push(end);
        self.rows.push(at);
    }

    /// Whether no row has a value.
    pub fn is_empty(&self) -> bool {
        self.offsets.len() == 1
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.offsets.len() - 1
    }

    /// Where each value begins in the bytes, and where the last ends; and the bytes.
    pub fn values(&self) -> (&[i32], &[u8]) {
        (&self.offsets, &self.bytes)
    }

    /// The rows that have them.
    pub fn at(&self) -> At<'_> {
        self.rows.at()
    }

    /// All values; afterwards there are none, and room for as many.
    pub fn take(&mut self) -> Self {
        let mut offsets = Vec::with_capacity(self.offsets.len());
        offsets.push(0);
        let next = SparseBytes {
            offsets,
            bytes: Vec::with_capacity(self.bytes.len()),
            rows: self.rows.with_as_much_room(),
        };
        std::mem::replace(self, next)
    }
}

impl SparseBytes {
    /// Counts the rows anew, which are all in `places`.
    pub(crate) fn count_anew(&mut self, places: &[Range<usize>]) {
        self.rows = self.rows.counted_anew(places);
    }
}

impl Default for SparseBytes {
    fn default() -> Self {
        Self::new()
    }
}
