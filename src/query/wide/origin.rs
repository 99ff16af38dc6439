//! The files that rows come from, and the numbers of rows in them.

use crate::dataset::Table;
use crate::dataset::opened;
use crate::dataset::root::Root;
use crate::error::{Error, Result};
use crate::foreign;
use arrow::datatypes::{DataType, Field, Fields, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A table of the dataset, as SQL knows it, and its files.
#[derive(Debug)]
pub(crate) struct Origin {
    root: Root,
    table: Table,
    /// What SQL reads it by.
    pub provider: Arc<dyn TableProvider>,
}

/// A table's files while they are read.
#[derive(Debug)]
pub(super) struct Opened {
    root: Root,
    pub files: Vec<(PathBuf, ArrowReaderMetadata)>,
    pub groups: Vec<Group>,
}

/// A row group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    /// Its file, by number.
    pub file: usize,
    /// Its number in the file.
    pub number: usize,
    /// The number of its first row in the table.
    pub first: i64,
    /// Its rows.
    pub rows: usize,
}

impl Origin {
    /// A table in the dataset `root`.
    pub(crate) fn new(root: &Root, table: &Table, provider: Arc<dyn TableProvider>) -> Self {
        Origin {
            root: root.clone(),
            table: table.clone(),
            provider,
        }
    }

    /// The schema that SQL knows.
    pub(super) fn schema(&self) -> SchemaRef {
        self.provider.schema()
    }

    /// Opens its files.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`] where one cannot be read, [`Error::Input`] where it is no file.
    pub(super) fn open(&self) -> Result<Opened> {
        let (mut files, mut groups, mut first) = (Vec::new(), Vec::new(), 0_i64);
        for path in &self.table.files {
            let file = open(&self.root, path)?;
            let options = ArrowReaderOptions::new();
            let metadata = foreign::guarded(path, || {
                ArrowReaderMetadata::load(&file, options).map_err(Error::columns_read(path))
            })?;
            for (number, group) in metadata.metadata().row_groups().iter().enumerate() {
                let rows = usize::try_from(group.num_rows()).unwrap_or_default();
                groups.push(Group {
                    file: files.len(),
                    number,
                    first,
                    rows,
                });
                first = first.saturating_add_unsigned(rows as u64);
            }
            files.push((path.clone(), metadata));
        }
        Ok(Opened {
            root: self.root.clone(),
            files,
            groups,
        })
    }
}

impl Group {
    /// The number after that of its last row.
    pub(super) fn end(&self) -> i64 {
        self.first.saturating_add_unsigned(self.rows as u64)
    }
}

impl Opened {
    /// A file of its own for whoever reads in it.
    ///
    /// # Errors
    /// As [`Origin::open`].
    pub(super) fn file(&self, number: usize) -> Result<opened::Opened> {
        open(&self.root, &self.files[number].0)
    }
}

fn open(root: &Root, path: &Path) -> Result<opened::Opened> {
    root.open(root.name_of(path))
}

/// Whether a column has lists of structures, whose values are not looked at here.
pub(super) fn is_wide(field: &Field) -> bool {
    matches!(field.data_type(), DataType::List(of) if of.data_type().is_nested())
}

/// What stands for the list of a row: the number of the row, in a structure that names the column.
pub(super) fn stand_in(name: &str) -> DataType {
    let number = Field::new(name, DataType::Int64, false);
    DataType::Struct(Fields::from(vec![number]))
}

/// The column that something stands in for.
pub(super) fn stands_for(data_type: &DataType) -> Option<&str> {
    match data_type {
        DataType::Struct(fields) => Some(fields.first()?.name()),
        _ => None,
    }
}

/// An error that names its file, on its way through DataFusion.
pub(super) fn told(e: Error) -> DataFusionError {
    DataFusionError::External(Box::new(e))
}
