//! What a column is given for a chunk of rows: the values that are there, with their rows, or an Arrow array.

use super::pages::leaf::{self, Leaf};
use super::sparse::{At, Rows, Sparse, SparseBytes};
use arrow::array::{Array, ArrayRef, StringArray};
use std::sync::Arc;

/// The values that a column has in some rows.
pub enum Content {
    /// An array with a place for every row.
    Array(ArrayRef),
    /// What is true or false, with its rows.
    Bools(Sparse<bool>),
    /// Numbers with their rows.
    Numbers(Numbers),
    /// Texts, or byte strings, with their rows.
    Texts(SparseBytes),
    /// Texts of which few are different.
    Words(Words),
    /// Lists of one of these.
    Lists(Lists),
    /// Structures of these.
    Structures(Structures),
}

/// Lists at some rows.
pub struct Lists {
    /// Which rows have one.
    pub rows: Rows,
    /// Where the elements of each begin among all, and where the last's end.
    pub offsets: Vec<i32>,
    /// The elements: "rows" are here all elements, one after the other.
    pub elements: Box<Content>,
}

/// Structures at some rows.
pub struct Structures {
    /// Which rows have one.
    pub rows: Rows,
    /// Each member, at the same rows or fewer of them; `None` where no row has it.
    pub members: Vec<Option<Content>>,
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
            Content::Bools(values) => values.values().len() == rows,
            Content::Numbers(numbers) => numbers.len() == rows,
            Content::Texts(texts) => texts.len() == rows,
            Content::Words(words) => words.keys.values().len() == rows,
            Content::Lists(lists) => lists.offsets.len() == rows + 1,
            Content::Structures(structures) => structures.rows.at().count() == rows,
        }
    }

    /// The values of one leaf, and the rows that have them; `None` of anything else.
    pub(super) fn leaf(&self) -> Option<(Leaf<'_>, At<'_>)> {
        Some(match self {
            Content::Bools(values) => (Leaf::Bool(values.values()), values.at()),
            Content::Numbers(Numbers::Int(n)) => (Leaf::Int(n.values()), n.at()),
            Content::Numbers(Numbers::Long(n)) => (Leaf::Long(n.values()), n.at()),
            Content::Numbers(Numbers::Double(n)) => (Leaf::Double(n.values()), n.at()),
            Content::Texts(texts) => {
                let (offsets, bytes) = texts.values();
                let leaf = leaf::Texts {
                    offsets,
                    bytes,
                    these: None,
                };
                (Leaf::Texts(leaf), texts.at())
            }
            Content::Words(Words { keys, words }) => {
                let leaf = leaf::Words {
                    keys: keys.values(),
                    words,
                };
                (Leaf::Words(leaf), keys.at())
            }
            Content::Array(_) | Content::Lists(_) | Content::Structures(_) => return None,
        })
    }
}

impl Lists {
    /// How many elements each has.
    pub(super) fn lengths(&self) -> impl Iterator<Item = usize> {
        lengths(&self.offsets)
    }
}

/// How long lists are that begin and end there.
pub(super) fn lengths(offsets: &[i32]) -> impl Iterator<Item = usize> {
    let pairs = offsets.windows(2);
    pairs.map(|pair| (pair[1] - pair[0]) as usize)
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
}
