//! Mistakes in SQL, shown where they stand.
//!
//! DataFusion says where a mistake is in three ways: in the text of a parser's message, in a diagnostic beside the
//! error, or only by naming a word. All three become a [`Mistake`], which knows its place and what could be meant, and
//! is drawn into the offending line.

use super::engine_errors::explained;
use super::source::Source;
use crate::error::{Error, Place};
use datafusion::common::SchemaError;
use datafusion::common::utils::datafusion_strsim::levenshtein;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::tokenizer::Location;
use std::fmt::Write;

/// How many names are listed where one was not found.
const NAMES: usize = 60;
/// How many names are asked about at most: "Did you mean …?"
const NEAR: usize = 4;

/// A mistake in a script, before its text is at hand.
#[derive(Debug, Default)]
pub(super) struct Mistake {
    what: String,
    at: Option<Location>,
    until: Option<Location>,
    /// A word of the message to look for in the text where no place is known.
    word: Option<String>,
    /// Where to look for it, and what to name where it isn't found.
    from: Option<Location>,
    remedy: String,
}

impl Mistake {
    /// A mistake that begins at a place.
    pub(super) fn at(at: Location, what: impl Into<String>) -> Self {
        Mistake {
            what: what.into(),
            at: (at.line > 0).then_some(at),
            ..Mistake::default()
        }
    }

    /// A mistake of the script as a whole.
    pub(super) fn of_all(what: impl Into<String>) -> Self {
        Mistake {
            what: what.into(),
            ..Mistake::default()
        }
    }

    /// Sets where it ends (exclusive).
    pub(super) fn until(mut self, end: Location) -> Self {
        self.until = Some(end);
        self
    }

    /// Sets what to do about it.
    pub(super) fn with_remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// Says in which statement it is, by the place of its first token.
    pub(super) fn in_statement(mut self, begin: Location) -> Self {
        self.from = Some(begin);
        self
    }

    /// Suggests names like the one that was not found, unless there are suggestions already.
    pub(super) fn with_names(
        mut self,
        tables: &[String],
        fields: &[String],
        functions: &[String],
    ) -> Self {
        let word = self.word.clone().unwrap_or_default();
        if self.what.starts_with("table '") {
            self.remedy = suggestion("tables", &word, tables);
        } else if self.what.starts_with("Invalid function '") {
            self.remedy = match near(&word, functions) {
                near if near.is_empty() => "SHOW FUNCTIONS lists what there is.".to_owned(),
                near => format!("Did you mean {}?", near.join(" or ")),
            };
        } else if self.what.contains("not found in struct") {
            self.remedy = match near(&word, fields) {
                near if near.is_empty() => "DESCRIBE events shows the fields of args.".to_owned(),
                near => format!("Did you mean '{}'?", near.join("' or '")),
            };
        }
        self
    }

    /// Whether it is about this name.
    pub(super) fn is_about(&self, name: &str) -> bool {
        self.word.as_deref() == Some(name)
    }

    /// Whether it is that there is no such table.
    pub(super) fn misses(&self, table: &str) -> bool {
        self.is_about(table) && self.what.starts_with("table '")
    }

    /// Draws it into the text.
    pub(super) fn in_source(self, source: &Source) -> Error {
        let found = || find_word(&source.text, self.word.as_deref()?, self.from);
        let (at, until) = match (self.at, found()) {
            (Some(at), _) => (Some(at), self.until),
            (None, Some((at, until))) => (Some(at), Some(until)),
            (None, None) if self.what.ends_with("found: EOF") => (Some(end(&source.text)), None),
            (None, None) => (None, None),
        };
        let place = match at.or(self.from) {
            Some(at) => Place::line(&source.name, at.line, at.column),
            None => Place::file(&source.name),
        };
        let mut what = format!("{place}: {}", self.what);
        if let Some(at) = at
            && let Some(line) = source.text.lines().nth(at.line as usize - 1)
        {
            draw(&mut what, line, at, until);
        }
        Error::Sql {
            what,
            remedy: self.remedy,
        }
    }
}

/// Place behind the last character that is no space.
fn end(text: &str) -> Location {
    let text = text.trim_end();
    let last = text.lines().last().unwrap_or_default();
    Location::new(
        text.lines().count().max(1) as u64,
        last.chars().count() as u64 + 1,
    )
}

/// How many characters of a line are shown at most.
const LINE: usize = 200;
/// How many of them before the mistake, where the line is longer.
const AROUND: usize = 80;

