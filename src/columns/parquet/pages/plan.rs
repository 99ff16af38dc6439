//! How a column's values are to be encoded, and what there is to say of them when a page ends.

use super::bounds::Bounds;
use parquet::basic::{Encoding, Type};
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnDescriptor;

/// How a column is encoded.
pub(super) struct Plan {
    /// How its values are, to begin with.
    pub encoding: Encoding,
    /// Bytes at which a dictionary is not added to any more: the rest of the column is plain.
    pub dictionary_bytes: usize,
    /// Bytes at which a page of texts ends.
    pub page_bytes: usize,
    /// What readers look values up in before they read any.
    pub filter: Option<Sbbf>,
}

/// What there is to say of the values of a page.
pub(super) struct Ended {
    pub encoding: Encoding,
    pub bounds: Option<Bounds>,
    /// Bytes of its texts.
    pub text_bytes: Option<i64>,
}

impl Plan {
    /// That of `column`, as `properties` say.
    ///
    /// # Errors
    /// [`ParquetError::NYI`] for encodings that no table has.
    pub(super) fn new(
        column: &ColumnDescriptor,
        properties: &WriterProperties,
    ) -> Result<Self, ParquetError> {
        let path = column.path();
        let filter = properties.bloom_filter_properties(path);
        let filter = filter.map(|f| Sbbf::new_with_ndv_fpp(f.ndv(), f.fpp()));
        let named = properties.encoding(path).unwrap_or(Encoding::PLAIN);
        // Of two values none needs a dictionary.
        let few = column.physical_type() == Type::BOOLEAN;
        let encoding = match properties.dictionary_enabled(path) && !few {
            true => Encoding::RLE_DICTIONARY,
            false => named,
        };
        let known = [
            Encoding::RLE_DICTIONARY,
            Encoding::PLAIN,
            Encoding::DELTA_BINARY_PACKED,
        ];
        let whole = matches!(column.physical_type(), Type::INT32 | Type::INT64);
        if !known.contains(&encoding) || encoding == Encoding::DELTA_BINARY_PACKED && !whole {
            return Err(ParquetError::NYI(format!(
                "the encoding {encoding} of {path}"
            )));
        }
        Ok(Plan {
            encoding,
            // Room for a value: pages before the first are encoded as its own, and are not read without a dictionary.
            dictionary_bytes: properties
                .column_dictionary_page_size_limit(path)
                .max(size_of::<u64>()),
            page_bytes: properties.column_data_page_size_limit(path),
            filter: filter.transpose()?,
        })
    }
}
