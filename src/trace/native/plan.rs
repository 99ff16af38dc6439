//! Plans: how the bytes of a packet are decoded, worked out once for each class.
//!
//! The one idea: everything that the metadata decides is decided before the first event. A plan is a short list of
//! steps: integers of whole bytes that stand together become one step with one check of bounds, alignment that holds
//! anyway is no step, and each value knows where it goes. Names, types and references are gone.

use super::shown::Node;
use crate::trace::ctf::metadata::model::{
    ByteOrder, Encoding, FieldClass, Float, Integer, Reference, Role as Meaning, Scope, Variant,
};
use std::collections::HashMap;

/// Where a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dest {
    /// Nowhere.
    Nowhere,
    /// To the encoded values.
    Values,
    /// To the event's head.
    Pid,
    /// To the event's head.
    Tid,
    /// To the event's head.
    Procname,
}

/// Number of a place where an integer is kept for the tags and lengths that refer to it.
pub type Slot = u32;

/// One step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// Go on at the next multiple of this many bits (a power of 2) from the packet's begin.
    Align(u64),
    /// Pass over so many bits.
    Skip(u64),
    /// Integers of whole bytes, at a byte's begin: how many bytes they take in all, and where each is.
    Bytes(u32, Box<[ByteInteger]>),
    /// An integer at any bit.
    Bits(BitInteger),
    /// An integer whose bits are ordered against its bytes.
    Odd(OddInteger),
    /// An integer of as many bytes as it needs, at a byte's begin.
    Variable(VariableInteger),
    /// A floating-point number.
    Float(FloatNumber),
    /// Bytes up to a NUL.
    Text(Dest),
    /// So many characters, of which those before the first NUL count.
    Chars(u64, Dest),
    /// As `Chars`, with the number in a slot.
    CharsOf(Slot, Dest),
    /// A text of larger code units than bytes.
    Wide(Box<WideText>),
    /// So many elements.
    Array(u64, Box<Elements>),
    /// As `Array`, with the number in a slot.
    Sequence(Slot, Box<Elements>),
    /// One of several plans.
    Choose(Box<Choose>),
}

/// An integer of whole bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ByteInteger {
    /// Its first byte, from that of its step.
    pub at: u32,
    /// 1, 2, 4 or 8 bytes.
    pub bytes: u8,
    /// Whether it is in two's complement.
    pub signed: bool,
    /// Its byte order.
    pub order: ByteOrder,
    /// Where it goes.
    pub dest: Dest,
    /// What else it is good for.
    pub role: Role,
}

/// An integer of 1 to 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitInteger {
    /// Its size in bits.
    pub size: u32,
    /// Whether it is in two's complement.
    pub signed: bool,
    /// Its byte order.
    pub order: ByteOrder,
    /// Where it goes.
    pub dest: Dest,
    /// What else it is good for.
    pub role: Role,
}

/// An integer whose value is not just its bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OddInteger {
    /// Its bits.
    pub bits: BitInteger,
    /// Whether they are ordered against its bytes.
    pub reversed: bool,
    /// Whether it is 1 where any of them is set.
    pub boolean: bool,
}

/// An integer of as many bytes as it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariableInteger {
    /// Whether it is in two's complement.
    pub signed: bool,
    /// Where it goes.
    pub dest: Dest,
    /// What else it is good for.
    pub role: Role,
}

/// A floating-point number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FloatNumber {
    /// 16, 32 or 64 bits.
    pub size: u32,
    /// Its byte order.
    pub order: ByteOrder,
    /// Whether its bits are ordered against its bytes.
    pub reversed: bool,
    /// Where it goes.
    pub dest: Dest,
}

/// A text of UTF-16 or UTF-32.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WideText {
    /// How far it goes.
    pub extent: Extent,
    /// Its encoding.
    pub encoding: Encoding,
    /// Where it goes.
    pub dest: Dest,
}

/// How far a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Up to a code unit of zeros.
    Nul,
    /// So many bytes.
    Bytes(u64),
    /// As many bytes as the number in a slot says.
    BytesOf(Slot),
}

