//! Where the pages of a column go while it is encoded: into memory.
//!
//! A row group is written column by column, and its columns are encoded side by side; what is encoded waits here.

use bytes::Bytes;
use parquet::column::page::{CompressedPage, PageWriteSpec, PageWriter};
use parquet::errors::ParquetError;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use std::sync::{Arc, Mutex, PoisonError};

/// The pages of a column. Its writer has a clone.
#[derive(Clone)]
pub(super) struct Pages(Arc<Mutex<TrackedWrite<Vec<u8>>>>);

impl Default for Pages {
    fn default() -> Self {
        Pages(Arc::new(Mutex::new(TrackedWrite::new(Vec::new()))))
    }
}

impl Pages {
    /// The bytes of all pages.
    ///
    /// # Errors
    /// None: memory is written to.
    ///
    /// # Panics
    /// Where the writer of the column is still there.
    pub(super) fn into_bytes(self) -> Result<Bytes, ParquetError> {
        let pages = Arc::into_inner(self.0).expect("the writer had the other one");
        let pages = pages.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(pages.into_inner()?.into())
    }
}

impl PageWriter for Pages {
    fn write_page(&mut self, page: CompressedPage) -> Result<PageWriteSpec, ParquetError> {
        let mut sink = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        SerializedPageWriter::new(&mut sink).write_page(page)
    }

    fn close(&mut self) -> Result<(), ParquetError> {
        Ok(())
    }
}
