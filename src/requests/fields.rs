//! The fields of an event class, as bindings ask for them by name and type.

use crate::trace::event::{EventClass, FieldType};
use std::cell::RefCell;
use std::collections::BTreeSet;

/// Position of a payload field.
pub(crate) type At = usize;

/// The payload fields of a class; or of any, to find out what is asked for.
pub(crate) struct Fields<'a> {
    class: Option<&'a EventClass>,
    asked: RefCell<BTreeSet<&'static str>>,
}

impl<'a> Fields<'a> {
    /// Those of a class.
    pub(super) fn of(class: &'a EventClass) -> Self {
        Fields {
            class: Some(class),
            asked: RefCell::default(),
        }
    }

    /// Those of a class that has whatever it is asked for, at position 0.
    pub(super) fn of_any() -> Self {
        Fields {
            class: None,
            asked: RefCell::default(),
        }
    }

    /// The names that were asked for so far, sorted.
    pub(super) fn asked(&self) -> Vec<&'static str> {
        self.asked.borrow().iter().copied().collect()
    }

    fn find(&self, name: &'static str, fits: impl Fn(&FieldType) -> bool) -> Option<At> {
        self.asked.borrow_mut().insert(name);
        match self.class {
            Some(class) => find(class, name, fits),
            None => Some(0),
        }
    }

    /// An integer.
    pub(super) fn integer(&self, name: &'static str) -> Option<At> {
        self.find(name, is_integer)
    }

    /// The first of these names that is an integer.
    pub(super) fn first_integer(&self, names: &[&'static str]) -> Option<At> {
        // All are asked for, whichever is there.
        let found: Vec<Option<At>> = names.iter().map(|name| self.integer(name)).collect();
        found.into_iter().flatten().next()
    }

    /// An integer, by a name that is not noted as asked for.
    pub(super) fn named_integer(&self, name: &str) -> Option<At> {
        find(self.class?, name, is_integer)
    }

    /// A list of anything.
    pub(super) fn list(&self, name: &'static str) -> Option<At> {
        self.find(name, |ty| matches!(ty, FieldType::List(..)))
    }

    /// A list of structures whose first member is an integer.
    pub(super) fn polled(&self, name: &'static str) -> Option<At> {
        self.find(name, |ty| {
            let FieldType::List(element, _) = ty else {
                return false;
            };
            let FieldType::Struct(members) = element.as_ref() else {
                return false;
            };
            members.first().is_some_and(|m| is_integer(&m.ty))
        })
    }

    /// A list of bytes.
    pub(super) fn bitmap(&self, name: &'static str) -> Option<At> {
        let is_byte = |ty: &FieldType| matches!(ty, FieldType::Unsigned(8, _));
        self.find(
            name,
            |ty| matches!(ty, FieldType::List(element, _) if is_byte(element)),
        )
    }

    /// A text.
    pub(super) fn text(&self, name: &'static str) -> Option<At> {
        self.find(name, |ty| *ty == FieldType::Text)
    }
}

fn find(class: &EventClass, name: &str, fits: impl Fn(&FieldType) -> bool) -> Option<At> {
    let at = class.field(name)?;
    fits(&class.payload[at].ty).then_some(at)
}

fn is_integer(ty: &FieldType) -> bool {
    matches!(ty, FieldType::Signed(..) | FieldType::Unsigned(..))
}