/// What an integer is good for beside being a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Role {
    /// It is kept for tags and lengths.
    pub slot: Option<Slot>,
    /// It moves the clock.
    pub clock: bool,
    /// It tells the event's class.
    pub event_id: bool,
}

impl Role {
    /// Whether it is good for nothing else.
    pub fn is_none(self) -> bool {
        self == Role::default()
    }
}

/// The elements of an array or a sequence.
#[derive(Debug, Clone, PartialEq)]
pub struct Elements {
    /// How one is decoded.
    pub plan: Vec<Step>,
    /// Bits that one takes at least.
    pub least_bits: u64,
    /// Where their number goes.
    pub dest: Dest,
}

/// A variant.
#[derive(Debug, Clone, PartialEq)]
pub struct Choose {
    /// Where its tag is kept.
    pub slot: Slot,
    /// Which values of the tag choose which option; the first that fits counts.
    pub choices: Vec<(i128, i128, usize)>,
    /// How each option is decoded.
    pub options: Vec<Vec<Step>>,
    /// Where the option's number goes.
    pub dest: Dest,
}

/// What is known of a place in a packet: its distance from the packet's begin is `rest` more than a multiple of
/// `modulus` bits (a power of 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    modulus: u64,
    rest: u64,
}

impl Known {
    /// The packet's begin.
    pub const BEGIN: Known = Known {
        modulus: 1 << 62,
        rest: 0,
    };
    /// Anywhere.
    pub const NOTHING: Known = Known {
        modulus: 1,
        rest: 0,
    };

    fn whole_bytes(self) -> bool {
        self.modulus >= 8 && self.rest.is_multiple_of(8)
    }

    fn after(self, bits: u64) -> Known {
        Known {
            rest: (self.rest.wrapping_add(bits)) & (self.modulus - 1),
            ..self
        }
    }

    /// What is known where both could be the case.
    fn either(self, other: Known) -> Known {
        let mut modulus = self.modulus.min(other.modulus);
        while (self.rest ^ other.rest) & (modulus - 1) != 0 {
            modulus /= 2;
        }
        Known {
            modulus,
            rest: self.rest & (modulus - 1),
        }
    }
}

/// Makes the plan of one root.
pub struct Planner<'a> {
    /// The slots of the fields that are referred to.
    pub slots: &'a HashMap<Reference, Slot>,
    /// What is known of the place that was reached.
    pub known: Known,
    here: Reference,
    steps: Vec<Step>,
}

impl<'a> Planner<'a> {
    /// A planner for a root in `scope` that begins at a place of which `known` is known.
    pub fn new(slots: &'a HashMap<Reference, Slot>, scope: Scope, known: Known) -> Self {
        Planner {
            slots,
            known,
            here: Reference {
                scope,
                path: Vec::new(),
            },
            steps: Vec::new(),
        }
    }

    /// The plan for `root`, whose own members go where `dest` says (by position), and what is known of its end.
    pub fn plan(mut self, root: Option<&Node>, dest: impl Fn(usize) -> Dest) -> (Vec<Step>, Known) {
        if let Some(root) = root {
            self.align(root.class.alignment());
            for (i, child) in root.children.iter().enumerate() {
                self.member(i, child, dest(i));
            }
        }
        (self.steps, self.known)
    }

    fn align(&mut self, bits: u64) {
        let known = self.known;
        if bits <= known.modulus {
            let gap = known.rest.next_multiple_of(bits) - known.rest;
            self.skip(gap);
        } else {
            self.steps.push(Step::Align(bits));
            self.known = Known {
                modulus: bits,
                rest: 0,
            };
        }
    }

    fn skip(&mut self, bits: u64) {
        if bits == 0 {
            return;
        }
        match self.steps.last_mut() {
            Some(Step::Skip(before)) => *before += bits,
            Some(Step::Bytes(total, _)) if bits.is_multiple_of(8) && bits < 1 << 20 => {
                *total += (bits / 8) as u32;
            }
            _ => self.steps.push(Step::Skip(bits)),
        }
        self.known = self.known.after(bits);
    }

