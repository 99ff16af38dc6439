//! The values of a column, whatever their type.

use super::bounds::{Kind, Texts};
use super::leaf::Leaf;
use super::numbers::NumberColumn;
use super::plan::{Ended, Plan};
use super::texts::TextColumn;
use parquet::basic::{ConvertedType, LogicalType, Type};
use parquet::bloom_filter::Sbbf;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnDescriptor;
use std::ops::Range;

/// The values of a column.
pub(super) enum Values {
    Bool(NumberColumn<bool>),
    Int(NumberColumn<i32>),
    Long(NumberColumn<i64>),
    Double(NumberColumn<f64>),
    Texts(TextColumn),
}

/// The kind of the values of a column, if it has one that is encoded here.
pub(super) fn kind(column: &ColumnDescriptor) -> Option<Kind> {
    let unsigned = match column.logical_type_ref() {
        Some(LogicalType::Integer(int)) => !int.is_signed,
        _ => matches!(
            column.converted_type(),
            ConvertedType::UINT_8
                | ConvertedType::UINT_16
                | ConvertedType::UINT_32
                | ConvertedType::UINT_64
        ),
    };
    match column.physical_type() {
        Type::BOOLEAN => Some(Kind::Bool),
        Type::INT32 if !unsigned => Some(Kind::Int),
        Type::INT64 if unsigned => Some(Kind::Unsigned),
        Type::INT64 => Some(Kind::Long),
        Type::DOUBLE => Some(Kind::Double),
        Type::BYTE_ARRAY => Some(Kind::Bytes),
        _ => None,
    }
}

/// Whether the texts of a column are UTF-8.
pub(super) fn texts(column: &ColumnDescriptor) -> Texts {
    match column.logical_type_ref() == Some(&LogicalType::String)
        || column.converted_type() == ConvertedType::UTF8
    {
        true => Texts::Utf8,
        false => Texts::Binary,
    }
}

impl Values {
    /// Those of `column`, none yet.
    ///
    /// # Errors
    /// [`ParquetError::NYI`] for types and encodings that no table has.
    pub(super) fn new(
        column: &ColumnDescriptor,
        properties: &WriterProperties,
    ) -> Result<Self, ParquetError> {
        let plan = Plan::new(column, properties)?;
        match kind(column) {
            Some(kind @ Kind::Bool) => Ok(Values::Bool(NumberColumn::new(kind, plan))),
            Some(kind @ Kind::Int) => Ok(Values::Int(NumberColumn::new(kind, plan))),
            Some(kind @ (Kind::Long | Kind::Unsigned)) => {
                Ok(Values::Long(NumberColumn::new(kind, plan)))
            }
            Some(kind @ Kind::Double) => Ok(Values::Double(NumberColumn::new(kind, plan))),
            Some(Kind::Bytes) => Ok(Values::Texts(TextColumn::new(plan))),
            None => Err(ParquetError::NYI(format!(
                "columns of the type {} as {}",
                column.physical_type(),
                column.path()
            ))),
        }
    }

    /// Adds those of `leaf` that are in `range` to the page, until it is full; all of them where it may grow beyond that.
    /// Returns how many were added.
    ///
    /// # Errors
    /// [`ParquetError`] where they are of another type.
    pub(super) fn push(
        &mut self,
        leaf: &Leaf,
        range: Range<usize>,
        all: bool,
    ) -> Result<usize, ParquetError> {
        match (self, leaf) {
            (Values::Bool(column), Leaf::Bool(values)) => Ok(column.push(&values[range], all)),
            (Values::Int(column), Leaf::Int(numbers)) => Ok(column.push(&numbers[range], all)),
            (Values::Long(column), Leaf::Long(numbers)) => Ok(column.push(&numbers[range], all)),
            (Values::Double(column), Leaf::Double(numbers)) => {
                Ok(column.push(&numbers[range], all))
            }
            (Values::Texts(column), Leaf::Texts(texts)) => Ok(column.push(texts, range, all)),
            (Values::Texts(column), Leaf::Words(words)) => {
                let count = range.len();
                column.push_words(words, range);
                Ok(count)
            }
            _ => Err(ParquetError::General(
                "a column was given values of another type".to_owned(),
            )),
        }
    }

    /// Has what comes be encoded without a dictionary; nothing may have come.
    pub(super) fn forgo_dictionary(&mut self) {
        match self {
            Values::Bool(column) => column.forgo_dictionary(),
            Values::Int(column) => column.forgo_dictionary(),
            Values::Long(column) => column.forgo_dictionary(),
            Values::Double(column) => column.forgo_dictionary(),
            Values::Texts(column) => column.forgo_dictionary(),
        }
    }

    /// Whether the page should end.
    pub(super) fn is_full(&self) -> bool {
        match self {
            Values::Bool(column) => column.is_full(),
            Values::Int(column) => column.is_full(),
            Values::Long(column) => column.is_full(),
            Values::Double(column) => column.is_full(),
            Values::Texts(column) => column.is_full(),
        }
    }

    /// Ends the page: appends its values, encoded.
    pub(super) fn end_page(&mut self, out: &mut Vec<u8>) -> Ended {
        match self {
            Values::Bool(column) => column.end_page(out),
            Values::Int(column) => column.end_page(out),
            Values::Long(column) => column.end_page(out),
            Values::Double(column) => column.end_page(out),
            Values::Texts(column) => column.end_page(out),
        }
    }

    /// Bytes that are kept.
    pub(super) fn size(&self) -> usize {
        match self {
            Values::Bool(column) => column.size(),
            Values::Int(column) => column.size(),
            Values::Long(column) => column.size(),
            Values::Double(column) => column.size(),
            Values::Texts(column) => column.size(),
        }
    }

    /// The dictionary's values, plain, and how many there are.
    pub(super) fn dictionary(&self) -> (Vec<u8>, usize) {
        match self {
            Values::Bool(column) => column.dictionary(),
            Values::Int(column) => column.dictionary(),
            Values::Long(column) => column.dictionary(),
            Values::Double(column) => column.dictionary(),
            Values::Texts(column) => column.dictionary(),
        }
    }

    /// The filter.
    pub(super) fn take_filter(&mut self) -> Option<Sbbf> {
        match self {
            Values::Bool(column) => column.take_filter(),
            Values::Int(column) => column.take_filter(),
            Values::Long(column) => column.take_filter(),
            Values::Double(column) => column.take_filter(),
            Values::Texts(column) => column.take_filter(),
        }
    }
}
