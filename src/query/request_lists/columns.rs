//! Which columns the table has: some of `requests`, and lists of what columns of `events` hold.

use arrow::datatypes::{DataType, Field};
use std::sync::Arc;

/// Columns of `requests` that the table has too.
pub(super) const OF_REQUESTS: [&str; 8] = [
    "trace_id",
    "request_id",
    "label",
    "span_label",
    "straddles",
    "complete",
    "n_events",
    "n_events_omitted",
];

/// What a list holds, and how it is kept meanwhile.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// 64-bit numbers.
    Long,
    /// 64-bit numbers: times, as nanoseconds since the start of the request.
    Offset,
    /// 32-bit numbers.
    Int,
    /// Words out of few: numbers of the words, as in an arrow dictionary.
    Word,
}

/// A list and the column of `events` that it is made of.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct List {
    pub name: &'static str,
    pub source: &'static str,
    pub kind: Kind,
    /// Whether an event may lack it.
    pub nullable: bool,
}

const fn list(name: &'static str, kind: Kind, nullable: bool) -> List {
    let source = name;
    List {
        name,
        source,
        kind,
        nullable,
    }
}

/// All lists, in the order of the table's columns.
pub(super) static LISTS: [List; 11] = [
    list("event_id", Kind::Long, false),
    List {
        name: "offset_ns",
        source: "timestamp",
        kind: Kind::Offset,
        nullable: false,
    },
    list("cpu", Kind::Int, true),
    list("pid", Kind::Int, true),
    list("tid", Kind::Int, true),
    list("procname", Kind::Word, true),
    list("name", Kind::Word, false),
    list("phase", Kind::Word, false),
    list("ret", Kind::Long, true),
    list("fd", Kind::Long, true),
    list("duration_ns", Kind::Long, true),
];

/// Words as they are given out, and as columns of words are read.
pub(super) fn words() -> DataType {
    DataType::Dictionary(Box::new(DataType::Int32), Box::new(DataType::Utf8))
}

impl Kind {
    /// The type that a column of `events` is read as.
    pub(super) fn read_as(self) -> DataType {
        match self {
            Kind::Long | Kind::Offset => DataType::Int64,
            Kind::Int => DataType::Int32,
            Kind::Word => words(),
        }
    }

    /// The type in which values are kept.
    pub(super) fn kept_as(self) -> DataType {
        match self {
            Kind::Word => DataType::Int32,
            other => other.read_as(),
        }
    }
}

impl List {
    /// The column of the table.
    pub(super) fn field(&self) -> Field {
        Field::new(
            self.name,
            list_of(self.kind.read_as(), self.nullable),
            false,
        )
    }
}

/// The type of a list of such elements.
pub(super) fn list_of(element: DataType, nullable: bool) -> DataType {
    DataType::List(Arc::new(Field::new_list_field(element, nullable)))
}
