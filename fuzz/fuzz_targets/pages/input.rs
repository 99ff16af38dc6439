//! The fuzzer's bytes as numbers. Behind their end come zeros: an input that is cut off still means something.

pub struct Input<'a> {
    bytes: &'a [u8],
}

impl<'a> Input<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Input { bytes }
    }

    /// Whether only zeros follow.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    pub fn byte(&mut self) -> u8 {
        self.bytes.split_off_first().copied().unwrap_or(0)
    }

    /// The next bytes, fewer where there are fewer.
    pub fn bytes(&mut self, count: usize) -> &'a [u8] {
        let count = count.min(self.bytes.len());
        self.bytes.split_off(..count).expect("there are as many")
    }

    /// A number of 16 bits.
    pub fn short(&mut self) -> u16 {
        u16::from_le_bytes([self.byte(), self.byte()])
    }

    /// A number of 64 bits.
    pub fn number(&mut self) -> u64 {
        u64::from_le_bytes(std::array::from_fn(|_| self.byte()))
    }

    /// A number that a byte tells: small ones exactly, large ones (up to 500,000) by their magnitude.
    pub fn size(&mut self) -> usize {
        let byte = usize::from(self.byte());
        (byte & 31) << (2 * (byte >> 5))
    }

    /// One of these.
    pub fn one<T: Copy>(&mut self, of: &[T]) -> T {
        of[usize::from(self.byte()) % of.len()]
    }
}
