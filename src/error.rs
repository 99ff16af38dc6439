//! What can go wrong, where, and what to do about it.
//!
//! Every error says three things: what happened, at which [`Place`], and the [`Remedy`]. The library returns [`Error`];
//! only `main` turns one into words on stderr and an exit status. Where an option of the program would help, the error
//! holds a [`Hint`], and `cli` says which option that is. Names and texts of strangers are in many errors, so all words of
//! one are made fit for a terminal (see [`crate::shown`]).

use crate::shown::{Shown, ShownLines, shown_lines, shown_path};
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// The result of everything in this library that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Where in the input something was found: a file, and inside it a line and column (text) or a packet and byte offset
/// (binary streams). Unknown parts are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The file or folder.
    pub file: PathBuf,
    /// Number of the packet in a stream file, from 0.
    pub packet: Option<u64>,
    /// Offset in the file, in bytes, from 0.
    pub offset: Option<u64>,
    /// Line and column in a text, from 1.
    pub line_column: Option<(u64, u64)>,
}

impl Place {
    /// A file as a whole.
    pub fn file(file: impl Into<PathBuf>) -> Self {
        Place {
            file: file.into(),
            ..Place::default()
        }
    }

    /// A packet of a stream file, with the byte offset that matters.
    pub fn packet(file: impl Into<PathBuf>, packet: u64, offset: u64) -> Self {
        Place {
            packet: Some(packet),
            offset: Some(offset),
            ..Place::file(file)
        }
    }

    /// A line and column (both from 1) of a text file.
    pub fn line(file: impl Into<PathBuf>, line: u64, column: u64) -> Self {
        Place {
            line_column: Some((line, column)),
            ..Place::file(file)
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", shown_path(&self.file))?;
        if let Some((line, column)) = self.line_column {
            write!(f, ", line {line}, column {column}")?;
        }
        if let Some(packet) = self.packet {
            write!(f, ", packet {packet}")?;
        }
        if let Some(offset) = self.offset {
            write!(f, ", byte {offset}")?;
        }
        Ok(())
    }
}

/// What the user can do about an error.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remedy {
    words: String,
    hint: Option<Hint>,
}

impl Remedy {
    /// What can be done in any case, and what the caller of this library could do.
    pub fn with(words: impl Into<String>, hint: Hint) -> Self {
        Remedy {
            words: words.into(),
            hint: Some(hint),
        }
    }
}

impl<W: Into<String>> From<W> for Remedy {
    fn from(words: W) -> Self {
        Remedy {
            words: words.into(),
            hint: None,
        }
    }
}

impl From<Hint> for Remedy {
    fn from(hint: Hint) -> Self {
        Remedy::with("", hint)
    }
}

/// What the caller of this library could do about an error: an option that it did not give, or gave in vain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hint {
    /// Keep what comes before a damage.
    KeepGoing,
    /// Read with the native reader.
    ReadNatively,
    /// Build the program with babeltrace2.
    BuildWithBabeltrace2,
    /// Give one label for all traces, or one for each.
    LabelAllOrEach,
    /// Give no label.
    OmitLabel,
    /// Give all parts of a recording the same label.
    SameLabel,
    /// Give the times between which the recording was read before.
    SameTimes,
    /// Select fewer events or arguments.
    SelectLess,
    /// Write to another disk.
    OtherDisk,
}

/// Damage in a stream: why and from where it cannot be read on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {}", Shown(what))]
pub struct Damage {
    /// What is wrong.
    pub what: String,
    /// Where.
    pub place: Place,
    /// What the user can do.
    pub remedy: Remedy,
}

impl From<Error> for Damage {
    /// Any error that ended a stream while others were read on.
    fn from(error: Error) -> Self {
        let place = match &error {
            Error::Damaged(damage) => damage.place.clone(),
            Error::Input { place, .. } => (**place).clone(),
            Error::Io { path, .. } => Place::file(path),
            _ => Place::default(),
        };
        Damage {
            what: error.reason(),
            place,
            remedy: error.remedy().into(),
        }
    }
}

