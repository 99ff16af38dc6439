//! Slots: which integers the decoder keeps.
//!
//! The one idea: a tag, a length, or the size of a packet is an integer that something later needs. What needs it asks for
//! a slot here before the plans are made; whoever runs the plans finds the number there. A slot can also keep where a field
//! begins.

use super::plan::Slot;
use crate::trace::ctf::metadata::model::{
    EventClass, FieldClass, Metadata, Reference, Scope, StreamClass,
};
use std::collections::HashMap;

/// The slots of a stream class.
#[derive(Debug, Clone, Default)]
pub(crate) struct Slots {
    numbers: HashMap<Reference, Slot>,
    begins: HashMap<Reference, Slot>,
    count: usize,
}

impl Slots {
    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// The slot that keeps the number of a field, where one does.
    pub(crate) fn number(&self, field: &Reference) -> Option<Slot> {
        self.numbers.get(field).copied()
    }

    /// The slot of a field that a tag or a length refers to; it must have been asked for.
    pub(crate) fn referred(&self, field: &Reference) -> Slot {
        self.numbers[field]
    }

    /// The slot that keeps where a field begins, where one does.
    pub(crate) fn begin(&self, field: &Reference) -> Option<Slot> {
        self.begins.get(field).copied()
    }

    /// Asks for one that keeps the number of a field.
    pub(crate) fn keep_number(&mut self, field: &Reference) -> Slot {
        keep(&mut self.numbers, &mut self.count, field)
    }

    /// Asks for one that keeps where a field begins.
    pub(crate) fn keep_begin(&mut self, field: &Reference) -> Slot {
        keep(&mut self.begins, &mut self.count, field)
    }

    /// Asks for those that some stream class needs of the packets' header.
    pub(crate) fn of_header(&mut self, metadata: &Metadata) {
        let roots = metadata.streams.iter().flat_map(StreamClass::roots);
        for class in metadata.packet_header.as_deref().into_iter().chain(roots) {
            self.of_class(class, &|r| r.scope == Scope::PacketHeader);
        }
    }

    /// Asks for those that are needed of the roots that all events of a stream share.
    pub(crate) fn of_stream(&mut self, stream: &StreamClass) {
        for class in stream.roots() {
            self.of_class(class, &|r| r.scope <= Scope::StreamEventContext);
        }
    }

    /// These, and those that are needed of an event's own roots.
    pub(crate) fn with_event(&self, event: &EventClass) -> Slots {
        let mut slots = self.clone();
        let roots = [event.context.as_deref(), event.fields.as_deref()];
        for class in roots.into_iter().flatten() {
            slots.of_class(class, &|_| true);
        }
        slots
    }

    fn of_class(&mut self, class: &FieldClass, wanted: &dyn Fn(&Reference) -> bool) {
        let refer = |slots: &mut Self, reference: &Reference| {
            if wanted(reference) {
                slots.keep_number(reference);
            }
        };
        match class {
            FieldClass::Struct(structure) => {
                for field in &structure.fields {
                    self.of_class(&field.class, wanted);
                }
            }
            FieldClass::Variant(variant) => {
                variant.tag.iter().for_each(|tag| refer(self, tag));
                for option in &variant.options {
                    self.of_class(&option.class, wanted);
                }
            }
            FieldClass::Array { element, .. } => self.of_class(element, wanted),
            FieldClass::Sequence {
                length, element, ..
            } => {
                refer(self, length);
                self.of_class(element, wanted);
            }
            _ => {}
        }
    }
}

fn keep(slots: &mut HashMap<Reference, Slot>, count: &mut usize, field: &Reference) -> Slot {
    *slots.entry(field.clone()).or_insert_with(|| {
        *count += 1;
        // The metadata's reader allows a million fields in all.
        (*count - 1) as Slot
    })
}
