//! Declarations: what gives a type a name, and a field its type.
//!
//! The one idea: a declaration is a type on the left and, on the right, a name with stars and lengths around it, as in C
//! (CTF 1.8.3 section 4 and annex C); both sides together make the field class.

use super::lexer::{Kind, error_at};
use super::model::*;
use super::typed::{Base, Parsed, Typed};
use super::types::Parser;
use crate::error::Result;

/// The length of an array or sequence.
enum Length {
    Fixed(u64),
    Field(Written),
}

/// What stands after a type: `*name[length]…`
struct Declarator {
    stars: usize,
    name: Option<(String, Position)>,
    lengths: Vec<(Length, Position)>,
}

impl Parser<'_> {
    /// Reads a `typealias`, a `typedef`, or the declaration of a named type, if one comes next.
    pub(super) fn type_declaration(&mut self) -> Result<bool> {
        match self.cursor.peek_word() {
            Some("typealias") => self.typealias()?,
            Some("typedef") => {
                self.cursor.advance();
                for (name, at, typed) in self.declarators()? {
                    self.define(name, at, typed)?;
                }
            }
            Some("struct" | "variant" | "enum") => {
                self.base()?;
            }
            _ => return Ok(false),
        }
        self.cursor.expect(";")?;
        Ok(true)
    }

    fn typealias(&mut self) -> Result<()> {
        self.cursor.advance();
        let base = self.base()?;
        let declarator = self.declarator()?;
        if let Some((name, at)) = declarator.name {
            let what = format!("expected `:=`, found `{name}`");
            return Err(error_at(self.cursor.file, at, what));
        }
        let typed = self.declared(&base, &declarator)?;
        self.cursor.expect(":=")?;
        let at = self.cursor.at();
        let mut name = self.type_name()?;
        while self.cursor.eat("*") {
            name.push_str(" *");
            self.skip_const();
        }
        self.define(name, at, typed)
    }

    /// A type right of `:=`.
    pub(super) fn abstract_type(&mut self) -> Result<Typed> {
        let base = self.base()?;
        let declarator = self.declarator()?;
        match declarator.name {
            None => self.declared(&base, &declarator),
            Some((name, at)) => {
                let what = format!("expected `;`, found `{name}`");
                Err(error_at(self.cursor.file, at, what))
            }
        }
    }

    /// A type and its declarators, to the `;` (which is left). A type with a name of its own may have none.
    pub(super) fn declarators(&mut self) -> Result<Vec<(String, Position, Typed)>> {
        let has_name = self.cursor.named_type();
        let base = self.base()?;
        let mut found = Vec::new();
        if has_name && self.cursor.is(";") {
            return Ok(found);
        }
        loop {
            let declarator = self.declarator()?;
            let Some((name, at)) = &declarator.name else {
                return Err(self.cursor.expected("a name"));
            };
            let typed = self.declared(&base, &declarator)?;
            found.push((name.clone(), *at, typed));
            if !self.cursor.eat(",") {
                return Ok(found);
            }
        }
    }

    fn declarator(&mut self) -> Result<Declarator> {
        let mut stars = 0;
        while self.cursor.eat("*") {
            stars += 1;
            self.skip_const();
        }
        let at = self.cursor.at();
        let name = self.cursor.peek_word().map(|name| (name.to_owned(), at));
        self.cursor.next += usize::from(name.is_some());
        let mut lengths = Vec::new();
        while self.cursor.eat("[") {
            let at = self.cursor.at();
            let length = match self.cursor.peek() {
                Kind::Word(_) => self.named_length()?,
                _ => Length::Fixed(self.length()?),
            };
            lengths.push((length, at));
            self.cursor.expect("]")?;
        }
        Ok(Declarator {
            stars,
            name,
            lengths,
        })
    }

    /// A length that is another field's value, or a number of the `env` block.
    fn named_length(&mut self) -> Result<Length> {
        let written = self.written("a length")?;
        let [scope, name] = &written.path[..] else {
            return Ok(Length::Field(written));
        };
        if scope != "env" {
            return Ok(Length::Field(written));
        }
        let value = self.env.iter().find(|(n, _)| n == name).map(|(_, v)| v);
        let number = match value {
            Some(EnvValue::Integer(number)) => u64::try_from(*number).ok(),
            _ => None,
        };
        number.map(Length::Fixed).ok_or_else(|| {
            let what =
                format!("the length `env.{name}`: `env` has no such number that is not negative");
            error_at(self.cursor.file, written.at, what)
        })
    }

    fn length(&mut self) -> Result<u64> {
        let at = self.cursor.at();
        let number = self.cursor.number("a length")?;
        u64::try_from(number).map_err(|_| {
            let what = format!("expected a length, found {number}");
            error_at(self.cursor.file, at, what)
        })
    }

    pub(super) fn written(&mut self, what: &str) -> Result<Written> {
        let at = self.cursor.at();
        let path = self.cursor.path(what)?;
        Ok(Written { path, at })
    }

    /// The type that a declarator makes of `base`; of several lengths, the first is the outermost, as in C.
    fn declared(&self, base: &Base, declarator: &Declarator) -> Result<Typed> {
        let mut typed = match base {
            Base::Name(name, at) => {
                self.look_up(&(name.clone() + &" *".repeat(declarator.stars)), *at)?
            }
            Base::Class(typed) if declarator.stars == 0 => typed.clone(),
            Base::Class(_) => return Err(self.cursor.expected("a name of a type before `*`")),
        };
        for (length, at) in declarator.lengths.iter().rev() {
            let element = typed.class;
            let class = match length {
                Length::Fixed(length) => Parsed::Array {
                    length: *length,
                    align: 1,
                    element,
                },
                Length::Field(written) => {
                    let length = written.clone();
                    Parsed::Sequence {
                        length,
                        align: 1,
                        element,
                    }
                }
            };
            typed = self.compose(class, typed.depth, *at)?;
        }
        Ok(typed)
    }
}