/// Appends the line, and a caret under the mistake. Of a line that is very long, only what is around the mistake.
fn draw(what: &mut String, line: &str, at: Location, until: Option<Location>) {
    let number = at.line.to_string();
    let column = (at.column as usize).saturating_sub(1);
    let from = match column > AROUND {
        true if line.chars().count() > LINE => column - AROUND,
        _ => 0,
    };
    let mut shown: String = line.chars().skip(from).take(LINE).collect();
    if line.chars().count() > from + LINE {
        shown.push('…');
    }
    let line = shown;
    let before = column - from;
    let pad: String = line
        .chars()
        .chain(std::iter::repeat(' '))
        .take(before)
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    let rest = line.chars().count().saturating_sub(before).max(1);
    let width = match until {
        Some(end) if end.line == at.line && end.column > at.column => end.column - at.column,
        Some(end) if end.line > at.line => rest as u64,
        _ => 1,
    };
    let carets = "^".repeat((width as usize).min(rest));
    let margin = " ".repeat(number.len());
    let _ = write!(what, "\n  {number} | {line}\n  {margin} | {pad}{carets}");
}

/// Reads an error of DataFusion.
pub(super) fn read(e: &DataFusionError) -> Mistake {
    let root = innermost(e);
    let mut mistake = match root {
        DataFusionError::SQL(parser, _) => from_parser(&parser.to_string()),
        DataFusionError::SchemaError(schema, _) => from_schema(schema),
        DataFusionError::ResourcesExhausted(what) => Mistake {
            what: format!("the query needs more memory or disk than there is: {what}"),
            remedy: "Give it more with --memory, sort less (fewer columns, whole args above all), or handle fewer rows at a \
                     time: SET datafusion.execution.batch_size = 512;".into(),
            ..Mistake::default()
        },
        other => from_message(&other.strip_backtrace()),
    };
    if let Some(span) = diagnostic_span(e) {
        mistake.at = Some(Location::new(span.0.line, span.0.column));
        mistake.until = Some(Location::new(span.1.line, span.1.column));
    }
    mistake
}

fn innermost(e: &DataFusionError) -> &DataFusionError {
    match e {
        DataFusionError::Diagnostic(_, inner) | DataFusionError::Context(_, inner) => {
            innermost(inner)
        }
        DataFusionError::Shared(inner) => innermost(inner),
        DataFusionError::Collection(all) => all.first().map_or(e, innermost),
        _ => e,
    }
}

type Span = (datafusion::common::Location, datafusion::common::Location);

fn diagnostic_span(e: &DataFusionError) -> Option<Span> {
    let span = match e {
        DataFusionError::Collection(all) => return diagnostic_span(all.first()?),
        DataFusionError::Context(_, inner) => return diagnostic_span(inner),
        DataFusionError::Diagnostic(d, inner) => match d.span {
            Some(span) => span,
            None => return diagnostic_span(inner),
        },
        _ => return None,
    };
    (span.start.line > 0).then_some((span.start, span.end))
}

/// `… at Line: 3, Column: 8`
fn from_parser(message: &str) -> Mistake {
    let message = message.trim_start_matches("sql parser error: ");
    let place = message.rsplit_once(" at Line: ").and_then(|(what, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        let at = Location::new(line.trim().parse().ok()?, column.trim().parse().ok()?);
        Some((what, at))
    });
    match place {
        Some((what, at)) => Mistake::at(at, what),
        None => Mistake {
            what: message.to_owned(),
            ..Mistake::default()
        },
    }
}

fn from_schema(e: &SchemaError) -> Mistake {
    match e {
        SchemaError::FieldNotFound {
            field,
            valid_fields,
        } => {
            let names: Vec<String> = valid_fields.iter().map(|c| c.name.clone()).collect();
            Mistake {
                what: format!("no column named {}", field.flat_name()),
                word: Some(field.name.clone()),
                remedy: suggestion("columns", &field.name, &names),
                ..Mistake::default()
            }
        }
        other => from_message(&other.to_string()),
    }
}

