//! Reading tokens one after the other, and the values of attributes.
//!
//! The one idea: everything that expects something of the text is here, so that every refusal reads the same:
//! "expected …, found …", with a line and a column.

use super::lexer::{Kind, Token, error_at};
use super::model::{ByteOrder, Position};
use super::typed::Typed;
use crate::error::{Error, Result};
use std::path::Path;

/// The place in the text that the parser has come to.
pub(super) struct Cursor<'a> {
    /// The file, for errors.
    pub file: &'a Path,
    /// The tokens; the last one is [`Kind::End`].
    pub tokens: &'a [Token<'a>],
    /// Index of the next token.
    pub next: usize,
}

impl<'a> Cursor<'a> {
    fn token(&self, ahead: usize) -> &'a Token<'a> {
        // The end stays the next token for ever.
        &self.tokens[(self.next + ahead).min(self.tokens.len() - 1)]
    }

    pub(super) fn peek(&self) -> &'a Kind<'a> {
        &self.token(0).kind
    }

    pub(super) fn at(&self) -> Position {
        self.token(0).at
    }

    pub(super) fn advance(&mut self) {
        self.next += 1;
    }

    pub(super) fn at_end(&self) -> bool {
        *self.peek() == Kind::End
    }

    /// Whether the next token is this sign.
    pub(super) fn is(&self, sign: &str) -> bool {
        matches!(self.peek(), Kind::Sign(s) if *s == sign)
    }

    /// The next token, if it is a word.
    pub(super) fn peek_word(&self) -> Option<&'a str> {
        match self.peek() {
            Kind::Word(word) => Some(word),
            _ => None,
        }
    }

    /// Whether a structure, variant or enumeration with a name comes next.
    pub(super) fn named_type(&self) -> bool {
        matches!(self.peek(), Kind::Word("struct" | "variant" | "enum"))
            && matches!(self.token(1).kind, Kind::Word(_))
    }

    /// Takes this sign if it comes next.
    pub(super) fn eat(&mut self, sign: &str) -> bool {
        let there = self.is(sign);
        self.next += usize::from(there);
        there
    }

    /// Takes this word if it comes next.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let there = self.peek_word() == Some(word);
        self.next += usize::from(there);
        there
    }

    pub(super) fn expect(&mut self, sign: &str) -> Result<()> {
        match self.eat(sign) {
            true => Ok(()),
            false => Err(self.expected(&format!("`{sign}`"))),
        }
    }

    pub(super) fn word(&mut self, what: &str) -> Result<&'a str> {
        let word = self.peek_word().ok_or_else(|| self.expected(what))?;
        self.advance();
        Ok(word)
    }

    /// Names with dots between them.
    pub(super) fn path(&mut self, what: &str) -> Result<Vec<String>> {
        let mut path = vec![self.word(what)?.to_owned()];
        while self.eat(".") || self.eat("->") {
            path.push(self.word("a name after the dot")?.to_owned());
        }
        Ok(path)
    }

    /// A number with its sign.
    pub(super) fn number(&mut self, what: &str) -> Result<i128> {
        let negative = self.is("-");
        if negative || self.is("+") {
            self.advance();
        }
        match self.peek() {
            Kind::Number(number) => {
                self.advance();
                let number = i128::from(*number);
                Ok(if negative { -number } else { number })
            }
            _ => Err(self.expected(what)),
        }
    }

    /// What stands right of `=`.
    pub(super) fn value(&mut self) -> Result<Value> {
        match self.peek() {
            Kind::Text(text) => {
                self.advance();
                Ok(Value::Text(text.clone()))
            }
            Kind::Word(_) => Ok(Value::Word(self.path("a value")?.join("."))),
            _ => Ok(Value::Number(self.number("a value")?)),
        }
    }

    /// Passes over a block, from its `{` to its `}`, whatever is in it.
    pub(super) fn skip_block(&mut self) -> Result<()> {
        let begin = self.at();
        self.expect("{")?;
        let mut open = 1;
        while open > 0 {
            if self.at_end() {
                return Err(error_at(self.file, begin, "a block without its end `}`"));
            }
            open += usize::from(self.is("{"));
            open -= usize::from(self.is("}"));
            self.advance();
        }
        Ok(())
    }

    /// The error that something else was expected here.
    pub(super) fn expected(&self, what: &str) -> Error {
        let found = match self.peek() {
            Kind::Word(word) => format!("`{word}`"),
            Kind::Number(number) => format!("the number {number}"),
            Kind::Text(_) => "a string".to_owned(),
            Kind::Sign(sign) => format!("`{sign}`"),
            Kind::End => "the end of the metadata".to_owned(),
        };
        error_at(
            self.file,
            self.at(),
            format!("expected {what}, found {found}"),
        )
    }
}

