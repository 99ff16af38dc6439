//! From metadata text to tokens.
//!
//! The one idea: a token knows where it stands, so that every later error can name its line and column. Keywords are
//! plain words here: only the parser knows where a word is one.

use super::model::Position;
use crate::error::{Error, Place, Result};
use std::path::Path;

/// A token of TSDL (CTF 1.8.3 section 7 and annex C).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind<'a> {
    /// A keyword or a name.
    Word(&'a str),
    /// A number without its sign, or a character constant's code.
    Number(u64),
    /// A string constant, its escapes replaced.
    Text(String),
    /// Punctuation: one of `{ } [ ] ( ) < > ; : = := , . ... -> * + -`.
    Sign(&'static str),
    /// The end of the text.
    End,
}

/// A token and where it begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// What it is.
    pub kind: Kind<'a>,
    /// Where it begins.
    pub at: Position,
}

/// Longest first, so that `...` is not three dots.
const SIGNS: [&str; 19] = [
    "...", ":=", "->", "{", "}", "[", "]", "(", ")", "<", ">", ";", ":", "=", ",", ".", "*", "+",
    "-",
];

/// An error of the text at a line and column of `file`.
pub(super) fn error_at(file: &Path, at: Position, what: impl Into<String>) -> Error {
    Error::input(
        what,
        Place::line(file, at.line, at.column),
        "The metadata is damaged, or neither CTF 1.8 nor CTF 2: `babeltrace2 -o ctf-metadata` shows its text. \
         Copy the trace again, or record it again.",
    )
}

/// Splits `text` into tokens; the last one is [`Kind::End`]. Comments of both kinds and white space, including the CR
/// of CRLF, are left out.
///
/// # Errors
/// [`Error::Input`] at the line and column of an unknown character, an open comment or string, a bad escape, or a number
/// that is malformed or has more than 64 bits.
pub(super) fn tokens<'a>(text: &'a str, file: &Path) -> Result<Vec<Token<'a>>> {
    let mut lexer = Lexer {
        rest: text,
        at: Position { line: 1, column: 1 },
    };
    let mut found = Vec::new();
    loop {
        let token = lexer
            .token()
            .map_err(|(at, what)| error_at(file, at, what))?;
        let end = token.kind == Kind::End;
        found.push(token);
        if end {
            return Ok(found);
        }
    }
}

/// An error's place and what it is.
type Fault = (Position, String);

struct Lexer<'a> {
    rest: &'a str,
    at: Position,
}

