//! Writes bits, one by one: slow, and so plain that it can be checked by reading it beside CTF 1.8.3 section 4.1.

/// The order of a number's bytes, and of the bits in a byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    Little,
    Big,
}

/// Bits that are written.
#[derive(Debug, Clone, Default)]
pub struct Bits {
    pub bytes: Vec<u8>,
    /// The next bit.
    pub at: u64,
}

impl Bits {
    /// Goes to the next multiple of `bits`. What is passed over is not zero, to show who looks at it.
    pub fn align(&mut self, bits: u64) {
        self.at = self.at.next_multiple_of(bits);
        self.bytes.resize(self.at.div_ceil(8) as usize, 0xA5);
    }

    /// Writes the low `size` bits of `value`.
    pub fn put(&mut self, size: u64, value: u64, order: Order) {
        for i in 0..size {
            let (bit, of_value) = match order {
                Order::Little => (self.at % 8, i),
                Order::Big => (7 - self.at % 8, size - 1 - i),
            };
            self.bytes.resize((self.at / 8 + 1) as usize, 0xA5);
            let byte = &mut self.bytes[(self.at / 8) as usize];
            *byte = *byte & !(1 << bit) | ((value >> of_value & 1) as u8) << bit;
            self.at += 1;
        }
    }

    /// Writes whole bytes.
    pub fn text(&mut self, bytes: &[u8]) {
        bytes
            .iter()
            .for_each(|byte| self.put(8, u64::from(*byte), Order::Little));
    }
}
