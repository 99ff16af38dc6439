//! Runs plans over the bytes of a packet.
//!
//! The one idea: a [`Decoder`] is a place in a packet and the little that later fields need of earlier ones. It sees a
//! window of the packet's bytes; an event that goes beyond the window is taken back and decoded again with the next
//! one, so that packets of any size need the memory of a window. No step trusts the bytes: whatever they are, it ends
//! in a value or in a [`Stop`].

use super::numbers::half;
use super::output::Output;
use super::plan::{BitInteger, ByteInteger, Choose, Dest, Elements, FloatNumber, Role, Slot, Step};
use crate::trace::clock::update;
use crate::trace::ctf::bits::ordered;
use crate::trace::ctf::metadata::model::ByteOrder;
use std::sync::Arc;

/// More elements without a single bit in one event are refused: a damaged length could make them last for ever.
const MAX_EMPTY: u64 = 1 << 12;
/// The same for the header and context of a packet, of which there are fewer.
const MAX_EMPTY_OF_PACKET: u64 = 1 << 20;
/// Bytes that the encoded values of one event can take.
const MAX_VALUES: usize = 1 << 28;

/// What a slot holds until a field is decoded whose value it keeps; no integer of 64 bits is this.
pub(crate) const ABSENT: i128 = i128::MIN;

/// Why decoding stops.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Stop {
    /// The bytes at hand end.
    End,
    /// What is there makes no sense, and why.
    Bad(String),
}

/// A place in a packet.
#[derive(Debug, Clone)]
pub(crate) struct Decoder<'a> {
    /// Bytes of the packet.
    bytes: &'a [u8],
    /// Where the first of them is, in bits from the packet's begin; a multiple of 8.
    base: u64,
    /// Bits of `bytes` that may be read.
    limit: u64,
    /// The next bit, from the first of `bytes`.
    at: u64,
    /// What is remembered.
    pub memory: Memory,
}

/// What later fields need of earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Memory {
    /// Value of the clock, in cycles.
    pub clock: u64,
    /// The last event ID.
    pub event_id: Option<u64>,
    /// Integers that tags and lengths refer to, and what packets say of themselves.
    pub slots: Vec<i128>,
    /// Encoded values of the packet's context, which all of its events have.
    pub packet: Arc<[u8]>,
    /// Byte order of the last integer that did not take whole bytes.
    order: Option<ByteOrder>,
    /// Elements without a bit that the event may have, and those that it may still have.
    most_empty: u64,
    /// As `most_empty`.
    empty: u64,
    /// Where the values of the event begin.
    values: usize,
}

impl<'a> Decoder<'a> {
    /// A decoder at bit `bit` of a packet, of which `bytes` are there from byte `first` on and `content` bits may be
    /// read.
    pub(crate) fn new(bytes: &'a [u8], first: u64, bit: u64, content: u64, memory: Memory) -> Self {
        let base = first * 8;
        Decoder {
            limit: (bytes.len() as u64 * 8).min(content - base),
            at: bit - base,
            bytes,
            base,
            memory,
        }
    }

    /// The next bit, from the packet's begin.
    #[inline]
    pub(crate) fn bit(&self) -> u64 {
        self.base + self.at
    }

    /// The next bit, from the window's begin.
    #[inline]
    pub(crate) fn place(&self) -> u64 {
        self.at
    }

    /// Goes back to where [`Decoder::place`] was.
    #[inline]
    pub(crate) fn back_to(&mut self, place: u64) {
        self.at = place;
    }

    /// Begins a packet of which `slots` integers are kept; all of them are [`ABSENT`] at first.
    pub(crate) fn begin_packet(&mut self, slots: usize, values: usize) {
        self.begin_event(values);
        self.memory.most_empty = MAX_EMPTY_OF_PACKET;
        self.memory.empty = MAX_EMPTY_OF_PACKET;
        self.memory.slots.clear();
        self.memory.slots.resize(slots, ABSENT);
    }

    /// Begins the events of a packet, for which `slots` integers are kept. What its header and context left out counts as 0
    /// from here on, as it does in babeltrace2.
    pub(crate) fn begin_events(&mut self, slots: usize) {
        let kept = &mut self.memory.slots;
        let absent = kept.iter_mut().filter(|slot| **slot == ABSENT);
        absent.for_each(|slot| *slot = 0);
        kept.resize(slots, 0);
    }

    /// Begins an event whose values come behind the first `values` bytes.
    #[inline]
    pub(crate) fn begin_event(&mut self, values: usize) {
        self.memory.event_id = None;
        self.memory.most_empty = MAX_EMPTY;
        self.memory.empty = MAX_EMPTY;
        self.memory.values = values;
    }

