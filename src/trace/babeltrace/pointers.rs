//! Maps by address.

/// Hashes an address: aligned pointers differ in their middle bits.
#[derive(Default)]
pub(super) struct AddressHasher(u64);

impl std::hash::Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _: &[u8]) {
        unreachable!("pointers hash as usize")
    }
    fn write_usize(&mut self, n: usize) {
        self.0 = (n as u64)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(20);
    }
}

/// Makes [`AddressHasher`]s.
pub(super) type PointerHash = std::hash::BuildHasherDefault<AddressHasher>;
