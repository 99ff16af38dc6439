//! The text formats, written to a stream as batches come.

use super::cells;
use super::results::{Format, Results, unique_names};
use super::table::Table;
use crate::error::{Error, Result};
use arrow::array::RecordBatch;
use arrow::datatypes::SchemaRef;
use std::borrow::Cow;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Writes results as text.
pub(crate) struct TextOutput<W: Write> {
    format: Format,
    out: W,
    name: PathBuf,
    line: Vec<u8>,
    results: usize,
    rows: usize,
    table: Option<Table>,
}

impl<W: Write> TextOutput<W> {
    /// Writes to `out`, which errors call `name`.
    pub(crate) fn new(format: Format, out: W, name: impl Into<PathBuf>) -> Self {
        TextOutput {
            format,
            out,
            name: name.into(),
            line: Vec::new(),
            results: 0,
            rows: 0,
            table: None,
        }
    }

    /// Writes out what is still held back, and gives the stream back.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(crate) fn finish(mut self) -> Result<W> {
        self.out.flush().map_err(Error::io("write", &self.name))?;
        Ok(self.out)
    }

    /// The stream, with all that was written to it.
    pub(crate) fn into_inner(self) -> W {
        self.out
    }

    fn flush_line(&mut self) -> Result<()> {
        let written = self.out.write_all(&self.line);
        self.line.clear();
        written.map_err(Error::io("write", &self.name))
    }

    fn header(&mut self, schema: &SchemaRef) {
        let names = schema.fields().iter().map(|f| f.name().as_str());
        match self.format {
            Format::Csv | Format::CsvSafe => {
                for (i, name) in names.enumerate() {
                    comma(i, &mut self.line);
                    match self.format {
                        Format::CsvSafe => csv(&harmless(name), &mut self.line),
                        _ => csv(name, &mut self.line),
                    }
                }
                self.line.push(b'\n');
            }
            Format::Markdown => {
                self.line.push(b'|');
                names.for_each(|name| markdown(name, &mut self.line));
                self.line.extend_from_slice(b"\n|");
                for field in schema.fields() {
                    let numeric = field.data_type().is_numeric();
                    let rule: &[u8] = if numeric { b" ---: |" } else { b" --- |" };
                    self.line.extend_from_slice(rule);
                }
                self.line.push(b'\n');
            }
            Format::Json => self.line.push(b'['),
            Format::Table => self.table = Some(Table::new(schema)),
            Format::Ndjson => {}
        }
    }

    fn objects(&mut self, batch: &RecordBatch) -> Result<()> {
        let schema = batch.schema();
        let options = cells::json_options(&schema);
        let mut columns = cells::json_columns(&schema, batch, &options)?;
        let keys: Vec<String> = schema
            .fields()
            .iter()
            .map(|f| serde_json::Value::from(f.name().as_str()).to_string())
            .collect();
        for row in 0..batch.num_rows() {
            if self.format == Format::Json {
                let separator: &[u8] = if self.rows > 0 { b",\n" } else { b"\n" };
                self.line.extend_from_slice(separator);
            }
            self.line.push(b'{');
            for (i, (key, column)) in keys.iter().zip(&mut columns).enumerate() {
                comma(i, &mut self.line);
                self.line.extend_from_slice(key.as_bytes());
                self.line.push(b':');
                match column.is_null(row) {
                    true => self.line.extend_from_slice(b"null"),
                    false => column.encode(row, &mut self.line),
                }
            }
            self.line.push(b'}');
            if self.format == Format::Ndjson {
                self.line.push(b'\n');
            }
            self.rows += 1;
            self.flush_line()?;
        }
        Ok(())
    }

    fn lines(&mut self, batch: &RecordBatch) -> Result<()> {
        let schema = batch.schema();
        let options = cells::json_options(&schema);
        let mut columns = cells::text_columns(&schema, batch, &options)?;
        let mut text = String::new();
        // Numbers keep their sign.
        let fields = schema.fields().iter();
        let texts: Vec<bool> = fields.map(|f| !f.data_type().is_numeric()).collect();
        for row in 0..batch.num_rows() {
            let mut cells = Vec::new();
            if self.format == Format::Markdown {
                self.line.push(b'|');
            }
            for (i, column) in columns.iter_mut().enumerate() {
                let valid = column.text(row, &mut text)?;
                match self.format {
                    Format::Table => cells.push(std::mem::take(&mut text)),
                    Format::Markdown => markdown(&text, &mut self.line),
                    Format::Json | Format::Ndjson => unreachable!("`objects` writes these"),
                    Format::Csv | Format::CsvSafe => {
                        comma(i, &mut self.line);
                        match self.format {
                            _ if !valid => {}
                            Format::CsvSafe if texts[i] => csv(&harmless(&text), &mut self.line),
                            _ => csv(&text, &mut self.line),
                        }
                    }
                }
            }
            match &mut self.table {
                Some(table) => table.row(cells, &mut self.line),
                None => self.line.push(b'\n'),
            }
            self.rows += 1;
            self.flush_line()?;
        }
        Ok(())
    }
}

impl<W: Write> Results for TextOutput<W> {
    fn begin(&mut self, schema: &SchemaRef) -> Result<()> {
        let objects = matches!(self.format, Format::Json | Format::Ndjson);
        if objects {
            unique_names(schema)?;
        } else if self.results > 0 {
            self.line.push(b'\n');
        }
        self.results += 1;
        self.rows = 0;
        self.header(schema);
        self.flush_line()
    }

    fn rows(&mut self, batch: &RecordBatch) -> Result<()> {
        match self.format {
            Format::Json | Format::Ndjson => self.objects(batch),
            _ => self.lines(batch),
        }
    }

