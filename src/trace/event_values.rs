//! Reading the encoded values of an event; [`event`](super::event) says how they are encoded.

use super::field_type::FieldType;

/// Set in the number of a text's bytes where they are no text, whatever they look like: those of an ill-formed text of
/// UTF-16 or UTF-32 can be good UTF-8 that says something else. An event's values never take so many bytes.
const NO_TEXT: usize = 1 << 31;

/// What is encoded before so many bytes that are no text.
pub fn no_text(bytes: usize) -> [u8; 4] {
    ((bytes | NO_TEXT) as u32).to_le_bytes()
}

/// Reads encoded values one after the other.
///
/// The buffer was written by this program, by the same types: reading past its end is a defect and panics.
#[derive(Debug, Clone, Copy)]
pub struct Cursor<'a> {
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// A cursor at the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Cursor { bytes }
    }

    /// The bytes not read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.bytes
    }

    fn take(&mut self, n: usize) -> &'a [u8] {
        let (head, tail) = self.bytes.split_at(n);
        self.bytes = tail;
        head
    }

    /// Reads the 64 bits of an integer.
    pub fn integer(&mut self) -> u64 {
        u64::from_le_bytes(self.take(8).try_into().expect("8 bytes"))
    }

    /// Reads a float.
    pub fn float(&mut self) -> f64 {
        f64::from_bits(self.integer())
    }

    /// Reads the number of a list's elements, or of a variant's option.
    pub fn count(&mut self) -> usize {
        u32::from_le_bytes(self.take(4).try_into().expect("4 bytes")) as usize
    }

    /// Reads the bytes of a text.
    pub fn text(&mut self) -> &'a [u8] {
        let n = self.count() & !NO_TEXT;
        self.take(n)
    }

    /// Reads a text; the bytes, where they are none.
    pub fn utf8(&mut self) -> Result<&'a str, &'a [u8]> {
        let n = self.count();
        let bytes = self.take(n & !NO_TEXT);
        match n & NO_TEXT {
            0 => std::str::from_utf8(bytes).map_err(|_| bytes),
            _ => Err(bytes),
        }
    }

    /// Passes over a value.
    pub fn skip(&mut self, ty: &FieldType) {
        match ty {
            FieldType::Unsigned(..) | FieldType::Signed(..) | FieldType::Float(_) => {
                self.take(8);
            }
            FieldType::Text => {
                self.text();
            }
            FieldType::List(element, _) => {
                for _ in 0..self.count() {
                    self.skip(element);
                }
            }
            FieldType::Struct(members) => members.iter().for_each(|m| self.skip(&m.ty)),
            FieldType::Variant(options) => {
                let option = self.count();
                self.skip(&options[option].ty);
            }
        }
    }
}
