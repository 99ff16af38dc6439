//! What CTF 2 has and CTF 1.8 has not: random field classes of it, how they are written as JSON, and their bytes
//! (CTF2-SPEC-2.0 sections 5.3 and 6.4).

use super::bits::{Bits, Order};
use super::json::byte_order;
use super::random::Random;
use super::shape::{Int, Label, Reference, Type};
use serde_json::{Value, json};

/// A type that only CTF 2 has.
#[derive(Debug, Clone)]
pub enum Modern {
    /// Seven bits of an integer of up to 64 in each byte (LEB128); with labels it is an enumeration.
    Variable(Int, Vec<Label>),
    /// A floating point number of 16 bits.
    Half(u64, Order),
    /// Bits that are said to be no integer: `array`, `map` or `boolean`.
    Bits(&'static str, Int),
    /// An integer whose bits are ordered against its bytes.
    Reversed(Int),
    /// A text of UTF-16 or UTF-32.
    Wide(Coding, Length),
    /// Bytes.
    Blob(Length),
    /// An array or a sequence, aligned more than its elements.
    Aligned(u64, Box<Type>),
    /// A field that is there where the field that the reference names has one of these labels, or is true.
    Optional(Reference, Option<Vec<String>>, Box<Type>),
}

/// How long a text or a blob is, in bytes.
#[derive(Debug, Clone)]
pub enum Length {
    /// Up to a NUL.
    Ended,
    Always(u64),
    Said(Reference),
}

/// How a text is encoded: the bytes of a unit, and their order.
#[derive(Debug, Clone, Copy)]
pub struct Coding {
    pub unit: u64,
    pub order: Order,
}

impl Modern {
    /// Where it may begin, in bits.
    pub fn alignment(&self) -> u64 {
        match self {
            Modern::Variable(..) | Modern::Wide(..) | Modern::Blob(_) => 8,
            Modern::Half(align, _) => *align,
            Modern::Bits(_, int) | Modern::Reversed(int) => int.align,
            Modern::Aligned(align, of) => of.alignment().max(*align),
            Modern::Optional(..) => 1,
        }
    }
}

impl Coding {
    pub fn name(self) -> String {
        let order = match self.order {
            Order::Little => "le",
            Order::Big => "be",
        };
        format!("utf-{}{order}", self.unit * 8)
    }

    /// The bytes of a text.
    pub fn bytes(self, text: &str) -> Vec<u8> {
        let units: Vec<u32> = match self.unit {
            2 => text.encode_utf16().map(u32::from).collect(),
            _ => text.chars().map(u32::from).collect(),
        };
        let mut bits = Bits::default();
        for unit in units {
            bits.put(self.unit * 8, unit.into(), self.order);
        }
        bits.bytes
    }

    /// A text of at most `most` bytes, filled up with a NUL and then anything.
    pub fn filled(self, rng: &mut Random, most: u64) -> Vec<u8> {
        let mut text = String::new();
        for char in wide_text(rng).chars() {
            text.push(char);
            if self.bytes(&text).len() as u64 > most {
                text.pop();
                break;
            }
        }
        let mut bytes = self.bytes(&text);
        let end = (bytes.len() as u64 + self.unit).min(most);
        bytes.resize(end as usize, 0);
        bytes.resize(most as usize, 0x41);
        bytes
    }
}

/// A text without NUL that takes one to four bytes for a character.
pub fn wide_text(rng: &mut Random) -> String {
    const CHARS: [char; 8] = ['a', 'Z', ' ', 'ß', 'λ', '文', '\u{FFFD}', '😀'];
    (0..rng.below(6)).map(|_| rng.pick(&CHARS)).collect()
}

/// An integer in groups of seven bits, now and then with more bytes than it needs.
pub fn leb128(rng: &mut Random, value: i128, signed: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = value;
    let mut left = if rng.chance(15) { rng.below(3) } else { 0 };
    loop {
        let group = (rest & 0x7F) as u8;
        rest >>= 7;
        let done = match signed {
            true => (rest == 0 && group < 0x40) || (rest == -1 && group >= 0x40),
            false => rest == 0,
        };
        // 64 bits are ten groups at most.
        if done && (left == 0 || out.len() >= 8) {
            out.push(group);
            return out;
        }
        if done {
            left -= 1;
        }
        out.push(group | 0x80);
    }
}

/// The field class of `ty`; `inner` is that of the type inside it, `location` that of what it refers to.
pub fn class(ty: &Modern, inner: Option<Value>, location: Option<Value>) -> Value {
    let sized = |kind: &str, length: &Length| {
        let mut class = match length {
            Length::Ended => json!({"type": format!("null-terminated-{kind}")}),
            Length::Always(length) => {
                json!({"type": format!("static-length-{kind}"), "length": length})
            }
            Length::Said(_) => json!({"type": format!("dynamic-length-{kind}")}),
        };
        if let Some(location) = &location {
            class["length-field-location"] = location.clone();
        }
        class
    };
    match ty {
        Modern::Variable(int, _) => {
            let sign = if int.signed { "signed" } else { "unsigned" };
            json!({"type": format!("variable-length-{sign}-integer")})
        }
        Modern::Half(align, order) => json!({
            "type": "fixed-length-floating-point-number", "length": 16, "alignment": align,
            "byte-order": byte_order(*order),
        }),
        Modern::Bits(kind, int) => {
            let mut class = json!({
                "type": format!("fixed-length-{kind}"), "length": int.size, "alignment": int.align,
                "byte-order": byte_order(int.order),
            });
            if *kind == "bit-map" {
                class["flags"] = json!({"low": [[0, 0]], "some": [[0, int.size - 1]]});
            }
            class
        }
        Modern::Reversed(int) => json!({
            "type": format!("fixed-length-{}-integer", if int.signed { "signed" } else { "unsigned" }),
            "length": int.size, "alignment": int.align, "byte-order": byte_order(int.order),
            "bit-order": match int.order {
                Order::Little => "last-to-first",
                Order::Big => "first-to-last",
            },
        }),
        Modern::Wide(coding, length) => {
            let mut class = sized("string", length);
            class["encoding"] = json!(coding.name());
            class
        }
        Modern::Blob(length) => sized("blob", length),
        Modern::Aligned(align, _) => {
            let mut class = inner.expect("the array");
            class["minimum-alignment"] = json!(align);
            class
        }
        Modern::Optional(..) => json!({
            "type": "optional", "selector-field-location": location, "field-class": inner,
        }),
    }
}

/// The bits of `value` in the other order.
pub fn reversed(size: u64, value: u64) -> u64 {
    (0..size).fold(0, |all, i| all | (value >> i & 1) << (size - 1 - i))
}
