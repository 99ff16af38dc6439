//! What a column is given for a chunk of rows: the values that are there, with their rows, or an Arrow array.

use super::pages::leaf::{self, Leaf};
use super::sparse::{At, Rows, Sparse, SparseBytes};
use arrow::array::{
    Array, ArrayRef, DictionaryArray, Float64Array, Int32Array, Int64Array, StringArray,
};
use arrow::datatypes::{DataType, Int32Type};
use std::sync::Arc;

/// The values that a column has in some rows.
pub enum Content {
    /// An array with a place for every row.
    Array(ArrayRef),
    /// Numbers with their rows.
    Numbers(Numbers),
    /// Texts, or byte strings, with their rows.
    Texts(SparseBytes),
    /// Texts of which few are different.
    Words(Words),
    /// Lists of one of these.
    Lists(Lists),
}

/// Lists at some rows.
pub struct Lists {
    /// Which rows have one.
    pub rows: Rows,
    /// Where the elements of each begin among all, and where the last's end.
    pub offsets: Vec<i32>,
    /// The elements that have a value; no array, and no lists.
    pub elements: Box<Content>,
}

/// How a column gets its values, which is the same each time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    Array,
    Leaf,
    Lists,
}

/// A view of values.
pub(super) enum Values<'a> {
    /// One for each place.
    Array(&'a ArrayRef),
    /// Those that are there, and which rows have them.
    Leaf(Leaf<'a>, At<'a>),
    /// Those that are in lists, and which elements they are.
    Lists(ListsView<'a>, Leaf<'a>, At<'a>),
}

/// Which rows have lists, and where the elements of each begin.
#[derive(Clone, Copy)]
pub(super) struct ListsView<'a> {
    pub rows: At<'a>,
    pub offsets: &'a [i32],
}

impl ListsView<'_> {
    /// How many elements each has.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        let pairs = self.offsets.windows(2);
        pairs.map(|pair| (pair[1] - pair[0]) as usize)
    }
}

/// Numbers at some rows, by their type in Parquet.
pub enum Numbers {
    /// 32 bits.
    Int(Sparse<i32>),
    /// 64 bits; times, and the bits of unsigned numbers, too.
    Long(Sparse<i64>),
    /// Floating point.
    Double(Sparse<f64>),
}

/// Texts by numbers, at some rows.
pub struct Words {
    /// The number that each row has.
    pub keys: Sparse<i32>,
    /// What the numbers stand for.
    pub words: Arc<StringArray>,
}

impl Content {
    /// Whether each of `rows` rows has a value.
    pub fn is_full(&self, rows: usize) -> bool {
        match self {
            Content::Array(array) => array.null_count() == 0,
            Content::Numbers(numbers) => numbers.len() == rows,
            Content::Texts(texts) => texts.len() == rows,
            Content::Words(words) => words.keys.values().len() == rows,
            Content::Lists(lists) => lists.offsets.len() == rows + 1,
        }
    }

    /// Its form.
    pub(super) fn form(&self) -> Form {
        match self {
            Content::Array(_) => Form::Array,
            Content::Lists(_) => Form::Lists,
            _ => Form::Leaf,
        }
    }

    /// A view of the values.
    pub(super) fn values(&self) -> Values<'_> {
        match self {
            Content::Array(array) => Values::Array(array),
            Content::Numbers(Numbers::Int(n)) => Values::Leaf(Leaf::Int(n.values()), n.at()),
            Content::Numbers(Numbers::Long(n)) => Values::Leaf(Leaf::Long(n.values()), n.at()),
            Content::Numbers(Numbers::Double(n)) => Values::Leaf(Leaf::Double(n.values()), n.at()),
            Content::Texts(texts) => {
                let (offsets, bytes) = texts.values();
                let leaf = leaf::Texts {
                    offsets,
                    bytes,
                    these: None,
                };
                Values::Leaf(Leaf::Texts(leaf), texts.at())
            }
            Content::Words(Words { keys, words }) => {
                let leaf = leaf::Words {
                    keys: keys.values(),
                    words,
                };
                Values::Leaf(Leaf::Words(leaf), keys.at())
            }
            Content::Lists(lists) => {
                let view = ListsView {
                    rows: lists.rows.at(),
                    offsets: &lists.offsets,
                };
                match lists.elements.values() {
                    Values::Leaf(leaf, at) => Values::Lists(view, leaf, at),
                    _ => unreachable!("elements are values of one leaf"),
                }
            }
        }
    }

    /// The values of `rows` rows as an array of the type `ty`, which values of this kind must have.
    pub fn into_array(self, rows: usize, ty: &DataType) -> ArrayRef {
        let array = match self {
            Content::Array(array) => array,
            Content::Numbers(numbers) => numbers.into_array(rows),
            Content::Texts(mut texts) => match ty {
                DataType::Binary => Arc::new(texts.finish_bytes(rows)) as ArrayRef,
                _ => Arc::new(texts.finish_text(rows)),
            },
            Content::Words(Words { mut keys, words }) => {
                let keys: Int32Array = keys.finish(rows);
                Arc::new(DictionaryArray::<Int32Type>::new(keys, words))
            }
            Content::Lists(_) => unreachable!("lists that are to be arrays come as arrays"),
        };
        match array.data_type() == ty {
            true => array,
            false => arrow::compute::cast(&array, ty).expect("times are numbers, words texts"),
        }
    }
}

impl Numbers {
    /// How many there are.
    pub fn len(&self) -> usize {
        match self {
            Numbers::Int(numbers) => numbers.values().len(),
            Numbers::Long(numbers) => numbers.values().len(),
            Numbers::Double(numbers) => numbers.values().len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An array with a place for each of `rows` rows.
    fn into_array(self, rows: usize) -> ArrayRef {
        match self {
            Numbers::Int(mut numbers) => {
                let all: Int32Array = numbers.finish(rows);
                Arc::new(all)
            }
            Numbers::Long(mut numbers) => {
                let all: Int64Array = numbers.finish(rows);
                Arc::new(all)
            }
            Numbers::Double(mut numbers) => {
                let all: Float64Array = numbers.finish(rows);
                Arc::new(all)
            }
        }
    }
}
