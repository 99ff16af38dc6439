//! Process names, each once.
//!
//! The one idea: neighbours in a stream mostly have the same name, so the last one is looked at first; a run of events
//! costs one comparison each.

use std::collections::HashMap;

/// Names, numbered in the order of their first appearance.
#[derive(Debug, Default)]
pub(crate) struct Names {
    names: Vec<Vec<u8>>,
    numbers: HashMap<Vec<u8>, u32>,
    last: usize,
}

impl Names {
    /// The number of `name`.
    #[inline]
    pub(crate) fn number(&mut self, name: &[u8]) -> u32 {
        if self.names.get(self.last).is_none_or(|last| last != name) {
            self.last = self.find(name);
        }
        self.last as u32
    }

    fn find(&mut self, name: &[u8]) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number as usize;
        }
        let number = self.names.len();
        self.numbers.insert(name.to_vec(), number as u32);
        self.names.push(name.to_vec());
        number
    }

    /// All of them, in the order of their numbers.
    pub(crate) fn all(&self) -> &[Vec<u8>] {
        &self.names
    }

    /// Forgets them.
    pub(crate) fn clear(&mut self) {
        self.names.clear();
        self.numbers.clear();
        self.last = 0;
    }
}
