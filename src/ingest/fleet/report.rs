//! What came of each recording of a list, as a CSV table for programs: whole, or not there.

use super::row::{Row, Status};
use crate::dataset::aside::WholeFile;
use crate::dataset::within;
use crate::error::{Error, Result};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// The columns.
const HEADER: &str = "path,label,status,trace_id,events,requests,seconds,reason";

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
        let reason = row.error.as_ref().map(ToString::to_string);
        let fields = [
            row.listed.path.clone(),
            row.listed.label.clone().unwrap_or_default(),
            row.status.as_str().to_owned(),
            row.trace_ids.join(" "),
            number(row.events),
            number(row.requests),
            format!("{:.3}", row.seconds),
            reason.unwrap_or_default(),
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
