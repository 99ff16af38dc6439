//! What may stand at the cursor: tables, columns, members of structures, functions, words of SQL; commands, queries and
//! their parameters.
//!
//! Names of a dataset are a stranger's: one with characters that a terminal would obey is not offered.

use super::commands::COMMANDS;
use super::place::{Inside, place, word_start, words};
use crate::cli::script;
use crate::query::{Names, choices_in, shipped};
use crate::shown::is_hidden;
use std::path::Path;

/// Words of SQL that are offered.
const WORDS: &str = "ALL AND ANY AS ASC BETWEEN BY CASE CAST COPY CREATE CROSS DESC DESCRIBE DISTINCT DROP ELSE END EXCEPT \
                     EXCLUDE EXISTS EXPLAIN EXTERNAL FALSE FILTER FROM FULL GROUP HAVING IN INNER INTERSECT INTERVAL IS JOIN \
                     LEFT LIKE LIMIT NOT NULL NULLS OFFSET ON OR ORDER OUTER OVER PARTITION RECURSIVE REPLACE RIGHT SELECT \
                     SET SHOW TABLE THEN TRUE UNION UNNEST USING VALUES VIEW WHEN WHERE WITH";

/// Behind these comes a table.
const BEFORE_TABLES: [&str; 6] = ["from", "join", "describe", "table", "view", "into"];

/// What may replace the text from some place to the cursor.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Candidate {
    /// What is shown in a list.
    pub shown: String,
    /// What is put in.
    pub text: String,
}

/// Completes what is typed, by the names that there are.
pub(super) struct Completion {
    names: Names,
}

impl Completion {
    /// Completion over these names.
    pub(super) fn new(names: Names) -> Self {
        Completion { names }
    }

    /// From which byte on `text` is to be replaced up to `cursor`, and by what.
    pub(super) fn at(&self, text: &str, cursor: usize) -> (usize, Vec<Candidate>) {
        let (before, after) = text.split_at(cursor);
        match before.trim_start().starts_with('\\') {
            true => self.command(before),
            false => self.sql(before, after),
        }
    }

    fn command(&self, before: &str) -> (usize, Vec<Candidate>) {
        let start = before.rfind(char::is_whitespace).map_or(0, |at| at + 1);
        let typed = &before[start..];
        let earlier: Vec<&str> = before[..start].split_whitespace().collect();
        let plain = |name: String| Candidate {
            shown: name.clone(),
            text: name,
        };
        let found = match earlier[..] {
            [] => COMMANDS
                .iter()
                .filter_map(|(usage, _)| usage.split_whitespace().next())
                .map(|name| plain(name.to_owned()))
                .collect(),
            ["\\d"] => match typed.split_once('.') {
                None => self.tables().collect(),
                Some((table, _)) => self
                    .columns_of(table)
                    .filter(|column| self.names.members.contains_key(*column))
                    .map(|column| plain(format!("{table}.{column}")))
                    .collect(),
            },
            ["\\l" | "\\run" | "\\i"] => {
                let names = shipped::names(Path::new(shipped::FOLDER));
                names.unwrap_or_default().into_iter().map(plain).collect()
            }
            ["\\run" | "\\i", query, ..] => parameters(query).into_iter().map(plain).collect(),
            _ => Vec::new(),
        };
        (start, fitting(found.into_iter(), typed))
    }

    fn sql(&self, before: &str, after: &str) -> (usize, Vec<Candidate>) {
        let (statement, inside) = place(before);
        let earlier = &before[statement..];
        match inside {
            Inside::Comment => (before.len(), Vec::new()),
            Inside::Text(start) => {
                let found = self.members_at(&before[statement..start - 1], after);
                (start, fitting(found, &before[start..]))
            }
            Inside::Name(start) => {
                let close = if after.starts_with('"') { "" } else { "\"" };
                let all = self.names.tables.iter();
                let names = all.flat_map(|(table, columns)| columns.iter().chain([table]));
                let found = names.map(|name| Candidate {
                    shown: name.clone(),
                    text: format!("{}{close}", name.replace('"', "\"\"")),
                });
                (start, fitting(found, &before[start..]))
            }
            Inside::Sql => {
                let word = word_start(earlier);
                let rest = after.split(';').next().unwrap_or_default();
                let found = self.words_at(earlier, word, &format!("{earlier}{rest}"));
                (
                    statement + word,
                    fitting(found.into_iter(), &earlier[word..]),
                )
            }
        }
    }

