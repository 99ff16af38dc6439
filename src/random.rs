//! Numbers for tests that look random and are the same each time (xorshift).

/// Gives them; what it begins with must not be 0.
#[derive(Debug, Clone)]
pub(crate) struct Random(pub u64);

impl Random {
    /// Any number.
    pub(crate) fn any(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.any() % end
    }

    /// One of these.
    pub(crate) fn one<T: Clone>(&mut self, of: &[T]) -> T {
        of[self.below(of.len() as u64) as usize].clone()
    }
}
