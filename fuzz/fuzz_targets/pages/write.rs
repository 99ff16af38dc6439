//! A table into a file, through the page encoder.
//!
//! Columns are written side by side, chunk by chunk, and share a shape and a workspace, as those of a recording do.

use crate::table::{Column, Form, Step, Table};
use crate::value::{Type, Value};
use arrow::array::StringArray;
use bytes::Bytes;
use parquet::arrow::ArrowSchemaConverter;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;
use sysds_fuzz::columns::parquet::pages::base::Base;
use sysds_fuzz::columns::parquet::pages::chunk::{ChunkWriter, Workspace, is_encoded};
use sysds_fuzz::columns::parquet::pages::deep::Deep;
use sysds_fuzz::columns::parquet::pages::leaf::{Leaf, Texts, Words};
use sysds_fuzz::columns::parquet::pages::shape::Shape;
use sysds_fuzz::columns::parquet::sparse::At;

/// The file, if there are rows.
pub fn write(table: &Table) -> Option<Bytes> {
    let schema = ArrowSchemaConverter::new()
        .convert(&table.schema())
        .unwrap();
    let mut nest = Nest::new(table);
    let mut workspace = Workspace::default();
    let columns = table.columns.iter().enumerate();
    let writers = columns.map(|(number, column)| {
        assert!(is_encoded(&schema.column(number)));
        ChunkWriter::new(schema.column(number), &column.properties).unwrap()
    });
    let mut writers: Vec<ChunkWriter> = writers.collect();
    for (number, rows) in table.chunks.iter().enumerate() {
        let places = nest.add(table, rows);
        let shape = nest.shape();
        for (column, writer) in table.columns.iter().zip(&mut writers) {
            match column.silent[number] {
                true => writer.write_nulls(rows.end, shape, &mut workspace).unwrap(),
                false => {
                    let values = &column.values[table.elements(rows)];
                    let places = (&places[..], rows.end);
                    write_rows(column, values, places, writer, shape, &mut workspace);
                }
            }
            assert_eq!(writer.rows(), rows.end);
        }
    }
    if table.rows() == 0 {
        return None;
    }
    let properties = Arc::new(WriterProperties::default());
    let mut file =
        SerializedFileWriter::new(Vec::new(), schema.root_schema_ptr(), properties).unwrap();
    let mut group = file.next_row_group().unwrap();
    for writer in writers {
        let (pages, closed) = writer.close(nest.shape(), &mut workspace).unwrap();
        assert_eq!(closed.rows_written, table.rows() as u64);
        group.append_column(&pages, closed).unwrap();
    }
    group.close().unwrap();
    Some(file.into_inner().unwrap().into())
}

/// What the columns lie in.
struct Nest {
    base: Base,
    deep: Vec<Deep>,
}

impl Nest {
    /// That of the layers of a table, without rows.
    fn new(table: &Table) -> Self {
        let steps: Vec<Step> = table.layers.iter().map(|layer| layer.step).collect();
        let base = match steps.first() {
            Some(Step::Every) => Base::lists(),
            _ => Base::rows(),
        };
        let mut nest = Nest {
            base,
            deep: Vec::new(),
        };
        for step in steps.into_iter().filter(|step| *step != Step::Every) {
            let shape = nest.shape();
            let deep = match step {
                Step::Structure => Deep::structures(shape),
                step => Deep::lists(shape, step == Step::OptionalList),
            };
            nest.deep.push(deep);
        }
        nest
    }

    fn shape(&self) -> Shape<'_> {
        let deep = self.deep.iter();
        deep.fold(Shape::of(&self.base), |shape, deep| deep.shape(shape))
    }

    /// Adds the rows of a chunk; the places that its elements have, counted from the chunk's first.
    fn add(&mut self, table: &Table, rows: &Range<usize>) -> Vec<u32> {
        let rows_told = table.columns[0].form.rows_told;
        let (mut places, mut first): (Vec<u32>, usize) =
            ((0..rows.len() as u32).collect(), rows.start);
        let mut number = 0;
        for (at_layer, layer) in table.layers.iter().enumerate() {
            let lengths = &layer.lengths[table.elements_before(at_layer, rows)];
            if layer.step == Step::Every {
                first = self.base.elements(&(0..rows.start)).end;
                self.base.add(lengths.iter().flatten().copied());
                places = (0..lengths.iter().flatten().sum::<usize>() as u32).collect();
                continue;
            }
            let there = places
                .iter()
                .zip(lengths)
                .filter(|(_, length)| length.is_some());
            let there: Vec<u32> = there.map(|(place, _)| *place).collect();
            let (outer, inner) = self.deep.split_at_mut(number);
            let outer = outer.iter();
            let parent = outer.fold(Shape::of(&self.base), |shape, deep| deep.shape(shape));
            let at = at(&there, rows_told);
            let before = inner[0].place_count();
            match layer.step {
                Step::Structure => {
                    inner[0].add_structures(parent, first, at);
                    places = there;
                }
                _ => {
                    let lengths = lengths.iter().flatten().copied();
                    inner[0].add_lists(parent, first, at, lengths.clone());
                    (places, first) = ((0..lengths.sum::<usize>() as u32).collect(), before);
                }
            }
            number += 1;
        }
        places
    }
}

