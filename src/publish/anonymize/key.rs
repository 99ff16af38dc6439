//! The key of a release's pseudonyms, and what is made of it.
//!
//! One secret of 32 bytes; every use has a key of its own, derived with BLAKE3, so that the pseudonyms of one kind tell
//! nothing of another's. Whoever has the key can find out what stands behind a pseudonym by trying; it belongs to the
//! lab and never into a release.

use crate::error::{Error, Place, Result};
use std::path::Path;

/// The secret.
#[derive(Clone)]
pub(crate) struct Key([u8; 32]);

impl std::fmt::Debug for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Key {
    /// A key of these bytes.
    #[cfg(test)]
    pub(crate) fn new(bytes: [u8; 32]) -> Self {
        Key(bytes)
    }

    /// Reads a key file: 64 hexadecimal digits, and white space.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Input`] where it is something else.
    pub(crate) fn read(path: &Path) -> Result<Self> {
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
        let wrong = |what: &str| {
            let remedy = format!(
                "Make one, and keep it for the releases to come: (umask 077; openssl rand -hex 32 > {})",
                path.display()
            );
            Err(Error::input(what, Place::file(path), remedy))
        };
        match bytes.and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) if is_weak(&bytes) => {
                wrong("not a key: it follows a pattern that anybody would try")
            }
            Some(bytes) => Ok(Key(bytes)),
            None => wrong("not a key: it has to be 64 hexadecimal digits"),
        }
    }

    /// Why a key file is not as secret as it should be, and what to do; nothing where only its owner can read it.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn exposed(path: &Path) -> Result<Option<String>> {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path)
            .map_err(Error::io("read", path))?
            .permissions()
            .mode();
        let who = match mode {
            _ if mode & 0o004 != 0 => "everybody on this machine",
            _ if mode & 0o040 != 0 => "its group",
            _ => return Ok(None),
        };
        let name = path.display();
        Ok(Some(format!(
            "{name}: {who} can read the key, and with it find out what stands behind the pseudonyms; chmod 600 {name}"
        )))
    }

    /// What a release is known by to be made with this key, without telling anything of it.
    pub(crate) fn id(&self) -> String {
        self.token("which key it is", b"")
    }

    /// The key of one use.
    pub(crate) fn of(&self, purpose: &str) -> [u8; 32] {
        blake3::derive_key(&format!("sysds 2026 anonymize {purpose}"), &self.0)
    }

    /// A pseudonym of `value`: hexadecimal digits, 12 of them (48 bits), the same for the same purpose and value.
    pub(crate) fn token(&self, purpose: &str, value: &[u8]) -> String {
        blake3::keyed_hash(&self.of(purpose), value).to_hex()[..12].to_owned()
    }
}

/// Whether 32 bytes are none that chance gives: few different ones, or each as far from the last as that was. Of random
/// keys less than one in 10^40 has so few.
fn is_weak(bytes: &[u8; 32]) -> bool {
    let mut different = bytes.to_vec();
    different.sort_unstable();
    different.dedup();
    let steps: Vec<u8> = bytes.windows(2).map(|w| w[1].wrapping_sub(w[0])).collect();
    different.len() < 8 || steps.windows(2).all(|w| w[0] == w[1])
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
        let digits = "9d41c07be2853f6a1b94d8e05c72a3f6480fbd97e1362c5ad903874ef16b20c5";
        let key = read(&format!("{digits}\n")).unwrap();
        assert_eq!((key.0[0], key.0[31]), (0x9d, 0xc5));
        let counting: String = (0..32).map(|b| format!("{b:02x}")).collect();
        for weak in [
            "0".repeat(64),
            "0f".repeat(32),
            "deadbeef".repeat(8),
            counting,
        ] {
            let e = read(&weak).unwrap_err().to_string();
            assert!(e.contains("pattern"), "{weak}: {e}");
        }
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
        assert!(!format!("{key:?}").contains("9d") && !format!("{key:?}").contains("157"));
        assert_ne!(key.token("a", b"x"), key.token("b", b"x"));
    }

    #[test]
    fn who_else_can_read_a_key_is_told() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "").unwrap();
        for (mode, told) in [
            (0o644, Some("everybody")),
            (0o640, Some("group")),
            (0o600, None),
        ] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let found = Key::exposed(&path).unwrap();
            assert_eq!(found.is_some(), told.is_some(), "{mode:o}");
            assert!(found.is_none_or(|f| f.contains(told.unwrap()) && f.contains("chmod 600")));
        }
    }
}
