//! Values at some rows of many.
//!
//! Most columns are null in most rows: an event has 5 of 150 arguments. So values are gathered with the numbers of their
//! rows, and spread over an array when the chunk ends.

use arrow::array::{BinaryArray, PrimitiveArray, StringArray};
use arrow::buffer::{BooleanBuffer, Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{ArrowNativeType, ArrowPrimitiveType};

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

    pub(crate) fn iter(&self) -> impl Iterator<Item = usize> {
        let first = match self.these.is_empty() {
            true => self.first,
            false => 0,
        };
        (0..first).chain(self.these.iter().map(|at| *at as usize))
    }

    /// The null buffer of `rows` rows; afterwards there are none.
    pub(crate) fn finish(&mut self, rows: usize) -> NullBuffer {
        let mut bits = vec![0u8; rows.div_ceil(8)];
        for at in self.iter() {
            bits[at / 8] |= 1 << (at % 8);
        }
        self.first = 0;
        self.these.clear();
        let bits = BooleanBuffer::new(Buffer::from_vec(bits), 0, rows);
        NullBuffer::new(bits)
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

    /// No values, and room for so many.
    fn with_room(room: usize) -> Self {
        Sparse {
            values: Vec::with_capacity(room),
            rows: Rows::default(),
        }
    }

    /// The array of `rows` rows; afterwards there are no values.
    pub fn finish<A>(&mut self, rows: usize) -> PrimitiveArray<A>
    where
        A: ArrowPrimitiveType<Native = T>,
        T: ArrowNativeType,
    {
        let mut all = vec![T::default(); rows];
        for (at, value) in self.rows.iter().zip(&self.values) {
            all[at] = *value;
        }
        self.values.clear();
        PrimitiveArray::new(ScalarBuffer::from(all), Some(self.rows.finish(rows)))
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

    fn parts(&mut self, rows: usize) -> (OffsetBuffer<i32>, Buffer, NullBuffer) {
        let taken = self.take();
        let mut offsets = Vec::with_capacity(rows + 1);
        for (at, start) in taken.rows.iter().zip(&taken.offsets) {
            offsets.resize(at + 1, *start);
        }
        offsets.resize(rows + 1, taken.bytes.len() as i32);
        let bytes = Buffer::from_vec(taken.bytes);
        let mut valid = taken.rows;
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        (offsets, bytes, valid.finish(rows))
    }

    /// The array of texts; every value must have been UTF-8.
    pub fn finish_text(&mut self, rows: usize) -> StringArray {
        let (offsets, bytes, valid) = self.parts(rows);
        StringArray::new(offsets, bytes, Some(valid))
    }

    /// The array of byte strings.
    pub fn finish_bytes(&mut self, rows: usize) -> BinaryArray {
        let (offsets, bytes, valid) = self.parts(rows);
        BinaryArray::new(offsets, bytes, Some(valid))
    }
}

impl Default for SparseBytes {
    fn default() -> Self {
        Self::new()
    }
}
