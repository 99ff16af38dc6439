//! The fields of a packet, as the metadata describes them.
//!
//! The one idea: nothing is assumed about what tracers usually write. Structures are decoded field by field from their
//! classes (CTF 1.8.3 sections 4 to 6), and only the place and value of integers is kept.

use super::bits::{Location, Window, ordered, value};
use super::leb128::{self, Leb128};
use super::metadata::model::{
    Encoding, Field, FieldClass, Integer, Reference, Role, Roles, Scope, StreamClass,
};
use std::collections::HashMap;
use std::io;

/// More fields in one event, or in the header and context of one packet, are refused, so that a sequence of empty
/// structures whose length is damaged cannot take for ever.
const MAX_FIELDS: u32 = 1 << 20;

/// Why a field cannot be decoded.
pub enum Stop {
    /// The file ends before it does.
    End,
    /// It makes no sense, and why.
    Bad(String),
    /// The system refused to read.
    Io(io::Error),
}

/// A field with a meaning.
pub struct Decoded {
    /// What it means.
    pub roles: Roles,
    /// Its first bit, from the packet's first.
    pub begin: u64,
    /// Its number, if it is an integer or an enumeration.
    pub number: Option<i128>,
    /// The place of that number, if another one could be written there.
    pub location: Option<Location>,
}

/// What is told of fields with a meaning.
pub type See<'s> = &'s mut dyn FnMut(&mut Window, Decoded) -> Result<(), Stop>;

/// A place in a packet that is being decoded, and what tags and lengths need of the fields before it.
pub struct Decoder<'a, 'f> {
    /// The file.
    pub window: &'a mut Window<'f>,
    /// The packet's first byte in the file.
    pub offset: u64,
    /// The next bit, from the packet's first.
    pub bit: u64,
    /// The last integer named `id` in the header of the event.
    event_id: Option<i128>,
    numbers: HashMap<Reference, i128>,
    here: Reference,
    left: u32,
}

impl<'a, 'f> Decoder<'a, 'f> {
    /// Begins a packet at the byte `offset`.
    pub fn new(window: &'a mut Window<'f>, offset: u64) -> Self {
        Decoder {
            window,
            offset,
            bit: 0,
            event_id: None,
            numbers: HashMap::new(),
            here: Reference {
                scope: Scope::PacketHeader,
                path: Vec::new(),
            },
            left: MAX_FIELDS,
        }
    }

    /// Decodes the structure `class`, and hands each field with a meaning to `see`, at whatever depth.
    ///
    /// # Errors
    /// A [`Stop`]: its own, or that of `see`.
    pub fn root(&mut self, scope: Scope, class: &FieldClass, see: See) -> Result<(), Stop> {
        self.here.scope = scope;
        self.align(class)?;
        let fields = class.structure().map_or(&[][..], |s| &s.fields);
        for (i, field) in fields.iter().enumerate() {
            self.step(i, field, see)?;
        }
        Ok(())
    }

    /// Decodes the next event whole (CTF 1.8.3 section 6).
    ///
    /// # Errors
    /// A [`Stop`] where the file ends inside it, or it is none that the metadata declares.
    pub fn event(&mut self, stream: &StreamClass) -> Result<(), Stop> {
        self.left = MAX_FIELDS;
        self.event_id = None;
        self.pass(Scope::EventHeader, stream.event_header.as_deref())?;
        self.pass(Scope::StreamEventContext, stream.event_context.as_deref())?;
        let id = self.event_id.unwrap_or(0);
        let class = stream.events.iter().find(|e| i128::from(e.id) == id);
        let Some(class) = class else {
            let stream = stream.id;
            return Err(Stop::Bad(format!(
                "an event {id}, which the stream class {stream} has not"
            )));
        };
        self.pass(Scope::EventContext, class.context.as_deref())?;
        self.pass(Scope::EventFields, class.fields.as_deref())
    }

    /// Passes over the structure `class`, if there is one.
    ///
    /// # Errors
    /// A [`Stop`].
    pub fn pass(&mut self, scope: Scope, class: Option<&FieldClass>) -> Result<(), Stop> {
        class.map_or(Ok(()), |class| self.root(scope, class, &mut |_, _| Ok(())))
    }

    fn step(&mut self, index: usize, field: &Field, see: See) -> Result<(), Stop> {
        self.here.path.push(index);
        let decoded = self.field(&field.class, see);
        self.here.path.pop();
        decoded
    }

    fn align(&mut self, class: &FieldClass) -> Result<(), Stop> {
        let aligned = self.bit.checked_next_multiple_of(class.alignment());
        self.bit = aligned.ok_or(Stop::End)?;
        Ok(())
    }

    /// Passes over `size` bits and says where they are in the file.
    fn take(&mut self, size: u64) -> Result<u64, Stop> {
        let begin = self.bit;
        self.bit = begin.checked_add(size).ok_or(Stop::End)?;
        Ok(begin)
    }

