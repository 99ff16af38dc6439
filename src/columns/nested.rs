//! Columns of the events inside requests.
//!
//! They are encoded one by one, as those of `events` are, and not as one array of lists of structures: a column begins with
//! its first value, so that a group has no columns (and no siblings) that it does not need, and numbers go to their
//! column's writer as they were gathered. All of them share the levels that say which request an event is of; a column
//! that begins late, or ends early, is filled up with them.

use super::numbers::{Levels, Piece};
use super::parquet::{Content, Slot, Writers, schema_of, write_array};
use arrow::array::{Array, ArrayRef, ListArray, StructArray, new_null_array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Schema};
use parquet::arrow::arrow_writer::ArrowColumnWriter;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedRowGroupWriter;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::io::Write;
use std::ops::Range;
use std::sync::Arc;

/// The nested events of a row group's requests, being encoded.
pub struct NestedWriter {
    properties: WriterPropertiesPtr,
    shape: Shape,
    levels: Levels,
    /// By their numbers, which give the order.
    columns: BTreeMap<usize, Open>,
}

/// A column that was begun.
struct Open {
    slot: Slot,
    writers: Writers,
    /// Requests whose events it has.
    requests: usize,
}

impl NestedWriter {
    /// The events of requests that have so many each, none of them encoded, in a list called `name`.
    pub fn new(
        name: &'static str,
        lengths: impl Iterator<Item = usize> + Clone,
        properties: WriterPropertiesPtr,
    ) -> Self {
        let (mut events, mut slots) = (vec![0], vec![0]);
        for length in lengths.clone() {
            events.push(events[events.len() - 1] + length as i32);
            slots.push(slots[slots.len() - 1] + length.max(1));
        }
        NestedWriter {
            properties,
            shape: Shape {
                name,
                events,
                slots,
            },
            levels: Levels::of_lists(lengths),
            columns: BTreeMap::new(),
        }
    }

    /// Encodes the values that the column of this number has in the events of the `requests` of these numbers; they are
    /// counted from the first of these events on. `describe` says where the column stands and is asked at its first values.
    ///
    /// # Errors
    /// [`ParquetError`] where they cannot be encoded.
    pub fn write(
        &mut self,
        number: usize,
        requests: Range<usize>,
        describe: impl FnOnce() -> Slot,
        content: &Content,
    ) -> Result<(), ParquetError> {
        let shape = &self.shape;
        let column = match self.columns.entry(number) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let slot = describe();
                let schema = Schema::new(vec![list_of(shape.name, std::slice::from_ref(&slot))]);
                entry.insert(Open {
                    writers: Writers::new(schema, content, &self.properties)?,
                    slot,
                    requests: 0,
                })
            }
        };
        column.fill(requests.start, shape, &mut self.levels)?;
        column.requests = requests.end;
        match (&mut column.writers, content) {
            (Writers::Numbers(writer), Content::Numbers(numbers)) => {
                writer.write(numbers, &shape.piece(requests), &mut self.levels)
            }
            (Writers::Arrays(writers), Content::Array(array)) => {
                shape.write(writers, &column.slot, requests, Arc::clone(array))
            }
            _ => unreachable!("a column is given arrays or numbers, not both"),
        }
    }

    /// The list's field, in the order of the columns that were begun.
    pub fn field(&self) -> Field {
        let slots: Vec<Slot> = self.columns.values().map(|c| c.slot.clone()).collect();
        list_of(self.shape.name, &slots)
    }

    /// Ends the columns, and puts them into a row group.
    ///
    /// # Errors
    /// [`ParquetError`] where they cannot be written.
    pub fn append_to<W: Write + Send>(
        mut self,
        group: &mut SerializedRowGroupWriter<W>,
    ) -> Result<(), ParquetError> {
        let requests = self.shape.slots.len() - 1;
        for mut column in self.columns.into_values() {
            column.fill(requests, &self.shape, &mut self.levels)?;
            column.writers.append_to(group)?;
        }
        Ok(())
    }
}