    fn end(&mut self) -> Result<()> {
        match self.format {
            Format::Json if self.rows == 0 => self.line.extend_from_slice(b"]\n"),
            Format::Json => self.line.extend_from_slice(b"\n]\n"),
            _ => {}
        }
        if let Some(table) = self.table.take() {
            table.end(&mut self.line);
        }
        self.flush_line()?;
        self.out.flush().map_err(Error::io("write", &self.name))
    }

    fn wrote(&mut self, target: &Path, rows: u64) {
        crate::say!("{}: {rows} rows", target.display());
    }
}

fn comma(i: usize, line: &mut Vec<u8>) {
    if i > 0 {
        line.push(b',');
    }
}

/// A field of CSV; an empty string stands in quotes, since nothing is NULL.
fn csv(text: &str, line: &mut Vec<u8>) {
    let edge = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let quoted = text.contains([',', '"', '\n', '\r'])
        || edge(text.chars().next())
        || edge(text.chars().next_back());
    match quoted {
        false => line.extend_from_slice(text.as_bytes()),
        true => {
            line.push(b'"');
            line.extend_from_slice(text.replace('"', "\"\"").as_bytes());
            line.push(b'"');
        }
    }
}

/// A text that spreadsheets take for a text: one that begins as a formula may has a `'` before it.
fn harmless(text: &str) -> Cow<'_, str> {
    match text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        true => Cow::Owned(format!("'{text}")),
        false => Cow::Borrowed(text),
    }
}

/// A cell of Markdown and the bar behind it.
fn markdown(text: &str, line: &mut Vec<u8>) {
    line.push(b' ');
    let mut before = ' ';
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        let inside = before.is_alphanumeric() && chars.peek().is_some_and(|c| c.is_alphanumeric());
        before = c;
        match c {
            '|' | '\\' | '<' | '*' | '`' | '[' => line.extend([b'\\', c as u8]),
            '_' if !inside => line.extend_from_slice(b"\\_"),
            '\n' => line.extend_from_slice(b"<br>"),
            c if c.is_control() => line.extend(c.escape_default().map(|c| c as u8)),
            c => line.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    line.extend_from_slice(b" |");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::output::cells::tests::sample;

    fn written(format: Format) -> String {
        let batch = sample();
        let mut output = TextOutput::new(format, Vec::new(), "out");
        output.begin(&batch.schema()).unwrap();
        output.rows(&batch).unwrap();
        output.end().unwrap();
        String::from_utf8(output.finish().unwrap()).unwrap()
    }

    #[test]
    fn csv_tells_null_from_empty_and_quotes_what_must_be() {
        let expected = "\
id,at,text,ratio,args
9223372036854775807,2026-11-24T00:00:00.000000001Z,\"a,\"\"b\"\"\n|\",0.1,\"{\"\"fd\"\":3}\"
-1,,,,
,1970-01-01T00:00:00.000000000Z,\"\",1.0,{}
";
        assert_eq!(written(Format::Csv), expected);
    }

    #[test]
    fn formulas_are_texts_where_that_is_wanted() {
        for (text, safe) in [
            ("=1+1", "'=1+1"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "'\t=1"),
            ("a=1", "a=1"),
            ("", ""),
        ] {
            assert_eq!(harmless(text), safe);
        }
        let rows = written(Format::CsvSafe);
        assert!(rows.contains("\n-1,,,,\n"), "a number stays one: {rows}");
    }

    #[test]
    fn json_has_null_in_columns_and_leaves_it_out_below() {
        let rows = "\
{\"id\":9223372036854775807,\"at\":\"2026-11-24T00:00:00.000000001Z\",\"text\":\"a,\\\"b\\\"\\n|\",\"ratio\":0.1,\
\"args\":{\"fd\":3}}
{\"id\":-1,\"at\":null,\"text\":null,\"ratio\":null,\"args\":null}
{\"id\":null,\"at\":\"1970-01-01T00:00:00.000000000Z\",\"text\":\"\",\"ratio\":1.0,\"args\":{}}
";
        assert_eq!(written(Format::Ndjson), rows);
        let array = format!("[\n{}\n]\n", rows.trim_end().replace("}\n{", "},\n{"));
        assert_eq!(written(Format::Json), array);
    }

    #[test]
    fn markdown_escapes_what_it_would_read() {
        let expected = "\
| id | at | text | ratio | args |
| ---: | --- | --- | ---: | --- |
| 9223372036854775807 | 2026-11-24T00:00:00.000000001Z | a,\"b\"<br>\\| | 0.1 | {\"fd\":3} |
| -1 |  |  |  |  |
|  | 1970-01-01T00:00:00.000000000Z |  | 1.0 | {} |
";
        assert_eq!(written(Format::Markdown), expected);
    }

    #[test]
    fn a_table_aligns_numbers_to_the_right_and_continues_broken_lines() {
        let expected = [
            " id                  | at                             | text  | ratio | args",
            "---------------------+--------------------------------+-------+-------+----------",
            " 9223372036854775807 | 2026-11-24T00:00:00.000000001Z | a,\"b\" |   0.1 | {\"fd\":3}",
            "                     |                                | |     |       |",
            "                  -1 |                                |       |       |",
            "                     | 1970-01-01T00:00:00.000000000Z |       |   1.0 | {}",
            "(3 rows)\n",
        ];
        assert_eq!(written(Format::Table), expected.join("\n"));
    }

    #[test]
    fn results_follow_one_another() {
        let batch = sample();
        let mut output = TextOutput::new(Format::Json, Vec::new(), "out");
        for _ in 0..2 {
            output.begin(&batch.schema()).unwrap();
            output.end().unwrap();
        }
        assert_eq!(output.finish().unwrap(), b"[]\n[]\n");
    }
}
