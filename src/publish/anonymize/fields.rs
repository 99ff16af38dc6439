//! Which fields hold what.
//!
//! Numbers of processes and threads are in
//! - the columns `pid`, `tid` and `asked_tid` of all tables, and `tid` of nested events;
//! - `ret` of the calls in [`RETURNS_PIDS`];
//! - the arguments in [`PIDS`] of every event, and those in [`POINT_PIDS`] of events that are no system calls: `clone` has
//!   arguments `parent_tid` and `child_tid`, too, but these are addresses in memory.
//!
//! Times are in all columns of that type; of the numbers only `ret` of `time` is one. File names are in the arguments that the contract names for
//! `path`, those in [`PATHS`], those that the policy names, and every other text that begins with `/`. Addresses are in
//! `client_addr` and the arguments in [`ADDRESSES`].

use super::plain;
use crate::columns::contract;
use crate::error::Result;
use arrow::array::{Array, ListArray, RecordBatch, StringArray, StructArray};
use std::sync::LazyLock;

/// Arguments that are numbers of processes or threads in every event.
const PIDS: [&str; 12] = [
    "pid", "upid", "tgid", "pgid", "pid1", "pid2", "vpid", "vtid", "ppid", "vppid", "pgrp",
    "old_tid",
];
/// Arguments that are such in events that are no system calls: those of the scheduler, of processes, of signals.
const POINT_PIDS: [&str; 13] = [
    "tid",
    "prev_tid",
    "next_tid",
    "prev_pid",
    "next_pid",
    "parent_tid",
    "child_tid",
    "parent_pid",
    "child_pid",
    "vtids",
    "vpids",
    "old_pid",
    "new_tid",
];
/// System calls that return such a number.
const RETURNS_PIDS: [&str; 13] = [
    "clone",
    "clone3",
    "fork",
    "vfork",
    "getpid",
    "getppid",
    "gettid",
    "getpgid",
    "getpgrp",
    "getsid",
    "setsid",
    "set_tid_address",
    "wait4",
];
/// Arguments that hold file names, beside those that the contract names for the column `path`.
const PATHS: [&str; 9] = [
    "newname", "put_old", "dev_name", "sun_path", "linkpath", "target", "library", "interp",
    "fs_name",
];
/// Arguments that are addresses, as lists of bytes.
const ADDRESSES: [&str; 4] = ["v4addr", "v6addr", "saddr", "daddr"];
/// Arguments that are names of threads.
const PROCESSES: [&str; 6] = [
    "comm",
    "prev_comm",
    "next_comm",
    "parent_comm",
    "child_comm",
    "procname",
];

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Holds {
    /// Words of the dataset itself, as the names of calls.
    Fixed,
    /// A trace's id.
    Trace,
    /// A network address as text.
    Address,
    /// The name of a thread.
    Process,
    /// A file name.
    Path,
    /// Some other text.
    Text,
    /// The number of a process or thread.
    Pid,
    /// What a system call returned.
    Return,
    /// Seconds since the epoch.
    Seconds,
    /// Another number.
    Number,
    /// A structure of arguments.
    Arguments,
    /// A list of events.
    Events,
}

/// What a column of a table, or a member of a nested event, holds.
pub fn of_column(name: &str) -> Holds {
    match name {
        "trace_id" => Holds::Trace,
        "client_addr" => Holds::Address,
        "procname" => Holds::Process,
        "path" => Holds::Path,
        "pid" | "tid" | "asked_tid" => Holds::Pid,
        "ret" => Holds::Return,
        "args" | "context" => Holds::Arguments,
        "events" => Holds::Events,
        "stream" => Holds::Text,
        _ => Holds::Fixed,
    }
}

/// What an argument that is a text holds; `more` are further names of arguments that hold file names.
pub fn of_text(name: &str, more: &[String]) -> Holds {
    static CONTRACT: LazyLock<Vec<String>> = LazyLock::new(|| contract::events().path_arguments);
    let name = name.strip_suffix("_bytes").unwrap_or(name);
    let name = name.strip_suffix("_str").unwrap_or(name);
    let is_path = PATHS.contains(&name) || CONTRACT.iter().chain(more).any(|n| n == name);
    match is_path {
        true => Holds::Path,
        false if PROCESSES.contains(&name) => Holds::Process,
        false => Holds::Text,
    }
}

/// What an argument that is a number holds.
pub fn of_number(name: &str, point: bool) -> Holds {
    match PIDS.contains(&name) || (point && POINT_PIDS.contains(&name)) {
        true => Holds::Pid,
        false => Holds::Number,
    }
}

/// What the system call `name` returned with `value`; errors are no numbers of processes.
pub fn of_return(name: &str, value: i64) -> Holds {
    match name {
        _ if value < 0 => Holds::Number,
        "time" => Holds::Seconds,
        name if RETURNS_PIDS.contains(&name.strip_prefix("compat_").unwrap_or(name)) => Holds::Pid,
        _ => Holds::Number,
    }
}

/// Whether an argument that is a list holds an address.
pub fn is_address(name: &str) -> bool {
    let name = name.strip_suffix("_list").unwrap_or(name);
    ADDRESSES.contains(&name)
}

/// The events that rows are, so far as they are events.
#[derive(Default)]
pub struct Rows {
    names: Option<StringArray>,
    phases: Option<StringArray>,
}

impl Rows {
    /// Of a table.
    ///
    /// # Errors
    /// Where its columns are none of a dataset.
    pub fn of_batch(batch: &RecordBatch) -> Result<Self> {
        let text = |name: &str| batch.column_by_name(name).map(plain).transpose();
        Ok(Rows {
            names: text("name")?,
            phases: text("phase")?,
        })
    }

    /// Of nested events.
    ///
    /// # Errors
    /// As [`Rows::of_batch`].
    pub fn of_struct(items: &StructArray) -> Result<Self> {
        let text = |name: &str| items.column_by_name(name).map(plain).transpose();
        Ok(Rows {
            names: text("name")?,
            phases: text("phase")?,
        })
    }

    /// For the items of a list: each is of its list's row.
    pub fn spread(&self, list: &ListArray) -> Rows {
        let offsets = list.value_offsets();
        let spread = |texts: &StringArray| -> StringArray {
            let before = std::iter::repeat_n(None, offsets[0] as usize);
            let items = (0..list.len()).flat_map(|row| {
                let text = texts.is_valid(row).then(|| texts.value(row));
                std::iter::repeat_n(text, (offsets[row + 1] - offsets[row]) as usize)
            });
            let mut all: Vec<Option<&str>> = before.chain(items).collect();
            all.resize(list.values().len(), None);
            all.into_iter().collect()
        };
        Rows {
            names: self.names.as_ref().map(spread),
            phases: self.phases.as_ref().map(spread),
        }
    }

    /// Name of a row's event; empty where it is none.
    pub fn name(&self, row: usize) -> &str {
        self.names.as_ref().map_or("", |names| names.value(row))
    }

    /// Whether a row's event is no system call.
    pub fn is_point(&self, row: usize) -> bool {
        let phases = self.phases.as_ref();
        phases.is_some_and(|phases| phases.value(row) == "point")
    }
}
