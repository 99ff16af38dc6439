//! What readers are told of a column chunk and its pages, so that they can skip: bounds, nulls, levels, places.
//!
//! The page index is as PageIndex.md of the format says, the counts of levels and the bytes of texts as `SizeStatistics` in
//! parquet.thrift.

use super::bounds::{Bounds, Kind, Texts, statistics};
use parquet::basic::{BoundaryOrder, Compression, Encoding, EncodingMask, PageType};
use parquet::bloom_filter::Sbbf;
use parquet::column::writer::ColumnCloseResult;
use parquet::errors::ParquetError;
use parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, LevelHistogram, OffsetIndexBuilder, PageEncodingStats,
};
use parquet::schema::types::ColumnDescPtr;

/// A page that was written.
pub(super) struct PageFacts {
    pub rows: usize,
    /// Levels: values, nulls, and lists without elements.
    pub levels: usize,
    pub values: usize,
    /// Levels below those of places for values, by their levels: of rows without a list, of lists without elements, and so
    /// on.
    pub beneath: Vec<usize>,
    /// Repetition levels, by their levels.
    pub repetitions: Vec<usize>,
    pub bounds: Option<Bounds>,
    pub text_bytes: Option<i64>,
    pub encoding: Encoding,
    /// Where it is among the data pages.
    pub offset: u64,
    /// Its bytes, with the header.
    pub size: usize,
    /// Its bytes, with the header, before they were compressed.
    pub plain_size: usize,
}

/// A dictionary page that was written.
pub(super) struct DictionaryFacts {
    pub size: usize,
    pub plain_size: usize,
}

/// What is known of a column chunk so far.
pub(super) struct ChunkIndex {
    kind: Kind,
    texts: Texts,
    pages: ColumnIndexBuilder,
    /// Whether each page that has values has bounds.
    bounded: bool,
    places: Vec<(u64, usize)>,
    offsets: OffsetIndexBuilder,
    encodings: Vec<PageEncodingStats>,
    bounds: Option<Bounds>,
    /// Those of the page before, as they are told.
    before: Option<Bounds>,
    ascending: bool,
    descending: bool,
    nulls: u64,
    levels: u64,
    rows: u64,
    definition: Option<LevelHistogram>,
    repetition: Option<LevelHistogram>,
    text_bytes: Option<i64>,
    plain_size: usize,
}

impl ChunkIndex {
    /// Of a chunk without pages.
    pub(super) fn new(column: &ColumnDescPtr, kind: Kind, texts: Texts) -> Self {
        ChunkIndex {
            kind,
            texts,
            pages: ColumnIndexBuilder::new(column.physical_type()),
            bounded: true,
            places: Vec::new(),
            offsets: OffsetIndexBuilder::new(),
            encodings: Vec::new(),
            bounds: None,
            before: None,
            ascending: true,
            descending: true,
            nulls: 0,
            levels: 0,
            rows: 0,
            definition: LevelHistogram::try_new(column.max_def_level()),
            repetition: LevelHistogram::try_new(column.max_rep_level()),
            text_bytes: None,
            plain_size: 0,
        }
    }

    /// Counts in a page.
    pub(super) fn add(&mut self, page: PageFacts) {
        let nulls = page.levels - page.values;
        self.nulls += nulls as u64;
        self.levels += page.levels as u64;
        self.rows += page.rows as u64;
        self.plain_size += page.plain_size;
        self.places.push((page.offset, page.size));
        self.offsets.append_row_count(page.rows as i64);
        self.offsets
            .append_unencoded_byte_array_data_bytes(page.text_bytes);
        if let Some(bytes) = page.text_bytes {
            *self.text_bytes.get_or_insert(0) += bytes;
        }
        self.count_encoding(PageType::DATA_PAGE, page.encoding);
        let (definition, repetition) = self.histograms(&page);
        self.pages.append_histograms(&repetition, &definition);
        add(&mut self.definition, definition);
        add(&mut self.repetition, repetition);
        let told = page.bounds.as_ref().map(|bounds| bounds.told(self.texts));
        let (least, greatest) = match (&told, page.values) {
            (Some(told), _) => told.encoded(),
            (None, 0) => Default::default(),
            (None, _) => {
                self.bounded = false;
                Default::default()
            }
        };
        self.pages
            .append(page.values == 0, least, greatest, nulls as i64);
        if let (Some(bounds), Some(told)) = (page.bounds, told) {
            self.widen(bounds, told);
        }
    }

