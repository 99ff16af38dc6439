//! A stranger's text, as it may be shown.
//!
//! Names and texts in traces, manifests and tables are what somebody else chose: a terminal would obey the escape
//! sequences in them, and marks for right-to-left writing or characters without width make one name look like another.
//! So everything that reaches a terminal (results for a person, errors, warnings) goes through here, and such
//! characters come out as escapes to read: `\u{1b}`, `\u{202e}`. Printable text stays as it is; so does a backslash, since
//! nobody reads these texts back in. What programs read (JSON, CSV and Parquet files) keeps the characters.

use serde::Serializer;
use std::fmt::{self, Write};
use std::path::Path;

/// Whether a character could act on a terminal or hide in a text instead of being seen: controls (C0, DEL, C1), line and
/// paragraph separators, and the format characters of Unicode (bidirectional marks, zero widths, tags).
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// A text that shows itself without any such character; line breaks are escaped, too.
pub(crate) struct Shown<T>(pub T);

impl<T: fmt::Display> fmt::Display for Shown<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(Escaping { out: f, kept: "" }, "{}", self.0)
    }
}

/// The same for a text of several lines and columns, which we broke ourselves: `\n` and `\t` stay.
pub(crate) struct ShownLines<T>(pub T);

impl<T: fmt::Display> fmt::Display for ShownLines<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kept = "\n\t";
        write!(Escaping { out: f, kept }, "{}", self.0)
    }
}

/// `text` as [`Shown`] shows it.
pub(crate) fn shown(text: &str) -> String {
    Shown(text).to_string()
}

/// `text` as [`ShownLines`] shows it.
pub(crate) fn shown_lines(text: &str) -> String {
    ShownLines(text).to_string()
}

struct Escaping<'a, 'f> {
    out: &'a mut fmt::Formatter<'f>,
    kept: &'static str,
}

impl Write for Escaping<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        let hidden = |c: char| is_hidden(c) && !self.kept.contains(c);
        while let Some(at) = rest.find(hidden) {
            self.out.write_str(&rest[..at])?;
            let c = rest[at..].chars().next().expect("it was found");
            match c {
                '\n' => self.out.write_str("\\n")?,
                '\r' => self.out.write_str("\\r")?,
                '\t' => self.out.write_str("\\t")?,
                c => write!(self.out, "\\u{{{:x}}}", u32::from(c))?,
            }
            rest = &rest[at + c.len_utf8()..];
        }
        self.out.write_str(rest)
    }
}

/// JSON for a terminal: the same values, with hidden characters in its strings written as `\u001b`.
pub(crate) fn json_lines(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if !is_hidden(c) || c == '\n' {
            out.push(c);
            continue;
        }
        let mut units = [0; 2];
        for unit in c.encode_utf16(&mut units) {
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

/// Bytes in hexadecimal, as checksums and UUIDs are written.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A path as text: itself where it is UTF-8; else with each other byte as `\xff` and each backslash doubled, so that two
/// paths do not become one.
pub(crate) fn path_text(path: &Path) -> String {
    if let Some(text) = path.to_str() {
        return text.to_owned();
    }
    let mut out = String::new();
    for chunk in path.as_os_str().as_encoded_bytes().utf8_chunks() {
        out.push_str(&chunk.valid().replace('\\', "\\\\"));
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out
}

/// A path as it is shown.
pub(crate) fn shown_path(path: &Path) -> String {
    shown(&path_text(path))
}

/// Writes a path into JSON as [`path_text`] has it; for `serde(serialize_with)`.
///
/// # Errors
/// Those of the serializer.
pub(crate) fn serialize_path<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&path_text(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn what_would_act_on_a_terminal_is_written_out() {
        let hostile = "a\x1b[2J\rb\u{9b}c\u{202e}d\u{200b}e\nf\tg\u{7f}";
        let said = shown(hostile);
        assert_eq!(
            said,
            "a\\u{1b}[2J\\rb\\u{9b}c\\u{202e}d\\u{200b}e\\nf\\tg\\u{7f}"
        );
        assert_eq!(shown_lines("a\nb\r\t\n"), "a\nb\\r\t\n");
        let plain = "/var/www/ü \\ 日本 🙂 naïve";
        assert_eq!(shown(plain), plain);
    }

    #[test]
    fn json_keeps_its_values() {
        let hostile = "\u{1b}\u{202e}\u{9b}\u{e0041}x\n";
        let json = serde_json::to_string(hostile).unwrap();
        let said = json_lines(&json);
        assert!(!said.chars().any(is_hidden), "{said}");
        assert_eq!(serde_json::from_str::<String>(&said).unwrap(), hostile);
    }

    #[test]
    fn paths_that_are_not_text_stay_apart() {
        let path = |bytes: &'static [u8]| Path::new(OsStr::from_bytes(bytes));
        assert_eq!(path_text(path(b"a\\\xffb")), "a\\\\\\xffb");
        assert_ne!(path_text(path(b"\xff")), path_text(path(b"\xfe")));
        assert_eq!(shown_path(path(b"a\x1bb")), "a\\u{1b}b");
    }
}