/// The value of an attribute.
#[derive(Debug, Clone)]
pub(super) enum Value {
    Number(i128),
    Text(String),
    /// A word, or several with dots between them.
    Word(String),
    /// What stands right of `:=`.
    Class(Typed),
}

/// `name = value;` or `name := type;`
#[derive(Debug, Clone)]
pub(super) struct Attribute<'a> {
    pub file: &'a Path,
    /// The name, with its dots.
    pub name: String,
    pub value: Value,
    /// Where the name stands.
    pub at: Position,
}

impl Attribute<'_> {
    pub(super) fn error(&self, what: impl Into<String>) -> Error {
        error_at(self.file, self.at, what)
    }

    fn expected(&self, what: &str) -> Error {
        let found = match &self.value {
            Value::Number(number) => number.to_string(),
            Value::Text(text) => format!("{text:?}"),
            Value::Word(word) => format!("`{word}`"),
            Value::Class(_) => "a type".to_owned(),
        };
        self.error(format!("`{}`: expected {what}, found {found}", self.name))
    }

    pub(super) fn number<N: TryFrom<i128>>(&self, what: &str) -> Result<N> {
        match self.value {
            Value::Number(number) => N::try_from(number).map_err(|_| self.expected(what)),
            _ => Err(self.expected(what)),
        }
    }

    pub(super) fn unsigned(&self) -> Result<u64> {
        self.number("a number from 0 to 2^64 - 1")
    }

    pub(super) fn signed(&self) -> Result<i64> {
        self.number("a number of 64 bits")
    }

    /// A string or a word.
    pub(super) fn text(&self) -> Result<String> {
        match &self.value {
            Value::Text(text) | Value::Word(text) => Ok(text.clone()),
            _ => Err(self.expected("a string")),
        }
    }

    pub(super) fn class(&self) -> Result<Typed> {
        match &self.value {
            Value::Class(class) => Ok(class.clone()),
            _ => Err(self.expected("`:=` and a type")),
        }
    }

    pub(super) fn boolean(&self) -> Result<bool> {
        match &self.value {
            Value::Number(0) => Ok(false),
            Value::Number(1) => Ok(true),
            Value::Word(word) if word.eq_ignore_ascii_case("true") => Ok(true),
            Value::Word(word) if word.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err(self.expected("`true` or `false`")),
        }
    }

    /// A byte order; `native` is the trace's.
    pub(super) fn byte_order(&self, native: Option<ByteOrder>) -> Result<ByteOrder> {
        match (&self.value, native) {
            (Value::Word(word), _) if word == "le" => Ok(ByteOrder::Little),
            (Value::Word(word), _) if word == "be" || word == "network" => Ok(ByteOrder::Big),
            (Value::Word(word), Some(native)) if word == "native" => Ok(native),
            _ => Err(self.expected("the byte order `le` or `be`")),
        }
    }

    /// A power of 2.
    pub(super) fn alignment(&self) -> Result<u64> {
        let align: u64 = self.number("an alignment that is a power of 2")?;
        match align.is_power_of_two() {
            true => Ok(align),
            false => Err(self.expected("an alignment that is a power of 2")),
        }
    }

    /// A UUID in its usual form, 8-4-4-4-12 hexadecimal digits.
    pub(super) fn uuid(&self) -> Result<[u8; 16]> {
        let text = self.text()?;
        parse_uuid(&text).ok_or_else(|| self.expected("a UUID"))
    }
}

fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let groups: Vec<&str> = text.split('-').collect();
    if groups.iter().map(|g| g.len()).ne([8, 4, 4, 4, 12]) {
        return None;
    }
    let digits = groups.concat();
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let number = u128::from_str_radix(&digits, 16).ok()?;
    Some(number.to_be_bytes())
}

#[cfg(test)]
mod tests {
    use super::parse_uuid;

    #[test]
    fn uuids_have_their_usual_form() {
        let uuid = parse_uuid("69f65b33-88E5-604b-a8c4-e4b2408472de").unwrap();
        assert_eq!((uuid[0], uuid[4], uuid[15]), (0x69, 0x88, 0xde));
        for bad in [
            "",
            "69f65b33-88e5-604b-a8c4-e4b2408472d",
            "69f65b3388e5604ba8c4e4b2408472de",
            "+9f65b33-88e5-604b-a8c4-e4b2408472de",
        ] {
            assert_eq!(parse_uuid(bad), None, "{bad}");
        }
    }
}
