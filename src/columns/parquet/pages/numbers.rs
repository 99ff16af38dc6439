//! The values of a column of numbers, or of what is true or false: as indices into a dictionary, as differences, or plain.

use super::bounds::{Bounds, Kind};
use super::delta;
use super::dictionary::Numbers;
use super::hybrid::{encode_page_of_indices, pack};
use super::plan::{Ended, Plan};
use parquet::basic::Encoding;
use parquet::bloom_filter::Sbbf;

/// Numbers of a type of Parquet.
pub(super) trait Number: Copy + PartialOrd + 'static {
    /// The bits that tell it from others.
    fn bits(self) -> u64;
    /// That with these bits.
    fn from_bits(bits: u64) -> Self;
    /// Appends it plain.
    fn put(self, out: &mut Vec<u8>);
    /// Appends numbers plain.
    fn put_all(numbers: &[Self], out: &mut Vec<u8>) {
        numbers.iter().for_each(|number| number.put(out));
    }
    /// As differences are made of it.
    fn long(self) -> i64;
    /// Puts it into a filter.
    fn insert(self, filter: &mut Sbbf);
    /// The bounds of numbers that compare like `kind`; none where there are none.
    fn bounds(numbers: &[Self], kind: Kind) -> Option<Bounds>;
}

/// The numbers of a column.
pub(super) struct NumberColumn<T> {
    kind: Kind,
    encoding: Encoding,
    /// Bytes of a dictionary that is too large to go on with.
    limit: usize,
    dictionary: Numbers,
    filter: Option<Sbbf>,
    // Of the page that is open.
    indices: Vec<u32>,
    numbers: Vec<T>,
    bounds: Option<Bounds>,
}

impl<T: Number> NumberColumn<T> {
    pub(super) fn new(kind: Kind, plan: Plan) -> Self {
        NumberColumn {
            kind,
            encoding: plan.encoding,
            limit: plan.dictionary_bytes / size_of::<T>(),
            dictionary: Numbers::new(),
            filter: plan.filter,
            indices: Vec::new(),
            numbers: Vec::new(),
            bounds: None,
        }
    }

    /// Adds numbers to the page, until it is full; all of them where it may grow beyond that. Returns how many were added.
    pub(super) fn push(&mut self, numbers: &[T], all: bool) -> usize {
        let mut added = 0;
        while added < numbers.len() && (all || !self.is_full()) {
            let left = numbers.len() - added;
            // So many cannot make the dictionary larger than it may become.
            let next = match self.encoding == Encoding::RLE_DICTIONARY && !all {
                true => left.min(self.limit - self.dictionary.len()),
                false => left,
            };
            self.push_all(&numbers[added..added + next]);
            added += next;
        }
        added
    }

    fn push_all(&mut self, numbers: &[T]) {
        match (T::bounds(numbers, self.kind), &mut self.bounds) {
            (Some(new), Some(bounds)) => bounds.widen(&new),
            (Some(new), bounds) => *bounds = Some(new),
            (None, _) => {}
        }
        if self.encoding != Encoding::RLE_DICTIONARY {
            self.numbers.extend_from_slice(numbers);
            if let Some(filter) = &mut self.filter {
                numbers.iter().for_each(|number| number.insert(filter));
            }
            return;
        }
        let known = self.dictionary.len();
        let indices = numbers.iter().map(|n| self.dictionary.index(n.bits()));
        self.indices.extend(indices);
        if let Some(filter) = &mut self.filter {
            let new = &self.dictionary.all()[known..];
            new.iter()
                .for_each(|bits| T::from_bits(*bits).insert(filter));
        }
    }

    /// Has what comes be encoded without a dictionary.
    pub(super) fn forgo_dictionary(&mut self) {
        if self.encoding == Encoding::RLE_DICTIONARY {
            self.encoding = Encoding::PLAIN;
        }
    }

    /// Whether the page should end.
    pub(super) fn is_full(&self) -> bool {
        self.encoding == Encoding::RLE_DICTIONARY && self.dictionary.len() >= self.limit
    }

    /// Ends the page: appends its values, encoded.
    pub(super) fn end_page(&mut self, out: &mut Vec<u8>) -> Ended {
        let encoding = self.encoding;
        match encoding {
            Encoding::RLE_DICTIONARY => {
                encode_page_of_indices(&self.indices, self.dictionary.len(), out);
                if self.is_full() {
                    self.encoding = Encoding::PLAIN;
                }
            }
            Encoding::DELTA_BINARY_PACKED => {
                let longs: Vec<i64> = self.numbers.iter().map(|n| n.long()).collect();
                delta::encode(&longs, size_of::<T>(), out);
            }
            _ => T::put_all(&self.numbers, out),
        }
        self.indices.clear();
        self.numbers.clear();
        Ended {
            encoding,
            bounds: self.bounds.take(),
            text_bytes: None,
        }
    }

