//! What came of each recording of a list, as a CSV table for programs: whole, or not there.

use super::row::{Row, Status};
use crate::dataset::aside::WholeFile;
use crate::dataset::within;
use crate::error::{Error, Result};
use crate::foreign::{self, Kind};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The columns.
const HEADER: &str = "path,label,labels,status,trace_id,events,requests,seconds,reason";

/// A report that is begun before the first recording is read, so that one that cannot be written is no surprise at the end.
pub(crate) struct ReportFile {
    whole: WholeFile,
    file: File,
}

impl ReportFile {
    /// Begins the report `path`.
    ///
    /// # Errors
    /// [`Error::Io`], and as [`within::refuse`].
    pub(crate) fn begin(path: &Path) -> Result<Self> {
        within::refuse(path)?;
        if foreign::kind_behind(path)? == Some(Kind::Folder) {
            return Err(Error::usage(
                format!(
                    "{}: a folder, where the report would be put",
                    path.display()
                ),
                "Name a file with --report.",
            ));
        }
        let (whole, file) = WholeFile::create(path)?;
        Ok(ReportFile { whole, file })
    }

    /// Writes it, and puts it in place.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn write(mut self, rows: &[Row]) -> Result<()> {
        let written = self.file.write_all(text(rows).as_bytes());
        written.map_err(Error::io("write", self.whole.target()))?;
        self.whole.commit(&self.file)
    }
}

fn text(rows: &[Row]) -> String {
    let mut text = format!("{HEADER}\n");
    for row in rows {
        let number = |n: u64| match row.status {
            Status::Ingested if !row.trace_ids.is_empty() => n.to_string(),
            _ => String::new(),
        };
        let fields = [
            row.listed.path.clone(),
            row.listed.label.clone().unwrap_or_default(),
            row.listed.labels.clone().unwrap_or_default(),
            row.status.as_str().to_owned(),
            row.trace_ids.join(" "),
            number(row.events),
            number(row.requests),
            format!("{:.3}", row.seconds),
            row.reason(),
        ];
        text.push_str(&fields.map(|field| quoted(&field)).join(","));
        text.push('\n');
    }
    text
}

/// A field as RFC 4180 writes it.
fn quoted(field: &str) -> String {
    match field.contains([',', '"', '\n', '\r']) {
        true => format!("\"{}\"", field.replace('"', "\"\"")),
        false => field.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ingest::fleet::{Listed, read};

    fn row(path: &str, status: Status, trace_ids: &[&str], error: Option<Error>) -> Row {
        Row {
            listed: Listed {
                path: path.to_owned(),
                label: Some("a \"b\"".to_owned()),
                labels: Some("l.csv".to_owned()),
            },
            status,
            trace_ids: trace_ids.iter().map(|id| (*id).to_owned()).collect(),
            events: 7,
            requests: 2,
            damage: Vec::new(),
            seconds: 0.25,
            error,
        }
    }

    #[test]
    fn a_report_is_a_table_and_a_list() {
        let failed = Error::Fault {
            what: "one,\ntwo".to_owned(),
        };
        let rows = [
            row("a,b", Status::Ingested, &["x", "y"], None),
            row("c\nd", Status::Already, &["z"], None),
            row("e", Status::Failed, &[], Some(failed)),
        ];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("report.csv");
        let report = ReportFile::begin(&path).unwrap();
        assert!(!path.exists());
        report.write(&rows).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = [
            HEADER,
            "\"a,b\",\"a \"\"b\"\"\",l.csv,ingested,x y,7,2,0.250,",
            "\"c",
            "d\",\"a \"\"b\"\"\",l.csv,already,z,,,0.250,",
        ];
        let lines: Vec<&str> = text.lines().take(4).collect();
        assert_eq!(lines, expected);
        assert!(
            text.contains(
                "\ne,\"a \"\"b\"\"\",l.csv,failed,,,,0.250,\"a fault of sysds itself: one,"
            )
        );
        let listed = rows.map(|row| row.listed);
        assert_eq!(read(&path).unwrap(), listed);
    }
}
