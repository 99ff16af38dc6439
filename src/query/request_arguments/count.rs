//! The counting, of a batch of requests.
//!
//! It goes by argument, since most are null in most events, and within that by request.

use super::super::output::{json_options, text_columns};
use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, ListArray, RecordBatch,
    StringArray, StringBuilder, StructArray, UInt32Array,
};
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field, Fields, Int64Type, Schema, SchemaRef};
use datafusion::error::{DataFusionError, Result};
use std::collections::HashMap;
use std::fmt::Write;
use std::hash::Hash;
use std::sync::Arc;

/// What is counted, beside columns of requests.
pub(super) fn fields() -> Vec<Field> {
    let words = DataType::Dictionary(DataType::Int32.into(), DataType::Utf8.into());
    vec![
        Field::new("call", words.clone(), false),
        Field::new("phase", words.clone(), false),
        Field::new("argument", words, false),
        Field::new("value", DataType::Utf8, false),
        Field::new("times", DataType::Int64, false),
    ]
}

/// The members of an event in `requests.events`; `None` where it has no arguments.
pub(super) fn arguments(events: &DataType) -> Option<&Fields> {
    let DataType::List(element) = events else {
        return None;
    };
    let DataType::Struct(members) = element.data_type() else {
        return None;
    };
    members.find("name").and(members.find("phase"))?;
    match members.find("args")?.1.data_type() {
        DataType::Struct(arguments) => Some(arguments),
        _ => None,
    }
}

/// Rows of the table as they are counted.
#[derive(Default)]
struct Counted {
    requests: Vec<u32>,
    kinds: Vec<u32>,
    arguments: Vec<i32>,
    values: StringBuilder,
    times: Vec<i64>,
}

/// The rows of the table for a batch of requests with their lists `events`. Those of the columns of `schema` that are not
/// counted are of the batch, by their names.
///
/// # Errors
/// [`DataFusionError::Execution`] where an event's columns are not what they should be, and where a value has no text.
pub(super) fn count(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let events = batch.column(batch.schema_ref().index_of("events")?);
    let (events, wrong) = (events.as_list_opt::<i32>(), || {
        DataFusionError::Execution("requests.events is no list of events with arguments".to_owned())
    });
    let events = events.ok_or_else(wrong)?;
    let members = events.values().as_struct_opt().ok_or_else(wrong)?;
    let member = |name: &str| members.column_by_name(name).ok_or_else(wrong);
    let arguments = member("args")?.as_struct_opt().ok_or_else(wrong)?;
    let kinds = Kinds::new(member("name")?, member("phase")?)?;
    let mut counted = Counted::default();
    counted.add_all(events, members, arguments, &kinds)?;
    counted.into_batch(batch, schema, arguments.fields(), &kinds)
}

/// Calls and their sides, by number.
struct Kinds {
    /// Of each event.
    numbers: Vec<u32>,
    calls: Vec<String>,
    phases: Vec<String>,
}

impl Kinds {
    fn new(names: &ArrayRef, phases: &ArrayRef) -> Result<Kinds> {
        let (names, phases) = (
            cast(names, &DataType::Utf8)?,
            cast(phases, &DataType::Utf8)?,
        );
        let (names, phases) = (names.as_string::<i32>(), phases.as_string::<i32>());
        let mut known: HashMap<(&str, &str), u32> = HashMap::new();
        let mut kinds = Kinds {
            numbers: Vec::with_capacity(names.len()),
            calls: Vec::new(),
            phases: Vec::new(),
        };
        for event in 0..names.len() {
            let kind = (names.value(event), phases.value(event));
            let number = known.entry(kind).or_insert_with(|| {
                kinds.calls.push(kind.0.to_owned());
                kinds.phases.push(kind.1.to_owned());
                kinds.calls.len() as u32 - 1
            });
            kinds.numbers.push(*number);
        }
        Ok(kinds)
    }
}