    /// Members, for a string behind `args[`; nothing for other strings.
    fn members_at(&self, before: &str, after: &str) -> impl Iterator<Item = Candidate> {
        let close = if after.starts_with('\'') { "" } else { "']" };
        let structure = before.trim_end().strip_suffix('[').map(str::trim_end);
        let known = structure.map(|before| &before[word_start(before)..]);
        let known = known.and_then(|name| self.names.members.get(&name.to_lowercase()));
        let all = self.names.members.values();
        let searched: Vec<&Vec<String>> = match (structure, known) {
            (None, _) => Vec::new(),
            (Some(_), Some(members)) => vec![members],
            // Such as the alias of a nested event.
            (Some(_), None) => all.collect(),
        };
        let members = searched.into_iter().flatten();
        members.map(move |member| Candidate {
            shown: member.clone(),
            text: format!("{}{close}", member.replace('\'', "''")),
        })
    }

    /// What may stand where a word begins.
    fn words_at(&self, earlier: &str, word: usize, statement: &str) -> Vec<Candidate> {
        let (lead, typed) = earlier.split_at(word);
        if let Some(qualified) = lead.strip_suffix('.') {
            let qualifier = &qualified[word_start(qualified)..];
            return self.behind(&qualifier.to_lowercase(), statement);
        }
        let last = lead.trim_end();
        let last = last[word_start(last)..].to_lowercase();
        if lead.ends_with(char::is_whitespace) && BEFORE_TABLES.contains(&&*last) {
            return self.tables().collect();
        }
        if typed.is_empty() {
            return Vec::new();
        }
        let named: Vec<String> = words(statement).map(str::to_lowercase).collect();
        let mentioned = |table: &str| named.iter().any(|word| word == table);
        let any = self.names.tables.iter().any(|(t, _)| mentioned(t));
        let tables = self.names.tables.iter();
        let tables = tables.filter(|(table, _)| !any || mentioned(table));
        let columns = tables.flat_map(|(_, columns)| columns);
        let functions = self.names.functions.iter().map(|name| Candidate {
            shown: name.clone(),
            text: format!("{name}("),
        });
        let small = typed.chars().all(|c| !c.is_uppercase());
        let keywords = WORDS.split_whitespace().map(|word| {
            let text = match small {
                true => word.to_lowercase(),
                false => word.to_owned(),
            };
            Candidate {
                shown: text.clone(),
                text,
            }
        });
        let names = columns.map(|name| identifier(name)).chain(self.tables());
        names.chain(functions).chain(keywords).collect()
    }

    /// What may stand behind `NAME.`: columns of a table or of what is called so in this statement, or members.
    fn behind(&self, name: &str, statement: &str) -> Vec<Candidate> {
        if let Some(members) = self.names.members.get(name) {
            return members.iter().map(|name| identifier(name)).collect();
        }
        let named: Vec<String> = words(statement).map(str::to_lowercase).collect();
        let called = |table: &str| {
            named.windows(2).any(|w| w[0] == table && w[1] == name)
                || named
                    .windows(3)
                    .any(|w| w[0] == table && w[1] == "as" && w[2] == name)
        };
        let tables = self.names.tables.iter();
        let tables = tables.filter(|(table, _)| table == name || called(table));
        let columns = tables.flat_map(|(_, columns)| columns);
        columns.map(|name| identifier(name)).collect()
    }

    fn tables(&self) -> impl Iterator<Item = Candidate> {
        self.names.tables.iter().map(|(name, _)| identifier(name))
    }

    fn columns_of(&self, table: &str) -> impl Iterator<Item = &String> {
        let tables = self.names.tables.iter();
        let tables = tables.filter(move |(name, _)| name == table);
        tables.flat_map(|(_, columns)| columns)
    }
}

/// A name as SQL takes it: in quotes where it is not all small letters, digits and underscores.
fn identifier(name: &str) -> Candidate {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    let bare = name.chars().all(plain) && !name.starts_with(|c: char| c.is_ascii_digit());
    Candidate {
        shown: name.to_owned(),
        text: match bare {
            true => name.to_owned(),
            false => format!("\"{}\"", name.replace('"', "\"\"")),
        },
    }
}