    fn read(&mut self, byte: u64, length: usize) -> Result<&[u8], Stop> {
        let offset = self.offset.checked_add(byte).ok_or(Stop::End)?;
        let bytes = self.window.bytes(offset, length).map_err(Stop::Io)?;
        bytes.ok_or(Stop::End)
    }

    fn field(&mut self, class: &FieldClass, see: See) -> Result<(), Stop> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            Stop::Bad(format!(
                "more than {MAX_FIELDS} fields in an event or a packet's context"
            ))
        })?;
        self.align(class)?;
        match class {
            FieldClass::Integer(integer) => self.integer(integer, see)?,
            FieldClass::Enumeration(enumeration) => self.integer(&enumeration.base, see)?,
            FieldClass::Float(float) => {
                self.take(u64::from(float.size))?;
            }
            FieldClass::String(encoding) => self.string(*encoding)?,
            FieldClass::Struct(structure) => {
                for (i, field) in structure.fields.iter().enumerate() {
                    self.step(i, field, see)?;
                }
            }
            FieldClass::Variant(variant) => {
                let chosen = self.chosen(variant)?;
                self.step(chosen, &variant.options[chosen], see)?;
            }
            FieldClass::Array {
                length, element, ..
            } => self.elements(*length, element, see)?,
            FieldClass::Sequence {
                length, element, ..
            } => {
                let length = self.number(length)?;
                self.elements(length.try_into().unwrap_or(0), element, see)?;
            }
        }
        Ok(())
    }

    fn elements(&mut self, length: u64, element: &FieldClass, see: See) -> Result<(), Stop> {
        if let Some(integer) = element.integer()
            && integer.roles.has(Role::Uuid)
        {
            // It is looked at as a whole.
            let decoded = Decoded {
                roles: integer.roles,
                begin: self.bit,
                number: None,
                location: None,
            };
            see(self.window, decoded)?;
            let bits = length.checked_mul(8).ok_or(Stop::End)?;
            return self.take(bits).map(|_| ());
        }
        (0..length).try_for_each(|_| self.field(element, see))
    }

    fn integer(&mut self, integer: &Integer, see: See) -> Result<(), Stop> {
        let begin = self.bit;
        let (number, location) = match integer.variable {
            true => (self.variable(integer.signed)?, None),
            false => {
                let at = Location {
                    bit: self.take(u64::from(integer.size))?,
                    size: integer.size,
                    byte_order: integer.byte_order,
                };
                let (byte, length) = at.bytes();
                let bits = at.get(self.read(byte, length)?);
                let bits = ordered(bits, integer.size, integer.reversed);
                (value(integer, bits), Some(at).filter(|_| !integer.reversed))
            }
        };
        self.numbers.insert(self.here.clone(), number);
        if integer.roles.is_empty() {
            return Ok(());
        }
        if integer.roles.has(Role::EventClass) {
            self.event_id = Some(number);
        }
        let decoded = Decoded {
            roles: integer.roles,
            begin,
            number: Some(number),
            location,
        };
        see(self.window, decoded)
    }

    /// An integer that takes as many bytes as it needs.
    fn variable(&mut self, signed: bool) -> Result<i128, Stop> {
        let mut bytes = [0; leb128::MAX_BYTES];
        for there in 1..=bytes.len() {
            let byte = self.take(8)? / 8;
            bytes[there - 1] = self.read(byte, 1)?[0];
            match leb128::read(&bytes[..there], signed) {
                Leb128::Value(value, _) if signed => return Ok(i128::from(value as i64)),
                Leb128::Value(value, _) => return Ok(i128::from(value)),
                Leb128::End => {}
                Leb128::TooLong => break,
            }
        }
        Err(Stop::Bad(leb128::TOO_LONG.to_owned()))
    }

    /// Passes over code units up to one of zeros.
    fn string(&mut self, encoding: Encoding) -> Result<(), Stop> {
        let unit = encoding.unit();
        loop {
            let byte = self.take(unit as u64 * 8)? / 8;
            if self.read(byte, unit)?.iter().all(|b| *b == 0) {
                return Ok(());
            }
        }
    }

    fn number(&self, reference: &Reference) -> Result<i128, Stop> {
        let known = self.numbers.get(reference).copied();
        known.ok_or_else(|| Stop::Bad("a tag or length that is not in this packet".to_owned()))
    }

    /// Index of the option that a variant has here.
    fn chosen(&self, variant: &super::metadata::model::Variant) -> Result<usize, Stop> {
        let tag = variant.tag.as_ref().map_or(Ok(0), |tag| self.number(tag))?;
        let mut choices = variant.choices.iter();
        let choice = choices.find(|c| c.low <= tag && tag <= c.high);
        choice
            .map(|c| c.option)
            .ok_or_else(|| Stop::Bad(format!("a variant with no option for its tag {tag}")))
    }
}