impl Counted {
    fn add_all(
        &mut self,
        events: &ListArray,
        members: &StructArray,
        arguments: &StructArray,
        kinds: &Kinds,
    ) -> Result<()> {
        let schema = Arc::new(Schema::new(arguments.fields().clone()));
        let columns = arguments.columns().to_vec();
        let texts = RecordBatch::try_new(Arc::clone(&schema), columns)?;
        let json = json_options(&schema);
        let mut texts = text_columns(&schema, &texts, &json).map_err(text_error)?;
        let there = |event: usize| members.is_valid(event) && arguments.is_valid(event);
        for (number, column) in arguments.columns().iter().enumerate() {
            if column.null_count() == column.len() {
                continue;
            }
            let valid = |event: &usize| there(*event) && column.is_valid(*event);
            let argument = number as i32;
            match column.data_type() {
                DataType::Int64 => {
                    let column = column.as_primitive::<Int64Type>();
                    let value = |event: usize, _: &mut String| Ok(Some(column.value(event)));
                    self.add(events, kinds, argument, valid, value)?;
                }
                DataType::Utf8 => {
                    let column = column.as_string::<i32>();
                    let value = |event: usize, _: &mut String| Ok(Some(column.value(event)));
                    self.add(events, kinds, argument, valid, value)?;
                }
                _ => {
                    let cells = &mut texts[number];
                    let value = |event: usize, text: &mut String| {
                        let is_there = cells.text(event, text).map_err(text_error)?;
                        Ok(is_there.then(|| text.clone()))
                    };
                    self.add(events, kinds, argument, valid, value)?;
                }
            }
        }
        Ok(())
    }

    /// Adds the values of one argument.
    fn add<V: Hash + Eq + std::fmt::Display>(
        &mut self,
        events: &ListArray,
        kinds: &Kinds,
        argument: i32,
        valid: impl Fn(&usize) -> bool,
        mut value: impl FnMut(usize, &mut String) -> Result<Option<V>>,
    ) -> Result<()> {
        let mut seen: HashMap<(u32, V), usize> = HashMap::new();
        let mut text = String::new();
        for request in (0..events.len()).filter(|request| events.is_valid(*request)) {
            let ends = &events.value_offsets()[request..request + 2];
            for event in (ends[0] as usize..ends[1] as usize).filter(&valid) {
                let Some(value) = value(event, &mut text)? else {
                    continue;
                };
                let rows = self.times.len();
                let row = *seen.entry((kinds.numbers[event], value)).or_insert(rows);
                match self.times.get_mut(row) {
                    Some(times) => *times += 1,
                    None => {
                        self.requests.push(request as u32);
                        self.times.push(1);
                    }
                }
            }
            self.end_request(argument, &mut seen)?;
        }
        Ok(())
    }

    /// Writes the rows that a request added, in their order.
    fn end_request<V: std::fmt::Display>(
        &mut self,
        argument: i32,
        seen: &mut HashMap<(u32, V), usize>,
    ) -> Result<()> {
        let first = self.kinds.len();
        let mut rows: Vec<(usize, (u32, V))> = seen.drain().map(|(key, row)| (row, key)).collect();
        rows.sort_unstable_by_key(|(row, _)| *row);
        debug_assert_eq!(first + rows.len(), self.times.len());
        for (_, (kind, value)) in rows {
            self.kinds.push(kind);
            self.arguments.push(argument);
            write!(self.values, "{value}").map_err(|e| DataFusionError::External(e.into()))?;
            self.values.append_value("");
        }
        Ok(())
    }

    fn into_batch(
        mut self,
        batch: &RecordBatch,
        schema: &SchemaRef,
        arguments: &Fields,
        kinds: &Kinds,
    ) -> Result<RecordBatch> {
        let requests = UInt32Array::from(self.requests);
        let words = |keys: Vec<i32>, words: StringArray| -> Result<ArrayRef> {
            let words = DictionaryArray::try_new(Int32Array::from(keys), Arc::new(words))?;
            Ok(Arc::new(words))
        };
        let of_kinds = || {
            self.kinds
                .iter()
                .map(|kind| *kind as i32)
                .collect::<Vec<_>>()
        };
        let names = arguments.iter().map(|field| field.name());
        let mut columns: Vec<ArrayRef> = Vec::new();
        for field in schema.fields() {
            columns.push(match field.name().as_str() {
                "call" => words(of_kinds(), StringArray::from_iter_values(&kinds.calls))?,
                "phase" => words(of_kinds(), StringArray::from_iter_values(&kinds.phases))?,
                "argument" => words(
                    std::mem::take(&mut self.arguments),
                    StringArray::from_iter_values(names.clone()),
                )?,
                "value" => Arc::new(self.values.finish()),
                "times" => Arc::new(Int64Array::from(std::mem::take(&mut self.times))),
                name => {
                    let column = batch.column(batch.schema_ref().index_of(name)?);
                    take(column, &requests, None)?
                }
            });
        }
        let rows = arrow::array::RecordBatchOptions::new().with_row_count(Some(requests.len()));
        Ok(RecordBatch::try_new_with_options(
            Arc::clone(schema),
            columns,
            &rows,
        )?)
    }
}

fn text_error(e: crate::error::Error) -> DataFusionError {
    DataFusionError::External(e.into())
}
