//! Arrow arrays as the values that are in them.

use super::content::lengths;
use super::pages::leaf::{Leaf, Texts, Words};
use super::sparse::{At, Rows};
use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, GenericByteArray, make_array};
use arrow::buffer::NullBuffer;
use arrow::compute::{cast, concat, filter};
use arrow::datatypes::{
    BinaryType, ByteArrayType, DataType, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampNanosecondType, UInt64Type, Utf8Type,
};
use std::sync::Arc;

/// Which rows of a batch are meant: not all of them.
pub struct Chosen {
    mask: BooleanArray,
    /// The rows, in order.
    rows: Vec<u32>,
    /// How many are chosen before each row.
    ranks: Vec<u32>,
}

impl Chosen {
    /// The rows for which `mask` is true; it has no nulls.
    pub fn new(mask: BooleanArray) -> Self {
        let mut rows = Vec::new();
        let mut ranks = Vec::with_capacity(mask.len());
        for (row, chosen) in mask.values().iter().enumerate() {
            ranks.push(rows.len() as u32);
            if chosen {
                rows.push(row as u32);
            }
        }
        Chosen { mask, rows, ranks }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.rows.len()
    }

    /// These rows of an array.
    pub(super) fn of(&self, array: &ArrayRef) -> ArrayRef {
        filter(array, &self.mask).expect("as many rows")
    }
}

/// Where values are gathered that have nulls between them, or rows that are not chosen.
#[derive(Default)]
pub(super) struct Gather {
    /// Rows that have values.
    rows: Vec<u32>,
    /// The same, counted among those that are chosen.
    ranks: Vec<u32>,
    bools: Vec<bool>,
    ints: Vec<i32>,
    longs: Vec<i64>,
    doubles: Vec<f64>,
}

/// Whether arrays of a type are taken apart here.
pub(super) fn is_leaf(ty: &DataType) -> bool {
    match ty {
        DataType::Boolean => true,
        DataType::Int32 | DataType::Int64 | DataType::UInt64 | DataType::Float64 => true,
        DataType::Utf8 | DataType::Binary => true,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => true,
        DataType::Dictionary(key, value) => **key == DataType::Int32 && **value == DataType::Utf8,
        _ => false,
    }
}

/// `array`, a member of structures, which is null where they are.
pub(super) fn within(array: &ArrayRef, structures: Option<&NullBuffer>) -> ArrayRef {
    let nulls = NullBuffer::union(array.nulls(), structures);
    let count = nulls.as_ref().map_or(0, NullBuffer::null_count);
    if count == array.null_count() {
        return Arc::clone(array);
    }
    let data = array.to_data().into_builder().nulls(nulls);
    make_array(data.build().expect("nothing but nulls was added"))
}

/// Lists of an array, and their elements without those that no list has.
pub(super) struct Compact {
    /// Which rows have a list.
    pub rows: Rows,
    /// Where the elements of each begin, and where the last's end.
    pub offsets: Vec<i32>,
    /// The elements.
    pub elements: ArrayRef,
}

impl Compact {
    /// How many elements each list has.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        lengths(&self.offsets)
    }
}

/// The lists of the chosen rows of `array`, which is one of lists; of all, where none are chosen.
pub(super) fn compact(array: &ArrayRef, chosen: Option<&Chosen>) -> Compact {
    let lists = array.as_list::<i32>();
    let mut rows = Rows::default();
    let mut offsets = vec![0];
    let (mut first, mut last, mut pieces) = (0, 0, Vec::new());
    for (row, ends) in lists.value_offsets().windows(2).enumerate() {
        if lists.is_null(row) || chosen.is_some_and(|chosen| !chosen.mask.value(row)) {
            continue;
        }
        rows.push(chosen.map_or(row, |chosen| chosen.ranks[row] as usize));
        offsets.push(offsets[offsets.len() - 1] + (ends[1] - ends[0]));
        if ends[0] != last {
            pieces.push((first, last));
            first = ends[0];
        }
        last = ends[1];
    }
    pieces.push((first, last));
    let piece = |(first, last): &(i32, i32)| {
        let length = (last - first) as usize;
        lists.values().slice(*first as usize, length)
    };
    let pieces: Vec<ArrayRef> = pieces.iter().filter(|(a, b)| a < b).map(piece).collect();
    let elements = match &pieces[..] {
        [] => lists.values().slice(0, 0),
        [one] => Arc::clone(one),
        many => {
            let many: Vec<&dyn Array> = many.iter().map(AsRef::as_ref).collect();
            concat(&many).expect("they are of one array")
        }
    };
    Compact {
        rows,
        offsets,
        elements,
    }
}

