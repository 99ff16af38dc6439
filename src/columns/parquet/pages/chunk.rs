//! A column chunk being encoded: values go to the open page, full pages are compressed and wait in memory.
//!
//! A page without a value is only counted until the column's first value comes, and nothing is done for its rows but a few
//! bytes when it is written. A page ends after [`PAGE_ROWS`](crate::columns::parquet::properties::PAGE_ROWS) rows, or
//! earlier where its texts are long or the dictionary has become too large; always between two rows.

use super::compressor::Compressor;
use super::hybrid::Packed;
use super::index::{ChunkIndex, DictionaryFacts, PageFacts};
use super::leaf::Leaf;
use super::presence::Presence;
use super::shape::Shape;
use super::values::{Values, kind, texts};
use crate::columns::parquet::sparse::At;
use bytes::Bytes;
use parquet::basic::{Compression, Encoding};
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::{ColumnDescPtr, ColumnDescriptor};
use std::ops::Range;

/// What columns that are encoded one after the other share.
#[derive(Default)]
pub struct Workspace {
    compressor: Option<(Compression, Compressor)>,
    packed: Packed,
    body: Vec<u8>,
}

/// A column of one leaf, being encoded.
pub struct ChunkWriter {
    column: ColumnDescPtr,
    compression: Compression,
    page_rows: usize,
    /// The share of wrong answers that a filter may give.
    false_positives: f64,
    values: Values,
    presence: Presence,
    /// Rows of the open page.
    open: Range<usize>,
    /// Pages without a value before the first value.
    ahead: Vec<Range<usize>>,
    /// Whether a value has come.
    begun: bool,
    pages: TrackedWrite<Vec<u8>>,
    index: ChunkIndex,
}

/// Whether columns of this type are encoded here.
pub fn is_encoded(column: &ColumnDescriptor) -> bool {
    kind(column).is_some()
}

impl ChunkWriter {
    /// A column without rows.
    ///
    /// # Errors
    /// [`ParquetError::NYI`] where it is not [encoded](is_encoded) here, or as `properties` say.
    pub fn new(column: ColumnDescPtr, properties: &WriterProperties) -> Result<Self, ParquetError> {
        let kind = kind(&column);
        let kind =
            kind.ok_or_else(|| ParquetError::NYI(format!("columns as {}", column.path())))?;
        Ok(ChunkWriter {
            compression: properties.compression(column.path()),
            page_rows: properties.data_page_row_count_limit(),
            false_positives: properties
                .bloom_filter_properties(column.path())
                .map_or(0.0, |f| f.fpp()),
            values: Values::new(&column, properties)?,
            presence: Presence::default(),
            open: 0..0,
            ahead: Vec::new(),
            begun: false,
            pages: TrackedWrite::new(Vec::new()),
            index: ChunkIndex::new(&column, kind, texts(&column)),
            column,
        })
    }

    /// Rows that have been written.
    pub fn rows(&self) -> usize {
        self.open.end
    }

    /// Writes the next rows, up to `end`. `leaf` has the values of those of their places that `at` tells. `shape` must be that
    /// which the column has in the schema.
    ///
    /// # Errors
    /// [`ParquetError`] where a page cannot be encoded, or the values are of another type.
    pub fn write(
        &mut self,
        leaf: &Leaf,
        at: At,
        end: usize,
        shape: Shape,
        workspace: &mut Workspace,
    ) -> Result<(), ParquetError> {
        let base = shape.places(&(self.open.end..end)).start;
        let mut value = 0;
        if !self.begun && !leaf.is_empty() {
            self.begun = true;
            self.write_ahead(shape, workspace)?;
        }
        while self.open.end < end {
            let mut rows = self.open.end..end.min(self.open.start + self.page_rows);
            let places = shape.places(&rows);
            let values = value..at.before(places.end - base);
            let added = self.values.push(leaf, values.clone(), false)?;
            let mut upto = values.start + added;
            if upto < values.end {
                // The page is full. The rest of the row that it was filled by belongs to it.
                rows.end = shape.row_of(base + at.element(upto - 1)) + 1;
                let rest = upto..at.before(shape.places(&rows).end - base);
                upto += self.values.push(leaf, rest, true)?;
            }
            self.presence.add(at, value..upto, base);
            (self.open.end, value) = (rows.end, upto);
            if self.open.len() >= self.page_rows || self.values.is_full() {
                self.end_page(shape, workspace)?;
            }
        }
        Ok(())
    }

    /// Fills up with nulls to `end` rows.
    ///
    /// # Errors
    /// As [`ChunkWriter::write`].
    pub fn write_nulls(
        &mut self,
        end: usize,
        shape: Shape,
        workspace: &mut Workspace,
    ) -> Result<(), ParquetError> {
        while self.open.end < end {
            self.open.end = end.min(self.open.start + self.page_rows);
            if self.open.len() >= self.page_rows {
                self.end_page(shape, workspace)?;
            }
        }
        Ok(())
    }

    /// Bytes of the pages that are ready, and about as many as the open one and the dictionary will come to.
    pub fn size(&self) -> usize {
        self.pages.bytes_written() + self.values.size()
    }