impl Open {
    /// Fills up with nulls to so many requests.
    fn fill(
        &mut self,
        requests: usize,
        shape: &Shape,
        levels: &mut Levels,
    ) -> Result<(), ParquetError> {
        let missing = self.requests..requests;
        if missing.is_empty() {
            return Ok(());
        }
        self.requests = requests;
        match &mut self.writers {
            Writers::Numbers(writer) => writer.write_nulls(&shape.piece(missing), levels),
            Writers::Arrays(writers) => {
                let events = shape.events[missing.end] - shape.events[missing.start];
                let nulls = new_null_array(self.slot.field.data_type(), events as usize);
                shape.write(writers, &self.slot, missing, nulls)
            }
        }
    }
}

/// How the events are spread over the requests.
struct Shape {
    /// The list's name.
    name: &'static str,
    /// Where each request's events begin among all, and where the last's end.
    events: Vec<i32>,
    /// Where each request's levels begin, and where the last's end.
    slots: Vec<usize>,
}

impl Shape {
    fn piece(&self, requests: Range<usize>) -> Piece {
        Piece {
            levels: self.slots[requests.start]..self.slots[requests.end],
            first: self.events[requests.start] as usize,
        }
    }

    /// Encodes an array with a place for each event of some requests.
    fn write(
        &self,
        writers: &mut [ArrowColumnWriter],
        slot: &Slot,
        requests: Range<usize>,
        array: ArrayRef,
    ) -> Result<(), ParquetError> {
        let field = list_of(self.name, std::slice::from_ref(slot));
        let DataType::List(element) = field.data_type() else {
            unreachable!("made as a list")
        };
        let events = &self.events[requests.start..=requests.end];
        let offsets: Vec<i32> = events.iter().map(|at| at - events[0]).collect();
        let list = ListArray::new(
            Arc::clone(element),
            OffsetBuffer::new(offsets.into()),
            within(element.data_type(), array),
            None,
        );
        write_array(writers, &field, &(Arc::new(list) as ArrayRef))
    }
}

/// `array` in structures of the type `ty`, each of which has one member.
fn within(ty: &DataType, array: ArrayRef) -> ArrayRef {
    match ty {
        DataType::Struct(fields) if array.data_type() != ty => {
            let inner = within(fields[0].data_type(), array);
            Arc::new(StructArray::new(fields.clone(), vec![inner], None))
        }
        _ => array,
    }
}

