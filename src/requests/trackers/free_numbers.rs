//! Which number the kernel gives to the next descriptor of a process: the lowest that is free (`open(2)`, `accept(2)`).
//!
//! So it is known what a call returned whose exit the tracer lost, where everything before it has been seen: when a call
//! gave 11, all numbers below 11 were in use, and what has been closed since is free.

use std::collections::BTreeSet;

/// The numbers of a table of descriptors, as far as they are known.
#[derive(Debug, Clone, Default)]
pub(crate) struct FreeNumbers {
    /// All numbers below are in use, but those in `free`.
    used: i64,
    free: BTreeSet<i64>,
}

impl FreeNumbers {
    /// Nothing is known any more: descriptors may have come and gone unseen.
    pub(crate) fn forget(&mut self) {
        *self = FreeNumbers::default();
    }

    /// A call was given the lowest free number, `fd`.
    pub(crate) fn gave(&mut self, fd: i64) {
        self.free = self.free.split_off(&(fd + 1));
        self.used = self.used.max(fd + 1);
    }

    /// A call took `fd`, which need not be the lowest.
    pub(crate) fn took(&mut self, fd: i64) {
        self.free.remove(&fd);
    }

    /// `fd` was closed.
    pub(crate) fn closed(&mut self, fd: i64) {
        if (0..self.used).contains(&fd) {
            self.free.insert(fd);
        }
    }

    /// FreeNumbers from `fds.0` to `fds.1` were closed.
    pub(crate) fn closed_range(&mut self, fds: (i64, i64)) {
        let end = self.used.min(fds.1.saturating_add(1));
        self.free.extend(fds.0.max(0)..end);
    }

    /// The number that the next call gets, where it is known.
    pub(crate) fn next(&self) -> Option<i64> {
        self.free.first().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_free_number_is_next_where_it_is_known() {
        let mut n = FreeNumbers::default();
        n.closed(4);
        assert_eq!(n.next(), None, "numbers below may be free, too");
        n.gave(11);
        assert_eq!(n.next(), None, "nobody knows what is above");
        n.closed(11);
        n.closed(5);
        n.closed(12);
        assert_eq!(n.next(), Some(5));
        n.gave(5);
        assert_eq!(n.next(), Some(11));
        n.took(11);
        assert_eq!(n.next(), None);
        n.closed_range((9, i64::MAX));
        assert_eq!(n.next(), Some(9));
        n.gave(10);
        assert_eq!(n.next(), Some(11), "9 was taken unseen");
        n.forget();
        assert_eq!(n.next(), None);
    }
}
