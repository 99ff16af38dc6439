//! From a script's text to its statements, with the parameters put in.
//!
//! Everything happens on tokens that know their line and column: a `$name` becomes the literal tokens of its value,
//! which keep its place. So a parameter can stand wherever a literal can, no text is ever pasted into SQL, and places
//! in errors are those of the file.

use super::limits;
use super::mistakes::{self, Mistake};
use super::parameters::Values;
use super::source::Source;
use crate::error::Result;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

/// A statement and where it begins in its script.
#[derive(Debug)]
pub(super) struct Parsed {
    /// What DataFusion plans.
    pub statement: Statement,
    /// Place of its first token.
    pub begin: Location,
}

/// Reads all statements of a script, with the values `given` for its parameters.
///
/// # Errors
/// [`crate::error::Error::Sql`] for SQL that cannot be read or a parameter without value,
/// [`crate::error::Error::Usage`] for values that it cannot take.
pub(super) fn parse(source: &Source, given: &[(String, String)]) -> Result<Vec<Parsed>> {
    let tokens = tokens(source)?;
    let used = placeholders(&tokens);
    let values = Values::new(&source.text, &used, given)?;
    let tokens = put_in(source, tokens, &values, &used)?;
    limits::check(source, &tokens)?;
    split(source, tokens)
}

/// Whether a text that is being typed is whole: its last statement is ended by a `;` outside of strings and comments, or
/// there is none; or it can never be whole, which the error of running it says.
pub(crate) fn is_complete(text: &str) -> bool {
    match Tokenizer::new(&GenericDialect {}, text).tokenize() {
        Ok(tokens) => {
            let mut meant = tokens.iter().filter(|t| !matches!(t, Token::Whitespace(_)));
            meant
                .next_back()
                .is_none_or(|last| *last == Token::SemiColon)
        }
        // What would go on behind the end of the text, as a string does whose quote is missing, is said so.
        Err(e) => !["Unterminated", "EOF"]
            .iter()
            .any(|w| e.message.contains(w)),
    }
}

fn tokens(source: &Source) -> Result<Vec<TokenWithSpan>> {
    Tokenizer::new(&GenericDialect {}, &source.text)
        .tokenize_with_location()
        .map_err(|e| Mistake::at(e.location, e.message).in_source(source))
}

/// Names of the parameters in order of appearance, each once.
fn placeholders(tokens: &[TokenWithSpan]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for token in tokens {
        if let Token::Placeholder(name) = &token.token
            && let Some(name) = name.strip_prefix('$')
            && !names.iter().any(|n| n == name)
        {
            names.push(name.to_owned());
        }
    }
    names
}

fn put_in(
    source: &Source,
    tokens: Vec<TokenWithSpan>,
    values: &Values,
    used: &[String],
) -> Result<Vec<TokenWithSpan>> {
    let mut out = Vec::with_capacity(tokens.len());
    for token in tokens {
        let Token::Placeholder(name) = &token.token else {
            out.push(token);
            continue;
        };
        let value = name.strip_prefix('$').and_then(|name| values.get(name));
        let Some(value) = value else {
            let mistake = Mistake::at(token.span.start, format!("{name} has no value"))
                .until(token.span.end)
                .with_remedy(match name.strip_prefix('$') {
                    Some(_) => values.needed(used),
                    None => "Write a parameter as $name and give it with -p name=value.".to_owned(),
                });
            return Err(mistake.in_source(source));
        };
        let span = token.span;
        out.extend(
            value
                .tokens()
                .into_iter()
                .map(|token| TokenWithSpan { token, span }),
        );
    }
    Ok(out)
}

fn split(source: &Source, tokens: Vec<TokenWithSpan>) -> Result<Vec<Parsed>> {
    let wrong = |e| mistakes::read(&e).in_source(source);
    let mut parser = DFParserBuilder::new(tokens).build().map_err(wrong)?;
    let mut statements = Vec::new();
    loop {
        let mut separated = statements.is_empty();
        while parser.parser.consume_token(&Token::SemiColon) {
            separated = true;
        }
        let next = parser.parser.peek_token();
        if next.token == Token::EOF {
            return Ok(statements);
        }
        if !separated {
            let what = format!("Expected: end of statement or ;, found: {}", next.token);
            let mistake = Mistake::at(next.span.start, what).until(next.span.end);
            return Err(mistake.in_source(source));
        }
        statements.push(Parsed {
            begin: next.span.start,
            statement: parser.parse_statement().map_err(wrong)?,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str, given: &[(&str, &str)]) -> Result<Vec<String>> {
        let source = Source {
            name: "q.sql".to_owned(),
            text: text.to_owned(),
        };
        let pair = |&(n, v): &(&str, &str)| (n.to_owned(), v.to_owned());
        let given: Vec<_> = given.iter().map(pair).collect();
        let statements = parse(&source, &given)?;
        Ok(statements.iter().map(|s| s.statement.to_string()).collect())
    }

    #[test]
    fn semicolons_in_strings_and_comments_do_not_split() {
        let all = parsed("SELECT ';' -- a; b\n; /* ; */ SELECT 2;;", &[]).unwrap();
        assert_eq!(all, ["SELECT ';'", "SELECT 2"]);
    }

    #[test]
    fn a_text_is_whole_at_the_semicolon_of_its_last_statement() {
        let whole = [
            "",
            "-- nothing",
            "SELECT 1;",
            "SELECT ';' ; -- that is all",
            "SELECT 1; SELECT\n2;\n",
            "SELECT U&'\\zzzz';",
        ];
        for text in whole {
            assert!(is_complete(text), "{text}");
        }
        let open = [
            "SELECT 1",
            "SELECT ';",
            "SELECT \";",
            "SELECT $$;",
            "SELECT 1 /* ;",
            "SELECT 1 -- ;",
            "SELECT 1; SELECT 2",
        ];
        for text in open {
            assert!(!is_complete(text), "{text}");
        }
    }

    #[test]
    fn parameters_stand_wherever_literals_can() {
        let sql = "COPY (SELECT 1 -$n, $s LIMIT $k) TO $out STORED AS PARQUET";
        let given = [("n", "-5"), ("s", "it's"), ("k", "3"), ("out", "o'ut")];
        let all = parsed(sql, &given).unwrap();
        let expected = "COPY (SELECT 1 - (-5), 'it''s' LIMIT 3) TO o'ut STORED AS PARQUET";
        assert_eq!(all, [expected]);
    }

    #[test]
    fn a_missing_value_is_shown_where_it_is_used() {
        let e = parsed("SELECT 1;\nSELECT 2 + $x", &[]).unwrap_err();
        let text = e.to_string();
        assert!(
            text.starts_with("q.sql, line 2, column 12: $x has no value"),
            "{text}"
        );
        assert!(
            text.ends_with("\n  2 | SELECT 2 + $x\n    |            ^^"),
            "{text}"
        );
        assert!(e.remedy().contains("-p x=VALUE"), "{}", e.remedy());
    }

    #[test]
    fn statements_must_be_separated() {
        let e = parsed("SELECT 1 AS a\nSELECT 2", &[]).unwrap_err();
        assert!(e.to_string().contains("line 2, column 1"), "{e}");
    }
}