/// A list that every row has, of structures of these columns; neighbours with the same parent come into one structure.
fn list_of(name: &str, slots: &[Slot]) -> Field {
    let fields = schema_of(slots.iter()).fields;
    let element = Field::new("element", DataType::Struct(fields), false);
    Field::new(name, DataType::List(Arc::new(element)), false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::columns::numbers::Numbers;
    use crate::columns::parquet::{properties, write_group};
    use arrow::array::{AsArray, Float64Array, Int64Array, StringArray};
    use arrow::datatypes::Int64Type;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use parquet::basic::Compression;

    /// Lists of so many elements each; the second batch begins after the third.
    const LENGTHS: [usize; 7] = [0, 3, 0, 2, 0, 0, 4];
    const BATCHES: [Range<usize>; 2] = [0..3, 3..7];

    fn slot(parent: Option<&'static str>, name: &str, ty: DataType, nullable: bool) -> Slot {
        Slot {
            parent,
            field: Field::new(name, ty, nullable),
        }
    }

    fn longs(values: &[Option<i64>]) -> Content {
        Content::Numbers(Numbers::Long(values.iter().copied().collect()))
    }

    /// The lists that are read from a file with nothing but them.
    fn read(writer: NestedWriter) -> ListArray {
        let schema = Schema::new(vec![writer.field()]);
        let properties = Arc::clone(&writer.properties);
        let mut file = Vec::new();
        let written = write_group(&mut file, &schema, &properties, |group| {
            writer.append_to(group)
        });
        written.unwrap();
        let reader = ParquetRecordBatchReaderBuilder::try_new(bytes::Bytes::from(file));
        let mut batches = reader.unwrap().build().unwrap();
        let batch = batches.next().unwrap().unwrap();
        assert!(batches.next().is_none());
        batch.column(0).as_list::<i32>().clone()
    }

    #[test]
    fn columns_of_any_kind_are_spread_over_the_lists_whenever_they_begin() {
        let properties = Arc::new(properties(Compression::SNAPPY));
        let mut writer = NestedWriter::new("events", LENGTHS.into_iter(), properties);
        let list = ListArray::from_iter_primitive::<Int64Type, _, _>([
            Some(vec![Some(1), None]),
            None,
            Some(vec![]),
        ]);
        let structs: ArrayRef = Arc::new(StructArray::from(vec![(
            Arc::new(Field::new("x", DataType::Float64, true)),
            Arc::new(Float64Array::from(vec![
                None,
                Some(0.5),
                None,
                None,
                Some(2.0),
                None,
            ])) as ArrayRef,
        )]));
        for (number, batch) in BATCHES.into_iter().enumerate() {
            let ids: &[Option<i64>] = match number {
                0 => &[Some(1), Some(2), Some(3)],
                _ => &[Some(4), Some(5), Some(6), Some(7), Some(8), Some(9)],
            };
            let id = || slot(None, "event_id", DataType::Int64, false);
            writer.write(0, batch.clone(), id, &longs(ids)).unwrap();
            let args = |name: &str, ty: &DataType| slot(Some("args"), name, ty.clone(), true);
            let mut put = |column, name, content: &Content| {
                let ty = match content {
                    Content::Array(array) => array.data_type().clone(),
                    Content::Numbers(_) => DataType::Int64,
                };
                let describe = || args(name, &ty);
                writer.write(column, batch.clone(), describe, content)
            };
            if number == 0 {
                // These two end before the group does.
                put(9, "early", &longs(&[None, Some(-7)])).unwrap();
                put(3, "list", &Content::Array(Arc::new(list.clone()))).unwrap();
            } else {
                // These begin late.
                put(
                    4,
                    "late",
                    &longs(&[None, Some(i64::MIN), None, None, Some(5)]),
                )
                .unwrap();
                let texts = [None, None, Some(""), Some("x"), None, None];
                let texts = Content::Array(Arc::new(StringArray::from_iter(texts)));
                put(5, "text", &texts).unwrap();
                put(6, "inner", &Content::Array(Arc::clone(&structs))).unwrap();
            }
        }
        let lists = read(writer);
        let lengths: Vec<usize> = (0..lists.len())
            .map(|i| lists.value_length(i) as usize)
            .collect();
        assert_eq!((lengths, lists.null_count()), (LENGTHS.to_vec(), 0));
        let events = lists.values().as_struct();
        let of = |of: &StructArray, name: &str| Arc::clone(of.column_by_name(name).unwrap());
        assert_eq!(events.column_names(), ["event_id", "args"]);
        let ids = of(events, "event_id");
        assert_eq!(
            ids.as_primitive::<Int64Type>().values()[..],
            [1, 2, 3, 4, 5, 6, 7, 8, 9]
        );
        let args = of(events, "args");
        let args = args.as_struct();
        assert_eq!(
            args.column_names(),
            ["list", "late", "text", "inner", "early"]
        );
        let at = |name: &str, values: &[(usize, i64)]| {
            let mut all = vec![None; 9];
            values
                .iter()
                .for_each(|(at, value)| all[*at] = Some(*value));
            assert_eq!(
                of(args, name).as_primitive::<Int64Type>(),
                &Int64Array::from(all),
                "{name}"
            );
        };
        at("late", &[(4, i64::MIN), (7, 5)]);
        at("early", &[(1, -7)]);
        let text = of(args, "text");
        let text: Vec<Option<&str>> = text.as_string::<i32>().iter().collect();
        assert_eq!(text[5..7], [Some(""), Some("x")]);
        assert_eq!(text.iter().flatten().count(), 2);
        let read = of(args, "list");
        let read = read.as_list::<i32>();
        assert_eq!((read.slice(0, 3), read.null_count()), (list, 7));
        assert_eq!(of(args, "inner").slice(3, 6).to_data(), structs.to_data());
    }

    #[test]
    fn lists_without_any_element_are_lists() {
        let properties = Arc::new(properties(Compression::SNAPPY));
        let mut writer = NestedWriter::new("events", [0, 0].into_iter(), properties);
        let id = || slot(None, "event_id", DataType::Int64, false);
        writer.write(0, 0..2, id, &longs(&[])).unwrap();
        let lists = read(writer);
        assert_eq!((lists.len(), lists.null_count()), (2, 0));
        assert_eq!(lists.values().len(), 0);
    }
}
