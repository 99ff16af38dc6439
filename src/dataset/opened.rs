//! A file of a dataset, opened: on a disk, or in an object store, where it is read in ranges.

use crate::error::{Error, Result};
use crate::store::object::{Object, Reader};
use bytes::Bytes;
use parquet::errors::ParquetError;
use parquet::file::reader::{ChunkReader, Length};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

/// Bytes of a file that is read through at once.
const PIECE: usize = 1 << 16;

/// A file.
#[derive(Debug, Clone)]
pub struct Opened(Of);

#[derive(Debug, Clone)]
enum Of {
    Disk(Arc<File>),
    Store(Object),
}

impl From<File> for Opened {
    fn from(file: File) -> Self {
        Opened(Of::Disk(Arc::new(file)))
    }
}

impl Opened {
    pub(super) fn object(object: Object) -> Self {
        Opened(Of::Store(object))
    }

    /// The same, for who reads it page by page, or from its begin to its end.
    #[must_use]
    pub fn in_blocks(self) -> Self {
        match self.0 {
            Of::Store(object) => Opened(Of::Store(object.in_blocks())),
            disk => Opened(disk),
        }
    }

    /// Its size in bytes; `path` is its name in errors.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub fn size(&self, path: &Path) -> Result<u64> {
        match &self.0 {
            Of::Disk(file) => {
                let told = file.metadata().map_err(Error::io("read", path))?;
                Ok(told.len())
            }
            Of::Store(object) => Ok(object.size()),
        }
    }

    /// Its bytes from `begin` on.
    ///
    /// # Errors
    /// Where the system refuses it.
    pub fn reader(&self, begin: u64) -> io::Result<Reading> {
        Ok(match &self.0 {
            Of::Disk(file) => {
                // The position is the descriptor's, which its copies share: each reader has its own here.
                let place = Positioned {
                    file: Arc::clone(file),
                    at: begin,
                };
                Reading::Disk(BufReader::new(place))
            }
            Of::Store(object) => Reading::Store(object.reader(begin)),
        })
    }
}

impl Opened {
    /// Gives `take` its bytes from the begin to the end, some at a time; `go_on` is asked before each.
    ///
    /// # Errors
    /// Where it cannot be read, and those of both.
    pub(crate) fn pieces(
        &self,
        go_on: &dyn Fn() -> io::Result<()>,
        mut take: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut file = self.reader(0)?;
        let mut buffer = vec![0; PIECE];
        loop {
            go_on()?;
            match file.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => take(&buffer[..n])?,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
    }
}

impl Length for Opened {
    fn len(&self) -> u64 {
        match &self.0 {
            Of::Disk(file) => Length::len(file.as_ref()),
            Of::Store(object) => object.size(),
        }
    }
}

impl ChunkReader for Opened {
    type T = Reading;

    fn get_read(&self, start: u64) -> Result<Reading, ParquetError> {
        Ok(self.reader(start)?)
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        let bytes = match &self.0 {
            Of::Disk(file) => return read_at(file, start, length),
            Of::Store(object) => object.bytes(start..start.saturating_add(length as u64)),
        };
        let bytes = bytes.map_err(io::Error::other)?;
        match bytes.len() == length {
            true => Ok(bytes),
            false => Err(short(length, bytes.len())),
        }
    }
}

fn short(wanted: usize, had: usize) -> ParquetError {
    ParquetError::EOF(format!("Expected to read {wanted} bytes, read only {had}"))
}

fn read_at(file: &Arc<File>, start: u64, length: usize) -> Result<Bytes, ParquetError> {
    let place = Positioned {
        file: Arc::clone(file),
        at: start,
    };
    let mut bytes = Vec::with_capacity(length.min(1 << 20));
    let had = place.take(length as u64).read_to_end(&mut bytes)?;
    match had == length {
        true => Ok(bytes.into()),
        false => Err(short(length, had)),
    }
}

/// A file that is read on and on, from a place of its own.
#[derive(Debug)]
pub struct Positioned {
    file: Arc<File>,
    at: u64,
}

impl Read for Positioned {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = rustix::io::pread(&self.file, buffer, self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

/// The bytes of a file from some place on.
#[derive(Debug)]
#[expect(private_interfaces, reason = "what it reads is nobody's business")]
pub enum Reading {
    /// Of one on a disk.
    Disk(BufReader<Positioned>),
    /// Of one in a store.
    Store(Reader),
}

impl Read for Reading {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Reading::Disk(file) => file.read(buffer),
            Reading::Store(object) => object.read(buffer),
        }
    }
}
