//! Compressing pages: one context for all columns that a thread encodes.
//!
//! A context of Zstandard takes a megabyte; one for each of 150 columns is memory that no cache holds. And the bodies of pages
//! without a value are a few bytes, the same for many columns: they are compressed once.

use parquet::basic::Compression;
use parquet::errors::ParquetError;
use std::collections::HashMap;

/// Bytes of a body that is remembered.
const SMALL: usize = 32;
/// How many are.
const REMEMBERED: usize = 1024;

/// Compresses one body after the other.
pub(super) struct Compressor {
    codec: Codec,
    known: HashMap<Vec<u8>, Vec<u8>>,
}

enum Codec {
    None,
    Snappy(Box<snap::raw::Encoder>),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Compressor {
    /// A compressor as `compression` says.
    ///
    /// # Errors
    /// [`ParquetError::NYI`] for a codec that sysds does not offer; and where there is no memory.
    pub(super) fn new(compression: Compression) -> Result<Self, ParquetError> {
        let codec = match compression {
            Compression::UNCOMPRESSED => Codec::None,
            Compression::SNAPPY => Codec::Snappy(Box::new(snap::raw::Encoder::new())),
            Compression::ZSTD(level) => {
                Codec::Zstd(zstd::bulk::Compressor::new(level.compression_level())?)
            }
            other => return Err(ParquetError::NYI(format!("pages compressed as {other}"))),
        };
        Ok(Compressor {
            codec,
            known: HashMap::new(),
        })
    }

    /// Compresses `body`.
    ///
    /// # Errors
    /// [`ParquetError`] where the codec fails.
    pub(super) fn compress(&mut self, body: &[u8]) -> Result<Vec<u8>, ParquetError> {
        if let Some(known) = self.known.get(body) {
            return Ok(known.clone());
        }
        let compressed = match &mut self.codec {
            Codec::None => body.to_vec(),
            Codec::Snappy(codec) => codec
                .compress_vec(body)
                .map_err(|e| ParquetError::External(Box::new(e)))?,
            Codec::Zstd(codec) => codec.compress(body)?,
        };
        if body.len() <= SMALL && self.known.len() < REMEMBERED {
            self.known.insert(body.to_vec(), compressed.clone());
        }
        Ok(compressed)
    }
}
