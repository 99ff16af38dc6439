//! The list of recordings: a CSV table with a column `path`, or a path a line.
//!
//! A list without a header is what `find` and `ls` print: each line is a path as it stands, whatever characters are in it.
//! A table is known by its header, has the quotes of RFC 4180, and may have other columns, so that the report of a run is
//! a list, too.

use super::super::csv::{Mistake, Records};
use crate::error::{Error, Place, Result};
use crate::foreign;
use std::path::Path;

/// A recording of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Listed {
    /// Its folder.
    pub path: String,
    /// The label that it is to have.
    pub label: Option<String>,
    /// The file with the labels of its parts.
    pub labels: Option<String>,
}

/// Reads the list in the file `path`. Lines without anything are no recordings.
///
/// # Errors
/// [`Error::Io`], and [`Error::Input`] where it is no list.
pub(crate) fn read(path: &Path) -> Result<Vec<Listed>> {
    let text = foreign::read_text(path)?;
    parse(&text).map_err(|(line, what)| {
        Error::input(
            what,
            Place::line(path, line, 1),
            "A list has a path in each line, or is CSV with a column path, and perhaps the columns label and labels.",
        )
    })
}

fn parse(text: &str) -> Result<Vec<Listed>, Mistake> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let first = text.lines().next().unwrap_or_default();
    let is_table = first
        .split(',')
        .any(|name| name.trim().trim_matches('"').trim() == "path");
    match is_table {
        true => table(text),
        false => {
            let lines = text.lines().filter(|line| !line.trim().is_empty());
            let listed = |line: &str| Listed {
                path: line.to_owned(),
                label: None,
                labels: None,
            };
            Ok(lines.map(listed).collect())
        }
    }
}

fn table(text: &str) -> Result<Vec<Listed>, Mistake> {
    let mut records = Records::of(text);
    let Some((_, header)) = records.next().transpose()? else {
        return Ok(Vec::new());
    };
    let column = |name: &str| header.iter().position(|h| h.trim() == name);
    let (path, label, labels) = (column("path"), column("label"), column("labels"));
    let path = path.ok_or_else(|| (1, "the header has no column path".to_owned()))?;
    let mut all = Vec::new();
    for record in records {
        let (line, record) = record?;
        if record.iter().all(String::is_empty) {
            continue;
        }
        if record.len() != header.len() {
            let (has, columns) = (record.len(), header.len());
            return Err((line, format!("has {has} fields, but the header {columns}")));
        }
        let field = |at: usize| Some(record[at].clone()).filter(|text| !text.is_empty());
        // A path may begin with a blank; a label that does is meant to be the one without it.
        let word = |at: usize| Some(record[at].trim().to_owned()).filter(|text| !text.is_empty());
        all.push(Listed {
            path: field(path).ok_or_else(|| (line, "has no path".to_owned()))?,
            label: label.and_then(word),
            labels: labels.and_then(field),
        });
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(text: &str) -> Vec<(String, Option<String>)> {
        let all = parse(text).unwrap().into_iter();
        all.map(|l| (l.path, l.label)).collect()
    }

    fn pair(path: &str, label: &str) -> (String, Option<String>) {
        let label = Some(label.to_owned()).filter(|l| !l.is_empty());
        (path.to_owned(), label)
    }

    #[test]
    fn lines_are_paths_as_they_stand() {
        let all = ["a/b, c", "\"x\"", " y", "#z"];
        let text = format!("{}\n\n{}\r\n{}\n{}", all[0], all[1], all[2], all[3]);
        assert_eq!(listed(&text), all.map(|path| pair(path, "")));
        assert!(listed("").is_empty() && listed("\n \n").is_empty());
    }

    #[test]
    fn a_recording_may_have_a_file_of_labels() {
        let all = parse("path,labels,label\na,a.csv,x\nb,,y\n").unwrap();
        let files: Vec<Option<&str>> = all.iter().map(|l| l.labels.as_deref()).collect();
        assert_eq!(files, [Some("a.csv"), None]);
    }

    #[test]
    fn a_table_has_quotes_and_other_columns() {
        let text =
            "\u{feff}path,status,label\r\n\"a,b\"\"c\nd\",failed,x\r\n\r\ne,,\nf,already,\"y, z\"";
        let expected = [pair("a,b\"c\nd", "x"), pair("e", ""), pair("f", "y, z")];
        assert_eq!(listed(text), expected);
        assert_eq!(listed("path\na\n"), [pair("a", "")]);
        let blanks = " label , path\n x ,a\ny, b\n";
        assert_eq!(listed(blanks), [pair("a", "x"), pair(" b", "y")]);
        assert!(listed("label,path\n").is_empty());
        for (wrong, line) in [
            ("path,label\na,b\nc\n", 3),
            ("path,label\n\"a\nb\",c\n,d\n", 4),
            ("path\n\"a\n", 2),
            ("path\n\"a\"b\n", 2),
        ] {
            assert_eq!(parse(wrong).unwrap_err().0, line, "{wrong}");
        }
    }
}
