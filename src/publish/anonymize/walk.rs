//! The way through a batch: each column by what the contract says that it holds, each argument by what the table says,
//! down to the values, which `values` changes.

use super::anonymizer::Anonymizer;
use super::arrays::{failed, rebuilt};
use super::events::Rows;
use super::fate::{ArgumentPlace, Choice, Fate, Known};
use super::table::{Of, bare};
use crate::columns::schema::contract::Column;
use crate::columns::schema::holds::Holds;
use crate::columns::schema::types::field_name;
use crate::error::{self, Error, Result};
use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StructArray, new_null_array};
use arrow::datatypes::{DataType, Field, Fields};
use std::sync::Arc;

impl Anonymizer {
    /// A batch of a table.
    pub(super) fn table(&mut self, table: &str, batch: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let contract = self.contracts.get(table).cloned().unwrap_or_default();
        let ids = batch.column_by_name("trace_id").filter(|c| !c.is_empty());
        let trace_id = ids.and_then(|ids| {
            let first = arrow::compute::cast(&ids.slice(0, 1), &DataType::Utf8).ok()?;
            Some(first.as_string::<i32>().value(0).to_owned())
        });
        let trace_id = trace_id.unwrap_or_default();
        self.current = self.exits.get(&trace_id).cloned();
        self.time = self.times.of(&trace_id);
        let schema = batch.schema();
        self.columns(&contract, schema.fields(), batch.columns())
    }

    /// Columns that the contract describes, of a table or of the items of a list.
    fn columns(
        &mut self,
        contract: &[Column],
        fields: &Fields,
        arrays: &[ArrayRef],
    ) -> Result<Vec<ArrayRef>> {
        let column = |name: &str| {
            let at = fields.iter().position(|f| f.name() == name)?;
            arrays.get(at)
        };
        let current = self.current.clone();
        let rows = Rows::of(column, &mut self.names, &self.deciders, current)?;
        let pairs = fields.iter().zip(arrays);
        pairs
            .map(|(field, array)| {
                let column = contract.iter().find(|c| c.name == *field.name());
                self.column(column, field, array, rows.as_ref())
            })
            .collect()
    }

    fn column(
        &mut self,
        column: Option<&Column>,
        field: &Field,
        array: &ArrayRef,
        rows: Option<&Rows>,
    ) -> Result<ArrayRef> {
        let holds = column.and_then(|c| Some((c, c.holds?)));
        let name = field.name().as_str();
        let result = match (holds, rows) {
            (Some((c, Holds::Members)), rows) => match (array.data_type(), rows) {
                (DataType::List(_), _) => self.items(&c.items, array)?,
                (DataType::Struct(_), Some(rows)) => {
                    self.structure(&[], array, rows, (name == "context", false))?
                }
                _ => new_null_array(array.data_type(), array.len()),
            },
            (Some((_, Holds::Argument)), Some(rows)) => {
                let place = [name.to_owned()];
                self.argument(&place, array, rows, (false, false))?
            }
            // It is an argument of a call that nobody may know.
            (Some((_, Holds::Descriptor)), Some(rows)) => {
                let known: Vec<Fate> = (0..self.names.len() as u32)
                    .map(|n| {
                        Fate::of(
                            self.table
                                .knows(self.names.of(n))
                                .then_some(Holds::Descriptor),
                        )
                    })
                    .collect();
                self.leaf(name, array, &Choice::Events(&known, rows), false)?
            }
            (Some((_, holds)), _) if holds != Holds::Argument => {
                let fate = Fate::said(holds);
                self.leaf(name, array, &Choice::One(fate), false)?
            }
            _ => {
                self.told.column(name);
                self.leaf(name, array, &Choice::One(Fate::of(None)), false)?
            }
        };
        if !field.is_nullable() && result.null_count() > array.null_count() {
            let what = match array.data_type() {
                DataType::Timestamp(..) => format!(
                    "a time of the column {name} is more than a day before or after the recording"
                ),
                _ => format!("nobody says what the column {name} holds, and it cannot be left out"),
            };
            return Err(Error::input(
                what,
                error::Place::file("schemas"),
                "Make the dataset again with this version of sysds.",
            ));
        }
        Ok(result)
    }

    /// A list of structures of the contract.
    fn items(&mut self, contract: &[Column], array: &ArrayRef) -> Result<ArrayRef> {
        let list = array.as_list::<i32>();
        let items = list.values().as_struct();
        let columns = self.columns(contract, items.fields(), items.columns())?;
        let items = StructArray::try_new(items.fields().clone(), columns, items.nulls().cloned());
        rebuilt(list, Arc::new(items.map_err(failed)?))
    }

