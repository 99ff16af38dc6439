//! `$name` parameters of a script: declared in its leading comment, given with `-p name=value`.
//!
//! A line `-- $fraction = 0.8  share of the requests to train with` declares a parameter, its default value and what
//! it means; `-- $by = hash | time  how to split` also says which values there are; `-- $file  what to read` has no
//! default and must be given. A declared default settles the type, so that `-p by=80` stays a string where strings are
//! meant; else what looks like an integer, a number or a boolean is one, and quotes make a string of anything.

use crate::error::{Error, Result};
use datafusion::sql::sqlparser::tokenizer::Token;
use std::collections::BTreeMap;
use std::fmt::Write;

/// A parameter's value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// An integer, as its digits with an optional minus.
    Int(String),
    /// A number with a fraction or exponent, as written.
    Float(String),
    /// `true` or `false`.
    Bool(bool),
    /// Anything else.
    Text(String),
}

impl Value {
    /// Reads what the user or a declaration wrote.
    pub(super) fn read(text: &str) -> Self {
        if let Some(quoted) = text.strip_prefix('\'').and_then(|t| t.strip_suffix('\'')) {
            return Value::Text(quoted.replace("''", "'"));
        }
        let digits = text.strip_prefix('+').unwrap_or(text);
        let numeric = digits.ends_with(|c: char| c.is_ascii_digit() || c == '.');
        match text {
            "true" | "TRUE" => Value::Bool(true),
            "false" | "FALSE" => Value::Bool(false),
            _ if digits.parse::<i64>().is_ok() || digits.parse::<u64>().is_ok() => {
                Value::Int(digits.to_owned())
            }
            _ if numeric && digits.parse::<f64>().is_ok() => Value::Float(digits.to_owned()),
            _ => Value::Text(text.to_owned()),
        }
    }

    /// The value as literal tokens. A negative number stands in parentheses, so that `a -$b` means what it says.
    pub(super) fn tokens(&self) -> Vec<Token> {
        match self {
            Value::Int(n) | Value::Float(n) => match n.strip_prefix('-') {
                None => vec![Token::Number(n.clone(), false)],
                Some(n) => vec![
                    Token::LParen,
                    Token::Minus,
                    Token::Number(n.to_owned(), false),
                    Token::RParen,
                ],
            },
            Value::Bool(b) => vec![Token::make_keyword(if *b { "TRUE" } else { "FALSE" })],
            Value::Text(text) => vec![Token::SingleQuotedString(text.clone())],
        }
    }

    /// The value as it is written in a declaration, without quotes.
    fn text(&self) -> String {
        match self {
            Value::Int(n) | Value::Float(n) => n.clone(),
            Value::Bool(b) => b.to_string(),
            Value::Text(text) => text.clone(),
        }
    }

    /// This value, written as `text`, where a value like `default` is expected.
    fn fit(self, text: &str, default: &Value) -> Result<Value, &'static str> {
        match (default, self) {
            (Value::Text(_), Value::Text(quoted)) => Ok(Value::Text(quoted)),
            (Value::Text(_), _) => Ok(Value::Text(text.to_owned())),
            (Value::Float(_), Value::Int(n)) => Ok(Value::Float(n + ".0")),
            (Value::Int(_) | Value::Float(_), v @ (Value::Int(_) | Value::Float(_))) => Ok(v),
            (Value::Bool(_), v @ Value::Bool(_)) => Ok(v),
            (Value::Bool(_), _) => Err("true or false"),
            _ => Err("a number"),
        }
    }
}

/// A parameter that a script declares.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Declared {
    /// Its name, without `$`.
    pub name: String,
    /// The values it may have, the default first; one alone only sets the type; none: it must be given.
    pub values: Vec<Value>,
    /// What it means.
    pub meaning: String,
}

/// The parameters that a script declares: their names, and the values that each may have where it names several.
pub(crate) fn choices_in(text: &str) -> Vec<(String, Vec<String>)> {
    let declared = declared(text).into_iter();
    let choices = declared.map(|d| match d.values.len() {
        0 | 1 => (d.name, Vec::new()),
        _ => (d.name, d.values.iter().map(Value::text).collect()),
    });
    choices.collect()
}

/// The declarations in the leading comment of a script.
pub(super) fn declared(text: &str) -> Vec<Declared> {
    text.lines()
        .map(str::trim)
        .take_while(|line| line.is_empty() || line.starts_with("--"))
        .filter_map(|line| line.strip_prefix("--")?.trim().strip_prefix('$'))
        .filter_map(declaration)
        .collect()
}

fn declaration(line: &str) -> Option<Declared> {
    let end = line.find(|c: char| !c.is_alphanumeric() && c != '_');
    let (name, rest) = line.split_at(end.unwrap_or(line.len()));
    // A line of prose may begin with a parameter, too.
    if !rest.starts_with("  ") && !rest.trim_start().starts_with('=') {
        return None;
    }
    let mut rest = rest.trim_start();
    let mut values = Vec::new();
    let mut separator = '=';
    while let Some(after) = rest.strip_prefix(separator) {
        let (value, after) = first_value(after.trim_start());
        values.push(Value::read(value));
        rest = after.trim_start();
        separator = '|';
    }
    (!name.is_empty()).then(|| Declared {
        name: name.to_owned(),
        values,
        meaning: rest.to_owned(),
    })
}

/// Splits the first value off: a string in quotes, or all up to a space or bar.
fn first_value(text: &str) -> (&str, &str) {
    let end = match text.strip_prefix('\'') {
        Some(inner) => inner.find('\'').map(|i| i + 2),
        None => text.find(|c: char| c.is_whitespace() || c == '|'),
    };
    text.split_at(end.unwrap_or(text.len()))
}