    /// Ends the column: its pages, and what there is to say about them.
    ///
    /// # Errors
    /// As [`ChunkWriter::write`].
    pub fn close(
        mut self,
        shape: Shape,
        workspace: &mut Workspace,
    ) -> Result<(Bytes, ColumnCloseResult), ParquetError> {
        self.end_page(shape, workspace)?;
        if !self.begun {
            // A dictionary of nothing is a page that no reader needs.
            self.values.forgo_dictionary();
            self.write_ahead(shape, workspace)?;
        }
        let mut data = self.pages.into_inner()?;
        let (plain, count) = self.values.dictionary();
        let (mut bytes, dictionary) = match count {
            0 => (Vec::new(), None),
            _ => {
                let page = Page::DictionaryPage {
                    buf: workspace.compress(self.compression, &plain)?.into(),
                    num_values: count as u32,
                    encoding: Encoding::PLAIN,
                    is_sorted: false,
                };
                let mut sink = TrackedWrite::new(Vec::new());
                let page = CompressedPage::new(page, plain.len());
                let written = SerializedPageWriter::new(&mut sink).write_page(page)?;
                let facts = DictionaryFacts {
                    size: written.compressed_size,
                    plain_size: written.uncompressed_size,
                };
                (sink.into_inner()?, Some(facts))
            }
        };
        match bytes.is_empty() {
            true => bytes = data,
            false => bytes.append(&mut data),
        }
        let filter = self.values.take_filter().map(|mut filter| {
            filter.fold_to_target_fpp(self.false_positives);
            filter
        });
        let index = self.index;
        let closed = index.close(&self.column, self.compression, dictionary, filter)?;
        Ok((Bytes::from(bytes), closed))
    }

    /// Ends the open page.
    fn end_page(&mut self, shape: Shape, workspace: &mut Workspace) -> Result<(), ParquetError> {
        let next = self.open.end..self.open.end;
        let rows = std::mem::replace(&mut self.open, next);
        match (rows.is_empty(), self.begun) {
            (true, _) => Ok(()),
            (false, false) => {
                self.ahead.push(rows);
                Ok(())
            }
            (false, true) => self.write_page(rows, shape, workspace),
        }
    }

    /// Writes the pages before the first value.
    fn write_ahead(&mut self, shape: Shape, workspace: &mut Workspace) -> Result<(), ParquetError> {
        let mut pages = std::mem::take(&mut self.ahead).into_iter();
        pages.try_for_each(|rows| self.write_page(rows, shape, workspace))
    }

    /// Encodes, compresses and writes a page of these rows, with the values that have come for it.
    fn write_page(
        &mut self,
        rows: Range<usize>,
        shape: Shape,
        workspace: &mut Workspace,
    ) -> Result<(), ParquetError> {
        let (packed, mut body) = (&mut workspace.packed, std::mem::take(&mut workspace.body));
        body.clear();
        if self.column.max_rep_level() > 0 {
            let greatest = self.column.max_rep_level() as u8;
            with_length(&mut body, |out| {
                shape.encode_repetition(&rows, greatest, packed, out);
            });
        }
        let there = self.column.max_def_level() as u8;
        let null = there - u8::from(self.column.self_type().is_optional());
        if there > 0 {
            with_length(&mut body, |out| {
                self.presence
                    .encode(&rows, shape, (null, there), packed, out);
            });
        }
        let ended = self.values.end_page(&mut body);
        let (levels, beneath) = (shape.levels(&rows).len(), shape.beneath(&rows));
        if null == there && self.presence.values + beneath.iter().sum::<usize>() < levels {
            let path = self.column.path();
            return Err(ParquetError::General(format!(
                "{path} is null in some rows"
            )));
        }
        let page = Page::DataPage {
            buf: workspace.compress(self.compression, &body)?.into(),
            num_values: levels as u32,
            encoding: ended.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let page = CompressedPage::new(page, body.len());
        let written = SerializedPageWriter::new(&mut self.pages).write_page(page)?;
        self.index.add(PageFacts {
            rows: rows.len(),
            levels,
            values: self.presence.values,
            beneath,
            repetitions: shape.repetitions(&rows),
            bounds: ended.bounds,
            text_bytes: ended.text_bytes,
            encoding: ended.encoding,
            offset: written.offset,
            size: written.compressed_size,
            plain_size: written.uncompressed_size,
        });
        self.presence.clear();
        workspace.body = body;
        Ok(())
    }
}

impl Workspace {
    fn compress(&mut self, compression: Compression, body: &[u8]) -> Result<Vec<u8>, ParquetError> {
        match &mut self.compressor {
            Some((known, compressor)) if *known == compression => compressor.compress(body),
            other => {
                let (_, compressor) = other.insert((compression, Compressor::new(compression)?));
                compressor.compress(body)
            }
        }
    }
}

/// Appends what `write` appends, behind its length in four bytes.
fn with_length(out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&[0; 4]);
    write(out);
    let length = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&length.to_le_bytes());
}
