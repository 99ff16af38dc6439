//! What is written: rows, and columns with values in them.
//!
//! It is kept as the format thinks of it: layers of structures and lists, of which each element of the layer before has none, or
//! so many elements. So what a file should say of levels, nulls and texts is counted here, without asking the encoder. A
//! new [`Step`] needs its schema and its levels here, its shape in `write.rs` and its arrays in `read.rs`.

use crate::value::{Type, Value};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use parquet::file::properties::WriterProperties;
use std::ops::Range;
use std::sync::Arc;

/// What is gone into on the way from a row to the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// A list that every row has; only as the first step.
    Every,
    /// A list.
    List,
    /// A list that may be null.
    OptionalList,
    /// A structure that may be null.
    Structure,
}

/// A step, with what there is of it.
#[derive(Debug)]
pub struct Layer {
    pub step: Step,
    /// Of each element of the layer before (of each row) how many elements it has; `None` where it is null. Structures have
    /// one.
    pub lengths: Vec<Option<usize>>,
    /// Where the elements of each begin, and where the last's end.
    starts: Vec<usize>,
}

#[derive(Debug)]
pub struct Table {
    /// The outermost first.
    pub layers: Vec<Layer>,
    rows: usize,
    /// Rows that are written at once, behind one another.
    pub chunks: Vec<Range<usize>>,
    pub columns: Vec<Column>,
}

/// What is in a field of the schema.
enum Inside {
    Columns(Fields),
    Layer(Field),
}

#[derive(Debug)]
pub struct Column {
    pub ty: Type,
    pub nullable: bool,
    pub properties: WriterProperties,
    pub form: Form,
    /// Of each element.
    pub values: Vec<Option<Value>>,
    /// Whether the encoder is not told of the chunks of these numbers, which are null.
    pub silent: Vec<bool>,
}

/// Which of the forms that mean the same the values are handed over in.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// All rows that have a value are told, even if they are the first so many.
    pub rows_told: bool,
    /// There are values that are not meant: other texts between those of the rows, words that never come or come twice.
    pub decoys: bool,
}

/// Repetition and definition of a value, a null, a list without elements, or what is null further out.
pub type Level = (usize, usize);

impl Layer {
    pub fn new(step: Step) -> Self {
        Layer {
            step,
            lengths: Vec::new(),
            starts: vec![0],
        }
    }

    /// Adds the elements of further elements of the layer before.
    pub fn add(&mut self, lengths: &[Option<usize>]) {
        for length in lengths {
            let end = self.starts[self.starts.len() - 1] + length.unwrap_or(0);
            self.starts.push(end);
            self.lengths.push(*length);
        }
    }

    /// The elements that those of the layer before have.
    fn elements(&self, of: &Range<usize>) -> Range<usize> {
        self.starts[of.start]..self.starts[of.end]
    }

    /// How the definition level rises: where it is not null, and in an element.
    fn rises(&self) -> (usize, usize) {
        match self.step {
            Step::Every | Step::List => (0, 1),
            Step::OptionalList => (1, 2),
            Step::Structure => (1, 1),
        }
    }
}

impl Table {
    /// A table of so many rows in each chunk, whose columns come later.
    pub fn new(layers: Vec<Layer>, chunks: &[usize]) -> Self {
        let mut row = 0;
        let ranges = chunks.iter().map(|rows| {
            let first = row;
            row += rows;
            first..row
        });
        let chunks = ranges.collect();
        Table {
            layers,
            rows: row,
            chunks,
            columns: Vec::new(),
        }
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The elements of rows in the innermost layer.
    pub fn elements(&self, rows: &Range<usize>) -> Range<usize> {
        self.elements_before(self.layers.len(), rows)
    }

    /// The elements of rows that a layer is in.
    pub fn elements_before(&self, layer: usize, rows: &Range<usize>) -> Range<usize> {
        let layers = self.layers[..layer].iter();
        layers.fold(rows.clone(), |elements, layer| layer.elements(&elements))
    }

    pub fn schema(&self) -> Schema {
        let columns = self.columns.iter().enumerate();
        let fields: Fields = columns
            .map(|(n, c)| Field::new(format!("c{n}"), c.ty.data_type(), c.nullable))
            .collect();
        let layers = self.layers.iter().rev();
        let inside = layers.fold(Inside::Columns(fields), |inside, layer| {
            let nullable = matches!(layer.step, Step::OptionalList | Step::Structure);
            let ty = match (layer.step, inside) {
                (Step::Structure, Inside::Columns(fields)) => DataType::Struct(fields),
                (Step::Structure, Inside::Layer(field)) => {
                    DataType::Struct([field].into_iter().collect())
                }
                (_, Inside::Columns(fields)) => {
                    let element = Field::new("element", DataType::Struct(fields), false);
                    DataType::List(Arc::new(element))
                }
                (_, Inside::Layer(field)) => DataType::List(Arc::new(field.with_name("element"))),
            };
            Inside::Layer(Field::new("layer", ty, nullable))
        });
        match inside {
            Inside::Columns(fields) => Schema::new(fields),
            Inside::Layer(field) => Schema::new(vec![field]),
        }
    }

    /// The greatest levels of a column.
    pub fn deepest(&self, column: &Column) -> Level {
        let lists = self
            .layers
            .iter()
            .filter(|layer| layer.step != Step::Structure);
        let definition: usize = self.layers.iter().map(|layer| layer.rises().1).sum();
        (lists.count(), definition + usize::from(column.nullable))
    }

    /// The levels of a column in rows.
    pub fn levels(&self, column: &Column, rows: &Range<usize>) -> Vec<Level> {
        let mut levels = Vec::new();
        for row in rows.clone() {
            self.levels_of((0, row), (0, 0), 0, column, &mut levels);
        }
        levels
    }

    /// The levels of an element of the layer before `layer`: the first has this repetition, and the element this definition
    /// and greatest repetition.
    fn levels_of(
        &self,
        (layer, element): (usize, usize),
        (repetition, definition): Level,
        greatest: usize,
        column: &Column,
        levels: &mut Vec<Level>,
    ) {
        let Some(this) = self.layers.get(layer) else {
            let there = column.values[element].is_some() && column.nullable;
            return levels.push((repetition, definition + usize::from(there)));
        };
        let (not_null, within) = this.rises();
        let greatest = greatest + usize::from(this.step != Step::Structure);
        match this.lengths[element] {
            None => levels.push((repetition, definition)),
            Some(0) => levels.push((repetition, definition + not_null)),
            Some(_) => {
                for (at, inner) in this.elements(&(element..element + 1)).enumerate() {
                    let repetition = if at == 0 { repetition } else { greatest };
                    let level = (repetition, definition + within);
                    self.levels_of((layer + 1, inner), level, greatest, column, levels);
                }
            }
        }
    }

    /// The values that a column has in rows.
    pub fn values<'a>(
        &self,
        column: &'a Column,
        rows: &Range<usize>,
    ) -> impl Iterator<Item = &'a Value> + Clone {
        column.values[self.elements(rows)].iter().flatten()
    }
}