    /// A structure of arguments, or of context fields; `above` are the names of those that it is in, `how` says whether
    /// it is of a context, and in a list.
    fn structure(
        &mut self,
        above: &[String],
        array: &ArrayRef,
        rows: &Rows,
        how: (bool, bool),
    ) -> Result<ArrayRef> {
        let members = array.as_struct();
        let mut columns = Vec::new();
        for (field, array) in members.fields().iter().zip(members.columns()) {
            let mut place = above.to_vec();
            place.push(field_name(field).to_owned());
            columns.push(self.argument(&place, array, rows, how)?);
        }
        let whole =
            StructArray::try_new(members.fields().clone(), columns, members.nulls().cloned());
        Ok(Arc::new(whole.map_err(failed)?))
    }

    /// An argument, or a part of one; `how` says whether it is of a context, and in a list.
    fn argument(
        &mut self,
        place: &[String],
        array: &ArrayRef,
        rows: &Rows,
        how: (bool, bool),
    ) -> Result<ArrayRef> {
        match array.data_type() {
            DataType::Struct(_) => self.structure(place, array, rows, how),
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                let mut place = place.to_vec();
                if let Some(name) = place.last_mut() {
                    name.push_str("[]");
                }
                if let DataType::Int64 = list.value_type()
                    && let Some(changed) = self.whole_lists(&place, list, rows, how.0)?
                {
                    return Ok(changed);
                }
                let spread = rows.spread(list);
                let items = self.argument(&place, list.values(), &spread, (how.0, true))?;
                rebuilt(list, items)
            }
            _ => {
                let (key, known) = self.known_of(place, array, rows, how.0);
                let name = place.last().map_or("", String::as_str);
                let returned = place.len() == 1 && name == "ret" && !how.0;
                let name = bare(name);
                let choice = Choice::Arguments {
                    known: &known,
                    rows,
                    context: how.0,
                    returned,
                };
                let result = self.leaf(name, array, &choice, how.1);
                self.known.insert(key, known);
                result
            }
        }
    }

    /// What is known of an argument, for each event that occurs; looked up for those that have it here. It is taken out
    /// of what is remembered, and the caller puts it back.
    pub(super) fn known_of(
        &mut self,
        place: &[String],
        array: &dyn Array,
        rows: &Rows,
        context: bool,
    ) -> (ArgumentPlace, Vec<Known>) {
        let text = is_text(array.data_type());
        // The name of a field may have a dot in it.
        let key = (place.join("\0"), context, text);
        let mut known = self.known.remove(&key).unwrap_or_default();
        let size = if context { 1 } else { self.names.len() };
        known.resize(size, Known::Unasked);
        let place: Vec<&str> = place.iter().map(String::as_str).collect();
        for at in (0..array.len()).filter(|at| array.is_valid(*at)) {
            let number = if context { 0 } else { rows.number(at) };
            let slot = &mut known[number as usize];
            if matches!(
                slot,
                Known::Said(_) | Known::Policy(_) | Known::Nothing(true)
            ) {
                continue;
            }
            let of = match context {
                true => Of::Context,
                false => self.names.of(number),
            };
            let entry = !context && self.names.is_entry(number);
            *slot = self.look_up(of, entry, &place, text);
            if let Known::Nothing(noted) = slot {
                *noted = true;
                self.told.argument(of, &place, text);
            }
        }
        (key, known)
    }

    /// What is known of an argument of an event, which is the `entry` of a call or not.
    fn look_up(&self, of: Of, entry: bool, place: &[&str], text: bool) -> Known {
        if let Some((holds, names)) = self.policy.argument(of, place, text) {
            self.told.used(names);
            return Known::Policy(holds);
        }
        // What a call returns is not what its entry has under that name.
        if entry && place == ["ret"] {
            return Known::Nothing(false);
        }
        match self.table.rule(of, place, text) {
            Some(rule) => Known::Said(rule.clone()),
            None => Known::Nothing(false),
        }
    }
}

fn is_text(of: &DataType) -> bool {
    match of {
        DataType::List(item) => is_text(item.data_type()),
        other => matches!(
            other,
            DataType::Utf8 | DataType::Binary | DataType::Dictionary(..)
        ),
    }
}
