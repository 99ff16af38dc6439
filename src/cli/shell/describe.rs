//! The tables, columns and members of a dataset in words, for `\d`; and what queries say of themselves, for `\l`.

use crate::cli::script;
use crate::error::{Error, Result};
use crate::query::{Column, Session};
use crate::shown::shown;
use std::fmt::Write;

/// The tables and views, one a line with what a row of each is.
pub(super) fn tables(session: &Session) -> String {
    let all = session.tables().into_iter();
    let rows = all.map(|table| [table.name, table.kind.to_owned(), table.description]);
    aligned(rows.collect())
}

/// The columns of `TABLE`, or the members of `TABLE.COLUMN`.
///
/// # Errors
/// [`Error::Usage`] where there is no such table or column, or it has no members.
pub(super) fn columns(session: &Session, name: &str) -> Result<String> {
    let name = name.trim_matches('"');
    let (table, path) = match session.columns(name) {
        Ok(columns) => return Ok(listed(columns)),
        Err(e) => match name.split_once('.') {
            None => return Err(e),
            Some(parts) => parts,
        },
    };
    let mut columns = session.columns(table)?;
    for part in path.split('.') {
        let found = columns.into_iter().find(|column| column.name == part);
        columns = found.map(|column| column.members).unwrap_or_default();
        if columns.is_empty() {
            return Err(Error::usage(
                format!("{table} has no column {part} with members"),
                format!("\\d {table} says which columns there are."),
            ));
        }
    }
    Ok(listed(columns))
}

fn listed(columns: Vec<Column>) -> String {
    let rows = columns.into_iter().map(|column| {
        let null = if column.nullable { ", null" } else { "" };
        let members = match column.members.len() {
            0 => String::new(),
            n => format!(" of {n}"),
        };
        [
            column.name,
            format!("{}{members}{null}", column.type_name),
            column.unit,
            column.description,
        ]
    });
    aligned(rows.collect())
}

/// What a query says of itself: the comment at its top.
///
/// # Errors
/// As [`script::named`].
pub(super) fn query(name: &str) -> Result<String> {
    let source = script::named(name)?;
    let lines = source.text.lines();
    let comment = lines.map_while(|line| line.trim().strip_prefix("--"));
    let mut text = String::new();
    for line in comment {
        let _ = writeln!(text, "{}", line.strip_prefix(' ').unwrap_or(line));
    }
    Ok(text)
}

/// Lines of cells, below each other.
fn aligned<const N: usize>(rows: Vec<[String; N]>) -> String {
    let rows: Vec<[String; N]> = rows.into_iter().map(|row| row.map(|c| shown(&c))).collect();
    let width = |n: usize| rows.iter().map(|row| row[n].chars().count()).max();
    let widths: Vec<usize> = (0..N).map(|n| width(n).unwrap_or(0)).collect();
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (cell, &width) in row.iter().zip(&widths).filter(|(_, width)| **width > 0) {
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_stand_below_each_other_and_empty_columns_not_at_all() {
        let rows = [["a", "", "x\u{1b}"], ["bcd", "", ""], ["ü", "", "y"]];
        let rows = rows.map(|row| row.map(str::to_owned)).to_vec();
        assert_eq!(aligned(rows), "a    x\\u{1b}\nbcd\nü    y\n");
    }

    #[test]
    fn a_query_says_what_stands_at_its_top() {
        let text = query("latency").unwrap();
        assert!(text.starts_with("How long requests take"), "{text}");
        assert!(text.contains("\n$per = "), "{text}");
        assert!(!text.contains("SELECT"), "{text}");
        assert!(query("no such").is_err());
    }
}
