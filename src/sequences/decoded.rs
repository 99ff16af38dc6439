//! Rows of `events` as columns of numbers.

use super::arguments::{self, FLAGS, First, SIZES, components};
use super::codes::{self, ABSENT, UNKNOWN};
use super::columns::{Arguments, Columns, Paths};
use super::downstream::Downstream;
use super::options::{Kinds, Options, Reach};
use super::typed::{lacks, numbers, values};
use super::words::{NONE, Words, dictionary};
use crate::error::{Error, Result};
use arrow::array::{Array, ArrayRef, AsArray, PrimitiveArray, RecordBatch};
use arrow::datatypes::{Int32Type, Int64Type, TimestampNanosecondType};
use std::collections::HashMap;
use std::ops::Range;
use std::path::Path;

/// The owner of an event that is of no request.
pub(super) const NOBODY: i64 = -1;

/// Events of a recording, in order.
#[derive(Debug, Default)]
pub(super) struct Decoded {
    /// `event_id`.
    pub ids: Vec<i64>,
    /// `request_id` of the request in whose reach it is, or [`NOBODY`]; of no meaning for windows.
    pub owners: Vec<i64>,
    pub columns: Columns,
    /// Rows that were read to get there.
    pub rows: usize,
}

impl Decoded {
    /// Adds a run of others.
    pub(super) fn append(&mut self, from: &Decoded, run: &Range<usize>) {
        self.ids.extend_from_slice(&from.ids[run.clone()]);
        let owners = from.owners.get(run.clone());
        self.owners.extend_from_slice(owners.unwrap_or_default());
        if from.columns.arguments.is_some() {
            self.columns.arguments.get_or_insert_default();
        }
        self.columns.append(&from.columns, run);
    }
}

/// The words of all kinds.
#[derive(Debug, Default)]
pub(super) struct AllWords {
    pub call: Words,
    pub process: Words,
    pub flags: Words,
    pub path: Words,
}

/// The codes of words by their numbers, of the kinds of [`AllWords`].
#[derive(Debug, Default)]
pub(super) struct Codes {
    pub call: Vec<i32>,
    pub process: Vec<i32>,
    pub flags: Vec<i32>,
    pub path: Vec<i32>,
}

/// What decodes.
pub(super) struct Decoder {
    reach: Reach,
    kinds: Kinds,
    arguments: bool,
    pub words: AllWords,
    /// The words of flags by their values.
    flags: HashMap<i64, i32>,
    /// In the second pass.
    codes: Option<Codes>,
}

impl Decoder {
    /// Of the first pass.
    pub(super) fn new(options: &Options) -> Self {
        Decoder {
            reach: options.reach,
            kinds: options.kinds.clone(),
            arguments: options.arguments,
            words: AllWords::default(),
            flags: HashMap::new(),
            codes: None,
        }
    }

    /// The same for the second pass, when words have codes.
    pub(super) fn with_codes(self, codes: Codes) -> Self {
        Decoder {
            codes: Some(codes),
            ..self
        }
    }

    /// The columns of `events` that it needs.
    pub(super) fn needed(&self) -> Vec<String> {
        let mut needed = vec!["event_id", "name", "phase", "procname"];
        match self.reach {
            Reach::Own => needed.push("request_id"),
            Reach::Causal => needed.extend(["request_id", "service_id"]),
            Reach::Window => {}
        }
        if self.codes.is_some() {
            needed.extend(["timestamp", "pid", "tid", "ret"]);
            needed.extend(self.arguments.then_some("fd"));
        }
        needed.extend(self.arguments.then_some("path"));
        let mut needed: Vec<String> = needed.into_iter().map(str::to_owned).collect();
        if self.arguments {
            needed.extend(arguments::columns(&FLAGS));
            if self.codes.is_some() {
                needed.extend(arguments::columns(&SIZES));
            }
        }
        needed
    }

