//! The types of fields, as consumers of events see them.

use serde::{Deserialize, Serialize};

/// The type of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldType {
    /// Unsigned integer of so many bits; with labels where it is an enumeration.
    Unsigned(u64, Vec<Label>),
    /// Signed integer of so many bits; with labels where it is an enumeration.
    Signed(u64, Vec<Label>),
    /// Floating-point number of 16, 32 or 64 bits; all are held as `f64`, which is exact.
    Float(u8),
    /// String: bytes up to the first NUL, meant to be UTF-8, or made UTF-8 of another encoding.
    Text,
    /// Array, with its length, or sequence.
    List(Box<FieldType>, Option<u64>),
    /// Structure.
    Struct(Vec<Field>),
    /// Variant: one of these options.
    Variant(Vec<Field>),
}

/// A named field, structure member or variant option.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name, as babeltrace2 shows it (without the underscore that LTTng's metadata puts in front).
    pub name: String,
    /// Its type.
    pub ty: FieldType,
    /// Its position in the traced structure or variant, which may have members that are left out here.
    pub index: u64,
}

/// Leaves out LTTng's helper fields `_NAME_length` beside the sequences `NAME`: the list's own length says the same.
pub fn without_lengths<T>(
    members: &mut Vec<T>,
    name: impl Fn(&T) -> &str,
    is_sequence: impl Fn(&T) -> bool,
) {
    let sequences = members.iter().filter(|member| is_sequence(member));
    let helpers: Vec<String> = sequences.map(|m| format!("_{}_length", name(m))).collect();
    members.retain(|member| !helpers.iter().any(|helper| helper == name(member)));
}

/// A name for some values of an enumeration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Label {
    /// The name.
    pub name: String,
    /// The ranges of values that it stands for, both ends included.
    pub ranges: Vec<(i128, i128)>,
}