/// `NAME=`, or `NAME=VALUE` where its values are known, for each parameter of a query.
fn parameters(query: &str) -> Vec<String> {
    let Ok(source) = script::named(query) else {
        return Vec::new();
    };
    let all = choices_in(&source.text).into_iter();
    all.flat_map(|(name, values)| match values.is_empty() {
        true => vec![format!("{name}=")],
        false => values.iter().map(|v| format!("{name}={v}")).collect(),
    })
    .collect()
}

/// Those that begin as `typed` does, whatever the case, each once and sorted.
fn fitting(all: impl Iterator<Item = Candidate>, typed: &str) -> Vec<Candidate> {
    let begins = |candidate: &Candidate| {
        let start = candidate.shown.get(..typed.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(typed))
            && !candidate.text.chars().any(is_hidden)
    };
    let mut found: Vec<Candidate> = all.filter(begins).collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completion() -> Completion {
        let all = |names: &[&str]| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>();
        Completion::new(Names {
            tables: vec![
                (
                    "events".to_owned(),
                    all(&["event_id", "name", "args", "Odd", "evil\u{1b}"]),
                ),
                ("requests".to_owned(), all(&["duration_ns", "events"])),
            ],
            members: [
                ("args".to_owned(), all(&["fd", "filename", "it's"])),
                ("events".to_owned(), all(&["event_id", "flags"])),
            ]
            .into(),
            functions: all(&["encode", "count", "nanvl"]),
        })
    }

    /// What is offered where `|` stands.
    fn offered(text: &str) -> Vec<String> {
        let cursor = text.find('|').unwrap();
        let (_, found) = completion().at(&text.replace('|', ""), cursor);
        found.into_iter().map(|c| c.text).collect()
    }

    #[test]
    fn what_fits_the_place_is_offered() {
        for (text, expected) in [
            ("SELECT dur|", &["duration_ns"][..]),
            ("SELECT na|", &["name", "nanvl("]),
            ("SELECT na| FROM requests", &["nanvl("]),
            ("SELECT DU| FROM requests", &["duration_ns"]),
            (
                "SELECT e|",
                &[
                    "else", "encode(", "end", "event_id", "events", "events", "except", "exclude",
                    "exists", "explain", "external",
                ],
            ),
            ("SELECT EXC|", &["EXCEPT", "EXCLUDE"]),
            ("SELECT * FROM |", &["events", "requests"]),
            ("SELECT 1; SELECT * FROM requests r\nJOIN ev|", &["events"]),
            ("SELECT |", &[]),
            ("SELECT args['f|", &["fd']", "filename']"]),
            ("SELECT args [ 'i|']", &["it''s"]),
            ("SELECT e['fl|", &["flags']"]),
            ("SELECT args.fi|", &["filename"]),
            ("SELECT r.d| FROM requests AS r", &["duration_ns"]),
            ("SELECT r.e| FROM requests r", &["events"]),
            ("SELECT r.d| FROM events r", &[]),
            (
                "SELECT o|",
                &["\"Odd\"", "offset", "on", "or", "order", "outer", "over"],
            ),
            ("SELECT \"O|", &["Odd\""]),
            ("SELECT ev'na|", &[]),
            ("-- na|", &[]),
            ("SELECT evil|", &[]),
        ] {
            let mut expected: Vec<&str> = expected.to_vec();
            expected.dedup();
            assert_eq!(offered(text), expected, "{text}");
        }
    }

    #[test]
    fn commands_their_tables_queries_and_parameters_are_offered() {
        assert_eq!(offered("\\r|"), ["\\run"]);
        assert_eq!(offered("\\d |"), ["events", "requests"]);
        assert_eq!(offered("\\d events.|"), ["events.args"]);
        let queries = offered("\\run lat|");
        assert_eq!(
            queries,
            ["latency", "latency_by_label", "latency_over_time"]
        );
        let values = offered("\\run latency per=|");
        assert!(values.contains(&"per=pid".to_owned()), "{values:?}");
        assert_eq!(offered("\\run none x|").len(), 0);
    }

    #[test]
    fn the_word_at_the_cursor_is_replaced() {
        let text = "SELECT größe, na FROM events";
        let cursor = text.find(" FROM").unwrap();
        let (start, found) = completion().at(text, cursor);
        assert_eq!((start, found[0].text.as_str()), (cursor - 2, "name"));
    }
}