    /// Decodes a root by its plan.
    ///
    /// # Errors
    /// A [`Stop`]; what it has put out until then is to be taken back.
    #[inline]
    pub(crate) fn root(&mut self, plan: &[Step], out: &mut Output) -> Result<(), Stop> {
        self.memory.order = None;
        self.run(plan, out)
    }

    fn run(&mut self, plan: &[Step], out: &mut Output) -> Result<(), Stop> {
        for step in plan {
            match step {
                Step::Bytes(total, items) => self.byte_integers(*total, items, out)?,
                Step::Align(bits) => self.align(*bits)?,
                Step::Skip(bits) => {
                    self.take(*bits)?;
                }
                Step::Bits(integer) => self.bit_integer(integer, out)?,
                Step::Float(number) => self.float(number, out)?,
                Step::Text(dest) => self.text(*dest, out)?,
                Step::Chars(length, dest) => self.chars(*length, *dest, out)?,
                Step::CharsOf(slot, dest) => {
                    let length = self.length(*slot);
                    self.chars(length, *dest, out)?;
                }
                Step::Array(length, elements) => self.elements(*length, elements, out)?,
                Step::Sequence(slot, elements) => {
                    let length = self.length(*slot);
                    self.elements(length, elements, out)?;
                }
                Step::Choose(choose) => self.choose(choose, out)?,
                rare => self.rare(rare, out)?,
            }
        }
        Ok(())
    }

