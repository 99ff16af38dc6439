//! Values of one leaf column, as they are handed to its encoder: those that are there, without the nulls between them.

use arrow::array::StringArray;

/// Values, in the order of the rows that have them.
#[derive(Debug, Clone, Copy)]
pub enum Leaf<'a> {
    /// True or false.
    Bool(&'a [bool]),
    /// 32 bits.
    Int(&'a [i32]),
    /// 64 bits; times, and unsigned numbers bit by bit, too.
    Long(&'a [i64]),
    /// Floating point.
    Double(&'a [f64]),
    /// Texts or byte strings.
    Texts(Texts<'a>),
    /// Texts by their numbers.
    Words(Words<'a>),
}

/// Texts or byte strings, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Texts<'a> {
    /// Where each begins in `bytes`, and where the last ends.
    pub offsets: &'a [i32],
    /// Their bytes.
    pub bytes: &'a [u8],
    /// Which of them are meant; all, where this is `None`.
    pub these: Option<&'a [u32]>,
}

/// Numbers of texts.
#[derive(Debug, Clone, Copy)]
pub struct Words<'a> {
    /// The numbers.
    pub keys: &'a [i32],
    /// What they stand for.
    pub words: &'a StringArray,
}

impl Leaf<'_> {
    /// How many values there are.
    pub fn len(&self) -> usize {
        match self {
            Leaf::Bool(values) => values.len(),
            Leaf::Int(values) => values.len(),
            Leaf::Long(values) => values.len(),
            Leaf::Double(values) => values.len(),
            Leaf::Texts(texts) => texts.len(),
            Leaf::Words(words) => words.keys.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl<'a> Texts<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.these
            .map_or(self.offsets.len().saturating_sub(1), <[u32]>::len)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The one at `at`.
    #[inline]
    pub(super) fn get(&self, at: usize) -> &'a [u8] {
        let at = self.these.map_or(at, |these| these[at] as usize);
        &self.bytes[self.offsets[at] as usize..self.offsets[at + 1] as usize]
    }
}
