//! Errors of a query that are not its text's: a file that could not be read, or is not what it should be.
//!
//! A mistake in SQL is shown with its line, and a page may do without a query that a dataset cannot answer. Neither must
//! happen to a disk that fails: what the system or a file is to blame for is told apart here.
//!
//! DataFusion does not say which file it was reading, and ends in a panic for some crafted ones, in any of its threads. So
//! after either, the files of the dataset are decoded one by one until one fails ([`culprit`]). That takes as long as
//! reading them all, but only after a failure. A file that only DataFusion cannot bear is not found; the error then names the
//! dataset. What a damaged file decodes to without an error is not noticed: only `sysds verify` computes checksums.

use crate::dataset::Table;
use crate::dataset::root::Root;
use crate::error::{Error, Place, Result};
use crate::foreign;
use crate::process::threads;
use arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use parquet::arrow::arrow_reader::{ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::PageIndexPolicy;
use std::any::Any;
use std::error::Error as _;
use std::io;
use std::path::Path;

/// Rows that are decoded at once to find the file that fails.
const ROWS: usize = 256;

/// The error of the file or system behind `e`, in the dataset in `root` of these tables; `None` where the text of the query is
/// to blame.
pub(super) fn behind(e: &DataFusionError, root: &Root, tables: &[Table]) -> Option<Error> {
    if let Some(told) = told(e) {
        return Some(told);
    }
    if let (Some(folder), Some(refused)) = (root.store(), cause::<object_store::Error>(e)) {
        return Some(folder.refused(("read", Path::new("")), refused));
    }
    if has_panicked(e) && threads::is_too_long(&e.strip_backtrace()) {
        return Some(too_long());
    }
    let at_fault = match e.find_root() {
        DataFusionError::IoError(_)
        | DataFusionError::ObjectStore(_)
        | DataFusionError::ParquetError(_) => true,
        DataFusionError::ArrowError(e, _) => {
            matches!(**e, ArrowError::IoError(..) | ArrowError::ParquetError(_))
        }
        other => has_cause::<io::Error>(other) || has_cause::<ParquetError>(other),
    };
    // What the system says names its file, and may be said once only.
    let by_system = has_cause::<io::Error>(e);
    let found = match at_fault && !by_system {
        true => culprit(root, tables),
        false => None,
    };
    at_fault.then(|| {
        found.unwrap_or_else(|| Error::input(
            format!("the query ended because the system or a file failed: {}", e.strip_backtrace()),
            Place::file(root),
            "Check the disk (dmesg, df), then the dataset: sysds inspect names a file that cannot be read.",
        ))
    })
}

/// The error of the store or the system behind `e`, in a part of a plan of the dataset in `root`; `None` where neither is to
/// blame. What a file holds is not: who asks finds the file.
#[cfg(feature = "cluster")]
pub(crate) fn of_system(e: &DataFusionError, root: &Root) -> Option<Error> {
    if let (Some(folder), Some(refused)) = (root.store(), of_footer(e)) {
        return Some(folder.refused(("read", Path::new("")), &refused));
    }
    let is_of_system = has_cause::<object_store::Error>(e) || has_cause::<io::Error>(e);
    is_of_system.then(|| behind(e, root, &[])).flatten()
}

/// The error of a store that DataFusion met when it read a footer: it hands on nothing but the words.
#[cfg(feature = "cluster")]
fn of_footer(e: &DataFusionError) -> Option<object_store::Error> {
    /// What comes before the client's words.
    const STORE: &str = "Object Store error: ";
    /// What the client says where the store denies something.
    const DENIED: &str = "lacked the necessary privileges";
    let text = e.strip_backtrace();
    let (_, words) = text.split_once(STORE)?;
    let source = words.to_owned().into();
    Some(match words.contains(DENIED) {
        true => object_store::Error::PermissionDenied {
            path: String::new(),
            source,
        },
        false => object_store::Error::Generic {
            store: "store",
            source,
        },
    })
}

/// The error of writing the rows of a `COPY` to `target`, where that is what failed: the rows come from a dataset, which is
/// not to blame for the disk that they go to.
pub(super) fn in_writing(e: &DataFusionError, target: &Path) -> Option<Error> {
    const WRITING: [&str; 4] = [
        "Unable to copy data to file",
        "Unable to create file",
        "Unable to create dir",
        "Unable to rename file",
    ];
    /// By which DataFusion hides what the system said.
    const UNTOLD: &str = "Error encountered while finalizing writes";
    let by_ours = told(e).and_then(|e| match e {
        Error::Io { action, source, .. } if ["create", "write", "rename"].contains(&action) => {
            Some(source)
        }
        _ => None,
    });
    let source = by_ours.or_else(|| {
        let text = e.strip_backtrace();
        if text.contains(UNTOLD) {
            let words = "the system did not take all of it, as where a disk is full";
            return Some(io::Error::other(words));
        }
        let writes = WRITING.iter().any(|what| text.contains(what));
        let code = writes.then(|| system_code(e))?;
        Some(code.map_or_else(|| io::Error::other(text), io::Error::from_raw_os_error))
    })?;
    Some(Error::io("write", target)(source))
}

/// The number of the system's error among the causes of `e`.
fn system_code(e: &DataFusionError) -> Option<i32> {
    let mut cause: Option<&dyn std::error::Error> = Some(e);
    while let Some(e) = cause {
        let by_system = e.downcast_ref::<io::Error>();
        if let Some(code) = by_system.and_then(io::Error::raw_os_error) {
            return Some(code);
        }
        // What an error of this type wraps is not among its causes, but is itself.
        let inner = by_system.and_then(io::Error::get_ref);
        cause = match inner {
            Some(inner) => Some(inner),
            None => e.source(),
        };
    }
    None
}

/// Whether a panic of a thread of DataFusion's became this error.
fn has_panicked(e: &DataFusionError) -> bool {
    e.strip_backtrace().contains("panicked with message")
}

/// The error of texts or lists that libraries can't have in one array, since their places are numbers of 31 bits.
fn too_long() -> Error {
    Error::Memory {
        what: "values that are worked on at once come to more than 2 GiB".to_owned(),
        remedy: "Let values be shorter or fewer (repeat, lpad, string_agg, array_agg and the like make long ones), or work on \
                 fewer rows at once: SET datafusion.execution.batch_size = 256"
            .to_owned(),
    }
}

/// An error of ours among the causes of `e`, which names its file, or is what a query says by `refuse`.
fn told(e: &DataFusionError) -> Option<Error> {
    let mut cause: Option<&dyn std::error::Error> = Some(e);
    while let Some(e) = cause {
        match e.downcast_ref::<Error>() {
            Some(Error::Io {
                action,
                path,
                source,
            }) => {
                let source = match source.raw_os_error() {
                    Some(code) => io::Error::from_raw_os_error(code),
                    None => io::Error::new(source.kind(), source.to_string()),
                };
                return Some(Error::io(action, path)(source));
            }
            Some(Error::Columns { path, source }) => {
                let source = match source {
                    ParquetError::General(what) => ParquetError::General(what.clone()),
                    other => ParquetError::General(other.to_string()),
                };
                return Some(Error::columns_read(path)(source));
            }
            Some(Error::Store {
                action,
                path,
                what,
                remedy,
            }) => {
                return Some(Error::Store {
                    action,
                    path: path.clone(),
                    what: what.clone(),
                    remedy: remedy.clone(),
                });
            }
            Some(Error::Usage { what, remedy }) => {
                return Some(Error::Usage {
                    what: what.clone(),
                    remedy: remedy.clone(),
                });
            }
            Some(Error::Cluster { what, remedy }) => {
                return Some(Error::Cluster {
                    what: what.clone(),
                    remedy: remedy.clone(),
                });
            }
            _ => cause = e.source(),
        }
    }
    None
}

/// The error of a panic in a query of the dataset in `root` with these tables.
pub(super) fn panicked(panic: &(dyn Any + Send), root: &Root, tables: &[Table]) -> Error {
    let fault = threads::fault(panic);
    if matches!(&fault, Error::Fault { what } if threads::is_too_long(what)) {
        return too_long();
    }
    culprit(root, tables).unwrap_or_else(|| match fault {
        Error::Fault { what } => Error::Fault {
            what: format!("{what} (in a query of {})", root.path().display()),
        },
        other => other,
    })
}

/// The error of the first file that cannot be decoded.
fn culprit(root: &Root, tables: &[Table]) -> Option<Error> {
    let mut files = tables.iter().flat_map(|table| &table.files);
    files.find_map(|path| decode(root, path).err())
}

/// Decodes all that is in a file of the dataset in `root`.
fn decode(root: &Root, path: &Path) -> Result<()> {
    let file = root.open(root.name_of(path))?;
    foreign::guarded(path, || {
        let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Optional);
        let reader = ParquetRecordBatchReaderBuilder::try_new_with_options(file, options)
            .and_then(|builder| builder.with_batch_size(ROWS).build())
            .map_err(Error::columns_read(path))?;
        for batch in reader {
            batch
                .map_err(ParquetError::from)
                .map_err(Error::columns_read(path))?;
        }
        Ok(())
    })
}

