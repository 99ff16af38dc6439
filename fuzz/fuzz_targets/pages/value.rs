//! Values of columns: what they are, how readers compare them, and how they are made of numbers.
//!
//! A few bytes of input must give many values, so most are made of numbers that are counted or drawn. Texts are about as
//! long as the bounds that are told of them, and differ where those are cut.

use arrow::datatypes::DataType;
use std::cmp::Ordering;

/// The types of columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    Bool,
    Int,
    Long,
    Unsigned,
    Double,
    Text,
    Binary,
    /// Texts that are told by their numbers.
    Word,
}

pub const TYPES: [Type; 8] = [
    Type::Int,
    Type::Long,
    Type::Unsigned,
    Type::Double,
    Type::Text,
    Type::Binary,
    Type::Word,
    Type::Bool,
];

/// A value; doubles by their bits, so that equal means the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    Bool(bool),
    Int(i32),
    Long(i64),
    Unsigned(u64),
    Double(u64),
    Bytes(Vec<u8>),
}

/// The ends of what the types hold, and doubles that are not like others.
pub const EDGES: [u64; 14] = [
    0,
    1,
    u64::MAX,
    i32::MAX as u64,
    i32::MIN as u32 as u64,
    i64::MAX as u64,
    i64::MIN as u64,
    f64::NAN.to_bits(),
    f64::NAN.to_bits() | 1 << 63 | 77,
    f64::INFINITY.to_bits(),
    f64::NEG_INFINITY.to_bits(),
    f64::MAX.to_bits(),
    f64::MIN_POSITIVE.to_bits(),
    1 << 33,
];

impl Type {
    pub fn data_type(self) -> DataType {
        match self {
            Type::Bool => DataType::Boolean,
            Type::Int => DataType::Int32,
            Type::Long => DataType::Int64,
            Type::Unsigned => DataType::UInt64,
            Type::Double => DataType::Float64,
            Type::Text | Type::Word => DataType::Utf8,
            Type::Binary => DataType::Binary,
        }
    }

    /// Whether differences are made of its values.
    pub fn is_whole(self) -> bool {
        matches!(self, Type::Int | Type::Long | Type::Unsigned)
    }

    pub fn is_utf8(self) -> bool {
        matches!(self, Type::Text | Type::Word)
    }

    /// The value that a number stands for.
    pub fn value(self, number: u64) -> Value {
        match self {
            Type::Bool => Value::Bool(number % 3 == 1),
            Type::Int => Value::Int(number as i32),
            Type::Long => Value::Long(number as i64),
            Type::Unsigned => Value::Unsigned(number),
            Type::Double if number > 0 && number <= u64::from(u32::MAX) => {
                Value::Double((f64::from(number as i32) / 2.0).to_bits())
            }
            Type::Double => Value::Double(number),
            Type::Text | Type::Word => Value::Bytes(text(number, &CHARACTERS)),
            Type::Binary => Value::Bytes(text(number, &BYTES)),
        }
    }

    /// The value that bytes of the input are as they stand.
    pub fn raw(self, bytes: &[u8]) -> Value {
        let number = || {
            let mut eight = [0; 8];
            eight[..bytes.len().min(8)].copy_from_slice(&bytes[..bytes.len().min(8)]);
            u64::from_le_bytes(eight)
        };
        match self {
            Type::Double => Value::Double(number()),
            Type::Bool | Type::Int | Type::Long | Type::Unsigned => self.value(number()),
            Type::Text | Type::Word => {
                Value::Bytes(String::from_utf8_lossy(bytes).into_owned().into_bytes())
            }
            Type::Binary => Value::Bytes(bytes.to_vec()),
        }
    }
}

/// How often a text begins with the same: about as often as makes it as long as bounds are.
const REPEATS: [usize; 15] = [0, 1, 2, 15, 16, 17, 20, 21, 22, 31, 32, 33, 62, 63, 64];
/// What texts begin with and go on with: the last of their length, and others.
const CHARACTERS: [&[u8]; 7] = [
    b"",
    b"a",
    b"b",
    "\u{7f}".as_bytes(),
    "\u{e9}".as_bytes(),
    "\u{ffff}".as_bytes(),
    "\u{10ffff}".as_bytes(),
];
const BYTES: [&[u8]; 7] = [b"", &[0], &[1], &[0x7f], &[0xfe], &[0xff], &[0xff, 0xff]];

/// The start of a text, something else, and digits. Numbers that follow one another make texts that do.
fn text(number: u64, of: &[&[u8]; 7]) -> Vec<u8> {
    let (rest, end) = (number / 7, of[(number % 7) as usize]);
    let (rest, repeat) = (rest / 15, REPEATS[(rest % 15) as usize]);
    let (rest, start) = (rest / 6, of[1 + (rest % 6) as usize]);
    let mut text = [&start.repeat(repeat), end].concat();
    if rest > 0 {
        text.extend_from_slice(rest.to_string().as_bytes());
    }
    text
}

impl Value {
    /// As readers compare values; NaN is not compared, and zeros are equal.
    pub fn compare(&self, other: &Value) -> Option<Ordering> {
        match (self, other) {
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(b)),
            (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
            (Value::Long(a), Value::Long(b)) => Some(a.cmp(b)),
            (Value::Unsigned(a), Value::Unsigned(b)) => Some(a.cmp(b)),
            (Value::Double(a), Value::Double(b)) => {
                f64::from_bits(*a).partial_cmp(&f64::from_bits(*b))
            }
            (Value::Bytes(a), Value::Bytes(b)) => Some(a.cmp(b)),
            _ => panic!("a column has one type"),
        }
    }

    /// Whether it is a text, and how many bytes it has.
    pub fn text_len(&self) -> Option<usize> {
        match self {
            Value::Bytes(bytes) => Some(bytes.len()),
            _ => None,
        }
    }
}

/// The least and the greatest of values that compare.
pub fn ends<'a>(values: impl Iterator<Item = &'a Value>) -> Option<(&'a Value, &'a Value)> {
    let mut ends: Option<(&Value, &Value)> = None;
    for value in values.filter(|value| value.compare(value).is_some()) {
        let (least, greatest) = ends.unwrap_or((value, value));
        ends = Some((
            if value.compare(least) == Some(Ordering::Less) {
                value
            } else {
                least
            },
            if value.compare(greatest) == Some(Ordering::Greater) {
                value
            } else {
                greatest
            },
        ));
    }
    ends
}