    /// The whole bytes that are still there, at a byte's begin.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.bytes[(self.at / 8) as usize..(self.limit / 8) as usize]
    }

    /// Passes over so many bits, and says where they were.
    #[inline]
    pub(super) fn take(&mut self, bits: u64) -> Result<u64, Stop> {
        let begin = self.at;
        let end = begin.checked_add(bits).filter(|end| *end <= self.limit);
        self.at = end.ok_or(Stop::End)?;
        Ok(begin)
    }

    /// As `take`, for whole bytes at a byte's begin.
    #[inline]
    pub(super) fn take_bytes(&mut self, bytes: u64) -> Result<&'a [u8], Stop> {
        let begin = self.take(bytes.checked_mul(8).ok_or(Stop::End)?)? / 8;
        Ok(&self.bytes[begin as usize..(begin + bytes) as usize])
    }

    #[inline]
    fn align(&mut self, bits: u64) -> Result<(), Stop> {
        let bit = self.bit();
        let aligned = bit.checked_next_multiple_of(bits).ok_or(Stop::End)?;
        if aligned != bit {
            self.take(aligned - bit)?;
        }
        Ok(())
    }

    #[inline]
    fn byte_integers(
        &mut self,
        total: u32,
        items: &[ByteInteger],
        out: &mut Output,
    ) -> Result<(), Stop> {
        let bytes = self.take_bytes(u64::from(total))?;
        for item in items {
            let value = item.value(&bytes[item.at as usize..]);
            out.integer(item.dest, value);
            if !item.role.is_none() {
                self.role(item.role, value, item.signed, u32::from(item.bytes) * 8);
            }
        }
        Ok(())
    }

    fn bit_integer(&mut self, integer: &BitInteger, out: &mut Output) -> Result<(), Stop> {
        let bits = self.bits(integer.size, integer.order)?;
        self.put_bits(integer, bits, out);
        Ok(())
    }

    /// Puts out an integer of bits.
    #[inline]
    pub(super) fn put_bits(&mut self, integer: &BitInteger, bits: u64, out: &mut Output) {
        let unused = 64 - integer.size;
        let value = match integer.signed {
            true => ((bits << unused) as i64 >> unused) as u64,
            false => bits,
        };
        out.integer(integer.dest, value);
        if !integer.role.is_none() {
            self.role(integer.role, value, integer.signed, integer.size);
        }
    }

    #[inline]
    pub(super) fn role(&mut self, role: Role, value: u64, signed: bool, size: u32) {
        if role.clock {
            self.memory.clock = update(self.memory.clock, value, size);
        }
        if role.event_id {
            self.memory.event_id = Some(value);
        }
        if let Some(slot) = role.slot {
            self.memory.slots[slot as usize] = match signed {
                true => i128::from(value as i64),
                false => i128::from(value),
            };
        }
    }

    /// The next `size` bits (1 to 64), which must be of one byte order with those before in the same byte.
    pub(super) fn bits(&mut self, size: u32, order: ByteOrder) -> Result<u64, Stop> {
        let shift = (self.at % 8) as u32;
        if shift != 0 && self.memory.order.is_some_and(|before| before != order) {
            return Err(Stop::Bad(
                "two byte orders meet inside of a byte (CTF 1.8.3, section 4.1.5)".to_owned(),
            ));
        }
        let first = (self.take(u64::from(size))? / 8) as usize;
        self.memory.order = Some(order);
        let last = first + ((shift + size) as usize).div_ceil(8);
        let touched = &self.bytes[first..last];
        let mask = (1u128 << size) - 1;
        let add = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
        let bits = match order {
            ByteOrder::Little => touched.iter().rev().fold(0, add) >> shift,
            ByteOrder::Big => {
                touched.iter().fold(0, add) >> (touched.len() as u32 * 8 - shift - size)
            }
        };
        Ok((bits & mask) as u64)
    }

    fn float(&mut self, number: &FloatNumber, out: &mut Output) -> Result<(), Stop> {
        let bits = self.bits(number.size, number.order)?;
        let bits = ordered(bits, number.size, number.reversed);
        let value = match number.size {
            16 => half(bits as u16),
            32 => f64::from(f32::from_bits(bits as u32)),
            _ => f64::from_bits(bits),
        };
        out.integer(number.dest, value.to_bits());
        Ok(())
    }

    fn text(&mut self, dest: Dest, out: &mut Output) -> Result<(), Stop> {
        let rest = self.rest();
        let length = memchr::memchr(0, rest).ok_or(Stop::End)?;
        self.take(length as u64 * 8 + 8)?;
        out.text(dest, &rest[..length]);
        self.room(out)
    }

    fn chars(&mut self, length: u64, dest: Dest, out: &mut Output) -> Result<(), Stop> {
        let chars = self.take_bytes(length)?;
        let length = memchr::memchr(0, chars).unwrap_or(chars.len());
        out.text(dest, &chars[..length]);
        self.room(out)
    }

    pub(super) fn length(&self, slot: Slot) -> u64 {
        // Lengths are unsigned: the metadata was checked.
        self.memory.slots[slot as usize] as u64
    }

    fn elements(&mut self, length: u64, elements: &Elements, out: &mut Output) -> Result<(), Stop> {
        if elements.least_bits == 0 {
            let left = self.memory.empty.checked_sub(length);
            self.memory.empty = left.ok_or_else(|| {
                let most = self.memory.most_empty;
                Stop::Bad(format!(
                    "a list of {length} elements that may be empty: more than {most} fields in an event or a packet's context"
                ))
            })?;
        } else {
            let least = elements.least_bits.checked_mul(length);
            least
                .filter(|bits| *bits <= self.limit - self.at)
                .ok_or(Stop::End)?;
        }
        if elements.dest == Dest::Values {
            out.count(length as usize);
        }
        if let [Step::Bytes(total, items)] = &elements.plan[..]
            && let [item] = items[..]
            && item.role.is_none()
            && u32::from(item.bytes) == *total
        {
            let bytes = self.take_bytes(u64::from(*total) * length)?;
            self.room_for(bytes.len().saturating_mul(8), out)?;
            for element in bytes.chunks_exact(*total as usize) {
                out.integer(item.dest, item.value(element));
            }
            return Ok(());
        }
        for _ in 0..length {
            self.run(&elements.plan, out)?;
            self.room(out)?;
        }
        Ok(())
    }

    /// Whether the values of the event do not take too much room.
    #[inline]
    pub(super) fn room(&self, out: &Output) -> Result<(), Stop> {
        self.room_for(0, out)
    }

    #[inline]
    fn room_for(&self, more: usize, out: &Output) -> Result<(), Stop> {
        match out.values.len() - self.memory.values + more <= MAX_VALUES {
            true => Ok(()),
            false => Err(Stop::Bad(format!(
                "an event whose values take more than {MAX_VALUES} bytes"
            ))),
        }
    }

    fn choose(&mut self, choose: &Choose, out: &mut Output) -> Result<(), Stop> {
        let tag = self.memory.slots[choose.slot as usize];
        let mut choices = choose.choices.iter();
        let chosen = choices.find(|(low, high, _)| *low <= tag && tag <= *high);
        let (_, _, option) = chosen
            .ok_or_else(|| Stop::Bad(format!("a variant with no option for its tag {tag}")))?;
        if choose.dest == Dest::Values {
            out.count(*option);
        }
        self.run(&choose.options[*option], out)
    }
}