    /// The events of a batch that are asked for; of the file `path`.
    ///
    /// # Errors
    /// [`Error::Input`] where it has not the columns.
    pub(super) fn decode(
        &mut self,
        batch: &RecordBatch,
        downstream: &Downstream,
        path: &Path,
    ) -> Result<Decoded> {
        let phases = phases(batch, path)?;
        let names = text(batch, "name", path)?;
        let rows = self.wanted(names, &phases, path)?;
        let ids = values::<Int64Type>(batch, "event_id", path)?;
        let owners = self.owners(batch, &rows, downstream, path)?;
        let mut columns = Columns::new(self.arguments);
        columns.call = self.codes_of(names, &rows, |w| &mut w.call, |c| &c.call, path)?;
        let processes = text(batch, "procname", path)?;
        columns.process =
            self.codes_of(processes, &rows, |w| &mut w.process, |c| &c.process, path)?;
        if self.codes.is_some() {
            fill(&mut columns, batch, (&rows, &phases), path)?;
        }
        if let Some(arguments) = &mut columns.arguments {
            self.fill_arguments(arguments, batch, &rows, path)?;
        }
        Ok(Decoded {
            ids: rows.iter().map(|row| ids[*row]).collect(),
            owners,
            columns,
            rows: 0,
        })
    }

    /// The rows that are asked for.
    fn wanted(&self, names: &ArrayRef, phases: &[i32], path: &Path) -> Result<Vec<usize>> {
        let patterns = match &self.kinds {
            Kinds::All => return Ok((0..phases.len()).collect()),
            Kinds::Syscalls => {
                let is_call = |row: &usize| phases[*row] != POINT;
                return Ok((0..phases.len()).filter(is_call).collect());
            }
            Kinds::Named(patterns) => patterns,
        };
        let (keys, texts) = dictionary(names).map_err(Error::columns_read(path))?;
        let texts = texts.as_string::<i32>().iter();
        let matched = texts.map(|text| text.is_some_and(|t| patterns.iter().any(|p| p.matches(t))));
        let matched: Vec<bool> = matched.collect();
        let rows = keys.into_iter().enumerate();
        Ok(rows
            .filter(|(_, key)| key.is_some_and(|key| matched[key]))
            .map(|(row, _)| row)
            .collect())
    }

    /// The requests in whose reach events are.
    fn owners(
        &self,
        batch: &RecordBatch,
        rows: &[usize],
        downstream: &Downstream,
        path: &Path,
    ) -> Result<Vec<i64>> {
        if self.reach == Reach::Window {
            return Ok(Vec::new());
        }
        let requests = numbers::<Int64Type>(batch, "request_id", path)?;
        let services = match self.reach {
            Reach::Causal => Some(numbers::<Int64Type>(batch, "service_id", path)?),
            Reach::Own | Reach::Window => None,
        };
        let owner = |row: &usize| match requests.is_valid(*row) {
            true => requests.value(*row),
            false => {
                let service = services.filter(|services| services.is_valid(*row));
                let request = service.and_then(|services| downstream.request(services.value(*row)));
                request.unwrap_or(NOBODY)
            }
        };
        Ok(rows.iter().map(owner).collect())
    }

    /// Some rows of a column of texts: numbers of words, or their codes.
    fn codes_of(
        &mut self,
        column: &ArrayRef,
        rows: &[usize],
        words: impl Fn(&mut AllWords) -> &mut Words,
        codes: impl Fn(&Codes) -> &Vec<i32>,
        path: &Path,
    ) -> Result<Vec<i32>> {
        let all = words(&mut self.words).of_column(column);
        let all = all.map_err(Error::columns_read(path))?;
        let codes = self.codes.as_ref().map(codes);
        Ok(rows.iter().map(|row| code(codes, all[*row])).collect())
    }

    fn fill_arguments(
        &mut self,
        to: &mut Arguments,
        batch: &RecordBatch,
        rows: &[usize],
        path: &Path,
    ) -> Result<()> {
        let flags = First::of(batch, &FLAGS);
        to.flags = rows
            .iter()
            .map(|row| self.flag(flags.value(*row)))
            .collect();
        to.paths = self.paths(text(batch, "path", path)?, rows, path)?;
        if self.codes.is_some() {
            let fds = numbers::<Int64Type>(batch, "fd", path)?;
            let fds = rows
                .iter()
                .map(|row| fds.is_valid(*row).then(|| fds.value(*row)));
            to.fd = fds.map(codes::descriptor).collect();
            let sizes = First::of(batch, &SIZES);
            to.size = rows
                .iter()
                .map(|row| sizes.value(*row).map_or(-1, |size| size.max(-1)))
                .collect();
        }
        Ok(())
    }

