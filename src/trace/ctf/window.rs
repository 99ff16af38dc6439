//! A few bytes of a stream file, read where they are asked for.
//!
//! Nobody who looks packets over reads a whole file; neighbours that were read already are not read again.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes that are read at least.
const LEAST: usize = 4096;

/// A few bytes of a file.
pub(super) struct Window<'a> {
    file: &'a File,
    begin: u64,
    bytes: Vec<u8>,
}

impl<'a> Window<'a> {
    /// A window on `file` that has read nothing yet.
    pub(super) fn new(file: &'a File) -> Self {
        Window {
            file,
            begin: 0,
            bytes: Vec::new(),
        }
    }

    /// The bytes from `offset` on: `least` of them or more, fewer only where the file ends before.
    ///
    /// # Errors
    /// That of the system.
    pub(super) fn bytes(&mut self, offset: u64, least: usize) -> io::Result<&[u8]> {
        let there = |begin: u64, bytes: &[u8]| {
            let from = usize::try_from(offset.checked_sub(begin)?).ok()?;
            (from + least <= bytes.len()).then_some(from)
        };
        let from = match there(self.begin, &self.bytes) {
            Some(from) => from,
            None => {
                self.read(offset, least.max(LEAST))?;
                0
            }
        };
        Ok(&self.bytes[from..])
    }

    fn read(&mut self, offset: u64, length: usize) -> io::Result<()> {
        self.begin = offset;
        self.bytes.resize(length, 0);
        let mut filled = 0;
        while filled < length {
            let at = offset.saturating_add(filled as u64);
            match self.file.read_at(&mut self.bytes[filled..], at) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => {
                    self.bytes.clear();
                    return Err(e);
                }
            }
        }
        self.bytes.truncate(filled);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn windows_move_and_stop_at_the_end() {
        let mut file = tempfile::tempfile().unwrap();
        let bytes: Vec<u8> = (0..10_000u32).map(|i| (i % 251) as u8).collect();
        file.write_all(&bytes).unwrap();
        let mut window = Window::new(&file);
        for offset in [0, 4090, 4095, 9990, 17, 9991] {
            let found = window.bytes(offset, 9).unwrap();
            assert_eq!(found[..9], bytes[offset as usize..offset as usize + 9]);
        }
        assert_eq!(window.bytes(9992, 9).unwrap(), &bytes[9992..]);
        assert_eq!(window.bytes(17, 9900).unwrap()[..9900], bytes[17..9917]);
        assert!(window.bytes(u64::MAX, 9).unwrap_or_default().is_empty());
    }
}