    fn member(&mut self, index: usize, node: &Node, dest: Dest) {
        self.here.path.push(index);
        self.node(node, dest);
        self.here.path.pop();
    }

    fn node(&mut self, node: &Node, dest: Dest) {
        let dest = if node.shown { dest } else { Dest::Nowhere };
        self.align(node.class.alignment());
        match node.class {
            FieldClass::Integer(integer) => self.integer(integer, dest),
            FieldClass::Enumeration(enumeration) => self.integer(&enumeration.base, dest),
            FieldClass::Float(float) => self.float(float, dest),
            FieldClass::String(encoding) if encoding.unit() > 1 => {
                self.wide(Extent::Nul, *encoding, dest);
            }
            FieldClass::String(_) => self.open(Step::Text(dest)),
            FieldClass::Struct(_) => self.structure(node, dest),
            FieldClass::Variant(variant) => self.variant(variant, node, dest),
            FieldClass::Array {
                length, element, ..
            } if node.text => {
                if let Some(encoding) = wide(element) {
                    return self.wide(Extent::Bytes(*length), encoding, dest);
                }
                self.fixed(Step::Chars(*length, dest), length.saturating_mul(8));
            }
            FieldClass::Array { length, .. } => {
                let elements = self.elements(node, dest);
                self.steps.push(Step::Array(*length, Box::new(elements)));
            }
            FieldClass::Sequence {
                length, element, ..
            } => {
                let slot = self.slots[length];
                if let (true, Some(encoding)) = (node.text, wide(element)) {
                    self.wide(Extent::BytesOf(slot), encoding, dest);
                } else if node.text {
                    self.open(Step::CharsOf(slot, dest));
                } else {
                    let elements = self.elements(node, dest);
                    self.steps.push(Step::Sequence(slot, Box::new(elements)));
                }
            }
        }
    }

    /// A step of so many bits.
    fn fixed(&mut self, step: Step, bits: u64) {
        self.steps.push(step);
        self.known = self.known.after(bits);
    }

    /// A step of some bytes.
    fn open(&mut self, step: Step) {
        self.steps.push(step);
        self.known = Known {
            modulus: 8,
            rest: 0,
        };
    }

    fn wide(&mut self, extent: Extent, encoding: Encoding, dest: Dest) {
        self.open(Step::Wide(Box::new(WideText {
            extent,
            encoding,
            dest,
        })));
    }

    fn float(&mut self, float: &Float, dest: Dest) {
        let step = Step::Float(FloatNumber {
            size: float.size,
            order: float.byte_order,
            reversed: float.reversed,
            dest,
        });
        self.fixed(step, u64::from(float.size));
    }

    fn role(&self, integer: &Integer) -> Role {
        let means = |meaning| integer.roles.has(meaning);
        // A packet's end must not move the clock before its events.
        let still = means(Meaning::End) && !means(Meaning::Begin);
        Role {
            slot: self.slots.get(&self.here).copied(),
            clock: integer.clock.is_some() && !integer.signed && !still,
            event_id: means(Meaning::EventClass) && !integer.signed,
        }
    }

    fn integer(&mut self, integer: &Integer, dest: Dest) {
        let role = self.role(integer);
        if integer.variable {
            return self.open(Step::Variable(VariableInteger {
                signed: integer.signed,
                dest,
                role,
            }));
        }
        let bits = u64::from(integer.size);
        let whole = matches!(integer.size, 8 | 16 | 32 | 64) && self.known.whole_bytes();
        let odd = integer.reversed || integer.boolean;
        if !whole || odd {
            let integer_of_bits = BitInteger {
                size: integer.size,
                signed: integer.signed,
                order: integer.byte_order,
                dest,
                role,
            };
            let step = match odd {
                true => Step::Odd(OddInteger {
                    bits: integer_of_bits,
                    reversed: integer.reversed,
                    boolean: integer.boolean,
                }),
                false => Step::Bits(integer_of_bits),
            };
            return self.fixed(step, bits);
        }
        if dest == Dest::Nowhere && role.is_none() {
            return self.skip(bits);
        }
        let item = |at| ByteInteger {
            at,
            bytes: (bits / 8) as u8,
            signed: integer.signed,
            order: integer.byte_order,
            dest,
            role,
        };
        match self.steps.last_mut() {
            Some(Step::Bytes(total, items)) => {
                let mut all = std::mem::take(items).into_vec();
                all.push(item(*total));
                *items = all.into();
                *total += (bits / 8) as u32;
            }
            _ => {
                let step = Step::Bytes((bits / 8) as u32, [item(0)].into());
                self.steps.push(step);
            }
        }
        self.known = self.known.after(bits);
    }

