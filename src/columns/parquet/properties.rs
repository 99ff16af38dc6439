//! How the columns of all tables are compressed and encoded.

use parquet::basic::{Compression, Encoding};
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use parquet::schema::types::ColumnPath;

/// Rows after which a data page ends: what a reader can skip by time within a row group.
pub(crate) const PAGE_ROWS: usize = 64 * 1024;
/// Different values that bloom filters are made for; names and threads are fewer.
const BLOOM_VALUES: u64 = 4096;

/// The properties of the files of every table but `events`.
pub fn properties(compression: Compression) -> WriterProperties {
    builder(compression).build()
}

/// The properties of the files of `events`. Its links stay the same for runs of events and jump between a few that are
/// under way; plain values, which repeat byte for byte, then compress better than dictionary indices or differences.
pub fn properties_of_events(compression: Compression) -> WriterProperties {
    let mut builder = builder(compression);
    for path in ["request_id", "service_id"].map(ColumnPath::from) {
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::PLAIN);
    }
    builder.build()
}

fn builder(compression: Compression) -> WriterPropertiesBuilder {
    let mut builder = WriterProperties::builder()
        .set_created_by(format!("sysds {}", env!("CARGO_PKG_VERSION")))
        .set_compression(compression)
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_max_row_group_row_count(None)
        .set_write_batch_size(64 * 1024);
    // Numbers that grow from row to row: their differences are far smaller, and no two are the same.
    let growing = [
        "event_id",
        "timestamp",
        "entry_id",
        "request_id",
        "start",
        "end",
    ];
    let of_nested = ["event_id", "offset_ns"].map(nested);
    for path in growing.map(ColumnPath::from).into_iter().chain(of_nested) {
        builder = builder
            .set_column_dictionary_enabled(path.clone(), false)
            .set_column_encoding(path, Encoding::DELTA_BINARY_PACKED);
    }
    for column in ["tid", "name"] {
        let path = ColumnPath::from(column);
        builder = builder
            .set_column_bloom_filter_enabled(path.clone(), true)
            .set_column_bloom_filter_max_ndv(path, BLOOM_VALUES);
    }
    builder
}

/// Path of a member of the nested events of `requests`.
fn nested(member: &str) -> ColumnPath {
    let path = ["events", "list", "element", member];
    ColumnPath::new(path.iter().map(|p| (*p).to_owned()).collect())
}

/// Key-value metadata of a finished file.
pub fn key_values(pairs: &[(&str, &str)]) -> Vec<KeyValue> {
    let pairs = pairs.iter();
    pairs
        .map(|(k, v)| KeyValue::new((*k).to_owned(), (*v).to_owned()))
        .collect()
}
