//! Aligned columns for people.
//!
//! Widths are those of the first rows, which are held back for that; a wider cell further down sticks out instead of
//! making the program wait for the last row.

use crate::shown::shown_lines;
use arrow::datatypes::SchemaRef;

/// How many rows settle the widths.
const HELD: usize = 1000;

/// A table in the making.
pub(super) struct Table {
    names: Vec<String>,
    right: Vec<bool>,
    widths: Vec<usize>,
    held: Vec<Vec<String>>,
    begun: bool,
    rows: usize,
}

impl Table {
    /// A table with the columns of `schema`.
    pub(super) fn new(schema: &SchemaRef) -> Self {
        let names: Vec<String> = schema.fields().iter().map(|f| clean(f.name())).collect();
        Table {
            widths: names.iter().map(|n| width(n)).collect(),
            right: schema
                .fields()
                .iter()
                .map(|f| f.data_type().is_numeric())
                .collect(),
            names,
            held: Vec::new(),
            begun: false,
            rows: 0,
        }
    }

    /// Takes a row, and writes those that need no longer wait.
    pub(super) fn row(&mut self, cells: Vec<String>, out: &mut Vec<u8>) {
        self.rows += 1;
        let cells: Vec<String> = cells.iter().map(|c| clean(c)).collect();
        if self.begun {
            self.write(&cells, out);
            return;
        }
        for (w, cell) in self.widths.iter_mut().zip(&cells) {
            *w = (*w).max(width(cell));
        }
        self.held.push(cells);
        if self.held.len() == HELD {
            self.begin(out);
        }
    }

    /// Writes what is left, and how many rows there were.
    pub(super) fn end(mut self, out: &mut Vec<u8>) {
        if !self.begun {
            self.begin(out);
        }
        let rows = if self.rows == 1 { "row" } else { "rows" };
        out.extend_from_slice(format!("({} {rows})\n", self.rows).as_bytes());
    }

    fn begin(&mut self, out: &mut Vec<u8>) {
        self.begun = true;
        let right = std::mem::take(&mut self.right);
        self.right = vec![false; right.len()];
        self.write(&self.names, out);
        self.right = right;
        let rules: Vec<String> = self.widths.iter().map(|w| "-".repeat(w + 2)).collect();
        out.extend_from_slice(rules.join("+").as_bytes());
        out.push(b'\n');
        for cells in std::mem::take(&mut self.held) {
            self.write(&cells, out);
        }
    }

    /// Writes a row, over as many lines as its cells have.
    fn write(&self, cells: &[String], out: &mut Vec<u8>) {
        let lines = cells.iter().map(|c| c.lines().count()).max().unwrap_or(0);
        for n in 0..lines.max(1) {
            let mut line = String::new();
            for (i, cell) in cells.iter().enumerate() {
                let part = cell.lines().nth(n).unwrap_or_default();
                let gap = " ".repeat(self.widths[i].saturating_sub(part.chars().count()));
                line.push_str(if i > 0 { " | " } else { " " });
                match self.right[i] {
                    true => line.extend([gap.as_str(), part]),
                    false => line.extend([part, gap.as_str()]),
                }
            }
            out.extend_from_slice(line.trim_end().as_bytes());
            out.push(b'\n');
        }
    }
}

fn width(cell: &str) -> usize {
    cell.lines().map(|l| l.chars().count()).max().unwrap_or(0)
}

/// The cell with hidden characters made visible, so that a value cannot command the terminal.
fn clean(cell: &str) -> String {
    shown_lines(cell).replace('\t', "\\t")
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::datatypes::{DataType, Field, Schema};
    use std::sync::Arc;

    #[test]
    fn rows_stream_once_the_widths_are_settled() {
        let schema = Schema::new(vec![Field::new("n", DataType::Utf8, false)]);
        let mut table = Table::new(&Arc::new(schema));
        let mut out = Vec::new();
        for _ in 1..HELD {
            table.row(vec!["x".to_owned()], &mut out);
        }
        assert!(out.is_empty());
        table.row(vec!["\u{1b}[2J".to_owned()], &mut out);
        assert!(String::from_utf8_lossy(&out).contains("\\u{1b}[2J"));
        out.clear();
        table.row(vec!["much wider than before".to_owned()], &mut out);
        assert_eq!(out, b" much wider than before\n");
    }
}
