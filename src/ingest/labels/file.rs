//! The file: CSV with a header, a span in each line.

use super::super::csv::{Mistake, Records};
use super::moment::{Moment, parse};
use crate::error::{Error, Place, Result};
use crate::foreign;
use std::path::{Path, PathBuf};

/// Columns that there must be.
const COLUMNS: [&str; 3] = ["begin", "end", "label"];
/// The one that says of which recording a line is.
const RECORDING: &str = "recording";

/// Labels of parts of recordings, as a file says them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LabelFile {
    pub(super) path: PathBuf,
    pub(super) lines: Vec<Line>,
}

/// A line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// Its number, from 1.
    pub number: u64,
    /// Of which recording it is, where that is said.
    pub recording: Option<String>,
    pub(super) begin: Moment,
    pub(super) end: Moment,
    pub label: String,
}

impl LabelFile {
    /// Reads the file `path`. Lines without anything say nothing.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Input`] with the line where it is not as it should be.
    pub fn read(path: &Path) -> Result<LabelFile> {
        let text = foreign::read_text(path)?;
        let lines = lines(&text).map_err(|(line, what)| {
            let remedy = "A file of labels is CSV with the columns begin, end and label, and with recording where there are \
                          several. A time is as 2026-11-23T23:06:39.5Z, nanoseconds since 1970, or after the first event of \
                          the recording, as +1m30.5s; an empty one is the border of the recording.";
            Error::input(what, Place::line(path, line, 1), remedy)
        })?;
        Ok(LabelFile {
            path: path.to_path_buf(),
            lines,
        })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

/// The lines below the header.
fn lines(text: &str) -> Result<Vec<Line>, Mistake> {
    let mut records = Records::of(text.strip_prefix('\u{feff}').unwrap_or(text));
    let header = records.next().transpose()?;
    let header = header.map(|(_, header)| header).unwrap_or_default();
    let header = Header::read(&header)?;
    let mut all = Vec::new();
    for record in records {
        let (number, record) = record?;
        if !record.iter().all(String::is_empty) {
            all.push(header.line(number, &record)?);
        }
    }
    Ok(all)
}

/// Where the columns are.
struct Header {
    count: usize,
    columns: [usize; 3],
    recording: Option<usize>,
}

impl Header {
    fn read(header: &[String]) -> Result<Header, Mistake> {
        let names: Vec<&str> = header.iter().map(|name| name.trim()).collect();
        let known = |name: &&str| COLUMNS.contains(name) || *name == RECORDING;
        let of = |name: &str| names.iter().position(|n| *n == name);
        for (at, name) in names.iter().enumerate() {
            if !known(name) {
                return Err((1, format!("the header has a column {name:?}")));
            }
            if of(name) != Some(at) {
                return Err((1, format!("the header has the column {name} twice")));
            }
        }
        let column = |name: &str| of(name).ok_or((1, format!("the header has no column {name}")));
        let [begin, end, label] = COLUMNS.map(column);
        Ok(Header {
            count: names.len(),
            columns: [begin?, end?, label?],
            recording: of(RECORDING),
        })
    }

    fn line(&self, number: u64, record: &[String]) -> Result<Line, Mistake> {
        let wrong = |what: String| Err((number, what));
        if record.len() != self.count {
            let (has, columns) = (record.len(), self.count);
            return wrong(format!("has {has} fields, but the header {columns}"));
        }
        let [begin, end, label] = self.columns.map(|at| record[at].as_str());
        let moment = |name: &str, text: &str| {
            let what = format!("the {name} {text:?} is no time");
            parse(text.trim()).ok_or((number, what))
        };
        let (from, to) = (moment("begin", begin)?, moment("end", end)?);
        if let (Moment::At(from), Moment::At(to)) | (Moment::After(from), Moment::After(to)) =
            (from, to)
            && to <= from
        {
            return wrong(format!(
                "the end {end} does not come after the begin {begin}"
            ));
        }
        // Blanks that stand around a field for the eye are no part of it: `a` and ` a` would be two labels.
        let label = label.trim();
        if label.is_empty() {
            return wrong("the label is empty".to_owned());
        }
        let recording = self.recording.map(|at| record[at].trim());
        Ok(Line {
            number,
            recording: recording.filter(|name| !name.is_empty()).map(str::to_owned),
            begin: from,
            end: to,
            label: label.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_go_by_their_names() {
        let read = lines(
            "\u{feff}label, recording ,end,begin\r\n\"a, \"\"b\"\"\",web-1 , +2s,5 \n\n c\t,, ,\n",
        )
        .unwrap();
        let line = |number, recording: Option<&str>, begin, end, label: &str| Line {
            number,
            recording: recording.map(str::to_owned),
            begin,
            end,
            label: label.to_owned(),
        };
        let expected = [
            line(
                2,
                Some("web-1"),
                Moment::At(5),
                Moment::After(2_000_000_000),
                "a, \"b\"",
            ),
            line(4, None, Moment::OfRecording, Moment::OfRecording, "c"),
        ];
        assert_eq!(read, expected);
        assert!(lines("begin,end,label\n").unwrap().is_empty());
    }

    #[test]
    fn a_mistake_is_told_with_its_line() {
        for (text, line, what) in [
            ("", 1, "the header has no column begin"),
            ("begin,label\n", 1, "the header has no column end"),
            (
                "begin,end,label,recordings\n",
                1,
                "the header has a column \"recordings\"",
            ),
            ("1,2,x\n", 1, "the header has a column \"1\""),
            (
                "begin,end,label,end\n",
                1,
                "the header has the column end twice",
            ),
            (
                "begin,end,label\n1,2,a\n1,2\n",
                3,
                "has 2 fields, but the header 3",
            ),
            (
                "begin,end,label\n\n1,noon,a\n",
                3,
                "the end \"noon\" is no time",
            ),
            (
                "begin,end,label\n5,5,a\n",
                2,
                "the end 5 does not come after the begin 5",
            ),
            (
                "begin,end,label\n+2s,+1s,a\n",
                2,
                "the end +1s does not come after the begin +2s",
            ),
            ("begin,end,label\n1,2, \n", 2, "the label is empty"),
            ("begin,end,label\n1,2,\"a\n", 2, "a quote is not closed"),
        ] {
            assert_eq!(lines(text), Err((line, what.to_owned())), "{text}");
        }
    }
}