impl<'a> Lexer<'a> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let c = chars.next()?;
        self.rest = chars.as_str();
        if c == '\n' {
            self.at.line += 1;
            self.at.column = 1;
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    /// Takes `length` bytes, which hold no line end.
    fn take(&mut self, length: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(length);
        self.rest = rest;
        self.at.column += taken.chars().count() as u64;
        taken
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let length = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        self.take(length)
    }

    fn token(&mut self) -> Result<Token<'a>, Fault> {
        self.skip_blanks()?;
        let at = self.at;
        let kind = match self.rest.chars().next() {
            None => Kind::End,
            Some('"') => Kind::Text(self.quoted('"')?),
            Some('\'') => Kind::Number(self.character(at)?),
            Some(c) if c.is_ascii_digit() => Kind::Number(self.number(at)?),
            Some(c) if is_word(c) => Kind::Word(self.take_while(is_word)),
            Some(c) => Kind::Sign(self.sign().ok_or_else(|| {
                let c = c.escape_debug();
                (at, format!("expected TSDL, found the character `{c}`"))
            })?),
        };
        Ok(Token { kind, at })
    }

    fn skip_blanks(&mut self) -> Result<(), Fault> {
        loop {
            let at = self.at;
            if self.rest.starts_with("//") {
                self.take_while(|c| c != '\n');
            } else if self.rest.starts_with("/*") {
                self.take(2);
                while !self.rest.starts_with("*/") {
                    if self.next().is_none() {
                        return Err((at, "comment without its end `*/`".to_owned()));
                    }
                }
                self.take(2);
            } else if self
                .rest
                .starts_with(|c: char| c.is_ascii_whitespace() || c == '\x0b')
            {
                self.next();
            } else {
                return Ok(());
            }
        }
    }

    fn sign(&mut self) -> Option<&'static str> {
        let sign = SIGNS.into_iter().find(|sign| self.rest.starts_with(sign))?;
        self.take(sign.len());
        Some(sign)
    }

    fn number(&mut self, at: Position) -> Result<u64, Fault> {
        let written = self.take_while(is_word);
        let digits = written.trim_end_matches(['u', 'U', 'l', 'L']);
        let lower = digits.to_ascii_lowercase();
        let (digits, base) = match lower.as_bytes() {
            [b'0', b'x', ..] => (&lower[2..], 16),
            [b'0', b'b', ..] => (&lower[2..], 2),
            [b'0', _, ..] => (&lower[1..], 8),
            _ => (&lower[..], 10),
        };
        u64::from_str_radix(digits, base).map_err(|e| {
            let what = match e.kind() {
                std::num::IntErrorKind::PosOverflow => "a number with more than 64 bits",
                _ => "a malformed number",
            };
            (at, format!("{what}: `{written}`"))
        })
    }

    fn character(&mut self, at: Position) -> Result<u64, Fault> {
        let text = self.quoted('\'')?;
        let mut chars = text.chars();
        match (chars.next(), chars.next()) {
            (Some(c), None) => Ok(u64::from(u32::from(c))),
            _ => Err((
                at,
                "a character constant that is not one character".to_owned(),
            )),
        }
    }

    /// What stands between two `quote`s, without them.
    fn quoted(&mut self, quote: char) -> Result<String, Fault> {
        let at = self.at;
        self.next();
        let mut text = String::new();
        loop {
            let here = self.at;
            match self.next() {
                Some(c) if c == quote => return Ok(text),
                Some('\\') => text.push(self.escape().ok_or_else(|| {
                    (
                        here,
                        "an unknown escape in a string or character".to_owned(),
                    )
                })?),
                Some('\n') | None => {
                    return Err((at, format!("a string without its closing {quote}")));
                }
                Some('\0') => return Err((here, "a NUL in a string".to_owned())),
                Some(c) => text.push(c),
            }
        }
    }

    /// The character that an escape stands for, its backslash already taken.
    fn escape(&mut self) -> Option<char> {
        if self.rest.starts_with(|c: char| c.is_digit(8)) {
            return self.code(3, 8);
        }
        Some(match self.next()? {
            'a' => '\x07',
            'b' => '\x08',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'x' => self.code(2, 16)?,
            'u' => self.code(4, 16)?,
            'U' => self.code(8, 16)?,
            c @ ('\\' | '\'' | '"' | '?') => c,
            _ => return None,
        })
    }

    /// A character given by up to `most` digits.
    fn code(&mut self, most: usize, base: u32) -> Option<char> {
        let digits = self
            .rest
            .chars()
            .take(most)
            .take_while(|c| c.is_digit(base));
        let length = digits.count();
        char::from_u32(u32::from_str_radix(self.take(length), base).ok()?)
    }
}

fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<Kind<'_>> {
        let found = tokens(text, Path::new("metadata")).unwrap();
        found.into_iter().map(|t| t.kind).collect()
    }

    fn fault(text: &str) -> String {
        tokens(text, Path::new("m")).unwrap_err().to_string()
    }

    #[test]
    fn numbers_of_every_base_and_suffix() {
        let found = kinds("0 017 0x1F 42 0b101 18446744073709551615 7ULL 0xABul 'A' '\\n'");
        let wanted = [0, 15, 31, 42, 5, u64::MAX, 7, 0xAB, 65, 10];
        assert_eq!(found[..10], wanted.map(Kind::Number));
    }

    #[test]
    fn comments_lines_and_signs() {
        assert_eq!(
            kinds("a /* x\n * y */ := b // c\r\n...->"),
            [
                Kind::Word("a"),
                Kind::Sign(":="),
                Kind::Word("b"),
                Kind::Sign("..."),
                Kind::Sign("->"),
                Kind::End
            ]
        );
        let found = tokens("a\r\n  /* é */ b\n", Path::new("m")).unwrap();
        assert_eq!(
            found[1].at,
            Position {
                line: 2,
                column: 11
            }
        );
        assert_eq!(found[2].at, Position { line: 3, column: 1 });
    }

    #[test]
    fn escapes_are_replaced() {
        let found = kinds(r#""a\"\\\n\x41\101\?\t\u00e9""#);
        assert_eq!(found[0], Kind::Text("a\"\\\nAA?\té".to_owned()));
    }

    #[test]
    fn what_is_not_tsdl_is_refused_where_it_stands() {
        assert_eq!(
            fault("a\n @"),
            "m, line 2, column 2: expected TSDL, found the character `@`"
        );
        assert!(fault("/* a").contains("column 1: comment without its end"));
        assert!(fault("x \"a\nb\"").contains("column 3: a string without its closing"));
        assert!(fault("\"a\\o\"").contains("column 3: an unknown escape"));
        assert!(fault("\"a\0\"").contains("NUL"));
        assert!(fault("18446744073709551616").contains("more than 64 bits"));
        for bad in ["09", "12ab", "0x", "0b2", "0xg", "1u2"] {
            assert!(fault(bad).contains("malformed number"), "{bad}");
        }
        for bad in ["''", "'ab'"] {
            assert!(fault(bad).contains("not one character"), "{bad}");
        }
    }
}
