//! Plans: how the bytes of a packet are decoded.
//!
//! The one idea: a plan is a short list of steps in which each value knows where it goes; names, types and references
//! are gone. The [planner](super::planner) makes plans, the [decoder](super::decoder) walks over them.

use crate::trace::ctf::metadata::model::{ByteOrder, Encoding};

/// Where a value goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dest {
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
    /// To the event's head.
    Cpu,
}

/// Number of a place where an integer is kept for the tags and lengths that refer to it.
pub(crate) type Slot = u32;

/// One step of a plan.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Go on at the next multiple of this many bits (a power of 2) from the packet's begin.
    Align(u64),
    /// Pass over so many bits.
    Skip(u64),
    /// Integers of whole bytes, at a byte's begin: how many bytes they take in all, and where each is.
    Bytes(u32, Box<[ByteInteger]>),
    /// An integer at any bit.
    Bits(BitInteger),
    /// An integer whose bits are ordered against its bytes, or a boolean.
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
    /// Keep in a slot at which bit of the packet the next field begins.
    Begin(Slot),
}

/// An integer of whole bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ByteInteger {
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
pub(crate) struct BitInteger {
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
pub(crate) struct OddInteger {
    /// Its bits.
    pub bits: BitInteger,
    /// Whether they are ordered against its bytes.
    pub reversed: bool,
    /// Whether it is 1 where any of them is set.
    pub boolean: bool,
}

/// An integer of as many bytes as it needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct VariableInteger {
    /// Whether it is in two's complement.
    pub signed: bool,
    /// Where it goes.
    pub dest: Dest,
    /// What else it is good for.
    pub role: Role,
}

/// A floating-point number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FloatNumber {
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
pub(crate) struct WideText {
    /// How far it goes.
    pub extent: Extent,
    /// Its encoding.
    pub encoding: Encoding,
    /// Where it goes.
    pub dest: Dest,
}

/// How far a text goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Up to a code unit of zeros.
    Nul,
    /// So many bytes.
    Bytes(u64),
    /// As many bytes as the number in a slot says.
    BytesOf(Slot),
}

/// What an integer is good for beside being a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Role {
    /// It is kept for tags and lengths.
    pub slot: Option<Slot>,
    /// It updates the clock.
    pub clock: bool,
    /// It tells the event's class.
    pub event_id: bool,
}

impl Role {
    /// Whether it is good for nothing else.
    pub(crate) fn is_none(self) -> bool {
        self == Role::default()
    }
}

/// The elements of an array or a sequence.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Elements {
    /// How one is decoded.
    pub plan: Vec<Step>,
    /// Bits that one takes at least.
    pub least_bits: u64,
    /// Where their number goes.
    pub dest: Dest,
}

/// A variant.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Choose {
    /// Where its tag is kept.
    pub slot: Slot,
    /// Which values of the tag choose which option; the first that fits counts.
    pub choices: Vec<(i128, i128, usize)>,
    /// How each option is decoded.
    pub options: Vec<Vec<Step>>,
    /// Where the option's number goes.
    pub dest: Dest,
}