    /// Bytes that are kept.
    pub(super) fn size(&self) -> usize {
        (self.dictionary.len() + self.numbers.len()) * size_of::<T>() + self.indices.len()
    }

    /// The dictionary's values, plain, and how many there are.
    pub(super) fn dictionary(&self) -> (Vec<u8>, usize) {
        let mut plain = Vec::with_capacity(self.dictionary.len() * size_of::<T>());
        let all = self.dictionary.all().iter();
        all.for_each(|bits| T::from_bits(*bits).put(&mut plain));
        (plain, self.dictionary.len())
    }

    /// The filter.
    pub(super) fn take_filter(&mut self) -> Option<Sbbf> {
        self.filter.take()
    }
}

/// The least and the greatest; none of no numbers.
fn ends<T: Copy + Ord>(numbers: impl Iterator<Item = T>) -> Option<(T, T)> {
    numbers.fold(None, |ends, n| match ends {
        None => Some((n, n)),
        Some((least, greatest)) => Some((n.min(least), n.max(greatest))),
    })
}

impl Number for bool {
    fn bits(self) -> u64 {
        u64::from(self)
    }

    fn from_bits(bits: u64) -> Self {
        bits != 0
    }

    fn put(self, out: &mut Vec<u8>) {
        Self::put_all(&[self], out);
    }

    fn put_all(numbers: &[Self], out: &mut Vec<u8>) {
        let bits = numbers.iter().map(|number| u64::from(*number));
        pack(bits, 1, numbers.len().next_multiple_of(8), out);
    }

    fn long(self) -> i64 {
        unreachable!("only numbers have differences")
    }

    fn insert(self, filter: &mut Sbbf) {
        filter.insert(&self);
    }

    fn bounds(numbers: &[Self], _: Kind) -> Option<Bounds> {
        ends(numbers.iter().copied()).map(|(a, b)| Bounds::Bool(a, b))
    }
}

impl Number for i32 {
    fn bits(self) -> u64 {
        u64::from(self as u32)
    }

    fn from_bits(bits: u64) -> Self {
        bits as i32
    }

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn long(self) -> i64 {
        i64::from(self)
    }

    fn insert(self, filter: &mut Sbbf) {
        filter.insert(&self);
    }

    fn bounds(numbers: &[Self], _: Kind) -> Option<Bounds> {
        ends(numbers.iter().copied()).map(|(a, b)| Bounds::Int(a, b))
    }
}

impl Number for i64 {
    fn bits(self) -> u64 {
        self as u64
    }

    fn from_bits(bits: u64) -> Self {
        bits as i64
    }

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn long(self) -> i64 {
        self
    }

    fn insert(self, filter: &mut Sbbf) {
        filter.insert(&self);
    }

    fn bounds(numbers: &[Self], kind: Kind) -> Option<Bounds> {
        match kind {
            Kind::Unsigned => {
                let numbers = numbers.iter().map(|n| *n as u64);
                ends(numbers).map(|(a, b)| Bounds::Unsigned(a, b))
            }
            _ => ends(numbers.iter().copied()).map(|(a, b)| Bounds::Long(a, b)),
        }
    }
}

impl Number for f64 {
    fn bits(self) -> u64 {
        self.to_bits()
    }

    fn from_bits(bits: u64) -> Self {
        f64::from_bits(bits)
    }

    fn put(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.to_le_bytes());
    }

    fn long(self) -> i64 {
        unreachable!("only whole numbers have differences")
    }

    fn insert(self, filter: &mut Sbbf) {
        filter.insert(&self);
    }

    fn bounds(numbers: &[Self], _: Kind) -> Option<Bounds> {
        let mut ends: Option<(f64, f64)> = None;
        for number in numbers.iter().filter(|number| !number.is_nan()) {
            ends = Some(match ends {
                None => (*number, *number),
                Some((least, greatest)) => (number.min(least), number.max(greatest)),
            });
        }
        // Readers may tell the zeros apart, writers' comparisons do not.
        let least = |a: f64| if a == 0.0 { -0.0 } else { a };
        let greatest = |b: f64| if b == 0.0 { 0.0 } else { b };
        ends.map(|(a, b)| Bounds::Double(least(a), greatest(b)))
    }
}
