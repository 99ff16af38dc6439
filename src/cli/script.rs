//! Which SQL is run, and with what: a file, a query that goes by a name, stdin, and `NAME=VALUE` for its parameters; the
//! same as options of `sysds query` and as words in its shell.

use crate::error::{Error, Result};
use crate::query::{Source, shipped};
use std::fmt::Write;
use std::io;
use std::path::Path;

/// The SQL that `sysds query` is given: `execute` itself, stdin for `-`, else what goes by this name.
///
/// # Errors
/// [`Error::Usage`] where nothing goes by the name, [`Error::Io`] where it cannot be read.
pub(super) fn source(script: Option<&str>, execute: Option<String>) -> Result<Source> {
    match (script.unwrap_or_default(), execute) {
        (_, Some(text)) => Ok(Source {
            name: "-e".to_owned(),
            text,
        }),
        ("-", None) => Source::read(io::stdin().lock(), Path::new("stdin")),
        (name, None) => named(name),
    }
}

/// The SQL in this file, or of the query that goes by this name.
///
/// # Errors
/// As [`source`].
pub(super) fn named(name: &str) -> Result<Source> {
    if shipped::is_there(Path::new(name))? {
        return Source::file(Path::new(name));
    }
    let folder = Path::new(shipped::FOLDER);
    match shipped::find(folder, name)? {
        Some(source) => {
            if shipped::is_replaced(name, &source) {
                say!(
                    "note: {name} is {} of this folder, not the query that ships with sysds",
                    source.name
                );
            }
            Ok(source)
        }
        None => Err(no_query(name, &shipped::names(folder)?)),
    }
}

fn no_query(name: &str, names: &[String]) -> Error {
    // It was one before it was a command.
    if name.strip_suffix(".sql").unwrap_or(name) == "sequences" {
        return Error::usage(
            "sequences: no query any more, but a command",
            "Run sysds sequences DATASET -o FOLDER; its --help says how.",
        );
    }
    Error::usage(
        format!("{name}: no such file, nor a query of this name"),
        format!(
            "The queries are {}; SQL itself is given with -e.",
            names.join(", ")
        ),
    )
}

/// The queries that go by a bare name, one a line with what each answers.
///
/// # Errors
/// As [`shipped::list`].
pub(super) fn list() -> Result<String> {
    let queries = shipped::list(Path::new(shipped::FOLDER))?;
    let lengths = queries.iter().map(|(name, _)| name.len());
    let width = lengths.max().unwrap_or(0);
    let mut text = String::new();
    for (name, source) in queries {
        let _ = writeln!(text, "{name:width$}  {}", source.title());
    }
    Ok(text)
}

/// Name and value of a parameter, of `NAME=VALUE`.
///
/// # Errors
/// What to write instead.
pub(super) fn parameter(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("write NAME=VALUE")?;
    let name = name.trim().trim_start_matches('$');
    match name.is_empty() {
        true => Err("write NAME=VALUE".to_owned()),
        false => Ok((name.to_owned(), value.to_owned())),
    }
}
