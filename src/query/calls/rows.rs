//! Rows of `syscalls`, made of the rows of events that are their sides.

use super::layout::{Column, Errnos, Layout, Of};
use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, RecordBatch, RecordBatchOptions,
    StringArray, new_null_array,
};
use arrow::compute::{cast, concat, interleave};
use arrow::datatypes::{DataType, Int32Type, Int64Type, SchemaRef};
use datafusion::common::Result;
use std::sync::Arc;

/// A row of an event: the number of its batch, and its number there.
pub(super) type Place = (usize, usize);

/// The events of a call; one at least is there.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    pub entry: Option<Place>,
    pub exit: Option<Place>,
}

impl Call {
    /// The call of these events.
    pub(super) fn of(entry: Option<Place>, exit: Option<Place>) -> Self {
        Call { entry, exit }
    }
}

/// The rows of `calls`, whose places are in `batches`.
pub(super) fn rows(
    layout: &Layout,
    batches: &[RecordBatch],
    calls: &[Call],
) -> Result<RecordBatch> {
    let columns = layout.columns.iter().zip(layout.schema.fields());
    let columns = columns.map(|(column, field)| match column.from {
        Some(from) => {
            let sources: Vec<&dyn Array> =
                batches.iter().map(|b| b.column(from).as_ref()).collect();
            values(column, &sources, calls, &layout.errnos)
        }
        None => Ok(new_null_array(field.data_type(), calls.len())),
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
    let count = RecordBatchOptions::new().with_row_count(Some(calls.len()));
    let schema = Arc::clone(&layout.schema);
    Ok(RecordBatch::try_new_with_options(schema, columns, &count)?)
}

fn values(
    column: &Column,
    sources: &[&dyn Array],
    calls: &[Call],
    errnos: &Errnos,
) -> Result<ArrayRef> {
    let has = |place: &Place| sources[place.0].is_valid(place.1);
    let place = |call: &Call| match column.of {
        Of::Entry => call.entry,
        Of::Exit | Of::Errno => call.exit,
        Of::ExitElseEntry => call.exit.filter(has).or(call.entry),
        Of::EntryElseExit => call.entry.filter(has).or(call.exit),
    };
    // What is nowhere comes from a batch of nothing.
    let absent = (sources.len(), 0);
    let places = calls.iter().map(|call| place(call).unwrap_or(absent));
    let places: Vec<Place> = places.collect();
    let values = if places.contains(&absent) {
        let nothing = new_null_array(sources[0].data_type(), 1);
        let mut all = sources.to_vec();
        all.push(nothing.as_ref());
        gathered(&all, &places)?
    } else {
        gathered(sources, &places)?
    };
    match column.of {
        Of::Errno => names(&values, errnos),
        _ => Ok(values),
    }
}

/// The values at `places` of `sources`.
fn gathered(sources: &[&dyn Array], places: &[Place]) -> Result<ArrayRef> {
    let words = sources
        .iter()
        .map(|source| source.as_dictionary_opt::<Int32Type>());
    let Some(words) = words.collect::<Option<Vec<_>>>() else {
        return Ok(interleave(sources, places)?);
    };
    // The words of all, one source after the other, so that a row needs no look at its word.
    let lists: Vec<&dyn Array> = words.iter().map(|words| words.values().as_ref()).collect();
    let all = concat(&lists)?;
    if i32::try_from(all.len()).is_err() {
        return Ok(interleave(sources, places)?);
    }
    let begins = lists.iter().scan(0, |begin, list| {
        *begin += list.len() as i32;
        Some(*begin - list.len() as i32)
    });
    let begins: Vec<i32> = begins.collect();
    let key = |(source, row): &Place| {
        let keys = words[*source].keys();
        keys.is_valid(*row)
            .then(|| keys.value(*row) + begins[*source])
    };
    let keys: Int32Array = places.iter().map(key).collect();
    Ok(Arc::new(DictionaryArray::try_new(keys, all)?))
}

/// Names of the errors that return values stand for.
fn names(returned: &ArrayRef, errnos: &Errnos) -> Result<ArrayRef> {
    let returned = cast(returned, &DataType::Int64)?;
    let name = |ret: Option<i64>| errnos.get(&ret?.checked_neg()?).map(String::as_str);
    let returned = returned.as_primitive::<Int64Type>();
    let names: StringArray = returned.iter().map(name).collect();
    Ok(Arc::new(names))
}

/// A copy of the rows at `places` of `batches`, which holds nothing else of them.
pub(super) fn copy(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    places: &[Place],
) -> Result<RecordBatch> {
    if places.is_empty() {
        return Ok(RecordBatch::new_empty(Arc::clone(schema)));
    }
    let columns = (0..schema.fields().len()).map(|number| {
        let sources: Vec<&dyn Array> = batches.iter().map(|b| b.column(number).as_ref()).collect();
        let copied = interleave(&sources, places)?;
        match copied.data_type() {
            // It has all words of its sources, and would have more each time.
            DataType::Dictionary(_, value) => {
                let words = cast(&copied, value)?;
                Ok(cast(&words, copied.data_type())?)
            }
            _ => Ok(copied),
        }
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