    /// Widens the bounds to those of a page. The order is that of what readers are told: what is cut may come in another.
    fn widen(&mut self, bounds: Bounds, told: Bounds) {
        if let Some(before) = &self.before {
            self.ascending &= told.not_below(before);
            self.descending &= before.not_below(&told);
        }
        match &mut self.bounds {
            Some(all) => all.widen(&bounds),
            None => self.bounds = Some(bounds),
        }
        self.before = Some(told);
    }

    fn count_encoding(&mut self, page_type: PageType, encoding: Encoding) {
        match self.encodings.last_mut() {
            Some(last) if last.page_type == page_type && last.encoding == encoding => {
                last.count += 1;
            }
            _ => self.encodings.push(PageEncodingStats {
                page_type,
                encoding,
                count: 1,
            }),
        }
    }

    /// How many levels of each kind a page has: of definition, of repetition.
    fn histograms(&self, page: &PageFacts) -> (Option<LevelHistogram>, Option<LevelHistogram>) {
        let definition = self.definition.as_ref().map(|all| {
            let mut counts = vec![0; all.len()];
            let there = counts.len() - 1;
            counts[there] = page.values as i64;
            // The level of a null is that below a value's.
            let nulls = page.levels - page.values - page.beneath.iter().sum::<usize>();
            if nulls > 0 {
                counts[there - 1] += nulls as i64;
            }
            for (count, beneath) in counts.iter_mut().zip(&page.beneath) {
                *count += *beneath as i64;
            }
            LevelHistogram::from(counts)
        });
        let repetition = self.repetition.as_ref().map(|all| {
            let mut counts = vec![0; all.len()];
            for (count, levels) in counts.iter_mut().zip(&page.repetitions) {
                *count = *levels as i64;
            }
            LevelHistogram::from(counts)
        });
        (definition, repetition)
    }

    /// What the crate parquet wants to know of a chunk that begins with the dictionary page, where there is one, and goes on
    /// with the data pages.
    ///
    /// # Errors
    /// [`ParquetError`] where the crate finds that they do not go together.
    pub(super) fn close(
        mut self,
        column: &ColumnDescPtr,
        compression: Compression,
        dictionary: Option<DictionaryFacts>,
        filter: Option<Sbbf>,
    ) -> Result<ColumnCloseResult, ParquetError> {
        let first = dictionary.as_ref().map_or(0, |page| page.size);
        let plain_first = dictionary.as_ref().map_or(0, |page| page.plain_size);
        if dictionary.is_some() {
            let page = PageEncodingStats {
                page_type: PageType::DICTIONARY_PAGE,
                encoding: Encoding::PLAIN,
                count: 1,
            };
            self.encodings.insert(0, page);
        }
        for (offset, size) in &self.places {
            let offset = first as i64 + *offset as i64;
            self.offsets.append_offset_and_size(offset, *size as i32);
        }
        let size = first + self.places.iter().map(|(_, size)| size).sum::<usize>();
        // Of the levels.
        let mut encodings = vec![Encoding::RLE];
        encodings.extend(self.encodings.iter().map(|page| page.encoding));
        let all = statistics(self.kind, self.bounds.as_ref(), self.nulls, self.texts);
        let metadata = ColumnChunkMetaData::builder(column.clone())
            .set_compression(compression)
            .set_encodings_mask(EncodingMask::new_from_encodings(encodings.iter()))
            .set_page_encoding_stats(self.encodings)
            .set_total_compressed_size(size as i64)
            .set_total_uncompressed_size((plain_first + self.plain_size) as i64)
            .set_num_values(self.levels as i64)
            .set_data_page_offset(first as i64)
            .set_dictionary_page_offset(dictionary.map(|_| 0))
            .set_statistics(all)
            .set_unencoded_byte_array_data_bytes(self.text_bytes)
            .set_repetition_level_histogram(self.repetition)
            .set_definition_level_histogram(self.definition)
            .build()?;
        self.pages
            .set_boundary_order(match (self.ascending, self.descending) {
                (true, _) => BoundaryOrder::ASCENDING,
                (false, true) => BoundaryOrder::DESCENDING,
                (false, false) => BoundaryOrder::UNORDERED,
            });
        Ok(ColumnCloseResult {
            bytes_written: size as u64,
            rows_written: self.rows,
            metadata,
            bloom_filter: filter,
            column_index: self.bounded.then(|| self.pages.build()).transpose()?,
            offset_index: Some(self.offsets.build()),
        })
    }
}

fn add(all: &mut Option<LevelHistogram>, page: Option<LevelHistogram>) {
    if let (Some(all), Some(page)) = (all, page) {
        all.add(&page);
    }
}