/// Places as the encoder is told of them.
fn at(places: &[u32], rows_told: bool) -> At<'_> {
    let first = places
        .iter()
        .enumerate()
        .all(|(at, place)| at == *place as usize);
    match first && !rows_told {
        true => At::All(places.len()),
        false => At::Some(places),
    }
}

/// Writes a column's values of a chunk, whose elements have these places and whose rows end there.
fn write_rows(
    column: &Column,
    elements: &[Option<Value>],
    (places, end): (&[u32], usize),
    writer: &mut ChunkWriter,
    shape: Shape,
    workspace: &mut Workspace,
) {
    let there = places
        .iter()
        .zip(elements)
        .filter(|(_, value)| value.is_some());
    let there: Vec<u32> = there.map(|(place, _)| *place).collect();
    let at = at(&there, column.form.rows_told);
    let values: Vec<&Value> = elements.iter().flatten().collect();
    as_leaf(column.ty, column.form, &values, |leaf| {
        writer.write(leaf, at, end, shape, workspace).unwrap();
    });
}

/// Calls `then` with values as the encoder takes them.
fn as_leaf(ty: Type, form: Form, values: &[&Value], then: impl FnOnce(&Leaf)) {
    let values = values.iter().copied();
    match ty {
        Type::Bool => {
            let bools: Vec<bool> = values.map(|value| bits(value) == 1).collect();
            then(&Leaf::Bool(&bools));
        }
        Type::Int => {
            let ints: Vec<i32> = values.map(|value| bits(value) as i32).collect();
            then(&Leaf::Int(&ints));
        }
        Type::Long | Type::Unsigned => {
            let longs: Vec<i64> = values.map(|value| bits(value) as i64).collect();
            then(&Leaf::Long(&longs));
        }
        Type::Double => {
            let doubles: Vec<f64> = values.map(|value| f64::from_bits(bits(value))).collect();
            then(&Leaf::Double(&doubles));
        }
        Type::Text | Type::Binary => as_texts(form, values, then),
        Type::Word => as_words(form, values, then),
    }
}

fn as_texts<'a>(form: Form, values: impl Iterator<Item = &'a Value>, then: impl FnOnce(&Leaf)) {
    let (mut all, mut offsets, mut these) = (Vec::new(), Vec::new(), Vec::new());
    if form.decoys {
        // The texts of an array that was cut do not begin with its first byte.
        all.extend_from_slice(b"before");
    }
    offsets.push(all.len() as i32);
    for value in values {
        if form.decoys && these.len() % 3 == 0 {
            all.extend_from_slice(b"between");
            offsets.push(all.len() as i32);
        }
        these.push(offsets.len() as u32 - 1);
        all.extend_from_slice(text(value));
        offsets.push(all.len() as i32);
    }
    then(&Leaf::Texts(Texts {
        offsets: &offsets,
        bytes: &all,
        these: form.decoys.then_some(&these),
    }));
}

fn as_words<'a>(form: Form, values: impl Iterator<Item = &'a Value>, then: impl FnOnce(&Leaf)) {
    let mut words: Vec<&str> = if form.decoys {
        vec!["never"]
    } else {
        Vec::new()
    };
    let mut known: HashMap<&[u8], i32> = HashMap::new();
    let mut keys = Vec::new();
    for value in values {
        let next = words.len() as i32;
        let key = *known.entry(text(value)).or_insert(next);
        if key == next {
            words.push(std::str::from_utf8(text(value)).unwrap());
        }
        keys.push(key);
        if form.decoys && keys.len() % 5 == 0 {
            // The same word has another number from now on.
            known.clear();
        }
    }
    let words = StringArray::from(words);
    let (keys, words) = (&keys[..], &words);
    then(&Leaf::Words(Words { keys, words }));
}

fn bits(value: &Value) -> u64 {
    match value {
        Value::Bool(value) => u64::from(*value),
        Value::Int(number) => *number as u64,
        Value::Long(number) => *number as u64,
        Value::Unsigned(number) | Value::Double(number) => *number,
        Value::Bytes(_) => panic!("a text is no number"),
    }
}

fn text(value: &Value) -> &[u8] {
    match value {
        Value::Bytes(bytes) => bytes,
        other => panic!("{other:?} is no text"),
    }
}