fn from_message(message: &str) -> Mistake {
    let what = message
        .trim_start_matches("Error during planning: ")
        .trim_start_matches("External error: ")
        .trim_start_matches("Arrow error: ")
        .trim_start_matches("Execution error: ")
        .replace("datafusion.public.", "");
    if let Some(explained) = explained(&what) {
        return Mistake {
            what: explained.what,
            word: explained.word,
            remedy: explained.remedy,
            ..Mistake::default()
        };
    }
    let (what, remedy) = match what.split_once("\nDid you mean ") {
        Some((what, name)) => (what.to_owned(), format!("Did you mean {name}")),
        None => (what, String::new()),
    };
    Mistake {
        word: first_quoted(&what).or_else(|| missing_field(&what)),
        what,
        remedy,
        ..Mistake::default()
    }
}

fn first_quoted(message: &str) -> Option<String> {
    let quote = message.find(['\'', '"', '`'])?;
    let mark = message[quote..].chars().next()?;
    let inner = &message[quote + 1..];
    inner.find(mark).map(|end| inner[..end].to_owned())
}

/// `Field NAME not found in struct`
fn missing_field(message: &str) -> Option<String> {
    let (before, _) = message.split_once(" not found in struct")?;
    before.rsplit(' ').next().map(str::to_owned)
}

/// Place of the first whole occurrence of `word` in the text from `from` on.
fn find_word(text: &str, word: &str, from: Option<Location>) -> Option<(Location, Location)> {
    let first = from.map_or(0, |at| at.line.saturating_sub(1)) as usize;
    if word.is_empty() {
        return None;
    }
    let part = |c: char| c.is_alphanumeric() || c == '_';
    for (i, line) in text.lines().enumerate().skip(first) {
        for (offset, _) in line.match_indices(word) {
            let before = line[..offset].chars().next_back().is_some_and(part);
            let after = line[offset + word.len()..].chars().next().is_some_and(part);
            if !before && !after {
                let column = line[..offset].chars().count() as u64 + 1;
                let end = column + word.chars().count() as u64;
                let line = i as u64 + 1;
                return Some((Location::new(line, column), Location::new(line, end)));
            }
        }
    }
    None
}

/// "Did you mean …?" and what there is.
fn suggestion(kind: &str, name: &str, names: &[String]) -> String {
    let mut text = match near(name, names) {
        near if near.is_empty() => String::new(),
        near => format!("Did you mean {}? ", near.join(" or ")),
    };
    if names.is_empty() {
        return text.trim_end().to_owned();
    }
    let listed: Vec<&str> = names.iter().take(NAMES).map(String::as_str).collect();
    let _ = write!(text, "The {kind} are: {}", listed.join(", "));
    text.push_str(if names.len() > NAMES { ", …" } else { "." });
    text
}

/// The names with the fewest edits, where those are at most half of the name.
fn near<'a>(name: &str, names: &'a [String]) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let edits = |n: &String| levenshtein(&name, &n.to_lowercase());
    let Some(fewest) = names.iter().map(edits).min() else {
        return Vec::new();
    };
    let close = |n: &&String| {
        let length = n.chars().count().max(name.chars().count());
        edits(n) == fewest && fewest * 2 <= length
    };
    let found = names.iter().filter(close).map(String::as_str);
    found.take(NEAR).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source {
            name: "q.sql".to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn a_parsers_place_is_taken_out_of_its_message() {
        let e = from_parser("sql parser error: Expected: a, found: b at Line: 2, Column: 3");
        let text = e.in_source(&source("x\n\té b\n")).to_string();
        let expected = "q.sql, line 2, column 3: Expected: a, found: b\n  2 | \té b\n    | \t ^";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_word_is_looked_for_in_its_statement_and_whole() {
        let found = find_word("foo;\nfoot, foo", "foo", Some(Location::new(2, 1)));
        assert_eq!(found, Some((Location::new(2, 7), Location::new(2, 10))));
    }

    #[test]
    fn near_names_come_first_and_far_ones_not_at_all() {
        let names = ["request_id".to_owned(), "duration_ns".to_owned()];
        let text = suggestion("columns", "duratoin_ns", &names);
        assert_eq!(
            text,
            "Did you mean duration_ns? The columns are: request_id, duration_ns."
        );
        assert!(!suggestion("columns", "zzz", &names).contains("mean"));
    }

    #[test]
    fn a_place_past_the_end_of_a_line_is_drawn() {
        let mistake = Mistake::at(Location::new(1, 20), "oh").until(Location::new(1, 25));
        let text = mistake.in_source(&source("SELECT")).to_string();
        assert!(text.ends_with(&format!("{}^", " ".repeat(19))), "{text}");
    }
}
