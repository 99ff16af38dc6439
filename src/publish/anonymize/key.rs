//! The key of a release's pseudonyms, and what is made of it.
//!
//! One secret of 32 bytes; every use has a key of its own, derived with BLAKE3, so that the pseudonyms of one kind tell
//! nothing of another's. Whoever has the key can find out what stands behind a pseudonym by trying; it belongs to the
//! lab and never into a release.

use crate::error::{Error, Place, Result};
use std::path::Path;

/// The secret.
#[derive(Clone)]
pub struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// A key of these bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Key(bytes)
    }

    /// Reads a key file: 64 hexadecimal digits, and white space.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Input`] where it is something else.
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read(path).map_err(Error::io("read", path))?;
        let digits: Vec<u8> = text
            .into_iter()
            .filter(|b| !b.is_ascii_whitespace())
            .collect();
        let pairs = digits.chunks_exact(2);
        let bytes = pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
        let bytes: Option<Vec<u8>> = bytes.collect();
        let bytes =
            bytes.filter(|_| digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit));
        match bytes.and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => Ok(Key(bytes)),
            None => Err(Error::input(
                "not a key: it has to be 64 hexadecimal digits",
                Place::file(path),
                format!(
                    "Make one, and keep it for the releases to come: openssl rand -hex 32 > {}",
                    path.display()
                ),
            )),
        }
    }

    /// The key of one use.
    pub fn of(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(&format!("sysds 2026 anonymize {purpose}"), &self.0)
    }

    /// A pseudonym of `value`: hexadecimal digits, 12 of them (48 bits), the same for the same purpose and value.
    pub fn token(&self, purpose: &str, value: &[u8]) -> String {
        blake3::keyed_hash(&self.of(purpose), value).to_hex()[..12].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_64_digits_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Key::read(&path)
        };
        let key = read(&format!("{}\n", "0f".repeat(32))).unwrap();
        assert_eq!(key.0, [15; 32]);
        for wrong in [
            "",
            "00",
            &"0".repeat(63),
            &"0".repeat(66),
            &"zz".repeat(32),
            &"+1".repeat(32),
        ] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        assert!(!format!("{key:?}").contains("15"));
        assert_ne!(key.token("a", b"x"), key.token("b", b"x"));
    }
}
