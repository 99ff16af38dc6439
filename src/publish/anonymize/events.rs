//! Which events rows are, so that what their arguments hold can be looked up: their names, and the values of the
//! arguments that others depend on.

use super::decided::ByExit;
use super::table::Of;
use crate::error::Result;
use arrow::array::{Array, ArrayRef, AsArray, Int64Array, ListArray, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

/// The events that have occurred, by number.
#[derive(Debug, Default)]
pub(super) struct Names {
    numbers: HashMap<String, [Option<u32>; 3]>,
    names: Vec<(String, Side)>,
}

/// Which side of a system call an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Entry,
    Exit,
    /// It is no system call.
    Point,
}

impl Side {
    /// By the column `phase`.
    fn of(phase: &str) -> Side {
        match phase {
            "point" => Side::Point,
            "exit" => Side::Exit,
            // Nothing was returned, as far as anybody says.
            _ => Side::Entry,
        }
    }
}

impl Names {
    /// The number of an event's name and side.
    fn number(&mut self, name: &str, side: Side) -> u32 {
        if let Some(number) = self.numbers.get(name).and_then(|n| n[side as usize]) {
            return number;
        }
        let number = self.names.len() as u32;
        self.names.push((name.to_owned(), side));
        self.numbers.entry(name.to_owned()).or_default()[side as usize] = Some(number);
        number
    }

    /// Whether the event of this number is the entry of a call, which has returned nothing yet.
    pub(super) fn is_entry(&self, number: u32) -> bool {
        self.names[number as usize].1 == Side::Entry
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.names.len()
    }

    /// The event of this number.
    pub(super) fn of(&self, number: u32) -> Of<'_> {
        let (name, side) = &self.names[number as usize];
        match side {
            Side::Point => Of::Point(name),
            Side::Entry | Side::Exit => Of::Call(name),
        }
    }
}

/// The events that the rows of a table are, or the items of a list of it.
#[derive(Clone)]
pub(super) struct Rows {
    base: Arc<Base>,
    /// For items of lists: the row that each is of.
    at: Option<Arc<[u32]>>,
}

struct Base {
    numbers: Vec<u32>,
    /// Whether they are entries of calls.
    entries: Vec<bool>,
    ids: Option<Int64Array>,
    deciders: HashMap<String, Int64Array>,
    exits: Option<Arc<ByExit>>,
}

impl Rows {
    /// Of columns with these names; nothing where they are no events.
    ///
    /// # Errors
    /// Where they are not those of a dataset.
    pub(super) fn of<'a>(
        column: impl Fn(&str) -> Option<&'a ArrayRef>,
        names: &mut Names,
        deciders: &BTreeSet<String>,
        exits: Option<Arc<ByExit>>,
    ) -> Result<Option<Rows>> {
        let (Some(name), Some(phase)) = (column("name"), column("phase")) else {
            return Ok(None);
        };
        let (name, phase) = (plain(name)?, plain(phase)?);
        let numbers =
            (0..name.len()).map(|row| names.number(name.value(row), Side::of(phase.value(row))));
        let numbers: Vec<u32> = numbers.collect();
        let entries = numbers.iter().map(|n| names.is_entry(*n)).collect();
        let mut values = HashMap::new();
        if let Some(args) = column("args").and_then(|args| args.as_struct_opt()) {
            for decider in deciders {
                let array = args.column_by_name(decider);
                let array = array.and_then(|a| a.as_primitive_opt::<Int64Type>());
                values.extend(array.map(|array| (decider.clone(), array.clone())));
            }
        }
        let ids = column("event_id").and_then(|ids| ids.as_primitive_opt::<Int64Type>());
        let base = Base {
            numbers,
            entries,
            ids: ids.cloned(),
            deciders: values,
            exits,
        };
        Ok(Some(Rows {
            base: Arc::new(base),
            at: None,
        }))
    }

    /// For the items of a list: each is of its list's row.
    pub(super) fn spread(&self, list: &ListArray) -> Rows {
        let offsets = list.value_offsets();
        let mut at = vec![0; list.values().len()];
        for row in 0..list.len() {
            let own = self.row(row) as u32;
            at[offsets[row] as usize..offsets[row + 1] as usize].fill(own);
        }
        Rows {
            base: Arc::clone(&self.base),
            at: Some(at.into()),
        }
    }

    fn row(&self, at: usize) -> usize {
        self.at.as_ref().map_or(at, |rows| rows[at] as usize)
    }

    /// The number of the event at a place.
    pub(super) fn number(&self, at: usize) -> u32 {
        self.base.numbers[self.row(at)]
    }

    /// Whether the event at a place is the entry of a call.
    pub(super) fn is_entry(&self, at: usize) -> bool {
        self.base.entries[self.row(at)]
    }

    /// The value of an argument of the event at a place that others depend on: the event's own, or that of the entry
    /// that the event is the exit of.
    pub(super) fn decider(&self, at: usize, name: &str) -> Option<i64> {
        let row = self.row(at);
        let own = self.base.deciders.get(name);
        let own = own.filter(|values| values.is_valid(row));
        if let Some(own) = own {
            return Some(own.value(row));
        }
        let id = self.base.ids.as_ref()?.value(row);
        self.base.exits.as_ref()?.value(id)
    }
}

/// An array of texts, plain.
fn plain(array: &ArrayRef) -> Result<StringArray> {
    let plain = cast(array, &DataType::Utf8).map_err(super::arrays::failed)?;
    Ok(plain.as_string::<i32>().clone())
}
