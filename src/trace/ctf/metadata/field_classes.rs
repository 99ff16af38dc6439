//! The classes of fields, and how fields refer to each other (CTF 1.8.3 section 4).
//!
//! Field classes are generic over how they refer to other fields, so that the parser's output ([`Written`]) and the
//! finished model ([`Reference`]) are the same types.

use super::roles::Roles;
use std::collections::HashSet;
use std::sync::Arc;

/// The order of a number's bytes, and of the bits in a byte (CTF 1.8.3 section 4.1.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// `le`: the first bit is a byte's least significant one.
    Little,
    /// `be` and `network`: the first bit is a byte's most significant one.
    Big,
}

/// The type of a field (CTF 1.8.3 section 4).
#[derive(Debug, Clone, PartialEq)]
pub enum FieldClass<R = Reference> {
    /// `integer`, section 4.1.5.
    Integer(Integer),
    /// `floating_point`, section 4.1.7.
    Float(Float),
    /// `enum`, section 4.1.8.
    Enumeration(Enumeration),
    /// `string`: bytes up to a NUL, aligned to a byte; section 4.2.5.
    String(Encoding),
    /// `struct`, section 4.2.1.
    Struct(Struct<R>),
    /// `variant`, section 4.2.2.
    Variant(Variant<R>),
    /// An array, section 4.2.3.
    Array {
        /// How many elements it has.
        length: u64,
        /// An alignment in bits that it has at least, whatever its elements have (CTF2-SPEC-2.0 section 5.3.19); 1 in
        /// CTF 1.8.
        align: u64,
        /// The type of each.
        element: Arc<FieldClass<R>>,
    },
    /// A sequence, section 4.2.4.
    Sequence {
        /// The field that says how many elements it has.
        length: R,
        /// As an array's.
        align: u64,
        /// The type of each.
        element: Arc<FieldClass<R>>,
    },
}

impl<R> FieldClass<R> {
    /// Where a field of this class may begin: at a multiple of this many bits from the packet's start (a power of 2).
    /// A variant has no alignment of its own; its chosen option has.
    pub fn alignment(&self) -> u64 {
        match self {
            FieldClass::Integer(integer) => integer.align,
            FieldClass::Float(float) => float.align,
            FieldClass::Enumeration(enumeration) => enumeration.base.align,
            FieldClass::String(_) => 8,
            FieldClass::Struct(structure) => structure.align,
            FieldClass::Variant(_) => 1,
            FieldClass::Array { align, element, .. }
            | FieldClass::Sequence { align, element, .. } => element.alignment().max(*align),
        }
    }

    /// The integer that is stored, for integers and enumerations.
    pub fn integer(&self) -> Option<&Integer> {
        match self {
            FieldClass::Integer(integer) => Some(integer),
            FieldClass::Enumeration(enumeration) => Some(&enumeration.base),
            _ => None,
        }
    }

    /// As [`FieldClass::integer`], to change.
    pub fn integer_mut(&mut self) -> Option<&mut Integer> {
        match self {
            FieldClass::Integer(integer) => Some(integer),
            FieldClass::Enumeration(enumeration) => Some(&mut enumeration.base),
            _ => None,
        }
    }

    /// The first integer in it, at whatever depth, of which `wanted` is true.
    pub fn find(&self, wanted: &dyn Fn(&Integer) -> bool) -> Option<&Integer> {
        match self {
            FieldClass::Struct(structure) => {
                let mut fields = structure.fields.iter();
                fields.find_map(|f| f.class.find(wanted))
            }
            FieldClass::Variant(variant) => {
                let mut options = variant.options.iter();
                options.find_map(|f| f.class.find(wanted))
            }
            FieldClass::Array { element, .. } | FieldClass::Sequence { element, .. } => {
                element.find(wanted)
            }
            other => other.integer().filter(|integer| wanted(integer)),
        }
    }

    /// The structure that it is, if it is one.
    pub fn structure(&self) -> Option<&Struct<R>> {
        match self {
            FieldClass::Struct(structure) => Some(structure),
            _ => None,
        }
    }

    /// What it is, in the words of an error message.
    pub fn kind(&self) -> &'static str {
        match self {
            FieldClass::Integer(_) => "an integer",
            FieldClass::Float(_) => "a floating point number",
            FieldClass::Enumeration(_) => "an enumeration",
            FieldClass::String(_) => "a string",
            FieldClass::Struct(_) => "a structure",
            FieldClass::Variant(_) => "a variant",
            FieldClass::Array { .. } => "an array",
            FieldClass::Sequence { .. } => "a sequence",
        }
    }
}

/// An integer (CTF 1.8.3 section 4.1.5).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Integer {
    /// Its size in bits, 1 to 64 (the specification sets no limit; nobody reads more). 64 where it varies.
    pub size: u32,
    /// Whether it takes as many bytes as it needs: LEB128 (CTF2-SPEC-2.0 section 5.3.10), which has no byte order.
    pub variable: bool,
    /// Whether its bits are ordered against its bytes (`bit-order`, CTF2-SPEC-2.0 section 5.3.4).
    pub reversed: bool,
    /// Whether it is true (1) where any of its bits is set, and false (0) otherwise (CTF2-SPEC-2.0 section 5.3.6).
    pub boolean: bool,
    /// Its alignment in bits, a power of 2; without `align` it is 8 for whole bytes and 1 for others.
    pub align: u64,
    /// Whether it is in two's complement.
    pub signed: bool,
    /// Its byte order.
    pub byte_order: ByteOrder,
    /// The base to show it in: 2, 8, 10 or 16.
    pub base: u8,
    /// Whether it is a character.
    pub encoding: Encoding,
    /// The clock whose value it is (`map = clock.NAME.value`): an index into `Metadata::clocks`.
    pub clock: Option<usize>,
    /// What it means beside its value.
    pub roles: Roles,
}