/// Whether one of the parameters `given` is this text.
pub(super) fn name(given: &[(String, String)], text: &str) -> bool {
    given.iter().any(|(_, value)| {
        value == text || matches!(Value::read(value), Value::Text(value) if value == text)
    })
}

/// The values of a script's parameters: the given ones, and the defaults of the others.
#[derive(Debug)]
pub(super) struct Values {
    declared: Vec<Declared>,
    values: BTreeMap<String, Value>,
}

impl Values {
    /// Joins what the script `text` declares, the names it uses, and what was given.
    ///
    /// # Errors
    /// [`Error::Usage`] for a parameter that the script does not have, or a value that does not fit.
    pub(super) fn new(text: &str, used: &[String], given: &[(String, String)]) -> Result<Self> {
        let declared = declared(text);
        let mut all = Values {
            values: declared
                .iter()
                .filter_map(|d| Some((d.name.clone(), d.values.first()?.clone())))
                .collect(),
            declared,
        };
        for (name, text) in given {
            let value = all.accept(name, text, used)?;
            all.values.insert(name.clone(), value);
        }
        Ok(all)
    }

    /// The value of a parameter; `None` where it has none.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name)
    }

    fn accept(&self, name: &str, text: &str, used: &[String]) -> Result<Value> {
        let value = Value::read(text);
        let Some(d) = self.declared.iter().find(|d| d.name == name) else {
            if used.iter().any(|u| u == name) {
                return Ok(value);
            }
            return Err(Error::usage(
                format!("-p {name}={text}: the query has no parameter ${name}"),
                self.needed(used),
            ));
        };
        let Some(default) = d.values.first() else {
            return Ok(value);
        };
        let wrong = |expected: String| {
            Error::usage(
                format!("-p {name}={text}: ${name} takes {expected}"),
                self.needed(used),
            )
        };
        let value = value.fit(text, default).map_err(|e| wrong(e.to_owned()))?;
        if d.values.len() > 1 && !d.values.contains(&value) {
            return Err(wrong(format!("one of {}", choices(d))));
        }
        Ok(value)
    }

    /// The parameters that the query has, for a remedy.
    pub(super) fn needed(&self, used: &[String]) -> String {
        let mut lines = String::new();
        for d in &self.declared {
            let _ = write!(lines, "\n    -p {}=", d.name);
            let _ = match d.values.is_empty() {
                true => write!(lines, "VALUE  {}", d.meaning),
                false => write!(lines, "{}  {}", choices(d), d.meaning),
            };
        }
        for name in used {
            if !self.declared.iter().any(|d| d.name == *name) {
                let _ = write!(lines, "\n    -p {name}=VALUE");
            }
        }
        match lines.is_empty() {
            true => "It has no parameters.".to_owned(),
            false => format!("Its parameters (the default first):{lines}"),
        }
    }
}

fn choices(d: &Declared) -> String {
    let texts: Vec<String> = d.values.iter().map(Value::text).collect();
    texts.join("|")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = "-- What, and with which\n-- $fraction of what.\n--\n-- $fraction = 0.8  share to train with\n-- $by = hash | time  how\n\
        -- $out = 'my split'  where\n-- $file  what to read\nSELECT 1 -- $late = 3  is no declaration\n";

    #[test]
    fn the_header_declares_value_choices_and_meaning() {
        let all = declared(HEADER);
        let names: Vec<_> = all.iter().map(|d| d.name.as_str()).collect();
        assert_eq!(names, ["fraction", "by", "out", "file"]);
        assert_eq!(all[0].values, [Value::Float("0.8".to_owned())]);
        assert_eq!(all[0].meaning, "share to train with");
        assert_eq!(all[1].values.len(), 2);
        assert_eq!(all[2].values, [Value::Text("my split".to_owned())]);
        assert!(all[3].values.is_empty());
        let choices = choices_in(HEADER);
        assert_eq!(choices[0], ("fraction".to_owned(), vec![]));
        assert_eq!(choices[1].1, ["hash", "time"]);
    }

    #[test]
    fn values_are_what_they_look_like_unless_quoted() {
        assert_eq!(Value::read("-3"), Value::Int("-3".to_owned()));
        assert_eq!(Value::read("1e-3"), Value::Float("1e-3".to_owned()));
        assert_eq!(Value::read("nan"), Value::Text("nan".to_owned()));
        assert_eq!(Value::read("-"), Value::Text("-".to_owned()));
        assert_eq!(Value::read("true"), Value::Bool(true));
        assert_eq!(Value::read("'12'"), Value::Text("12".to_owned()));
        assert_eq!(Value::read("'it''s'"), Value::Text("it's".to_owned()));
    }

    #[test]
    fn a_default_settles_the_type_and_choices_are_kept() {
        let given = |name: &str, text: &str| {
            let pairs = [(name.to_owned(), text.to_owned())];
            Values::new(HEADER, &[], &pairs).map(|v| v.get(name).cloned())
        };
        let float = Value::Float("1.0".to_owned());
        assert_eq!(given("fraction", "1").unwrap(), Some(float));
        let text = Value::Text("80".to_owned());
        assert_eq!(given("out", "80").unwrap(), Some(text));
        assert!(given("fraction", "much").is_err());
        assert!(given("by", "size").is_err());
        assert!(given("by", "time").is_ok());
        let e = given("fractoin", "1").unwrap_err();
        assert!(
            e.remedy().contains("-p fraction=0.8  share"),
            "{}",
            e.remedy()
        );
    }
}
