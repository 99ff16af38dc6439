//! The elements of lists as they come: runs of numbers, appended whole.

use super::columns::Kind;
use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, NullBufferBuilder,
};
use arrow::buffer::{NullBuffer, ScalarBuffer};
use arrow::datatypes::{Int32Type, Int64Type};
use std::ops::Range;
use std::sync::Arc;

/// Numbers of one width, to append to.
enum Numbers {
    Long(Vec<i64>),
    Int(Vec<i32>),
}

/// Numbers of one width, to take runs from.
enum Taken {
    Long(ScalarBuffer<i64>),
    Int(ScalarBuffer<i32>),
}

/// Elements of a list, or of a column, that runs are taken from.
pub(super) struct Elements {
    numbers: Taken,
    nulls: Option<NullBuffer>,
}

impl Elements {
    /// The values of an array of 32-bit or 64-bit integers; `None` for another type.
    pub(super) fn of_array(array: &ArrayRef) -> Option<Self> {
        let numbers = match array.as_primitive_opt::<Int64Type>() {
            Some(long) => Taken::Long(long.values().clone()),
            None => Taken::Int(array.as_primitive_opt::<Int32Type>()?.values().clone()),
        };
        let nulls = array.nulls().cloned();
        Some(Elements { numbers, nulls })
    }

    /// The numbers of words.
    pub(super) fn of_words(numbers: Vec<i32>, nulls: Option<NullBuffer>) -> Self {
        let numbers = Taken::Int(numbers.into());
        Elements { numbers, nulls }
    }
}

/// Elements of one kind, to append to.
pub(super) struct Values {
    kind: Kind,
    numbers: Numbers,
    nulls: NullBufferBuilder,
}

impl Values {
    pub(super) fn new(kind: Kind) -> Self {
        let numbers = match kind {
            Kind::Long | Kind::Offset => Numbers::Long(Vec::new()),
            Kind::Int | Kind::Word => Numbers::Int(Vec::new()),
        };
        Values {
            kind,
            numbers,
            nulls: NullBufferBuilder::new(0),
        }
    }

    /// Appends a run of elements of the same width.
    pub(super) fn append(&mut self, from: &Elements, run: Range<usize>) {
        match &from.nulls {
            None => self.nulls.append_n_non_nulls(run.len()),
            Some(nulls) => self.nulls.append_buffer(&nulls.slice(run.start, run.len())),
        }
        match (&mut self.numbers, &from.numbers) {
            (Numbers::Long(to), Taken::Long(from)) => to.extend_from_slice(&from[run]),
            (Numbers::Int(to), Taken::Int(from)) => to.extend_from_slice(&from[run]),
            _ => unreachable!("elements of a list are of one width"),
        }
    }

    /// Appends a run of times, less `start` where they are offsets.
    pub(super) fn append_since(&mut self, from: &Elements, run: Range<usize>, start: i64) {
        let at = match (&self.kind, &self.numbers) {
            (Kind::Offset, Numbers::Long(numbers)) => Some(numbers.len()),
            _ => None,
        };
        self.append(from, run);
        if let (Some(at), Numbers::Long(numbers)) = (at, &mut self.numbers) {
            let times = numbers[at..].iter_mut();
            times.for_each(|time| *time = time.wrapping_sub(start));
        }
    }

    /// What was appended, to take runs from.
    pub(super) fn into_elements(mut self) -> Elements {
        let numbers = match self.numbers {
            Numbers::Long(numbers) => Taken::Long(numbers.into()),
            Numbers::Int(numbers) => Taken::Int(numbers.into()),
        };
        let nulls = self.nulls.finish();
        Elements { numbers, nulls }
    }

    /// What was appended, as an array of numbers.
    pub(super) fn into_array(mut self) -> ArrayRef {
        let nulls = self.nulls.finish();
        match self.numbers {
            Numbers::Long(numbers) => Arc::new(Int64Array::new(numbers.into(), nulls)),
            Numbers::Int(numbers) => Arc::new(Int32Array::new(numbers.into(), nulls)),
        }
    }

    /// What was appended, as numbers of `words`.
    ///
    /// # Panics
    /// Where a number is not one of a word.
    pub(super) fn into_words(self, words: ArrayRef) -> ArrayRef {
        let numbers = self.into_array();
        let keys = numbers.as_primitive::<Int32Type>().clone();
        Arc::new(DictionaryArray::new(keys, words))
    }
}
