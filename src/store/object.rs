//! An object as a file that is read in ranges.
//!
//! A footer or a column is one request for its bytes. Who reads a file from its begin to its end, or page by page, would
//! send one for every few hundred bytes, so there the object is read in blocks, of which the last few are kept.

use super::client::Folder;
use super::remembering::TAIL;
use crate::error::Result;
use bytes::Bytes;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Bytes of a block.
const BLOCK: u64 = 1 << 20;
/// Blocks of an object that are kept: columns that are read side by side are each in one of their own.
const KEPT: usize = 32;

/// Blocks by their numbers, the one that was used last at the end.
type Blocks = VecDeque<(u64, Bytes)>;

/// An object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    folder: Folder,
    name: PathBuf,
    size: u64,
    blocks: Option<Arc<Mutex<Blocks>>>,
}

impl Object {
    /// The object `name` in `folder`.
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io) where it is not there, [`Error::Store`](crate::error::Error::Store).
    pub(crate) fn open(folder: &Folder, name: &Path) -> Result<Self> {
        Ok(Object {
            size: folder.size_once(name)?,
            folder: folder.clone(),
            name: name.to_path_buf(),
            blocks: None,
        })
    }
}

impl Object {
    /// Its size.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The same, read in blocks.
    pub(crate) fn in_blocks(mut self) -> Self {
        self.blocks.get_or_insert_default();
        self
    }

    /// The bytes `range`, which end with the object where they would go beyond it.
    ///
    /// # Errors
    /// [`Error::Store`](crate::error::Error::Store), and [`Error::Io`](crate::error::Error::Io) where it is gone.
    pub(crate) fn bytes(&self, range: Range<u64>) -> Result<Bytes> {
        let range = range.start.min(self.size)..range.end.min(self.size);
        if range.is_empty() {
            return Ok(Bytes::new());
        }
        // The end, where the footer is, is kept anyway.
        let blocks = self
            .blocks
            .as_ref()
            .filter(|_| range.start < self.size.saturating_sub(TAIL));
        let Some(blocks) = blocks else {
            return self.folder.range(&self.name, range);
        };
        let (first, last) = (range.start / BLOCK, (range.end - 1) / BLOCK);
        if first == last {
            let block = self.block(blocks, first)?;
            return Ok(within(&block, first, &range));
        }
        let mut all = Vec::with_capacity((range.end - range.start) as usize);
        for number in first..=last {
            let block = self.block(blocks, number)?;
            all.extend_from_slice(&within(&block, number, &range));
        }
        Ok(all.into())
    }

    fn block(&self, blocks: &Mutex<Blocks>, number: u64) -> Result<Bytes> {
        let locked = || blocks.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut kept = locked();
            if let Some(at) = kept.iter().position(|(of, _)| *of == number) {
                let block = kept.remove(at).expect("it is there");
                kept.push_back(block.clone());
                return Ok(block.1);
            }
        }
        let begin = number * BLOCK;
        let block = self
            .folder
            .range(&self.name, begin..(begin + BLOCK).min(self.size))?;
        let mut kept = locked();
        if kept.len() == KEPT {
            kept.pop_front();
        }
        kept.push_back((number, block.clone()));
        Ok(block)
    }

    /// Its bytes from `begin` on.
    pub(crate) fn reader(&self, begin: u64) -> Reader {
        Reader {
            object: self.clone().in_blocks(),
            at: begin,
        }
    }
}

/// The part of the block `number` that is in `range`.
fn within(block: &Bytes, number: u64, range: &Range<u64>) -> Bytes {
    let begin = number * BLOCK;
    let from = range.start.saturating_sub(begin).min(block.len() as u64) as usize;
    let to = (range.end - begin).min(block.len() as u64) as usize;
    block.slice(from.min(to)..to)
}

/// An object that is read on and on.
#[derive(Debug)]
pub(crate) struct Reader {
    object: Object,
    at: u64,
}

impl Read for Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Up to the end of a block: who reads a little gets what one request brought.
        let end = (self.at / BLOCK + 1) * BLOCK;
        let end = end.min(self.at.saturating_add(buffer.len() as u64));
        let bytes = self.object.bytes(self.at..end).map_err(io::Error::other)?;
        buffer[..bytes.len()].copy_from_slice(&bytes);
        self.at += bytes.len() as u64;
        Ok(bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::client::tests::{folder_in, put};
    use object_store::memory::InMemory;

    #[test]
    fn an_object_reads_the_same_in_ranges_and_in_blocks() {
        let bytes: Vec<u8> = (0..3 * BLOCK + 7).map(|n| (n % 251) as u8).collect();
        let store = Arc::new(InMemory::new());
        put(&store, "data/web/x", &bytes);
        let object = Object::open(&folder_in(store), Path::new("x")).unwrap();
        let blocks = object.clone().in_blocks();
        let end = bytes.len() as u64;
        for range in [
            0..1,
            BLOCK - 1..BLOCK + 1,
            5..3 * BLOCK,
            3 * BLOCK..end,
            end - 8..end + 100,
            end..end + 1,
            end + 5..end + 9,
        ] {
            let place = |at: u64| at.min(end) as usize;
            let expected = &bytes[place(range.start)..place(range.end)];
            assert_eq!(object.bytes(range.clone()).unwrap(), expected, "{range:?}");
            assert_eq!(blocks.bytes(range.clone()).unwrap(), expected, "{range:?}");
        }
        let mut read = Vec::new();
        object.reader(11).read_to_end(&mut read).unwrap();
        assert_eq!(read, bytes[11..]);
    }

    #[test]
    fn an_object_that_is_shorter_than_it_is_said_to_be_is_told() {
        let store = Arc::new(InMemory::new());
        put(&store, "data/web/x", &[7; 1000]);
        for said in [1100, 70_000, 3 * BLOCK] {
            let folder = folder_in(store.clone());
            folder.tell_size(Path::new("x"), said);
            let object = Object::open(&folder, Path::new("x")).unwrap();
            for object in [object.clone(), object.in_blocks()] {
                let last = object.bytes(said - 8..said);
                assert!(last.is_err(), "{said}");
                let mut read = Vec::new();
                assert!(object.reader(0).read_to_end(&mut read).is_err(), "{said}");
            }
        }
    }
}