/// Whether an error of this type is somewhere among the causes of `e`.
fn has_cause<E: std::error::Error + 'static>(e: &DataFusionError) -> bool {
    cause::<E>(e).is_some()
}

/// The first error of this type among the causes of `e`.
fn cause<E: std::error::Error + 'static>(e: &DataFusionError) -> Option<&E> {
    let mut cause = e.source();
    while let Some(e) = cause {
        if let Some(found) = e.downcast_ref::<E>() {
            return Some(found);
        }
        // What is held in a box is that, and not the box.
        if let Some(found) = e.downcast_ref::<Box<E>>() {
            return Some(found);
        }
        cause = e.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_and_files_are_told_from_the_text() {
        let root = &Root::from(Path::new("d"));
        let io = || io::Error::from_raw_os_error(5);
        let of_system = [
            DataFusionError::IoError(io()),
            DataFusionError::External(Box::new(io())),
            DataFusionError::from(ParquetError::EOF("cut".to_owned())),
            DataFusionError::IoError(io()).context("while scanning"),
            DataFusionError::External(Box::new(Error::io("read", Path::new("d"))(io()))),
        ];
        for e in of_system {
            let said = behind(&e, root, &[]).map(|e| e.to_string());
            assert!(said.is_some_and(|s| s.starts_with("d: ")), "{e}");
        }
        assert!(matches!(
            panicked(&"seven", root, &[]),
            Error::Fault { what } if what == "seven (in a query of d)"
        ));
        let joined = "task 8 panicked with message \"offset overflow\"";
        let e = DataFusionError::External(joined.into());
        assert!(matches!(behind(&e, root, &[]), Some(Error::Memory { .. })));
        assert!(matches!(
            panicked(&"offset overflow", root, &[]),
            Error::Memory { .. }
        ));
        for e in [
            DataFusionError::Plan("no such column".to_owned()),
            DataFusionError::from(ArrowError::CastError("no number".to_owned())),
        ] {
            assert!(behind(&e, root, &[]).is_none(), "{e}");
        }
    }
}
