//! What takes results, in which formats, and what no format can hold.

use crate::error::{Error, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use std::path::Path;

/// What takes the results of a script's statements.
pub(crate) trait Results {
    /// A result begins.
    ///
    /// # Errors
    /// Where the format cannot hold it, or it cannot be written; so do the others.
    fn begin(&mut self, schema: &SchemaRef) -> Result<()>;
    /// Some of its rows.
    fn rows(&mut self, batch: &RecordBatch) -> Result<()>;
    /// It is complete.
    fn end(&mut self) -> Result<()>;
    /// A `COPY` wrote so many rows to a file or folder.
    fn wrote(&mut self, target: &Path, rows: u64) {
        let _ = (target, rows);
    }
}

/// The formats that are text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Aligned columns, for people.
    Table,
    /// Comma-separated values with a header line (RFC 4180, but lines end with `\n`).
    Csv,
    /// The same, where no text is a formula to a spreadsheet.
    CsvSafe,
    /// One array of objects for each result.
    Json,
    /// One object a line.
    Ndjson,
    /// A table in Markdown.
    Markdown,
}

/// Keeps all results, for the program itself.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    /// Schema and rows of each result.
    pub results: Vec<(SchemaRef, Vec<RecordBatch>)>,
}

impl Results for Collected {
    fn begin(&mut self, schema: &SchemaRef) -> Result<()> {
        self.results.push((SchemaRef::clone(schema), Vec::new()));
        Ok(())
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<()> {
        if let Some((_, batches)) = self.results.last_mut() {
            batches.push(batch.clone());
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Refuses two columns of one name, which objects and Parquet files cannot hold.
pub(super) fn unique_names(schema: &SchemaRef) -> Result<()> {
    let mut names: Vec<&str> = schema.fields().iter().map(|f| f.name().as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        None => Ok(()),
        Some(pair) => Err(Error::Sql {
            what: format!("two columns of the result are named {}", pair[0]),
            remedy: "Give one of them another name with AS.".to_owned(),
        }),
    }
}