/// A floating point number (CTF 1.8.3 section 4.1.7, CTF2-SPEC-2.0 section 5.3.9): IEEE 754 binary16, binary32 or
/// binary64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Float {
    /// Its size in bits: 16, 32 or 64.
    pub size: u32,
    /// Whether its bits are ordered against its bytes.
    pub reversed: bool,
    /// Its alignment in bits, a power of 2; 8 without `align`, as babeltrace2 has it.
    pub align: u64,
    /// Its byte order.
    pub byte_order: ByteOrder,
}

/// How characters are encoded (CTF 1.8.3 section 4.1.6, CTF2-SPEC-2.0 section 5.3.11).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Not characters.
    None,
    /// `UTF8`.
    Utf8,
    /// `ASCII`.
    Ascii,
    /// UTF-16 of either byte order. The characters of an array are bytes then, too.
    Utf16(ByteOrder),
    /// UTF-32 of either byte order. As `Utf16`.
    Utf32(ByteOrder),
}

impl Encoding {
    /// Bytes of a code unit.
    pub fn unit(self) -> usize {
        match self {
            Encoding::None | Encoding::Utf8 | Encoding::Ascii => 1,
            Encoding::Utf16(_) => 2,
            Encoding::Utf32(_) => 4,
        }
    }
}

/// An enumeration (CTF 1.8.3 section 4.1.8).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enumeration {
    /// The integer that is stored.
    pub base: Integer,
    /// Its labels, in the order written. Ranges may overlap, and a label may have several.
    pub labels: Vec<Label>,
}

/// A label of an enumeration, and the values it stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Label {
    /// The label.
    pub name: String,
    /// The lowest value (wide enough for every 64-bit integer, signed or not).
    pub low: i128,
    /// The highest value.
    pub high: i128,
}

/// A structure (CTF 1.8.3 section 4.2.1).
#[derive(Debug, Clone, PartialEq)]
pub struct Struct<R = Reference> {
    /// Its alignment in bits: the greatest of its fields', and of `align(N)`.
    pub align: u64,
    /// Its fields, in the order stored.
    pub fields: Vec<Field<R>>,
}

/// A field of a structure, or an option of a variant.
#[derive(Debug, Clone, PartialEq)]
pub struct Field<R = Reference> {
    /// Its name, as written (LTTng puts `_` before the names of a payload's fields).
    pub name: String,
    /// Its type.
    pub class: Arc<FieldClass<R>>,
}

/// The name that a field is known by: CTF 1.8 lets one underscore stand before it, lest it be a word of TSDL (1.8.3
/// section 7.3.2), and that is no part of the name. Tags, lengths and labels keep to the name as written.
pub fn plain(name: &str) -> &str {
    name.strip_prefix('_').unwrap_or(name)
}

/// The name that a field is known by among others, which are `written` so: the [`plain`] one, but where another field has
/// that name, the one that is written. (babeltrace2 2.0 aborts there.)
pub fn known_name<'n>(name: &'n str, written: &HashSet<&str>) -> &'n str {
    let plain = plain(name);
    let taken = plain != name && written.contains(plain) && known_name(plain, written) == plain;
    if taken { name } else { plain }
}

/// A variant (CTF 1.8.3 section 4.2.2).
#[derive(Debug, Clone, PartialEq)]
pub struct Variant<R = Reference> {
    /// The enumeration that chooses; `None` only in a declaration that waits for its tag.
    pub tag: Option<R>,
    /// What it can be.
    pub options: Vec<Field<R>>,
    /// Which values of the tag choose which option, from the tag's labels, in their order: the first that fits counts.
    /// Empty until the tag is resolved.
    pub choices: Vec<Choice>,
}

/// Values of a tag, and the option of the variant that they choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The lowest value.
    pub low: i128,
    /// The highest value.
    pub high: i128,
    /// Index into [`Variant::options`].
    pub option: usize,
}

/// The field that a variant's tag or a sequence's length is in (CTF 1.8.3 section 7.3).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Reference {
    /// The root it is below.
    pub scope: Scope,
    /// The way down from the root: indexes of structures' fields and of variants' options. Elements of arrays and
    /// sequences take no step: the one that is being decoded is meant.
    pub path: Vec<usize>,
}

/// The roots of fields, in the order in which a reader meets them (dynamic scopes of CTF 1.8.3 section 7.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scope {
    /// `trace.packet.header`
    PacketHeader,
    /// `stream.packet.context`
    PacketContext,
    /// `stream.event.header`
    EventHeader,
    /// `stream.event.context`
    StreamEventContext,
    /// `event.context`
    EventContext,
    /// `event.fields`
    EventFields,
}

/// A reference as it is written in the metadata, before it is resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Its names, from left to right.
    pub path: Vec<String>,
    /// Where it stands.
    pub at: Position,
}

/// A line and a column in a text, both from 1; a column is a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}