/// An error of this library.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A stream that is damaged.
    #[error(transparent)]
    Damaged(Box<Damage>),
    /// A trace, dataset or manifest that cannot be read as what it should be.
    #[error("{place}: {}", Shown(what))]
    Input {
        /// What is wrong with it.
        what: String,
        /// Where; boxed, because an error travels in every result.
        place: Box<Place>,
        /// What the user can do.
        remedy: Remedy,
    },
    /// The operating system refused something.
    #[error("{}: cannot {action}: {source}", shown_path(path))]
    Io {
        /// The verb: `read`, `write`, `create`, `rename` …
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// An object store refused something, or could not be asked.
    #[error("{}: cannot {action}: {}", shown_path(path), Shown(what))]
    Store {
        /// The verb: `read`, `list`, `write`, `remove` …
        action: &'static str,
        /// The URL of the object or folder.
        path: PathBuf,
        /// The store's reason.
        what: String,
        /// What the user can do.
        remedy: String,
    },
    /// Options that do not fit together, or a target that must not be overwritten.
    #[error("{}", ShownLines(what))]
    Usage {
        /// What does not fit.
        what: String,
        /// What the user can do.
        remedy: Remedy,
    },
    /// A mistake in SQL, or a query that fails while it runs.
    #[error("{}", ShownLines(what))]
    Sql {
        /// The message, with the line of the statement where it is known.
        what: String,
        /// What the user can do; may be empty.
        remedy: String,
    },
    /// Parquet or Arrow could not encode or decode something.
    #[error("{}: {}", shown_path(path), Shown(source))]
    Columns {
        /// The file being written or read.
        path: PathBuf,
        /// The library's reason.
        source: parquet::errors::ParquetError,
    },
    /// LTTng, or something that recording needs, is missing or refused.
    #[error("{}", ShownLines(what))]
    Tracer {
        /// What it said.
        what: String,
        /// What the user can do.
        remedy: String,
    },
    /// An executor of a cluster does not answer, is of another version, does not see what it should, or cannot read it.
    #[error("{}", Shown(what))]
    Cluster {
        /// Which one, and what is wrong.
        what: String,
        /// What the user can do.
        remedy: String,
    },
    /// What was to be made is in place and whole, but something after that failed.
    #[error("{} is in place and whole, but {}", shown_path(target), Shown(what))]
    InPlace {
        /// What was made.
        target: PathBuf,
        /// What failed, and what that means.
        what: String,
        /// What the user can do.
        remedy: String,
    },
    /// Not enough memory, by the limit that was given or for the system.
    #[error("{}", Shown(what))]
    Memory {
        /// How much was asked for.
        what: String,
        /// What the user can do.
        remedy: String,
    },
    /// A fault of the program itself: a thread panicked.
    #[error("a fault of sysds itself: {}", Shown(what))]
    Fault {
        /// What the panic said.
        what: String,
    },
    /// The user asked to stop (Ctrl-C or SIGTERM).
    #[error("interrupted; nothing was left behind")]
    Interrupted,
}

impl Error {
    /// An [`Error::Input`].
    pub fn input(what: impl Into<String>, place: Place, remedy: impl Into<Remedy>) -> Self {
        Error::Input {
            what: what.into(),
            place: Box::new(place),
            remedy: remedy.into(),
        }
    }