impl Gather {
    /// The places that are not null among the chosen rows of `array`, or among all.
    pub(super) fn places(&mut self, array: &ArrayRef, chosen: Option<&Chosen>) -> At<'_> {
        self.ranks.clear();
        match (array.nulls(), chosen) {
            (None, _) => return At::All(chosen.map_or(array.len(), Chosen::count)),
            (Some(nulls), None) => self
                .ranks
                .extend(nulls.valid_indices().map(|row| row as u32)),
            (Some(nulls), Some(chosen)) => {
                let rows = nulls.valid_indices().filter(|row| chosen.mask.value(*row));
                self.ranks.extend(rows.map(|row| chosen.ranks[row]));
            }
        }
        At::Some(&self.ranks)
    }

    /// Calls `then` with the values of the chosen rows of `array`, or of all, and the places that have them. The array's type
    /// [is that of a leaf](is_leaf).
    pub(super) fn values<R>(
        &mut self,
        array: &ArrayRef,
        chosen: Option<&Chosen>,
        then: impl FnOnce(Leaf, At) -> R,
    ) -> R {
        let (rows, at) = rows_of(array, chosen, (&mut self.rows, &mut self.ranks));
        match array.data_type() {
            DataType::Boolean => {
                let values = array.as_boolean().values();
                made(values.len(), rows, &mut self.bools, |at| values.value(at));
                then(Leaf::Bool(&self.bools), at)
            }
            DataType::Int32 => {
                let values = array.as_primitive::<Int32Type>().values();
                then(Leaf::Int(there(values, rows, &mut self.ints)), at)
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>().values();
                then(Leaf::Double(there(values, rows, &mut self.doubles)), at)
            }
            DataType::UInt64 => {
                let values = array.as_primitive::<UInt64Type>().values();
                made(values.len(), rows, &mut self.longs, |at| values[at] as i64);
                then(Leaf::Long(&self.longs), at)
            }
            DataType::Utf8 => then(texts(array.as_bytes::<Utf8Type>(), rows), at),
            DataType::Binary => then(texts(array.as_bytes::<BinaryType>(), rows), at),
            DataType::Dictionary(..) => {
                let dictionary = array.as_dictionary::<Int32Type>();
                if dictionary.values().null_count() > 0 {
                    let plain = cast(array, &DataType::Utf8).expect("it has texts");
                    return self.values(&plain, chosen, then);
                }
                let keys = dictionary.keys().values();
                let words = Words {
                    keys: there(keys, rows, &mut self.ints),
                    words: dictionary.values().as_string::<i32>(),
                };
                then(Leaf::Words(words), at)
            }
            _ => {
                let values = match array.as_primitive_opt::<Int64Type>() {
                    Some(longs) => longs.values(),
                    None => array.as_primitive::<TimestampNanosecondType>().values(),
                };
                then(Leaf::Long(there(values, rows, &mut self.longs)), at)
            }
        }
    }
}

/// Which rows of an array have the values that are meant, all where it is `None`; and which these are of the chosen ones.
fn rows_of<'a>(
    array: &ArrayRef,
    chosen: Option<&'a Chosen>,
    (rows, ranks): (&'a mut Vec<u32>, &'a mut Vec<u32>),
) -> (Option<&'a [u32]>, At<'a>) {
    rows.clear();
    ranks.clear();
    let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
    let valid = nulls.into_iter().flat_map(NullBuffer::valid_indices);
    match (nulls, chosen) {
        (None, None) => (None, At::All(array.len())),
        (None, Some(chosen)) => (Some(&chosen.rows), At::All(chosen.count())),
        (Some(_), None) => {
            rows.extend(valid.map(|at| at as u32));
            (Some(rows), At::Some(rows))
        }
        (Some(_), Some(chosen)) => {
            for row in valid.filter(|row| chosen.mask.value(*row)) {
                rows.push(row as u32);
                ranks.push(chosen.ranks[row]);
            }
            (Some(rows), At::Some(ranks))
        }
    }
}

/// The values at `rows`, or all of them.
fn there<'a, T: Copy>(values: &'a [T], rows: Option<&[u32]>, gathered: &'a mut Vec<T>) -> &'a [T] {
    let Some(rows) = rows else {
        return values;
    };
    gathered.clear();
    gathered.extend(rows.iter().map(|at| values[*at as usize]));
    gathered
}

/// What `value` gives for `rows`, or for all of so many.
fn made<T>(all: usize, rows: Option<&[u32]>, gathered: &mut Vec<T>, value: impl Fn(usize) -> T) {
    gathered.clear();
    match rows {
        None => gathered.extend((0..all).map(value)),
        Some(rows) => gathered.extend(rows.iter().map(|at| value(*at as usize))),
    }
}

fn texts<'a, T: ByteArrayType<Offset = i32>>(
    array: &'a GenericByteArray<T>,
    rows: Option<&'a [u32]>,
) -> Leaf<'a> {
    Leaf::Texts(Texts {
        offsets: array.value_offsets(),
        bytes: array.value_data(),
        these: rows,
    })
}
