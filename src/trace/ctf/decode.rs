//! The fields of a packet, as the metadata describes them.
//!
//! The one idea: nothing is assumed about what tracers usually write. Structures are decoded field by field from their
//! classes (CTF 1.8.3 sections 4 to 6), and only the place and value of integers is kept.

use super::bits::{Location, Window, value};
use super::metadata::model::{Field, FieldClass, Reference, Scope, StreamClass};
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

/// A decoded field: where it begins, and what it is if it is an integer or an enumeration.
pub struct Decoded {
    /// Its first bit, from the packet's first.
    pub begin: u64,
    /// Its place and its number.
    pub integer: Option<(Location, i128)>,
}

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

    /// Decodes the structure `class`, and hands each of its own fields to `see` with its name.
    ///
    /// # Errors
    /// A [`Stop`]: its own, or that of `see`.
    pub fn root(
        &mut self,
        scope: Scope,
        class: &FieldClass,
        mut see: impl FnMut(&mut Window, &str, &FieldClass, Decoded) -> Result<(), Stop>,
    ) -> Result<(), Stop> {
        self.here.scope = scope;
        self.align(class)?;
        let fields = class.structure().map_or(&[][..], |s| &s.fields);
        for (i, field) in fields.iter().enumerate() {
            let decoded = self.step(i, field)?;
            see(self.window, &field.name, &field.class, decoded)?;
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
        class.map_or(Ok(()), |class| self.root(scope, class, |_, _, _, _| Ok(())))
    }

    fn step(&mut self, index: usize, field: &Field) -> Result<Decoded, Stop> {
        self.here.path.push(index);
        let decoded = self.field(&field.class);
        self.here.path.pop();
        let decoded = decoded?;
        if let (Scope::EventHeader, "id", Some((_, id))) =
            (self.here.scope, field.name.as_str(), decoded.integer)
        {
            self.event_id = Some(id);
        }
        Ok(decoded)
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

    fn field(&mut self, class: &FieldClass) -> Result<Decoded, Stop> {
        self.left = self.left.checked_sub(1).ok_or_else(|| {
            Stop::Bad(format!(
                "more than {MAX_FIELDS} fields in an event or a packet's context"
            ))
        })?;
        self.align(class)?;
        let begin = self.bit;
        let mut integer = None;
        match class {
            FieldClass::Integer(_) | FieldClass::Enumeration(_) => integer = self.integer(class)?,
            FieldClass::Float(float) => {
                self.take(u64::from(float.size))?;
            }
            FieldClass::String(_) => self.string()?,
            FieldClass::Struct(structure) => {
                for (i, field) in structure.fields.iter().enumerate() {
                    self.step(i, field)?;
                }
            }
            FieldClass::Variant(variant) => {
                let chosen = self.chosen(variant)?;
                self.step(chosen, &variant.options[chosen])?;
            }
            FieldClass::Array { length, element } => self.elements(*length, element)?,
            FieldClass::Sequence { length, element } => {
                let length = self.number(length)?;
                self.elements(length.try_into().unwrap_or(0), element)?;
            }
        }
        Ok(Decoded { begin, integer })
    }

    fn elements(&mut self, length: u64, element: &FieldClass) -> Result<(), Stop> {
        (0..length).try_for_each(|_| self.field(element).map(|_| ()))
    }

    fn integer(&mut self, class: &FieldClass) -> Result<Option<(Location, i128)>, Stop> {
        let Some(integer) = class.integer() else {
            return Ok(None);
        };
        let at = Location {
            bit: self.take(u64::from(integer.size))?,
            size: integer.size,
            byte_order: integer.byte_order,
        };
        let (byte, length) = at.bytes();
        let number = value(integer, at.get(self.read(byte, length)?));
        self.numbers.insert(self.here.clone(), number);
        Ok(Some((at, number)))
    }

    fn string(&mut self) -> Result<(), Stop> {
        loop {
            let byte = self.take(8)? / 8;
            if self.read(byte, 1)? == [0] {
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