    /// An [`Error::Usage`].
    pub fn usage(what: impl Into<String>, remedy: impl Into<Remedy>) -> Self {
        Error::Usage {
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    /// An [`Error::Tracer`].
    pub fn tracer(what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Error::Tracer {
            what: what.into(),
            remedy: remedy.into(),
        }
    }

    /// An [`Error::Damaged`].
    pub fn damaged(what: impl Into<String>, place: Place, remedy: impl Into<Remedy>) -> Self {
        Error::Damaged(Box::new(Damage {
            what: what.into(),
            place,
            remedy: remedy.into(),
        }))
    }

    /// Makes the closure for `map_err` of an I/O call on `path`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error + use<> {
        let path = path.to_path_buf();
        move |source| Error::of_io(action, path, source)
    }

    /// Makes the closure for `map_err` of a Parquet or Arrow call that writes `path`. An I/O error inside (a full disk)
    /// comes out as [`Error::Io`], so that it reads the same wherever it happens.
    pub fn columns<E: Into<parquet::errors::ParquetError>>(
        path: &Path,
    ) -> impl FnOnce(E) -> Error + use<E> {
        Self::of_columns("write", path)
    }

    /// As [`Error::columns`], for a call that reads `path`.
    pub fn columns_read<E: Into<parquet::errors::ParquetError>>(
        path: &Path,
    ) -> impl FnOnce(E) -> Error + use<E> {
        Self::of_columns("read", path)
    }

    fn of_columns<E: Into<parquet::errors::ParquetError>>(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(E) -> Error + use<E> {
        let path = path.to_path_buf();
        move |e| match e.into() {
            parquet::errors::ParquetError::External(inner) => match inner.downcast::<io::Error>() {
                Ok(source) => Error::of_io(action, path, *source),
                Err(inner) => Error::Columns {
                    path,
                    source: parquet::errors::ParquetError::External(inner),
                },
            },
            source => Error::Columns { path, source },
        }
    }

    /// An I/O error that may carry one of this library.
    fn of_io(action: &'static str, path: PathBuf, source: io::Error) -> Error {
        match source.downcast::<Error>() {
            Ok(own) => own,
            Err(source) => Error::Io {
                action,
                path,
                source,
            },
        }
    }

    /// What it says without the place, for where the place is said already.
    pub fn reason(&self) -> String {
        match self {
            Error::Damaged(damage) => damage.what.clone(),
            Error::Input { what, .. } => what.clone(),
            Error::Io { action, source, .. } => format!("cannot {action}: {source}"),
            Error::Columns { source, .. } => source.to_string(),
            Error::Store { action, what, .. } => format!("cannot {action}: {what}"),
            other => other.to_string(),
        }
    }

    /// What the user can do about it, in one or two sentences; empty where nothing sensible can be said. See
    /// [`Error::hint`], too.
    pub fn remedy(&self) -> String {
        match self {
            Error::Damaged(damage) => shown_lines(&damage.remedy.words),
            Error::Input { remedy, .. } | Error::Usage { remedy, .. } => shown_lines(&remedy.words),
            Error::Tracer { remedy, .. }
            | Error::InPlace { remedy, .. }
            | Error::Memory { remedy, .. }
            | Error::Store { remedy, .. }
            | Error::Cluster { remedy, .. }
            | Error::Sql { remedy, .. } => shown_lines(remedy),
            Error::Fault { .. } => {
                "Nothing was put in place. Please report it with the message above and the input."
                    .to_owned()
            }
            Error::Io { source, .. } => io_remedy(source).to_owned(),
            Error::Columns { .. } => {
                "Check that the file is a whole Parquet file, or make the dataset again.".to_owned()
            }
            Error::Interrupted => String::new(),
        }
    }

    /// What the caller of this library could do about it.
    pub fn hint(&self) -> Option<Hint> {
        match self {
            Error::Damaged(damage) => damage.remedy.hint,
            Error::Input { remedy, .. } | Error::Usage { remedy, .. } => remedy.hint,
            Error::Io { source, .. } => match source.kind() {
                io::ErrorKind::StorageFull
                | io::ErrorKind::QuotaExceeded
                | io::ErrorKind::ReadOnlyFilesystem => Some(Hint::OtherDisk),
                _ => None,
            },
            _ => None,
        }
    }

    /// What a line about it begins with: `error`, or `warning` where what was to be made is in place.
    pub fn heading(&self) -> &'static str {
        match self {
            Error::InPlace { .. } => "warning",
            _ => "error",
        }
    }

    /// The exit status of the process that ends with this error: 130 when interrupted, 2 for a wrong call, 4 where what
    /// was to be made is in place all the same, else 1.
    pub fn exit_status(&self) -> u8 {
        match self {
            Error::Interrupted => 130,
            Error::Usage { .. } => 2,
            Error::InPlace { .. } => 4,
            _ => 1,
        }
    }
}

fn io_remedy(e: &io::Error) -> &'static str {
    match e.kind() {
        io::ErrorKind::PermissionDenied => {
            "Give yourself the permission (LTTng's kernel traces belong to root: use sudo or chown them)."
        }
        io::ErrorKind::NotFound => "Check the path.",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "Free some space.",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_name_only_what_is_known() {
        assert_eq!(Place::file("a/b").to_string(), "a/b");
        assert_eq!(
            Place::packet("ch_0", 3, 4096).to_string(),
            "ch_0, packet 3, byte 4096"
        );
        assert_eq!(
            Place::line("metadata", 7, 2).to_string(),
            "metadata, line 7, column 2"
        );
    }

    #[test]
    fn a_full_disk_reads_the_same_through_parquet() {
        let full = io::Error::from(io::ErrorKind::StorageFull);
        let inner = parquet::errors::ParquetError::External(Box::new(full));
        let e = Error::columns::<parquet::errors::ParquetError>(Path::new("x"))(inner);
        assert!(matches!(e, Error::Io { .. }));
        assert!(e.remedy().contains("Free some space"));
        assert_eq!(e.hint(), Some(Hint::OtherDisk));
        let gone = io::Error::from(io::ErrorKind::StaleNetworkFileHandle);
        let inner = parquet::errors::ParquetError::External(Box::new(gone));
        let e = Error::columns_read::<parquet::errors::ParquetError>(Path::new("x"))(inner);
        assert!(e.to_string().starts_with("x: cannot read: "), "{e}");
    }
}
