//! What is written: rows, and columns with values in them.
//!
//! It is kept as the format thinks of it, a list of elements for each row, which has one element where columns stand at top
//! level. So what a file should say of levels, nulls and texts is counted here, without asking the encoder. A new
//! [`Nesting`] needs its schema and its levels here, its shape in `write.rs` and its arrays in `read.rs`.

use crate::value::{Type, Value};
use arrow::datatypes::{DataType, Field, Fields, Schema};
use parquet::file::properties::WriterProperties;
use std::ops::Range;
use std::sync::Arc;

/// How the columns lie in the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Nesting {
    /// At top level.
    Rows,
    /// As members of the elements of a list that every row has.
    AllLists,
    /// The same of a list that may be null.
    SomeLists,
}

#[derive(Debug)]
pub struct Table {
    pub nesting: Nesting,
    /// How many elements each row has; `None` where it has no list.
    pub lengths: Vec<Option<usize>>,
    /// Where the elements of each row begin, and where the last's end.
    starts: Vec<usize>,
    /// Rows that are written at once, behind one another.
    pub chunks: Vec<Range<usize>>,
    pub columns: Vec<Column>,
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

/// Repetition and definition of a value, a null, a list without elements, or a row without a list.
pub type Level = (usize, usize);

impl Table {
    /// A table of rows, whose columns come later.
    pub fn new(nesting: Nesting, chunks: Vec<Vec<Option<usize>>>) -> Self {
        let mut row = 0;
        let ranges = chunks.iter().map(|lengths| {
            let first = row;
            row += lengths.len();
            first..row
        });
        let ranges = ranges.collect();
        let lengths = chunks.concat();
        let mut starts = vec![0];
        starts.extend(lengths.iter().scan(0, |end, length| {
            *end += length.unwrap_or(0);
            Some(*end)
        }));
        Table {
            nesting,
            lengths,
            starts,
            chunks: ranges,
            columns: Vec::new(),
        }
    }

    pub fn rows(&self) -> usize {
        self.lengths.len()
    }

    /// The elements of rows.
    pub fn elements(&self, rows: &Range<usize>) -> Range<usize> {
        self.starts[rows.start]..self.starts[rows.end]
    }

    pub fn schema(&self) -> Schema {
        let columns = self.columns.iter().enumerate();
        let fields: Fields = columns
            .map(|(n, c)| Field::new(format!("c{n}"), c.ty.data_type(), c.nullable))
            .collect();
        match self.nesting {
            Nesting::Rows => Schema::new(fields),
            Nesting::AllLists | Nesting::SomeLists => {
                let element = Field::new("element", DataType::Struct(fields), false);
                let list = DataType::List(Arc::new(element));
                let nullable = self.nesting == Nesting::SomeLists;
                Schema::new(vec![Field::new("list", list, nullable)])
            }
        }
    }

    /// The greatest levels of a column.
    pub fn deepest(&self, column: &Column) -> Level {
        let (repetition, definition) = match self.nesting {
            Nesting::Rows => (0, 0),
            Nesting::AllLists => (1, 1),
            Nesting::SomeLists => (1, 2),
        };
        (repetition, definition + usize::from(column.nullable))
    }

    /// The levels of a column in rows.
    pub fn levels(&self, column: &Column, rows: &Range<usize>) -> Vec<Level> {
        let (_, there) = self.deepest(column);
        let mut levels = Vec::new();
        for row in rows.clone() {
            let elements = &column.values[self.elements(&(row..row + 1))];
            match (self.lengths[row], self.nesting) {
                (None, _) | (Some(0), Nesting::AllLists) => levels.push((0, 0)),
                (Some(0), _) => levels.push((0, 1)),
                _ => {}
            }
            for (at, value) in elements.iter().enumerate() {
                let repetition = usize::from(at > 0);
                levels.push((repetition, there - usize::from(value.is_none())));
            }
        }
        levels
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
