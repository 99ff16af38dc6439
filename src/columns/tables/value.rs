//! What the function of a column may give for a row, and the Arrow type that it comes to.

use crate::columns::parquet::content::{Content, Numbers};
use crate::columns::parquet::sparse::SparseBytes;
use crate::columns::schema::contract::timestamp;
use arrow::datatypes::DataType;

/// A type of values, and what so many of them become.
pub(super) trait Value: Sized {
    /// The type of the column.
    fn data_type() -> DataType;

    /// What each row has.
    fn content(rows: impl Iterator<Item = Option<Self>>) -> Content;
}

/// A value, or perhaps one.
pub(super) trait MaybeValue {
    /// The type of the value.
    type Value: Value;

    /// The value, if there is one.
    fn maybe(self) -> Option<Self::Value>;
}

impl<V: Value> MaybeValue for V {
    type Value = V;

    fn maybe(self) -> Option<V> {
        Some(self)
    }
}

impl<V: Value> MaybeValue for Option<V> {
    type Value = V;

    fn maybe(self) -> Option<V> {
        self
    }
}

/// Nanoseconds since the Unix epoch.
pub(super) struct Time(pub i64);

impl Value for i64 {
    fn data_type() -> DataType {
        DataType::Int64
    }

    fn content(rows: impl Iterator<Item = Option<Self>>) -> Content {
        Content::Numbers(Numbers::Long(rows.collect()))
    }
}

impl Value for i32 {
    fn data_type() -> DataType {
        DataType::Int32
    }

    fn content(rows: impl Iterator<Item = Option<Self>>) -> Content {
        Content::Numbers(Numbers::Int(rows.collect()))
    }
}

impl Value for Time {
    fn data_type() -> DataType {
        timestamp()
    }

    fn content(rows: impl Iterator<Item = Option<Self>>) -> Content {
        let rows = rows.map(|time| time.map(|Time(ns)| ns));
        Content::Numbers(Numbers::Long(rows.collect()))
    }
}

impl Value for bool {
    fn data_type() -> DataType {
        DataType::Boolean
    }

    fn content(rows: impl Iterator<Item = Option<Self>>) -> Content {
        Content::Bools(rows.collect())
    }
}

impl Value for String {
    fn data_type() -> DataType {
        DataType::Utf8
    }

    fn content(rows: impl Iterator<Item = Option<Self>>) -> Content {
        let mut texts = SparseBytes::new();
        for (at, text) in rows.enumerate() {
            if let Some(text) = text {
                texts.push(at, text.as_bytes());
            }
        }
        Content::Texts(texts)
    }
}
