//! Arrow arrays as the values that are in them.

use super::pages::leaf::{Leaf, Texts, Words};
use super::sparse::At;
use arrow::array::{Array, ArrayRef, AsArray, GenericByteArray};
use arrow::buffer::NullBuffer;
use arrow::compute::cast;
use arrow::datatypes::{
    BinaryType, ByteArrayType, DataType, Float64Type, Int32Type, Int64Type, TimeUnit,
    TimestampNanosecondType, UInt64Type, Utf8Type,
};

/// Where values are gathered that have nulls between them.
#[derive(Default)]
pub(super) struct Gather {
    rows: Vec<u32>,
    ints: Vec<i32>,
    longs: Vec<i64>,
    doubles: Vec<f64>,
}

/// Whether arrays of a type are taken apart here.
pub(super) fn is_leaf(ty: &DataType) -> bool {
    match ty {
        DataType::Int32 | DataType::Int64 | DataType::UInt64 | DataType::Float64 => true,
        DataType::Utf8 | DataType::Binary => true,
        DataType::Timestamp(TimeUnit::Nanosecond, _) => true,
        DataType::Dictionary(key, value) => {
            **key == DataType::Int32 && **value == DataType::Utf8
        }
        _ => false,
    }
}

impl Gather {
    /// Calls `then` with the values of `array`, whose type [is that of a leaf](is_leaf), and the places that have them.
    pub(super) fn values<R>(&mut self, array: &ArrayRef, then: impl FnOnce(Leaf, At) -> R) -> R {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        self.rows.clear();
        if let Some(nulls) = nulls {
            self.rows.extend(nulls.valid_indices().map(|at| at as u32));
        }
        let rows = &self.rows;
        let at = match nulls {
            None => At::All(array.len()),
            Some(_) => At::Some(rows),
        };
        match array.data_type() {
            DataType::Int32 => {
                let values = array.as_primitive::<Int32Type>().values();
                then(Leaf::Int(there(values, nulls, rows, &mut self.ints)), at)
            }
            DataType::Float64 => {
                let values = array.as_primitive::<Float64Type>().values();
                then(Leaf::Double(there(values, nulls, rows, &mut self.doubles)), at)
            }
            DataType::UInt64 => {
                let values = array.as_primitive::<UInt64Type>().values();
                let bits = |value: &u64| *value as i64;
                self.longs.clear();
                match nulls {
                    None => self.longs.extend(values.iter().map(bits)),
                    Some(_) => self.longs.extend(rows.iter().map(|at| bits(&values[*at as usize]))),
                }
                then(Leaf::Long(&self.longs), at)
            }
            DataType::Utf8 => then(texts(array.as_bytes::<Utf8Type>(), nulls, rows), at),
            DataType::Binary => then(texts(array.as_bytes::<BinaryType>(), nulls, rows), at),
            DataType::Dictionary(..) => {
                let dictionary = array.as_dictionary::<Int32Type>();
                if dictionary.values().null_count() > 0 {
                    let plain = cast(array, &DataType::Utf8).expect("it has texts");
                    return self.values(&plain, then);
                }
                let keys = dictionary.keys().values();
                let words = Words {
                    keys: there(keys, nulls, rows, &mut self.ints),
                    words: dictionary.values().as_string::<i32>(),
                };
                then(Leaf::Words(words), at)
            }
            _ => {
                let values = match array.as_primitive_opt::<Int64Type>() {
                    Some(longs) => longs.values(),
                    None => array.as_primitive::<TimestampNanosecondType>().values(),
                };
                then(Leaf::Long(there(values, nulls, rows, &mut self.longs)), at)
            }
        }
    }
}

/// The values at `rows`, or all of them where there are no nulls.
fn there<'a, T: Copy>(
    values: &'a [T],
    nulls: Option<&NullBuffer>,
    rows: &[u32],
    gathered: &'a mut Vec<T>,
) -> &'a [T] {
    if nulls.is_none() {
        return values;
    }
    gathered.clear();
    gathered.extend(rows.iter().map(|at| values[*at as usize]));
    gathered
}

fn texts<'a, T: ByteArrayType<Offset = i32>>(
    array: &'a GenericByteArray<T>,
    nulls: Option<&NullBuffer>,
    rows: &'a [u32],
) -> Leaf<'a> {
    Leaf::Texts(Texts {
        offsets: array.value_offsets(),
        bytes: array.value_data(),
        these: nulls.map(|_| rows),
    })
}
