//! Makes plans, once for each class.
//!
//! The one idea: everything that the metadata decides is decided before the first event. Integers of whole bytes that stand
//! together become one step with one check of bounds, and alignment that holds anyway is no step, since what is known of the
//! place that was reached goes along.

use super::plan::*;
use super::slots::Slots;
use super::tree::Node;
use crate::trace::ctf::metadata::model::{
    Encoding, FieldClass, Float, Integer, Reference, Role as Meaning, Scope, Variant,
};

/// What is known of a place in a packet: its distance from the packet's begin is `rest` more than a multiple of
/// `modulus` bits (a power of 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Known {
    modulus: u64,
    rest: u64,
}

impl Known {
    /// The packet's begin.
    pub(crate) const BEGIN: Known = Known {
        modulus: 1 << 62,
        rest: 0,
    };
    /// Anywhere.
    pub(crate) const NOTHING: Known = Known {
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
pub(crate) struct Planner<'a> {
    slots: &'a Slots,
    /// What is known of the place that was reached.
    known: Known,
    here: Reference,
    steps: Vec<Step>,
}

impl<'a> Planner<'a> {
    /// A planner for a root in `scope` that begins at a place of which `known` is known.
    pub(crate) fn new(slots: &'a Slots, scope: Scope, known: Known) -> Self {
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
    pub(crate) fn plan(
        mut self,
        root: Option<&Node>,
        dest: impl Fn(usize) -> Dest,
    ) -> (Vec<Step>, Known) {
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
        if let Some(slot) = self.slots.begin(&self.here) {
            self.align(node.class.alignment());
            self.steps.push(Step::Begin(slot));
        }
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
                let slot = self.slots.referred(length);
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
        // A packet's end must not update the clock before its events.
        let still = means(Meaning::End) && !means(Meaning::Begin);
        Role {
            slot: self.slots.number(&self.here),
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
            slot: self.slots.referred(tag),
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