    fn flag(&mut self, value: Option<i64>) -> i32 {
        let number = value.map_or(NONE, |value| {
            let words = &mut self.words.flags;
            *self
                .flags
                .entry(value)
                .or_insert_with(|| words.number(&value.to_string()))
        });
        code(self.codes.as_ref().map(|codes| &codes.flags), number)
    }

    fn paths(&mut self, column: &ArrayRef, rows: &[usize], path: &Path) -> Result<Paths> {
        let (keys, texts) = dictionary(column).map_err(Error::columns_read(path))?;
        let codes = self.codes.as_ref().map(|codes| &codes.path);
        let texts = texts.as_string::<i32>().iter();
        let lists = texts.map(|text| {
            let names = text.into_iter().flat_map(components);
            names
                .map(|name| code(codes, self.words.path.number(name)))
                .collect()
        });
        let lists: Vec<Vec<i32>> = lists.collect();
        let mut paths = Paths::default();
        for row in rows {
            let list = keys[*row].map(|key| lists[key].as_slice());
            paths.push(list.unwrap_or_default().iter().copied());
        }
        Ok(paths)
    }
}

/// What a word is written as: its code, or in the first pass its number.
fn code(codes: Option<&Vec<i32>>, number: i32) -> i32 {
    match (codes, usize::try_from(number)) {
        (None, _) => number,
        (Some(_), Err(_)) => ABSENT,
        (Some(codes), Ok(number)) => codes.get(number).copied().unwrap_or(UNKNOWN),
    }
}

/// A column of texts.
fn text<'a>(batch: &'a RecordBatch, name: &str, path: &Path) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| lacks(name, path))
}

/// The phase of what is no system call.
const POINT: i32 = 3;

/// Phases by number.
fn phases(batch: &RecordBatch, path: &Path) -> Result<Vec<i32>> {
    let (keys, texts) =
        dictionary(text(batch, "phase", path)?).map_err(Error::columns_read(path))?;
    let texts = texts.as_string::<i32>().iter();
    let numbers = texts.map(|text| match text {
        Some("entry") => 1,
        Some("exit") => 2,
        _ => POINT,
    });
    let numbers: Vec<i32> = numbers.collect();
    Ok(keys
        .into_iter()
        .map(|key| key.map_or(POINT, |key| numbers[key]))
        .collect())
}

/// The columns of numbers.
fn fill(
    to: &mut Columns,
    batch: &RecordBatch,
    (rows, phases): (&[usize], &[i32]),
    path: &Path,
) -> Result<()> {
    let times = values::<TimestampNanosecondType>(batch, "timestamp", path)?;
    let ints = |name| numbers::<Int32Type>(batch, name, path);
    let (pids, tids) = (ints("pid")?, ints("tid")?);
    let returned = numbers::<Int64Type>(batch, "ret", path)?;
    let or_none = |column: &PrimitiveArray<Int32Type>, row: usize| match column.is_valid(row) {
        true => column.value(row),
        false => NONE,
    };
    to.phase = rows.iter().map(|row| phases[*row]).collect();
    to.time = rows.iter().map(|row| times[*row]).collect();
    to.pid = rows.iter().map(|row| or_none(pids, *row)).collect();
    to.tid = rows.iter().map(|row| or_none(tids, *row)).collect();
    let outcome = |row: &usize| match returned.is_valid(*row) {
        false => (0, 0),
        true => match returned.value(*row) {
            error @ -4095..0 => (2, -error as i32),
            _ => (1, 0),
        },
    };
    (to.outcome, to.errno) = rows.iter().map(outcome).unzip();
    Ok(())
}
