//! Errors of a query that are not its text's: a file that could not be read, or is not what it should be.
//!
//! A mistake in SQL is shown with its line, and a page may do without a query that a dataset cannot answer. Neither must
//! happen to a disk that fails: what the system or a file is to blame for is told apart here.

use crate::error::{Error, Place};
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use parquet::errors::ParquetError;
use std::error::Error as _;
use std::io;
use std::path::Path;

/// The error of the file or system behind `e`, in the dataset in `root`; `None` where the text of the query is to blame.
pub fn behind(e: &DataFusionError, root: &Path) -> Option<Error> {
    let at_fault = match e.find_root() {
        DataFusionError::IoError(_)
        | DataFusionError::ObjectStore(_)
        | DataFusionError::ParquetError(_) => true,
        DataFusionError::ArrowError(e, _) => {
            matches!(**e, ArrowError::IoError(..) | ArrowError::ParquetError(_))
        }
        other => has_io(other),
    };
    at_fault.then(|| {
        Error::input(
            format!("the query ended because the system or a file failed: {}", e.strip_backtrace()),
            Place::file(root),
            "Check the disk (dmesg, df), then the dataset: sysds inspect names a file that cannot be read.",
        )
    })
}

/// Whether an error of the system is somewhere among the causes of `e`.
fn has_io(e: &DataFusionError) -> bool {
    let mut cause = e.source();
    while let Some(e) = cause {
        if e.is::<io::Error>() || e.is::<ParquetError>() {
            return true;
        }
        cause = e.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_and_files_are_told_from_the_text() {
        let root = Path::new("d");
        let io = || io::Error::from_raw_os_error(5);
        let of_system = [
            DataFusionError::IoError(io()),
            DataFusionError::External(Box::new(io())),
            DataFusionError::from(ParquetError::EOF("cut".to_owned())),
            DataFusionError::IoError(io()).context("while scanning"),
        ];
        for e in of_system {
            let said = behind(&e, root).map(|e| e.to_string());
            assert!(said.is_some_and(|s| s.starts_with("d: ")), "{e}");
        }
        for e in [
            DataFusionError::Plan("no such column".to_owned()),
            DataFusionError::from(ArrowError::CastError("no number".to_owned())),
        ] {
            assert!(behind(&e, root).is_none(), "{e}");
        }
    }
}