    fn structure(&mut self, node: &Node, dest: Dest) {
        let kept = kept(node);
        for (i, child) in node.children.iter().enumerate() {
            let dest = if kept[i] { dest } else { Dest::Nowhere };
            self.member(i, child, dest);
        }
    }

    fn variant(&mut self, variant: &Variant, node: &Node, dest: Dest) {
        let tag = variant.tag.as_ref().expect("resolved variants have tags");
        let begin = self.known;
        let mut end: Option<Known> = None;
        let mut options = Vec::new();
        for (i, child) in node.children.iter().enumerate() {
            let before = std::mem::take(&mut self.steps);
            self.known = begin;
            self.member(i, child, dest);
            options.push(std::mem::replace(&mut self.steps, before));
            end = Some(end.map_or(self.known, |e| e.either(self.known)));
        }
        self.known = end.unwrap_or(begin);
        self.steps.push(Step::Choose(Box::new(Choose {
            slot: self.slots[tag],
            choices: variant
                .choices
                .iter()
                .map(|c| (c.low, c.high, c.option))
                .collect(),
            options,
            dest,
        })));
    }

    fn elements(&mut self, node: &Node, dest: Dest) -> Elements {
        let child = &node.children[0];
        let before = std::mem::take(&mut self.steps);
        // Between elements there is nothing but their own alignment.
        let least_bits = least(child.class);
        let align = child.class.alignment();
        let even = child.class.integer().is_some() && least_bits.is_multiple_of(align);
        self.known = Known {
            modulus: if even { align } else { 1 },
            rest: 0,
        };
        self.node(child, dest);
        self.known = match even && least_bits.is_multiple_of(8) && align >= 8 {
            true => Known {
                modulus: 8,
                rest: 0,
            },
            false => Known::NOTHING,
        };
        Elements {
            plan: std::mem::replace(&mut self.steps, before),
            least_bits,
            dest,
        }
    }
}

/// The encoding of a text whose elements are of larger code units than bytes.
fn wide(element: &FieldClass) -> Option<Encoding> {
    let encoding = element.integer()?.encoding;
    (encoding.unit() > 1).then_some(encoding)
}

/// Which members of a structure are kept: those that are shown and no helpers.
fn kept(node: &Node) -> Vec<bool> {
    let mut kept = vec![false; node.children.len()];
    for member in node.kept() {
        kept[member.position] = true;
    }
    kept
}

/// Bits that a field of this class takes at least.
fn least(class: &FieldClass) -> u64 {
    match class {
        FieldClass::Integer(_) | FieldClass::Enumeration(_) => {
            let bits = |i: &Integer| if i.variable { 8 } else { i.size };
            class.integer().map_or(0, |i| u64::from(bits(i)))
        }
        FieldClass::Float(float) => u64::from(float.size),
        FieldClass::String(encoding) => encoding.unit() as u64 * 8,
        FieldClass::Struct(structure) => {
            let sizes = structure.fields.iter().map(|f| least(&f.class));
            sizes.fold(0, u64::saturating_add)
        }
        FieldClass::Variant(variant) => {
            let sizes = variant.options.iter().map(|f| least(&f.class));
            sizes.min().unwrap_or(0)
        }
        FieldClass::Array {
            length, element, ..
        } => least(element).saturating_mul(*length),
        FieldClass::Sequence { .. } => 0,
    }
}
