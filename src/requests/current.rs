//! The event that is being looked at, with its class, thread and process, and the arguments in its payload.

use super::observed::Observed;
use super::trackers::threads::Slot;
use crate::calls::as_descriptor;
use crate::trace::event::{EventClass, FieldType, Phase};

/// The event that is being looked at.
#[derive(Clone, Copy)]
pub(crate) struct Current<'a> {
    pub observed: &'a Observed<'a>,
    pub class: &'a EventClass,
    pub thread: Slot,
    pub process: i32,
}

impl<'a> Current<'a> {
    /// Nanoseconds since the Unix epoch.
    pub(crate) fn timestamp(&self) -> i64 {
        self.observed.head.timestamp
    }

    /// Whether it is a side of a system call.
    pub(crate) fn is_syscall(&self) -> bool {
        self.class.phase != Phase::Point
    }

    /// The integer in payload field `at`.
    pub(crate) fn value(&self, at: usize) -> Option<i64> {
        self.class.integer(self.observed.values, at)
    }

    /// The same; 0 where the field is not an integer.
    pub(crate) fn integer(&self, at: usize) -> i64 {
        self.value(at).unwrap_or(0)
    }

    /// The descriptor in field `at`.
    pub(crate) fn descriptor(&self, at: usize) -> i64 {
        as_descriptor(self.integer(at))
    }

    /// The flags in field `at`; none where the trace has no field for them.
    pub(crate) fn flags(&self, at: Option<usize>) -> i64 {
        at.map_or(0, |at| self.integer(at))
    }

    /// The text in field `at`, where it is one.
    pub(crate) fn text(&self, at: usize) -> Option<&'a str> {
        let mut cursor = self.class.seek(self.observed.values, at);
        cursor.utf8().ok()
    }

    /// The list of integers in field `at`.
    pub(crate) fn list(&self, at: usize) -> Vec<i64> {
        let mut cursor = self.class.seek(self.observed.values, at);
        (0..cursor.count())
            .map(|_| cursor.integer() as i64)
            .collect()
    }

    /// The descriptors in field `at`, a list of structures whose first member is one: `struct pollfd`.
    pub(crate) fn polled(&self, at: usize) -> Vec<i64> {
        let FieldType::List(element, _) = &self.class.payload[at].ty else {
            return Vec::new();
        };
        let mut cursor = self.class.seek(self.observed.values, at);
        let count = cursor.count();
        (0..count)
            .map(|_| {
                let mut ahead = cursor;
                let fd = as_descriptor(ahead.integer() as i64);
                cursor.skip(element);
                fd
            })
            .collect()
    }

    /// The descriptors in field `at`, a bitmap: `fd_set`.
    pub(crate) fn selected(&self, at: usize) -> Vec<i64> {
        let bytes = self.list(at);
        let bits = bytes
            .iter()
            .enumerate()
            .flat_map(|(i, b)| (0..8).map(move |bit| (i * 8 + bit, b >> bit & 1 == 1)));
        bits.filter(|(_, set)| *set)
            .map(|(fd, _)| fd as i64)
            .collect()
    }
}
