//! What can be typed beside SQL: commands that begin with a backslash, and the words by which people look for help or leave.

use crate::cli::script::parameter;
use crate::error::{Error, Result};

/// The commands, each with what it takes and what it does; the first word of each is its name.
pub(super) const COMMANDS: [(&str, &str); 9] = [
    ("\\d", "the tables and views"),
    (
        "\\d NAME",
        "the columns of a table or view, with type, unit and meaning",
    ),
    (
        "\\d NAME.COLUMN",
        "the members of a column, such as the arguments in events.args",
    ),
    ("\\l", "the queries that go by a name"),
    (
        "\\l NAME",
        "what one of them answers, and with which parameters",
    ),
    (
        "\\run NAME|FILE [P=VALUE]…",
        "runs one of them, or the SQL in a file: \\run latency per=pid",
    ),
    ("\\i NAME|FILE [P=VALUE]…", "the same"),
    (
        "\\timing [on|off]",
        "whether the time that SQL took is said",
    ),
    ("\\q", "leaves, as Ctrl-D does"),
];

/// What was typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Typed<'a> {
    /// Nothing, or only what is no statement.
    Nothing,
    /// SQL.
    Sql(&'a str),
    /// How to use the shell.
    Help,
    /// The end.
    Quit,
    /// The tables and views, the columns of one, or the members of a column.
    Describe(Option<&'a str>),
    /// The queries that go by a name, or the parameters of one.
    Queries(Option<&'a str>),
    /// A query or file, with values for its parameters.
    Run(String, Vec<(String, String)>),
    /// Whether times are said; the other way round where nothing is named.
    Timing(Option<bool>),
}

/// Whether this is no SQL: it is whole at the end of its line.
pub(super) fn is_command(text: &str) -> bool {
    let text = text.trim();
    text.starts_with('\\') || word(text).is_some()
}

/// The words that are understood without a backslash.
fn word(text: &str) -> Option<Typed<'_>> {
    let word = text.trim_end_matches(';').trim_end();
    match word.to_ascii_lowercase().as_str() {
        "help" => Some(Typed::Help),
        "exit" | "quit" => Some(Typed::Quit),
        _ => None,
    }
}

/// Reads what was typed.
///
/// # Errors
/// [`Error::Usage`] for a command that there is not, or that is written otherwise.
pub(super) fn parse(text: &str) -> Result<Typed<'_>> {
    let text = text.trim();
    if let Some(typed) = word(text) {
        return Ok(typed);
    }
    let Some(command) = text.strip_prefix('\\') else {
        return Ok(match text.is_empty() {
            true => Typed::Nothing,
            false => Typed::Sql(text),
        });
    };
    let end = command.find(char::is_whitespace);
    let (name, rest) = command.split_at(end.unwrap_or(command.len()));
    let rest = rest.trim().trim_end_matches(';').trim_end();
    let one = (!rest.is_empty()).then_some(rest);
    match (name.trim_end_matches(';'), one) {
        ("?" | "h" | "help", None) => Ok(Typed::Help),
        ("q" | "quit" | "exit", None) => Ok(Typed::Quit),
        ("d" | "dt", name) => Ok(Typed::Describe(name)),
        ("l", name) => Ok(Typed::Queries(name)),
        ("run" | "i", Some(words)) => run(words),
        ("timing", None) => Ok(Typed::Timing(None)),
        ("timing", Some("on")) => Ok(Typed::Timing(Some(true))),
        ("timing", Some("off")) => Ok(Typed::Timing(Some(false))),
        ("run" | "i", None) => Err(Error::usage(
            format!("\\{name} runs something, and nothing is named"),
            "Name a query (\\l lists them) or a file of SQL.",
        )),
        _ => Err(Error::usage(
            format!("\\{command}: there is no such command"),
            "\\? says which there are.",
        )),
    }
}

/// A query and its parameters, as `sysds query` takes them, with or without its -p.
fn run(words: &str) -> Result<Typed<'_>> {
    let mut words = split(words).into_iter();
    let name = words.next().unwrap_or_default().replace('\'', "");
    let name = match (name.strip_prefix("~/"), std::env::var("HOME")) {
        (Some(rest), Ok(home)) => format!("{home}/{rest}"),
        _ => name,
    };
    let values = words.filter(|word| word != "-p").map(|word| {
        parameter(&word).map_err(|what| {
            Error::usage(
                format!("{word}: {what}"),
                "Parameters follow the query, as in \\run latency per=pid",
            )
        })
    });
    Ok(Typed::Run(name, values.collect::<Result<_>>()?))
}

/// The words of a line: what quotes enclose is one, with its quotes, which say that a value is a string.
fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let (mut word, mut quoted) = (String::new(), false);
    for c in line.chars() {
        quoted ^= c == '\'';
        match c.is_whitespace() && !quoted {
            true => words.push(std::mem::take(&mut word)),
            false => word.push(c),
        }
    }
    words.push(word);
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_told_from_sql() {
        for (text, typed) in [
            ("  ", Typed::Nothing),
            ("help", Typed::Help),
            ("\\?", Typed::Help),
            ("EXIT;", Typed::Quit),
            ("\\q", Typed::Quit),
            ("\\d", Typed::Describe(None)),
            ("\\d  events ;", Typed::Describe(Some("events"))),
            ("\\l latency", Typed::Queries(Some("latency"))),
            ("\\timing off", Typed::Timing(Some(false))),
            ("SELECT 1;", Typed::Sql("SELECT 1;")),
            ("help me;", Typed::Sql("help me;")),
        ] {
            assert_eq!(parse(text).unwrap(), typed, "{text}");
            assert_eq!(
                is_command(text),
                !matches!(typed, Typed::Sql(_) | Typed::Nothing),
                "{text}"
            );
        }
        for text in ["\\", "\\x", "\\q now", "\\run", "\\timing maybe"] {
            assert!(is_command(text) && parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn parameters_are_those_of_the_command_line() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        for text in [
            "\\run latency per=pid $by='a b'",
            "\\i latency -p per=pid -p by='a b';",
        ] {
            let values = vec![pair("per", "pid"), pair("by", "'a b'")];
            let expected = Typed::Run("latency".to_owned(), values);
            assert_eq!(parse(text).unwrap(), expected, "{text}");
        }
        let quoted = parse("\\i 'my file.sql'").unwrap();
        assert_eq!(quoted, Typed::Run("my file.sql".to_owned(), Vec::new()));
        assert!(parse("\\run latency pid").is_err());
    }
}
