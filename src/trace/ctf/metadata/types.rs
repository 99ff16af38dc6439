//! Types: from `integer { … }`, `struct { … }` and their names to field classes.
//!
//! The one idea: a type is complete when its declaration ends. Names are looked up in the scopes that are open right
//! then (CTF 1.8.3 section 7.3.1), so there is no type that refers to itself, and what comes out is a tree whose depth is
//! known and limited. Subtrees are shared; only tags and lengths stay names until `resolve` sees where they are used.

use super::cursor::{Attribute, Cursor, Value};
use super::lexer::error_at;
use super::model::*;
use super::typed::{Base, MAX_DEPTH, Parsed, Typed};
use crate::error::{Error, Result};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// What the parser keeps while it goes through the text.
pub(super) struct Parser<'a> {
    pub cursor: Cursor<'a>,
    /// The trace's byte order.
    pub native: ByteOrder,
    /// The clocks in the order they are named, with the place of their first mention.
    pub clocks: Vec<(String, Position)>,
    /// The types by name, one map for each open scope, the innermost last.
    pub scopes: Vec<HashMap<String, Typed>>,
    /// The numbers of the `env` block, which lengths may name: `x[env.n]`.
    pub env: Vec<(String, EnvValue)>,
    /// How many types are open around this place of the text.
    pub nesting: usize,
}

const C_WORDS: [&str; 11] = [
    "void", "char", "short", "int", "long", "float", "double", "signed", "unsigned", "_Bool",
    "_Complex",
];

/// The attributes that CTF 1.8 and LTTng give a meaning.
const KNOWN: [&str; 31] = [
    "absolute",
    "align",
    "base",
    "byte_order",
    "context",
    "description",
    "encoding",
    "event.context",
    "event.header",
    "exp_dig",
    "fields",
    "freq",
    "id",
    "loglevel",
    "major",
    "mant_dig",
    "map",
    "minor",
    "model.emf.uri",
    "name",
    "offset",
    "offset_s",
    "packet.context",
    "packet.header",
    "precision",
    "signed",
    "size",
    "stream_id",
    "uuid",
    "event.fields",
    "trace.packet.header",
];

impl<'a> Parser<'a> {
    pub(super) fn define(&mut self, name: String, at: Position, typed: Typed) -> Result<()> {
        let Some(scope) = self.scopes.last_mut() else {
            return Ok(());
        };
        match scope.insert(name.clone(), typed) {
            None => Ok(()),
            Some(_) => {
                let what = format!("the type `{name}` is declared twice");
                Err(error_at(self.cursor.file, at, what))
            }
        }
    }

    pub(super) fn look_up(&self, name: &str, at: Position) -> Result<Typed> {
        let found = self.scopes.iter().rev().find_map(|scope| scope.get(name));
        found.cloned().ok_or_else(|| {
            let what = format!("expected a type, found `{name}`, which is not declared");
            error_at(self.cursor.file, at, what)
        })
    }

    /// Makes a class of others that are at most `deepest` deep.
    pub(super) fn compose(&self, class: Parsed, deepest: usize, at: Position) -> Result<Typed> {
        match deepest < MAX_DEPTH {
            true => Ok(Typed {
                class: Arc::new(class),
                depth: deepest + 1,
            }),
            false => Err(self.too_deep(at)),
        }
    }

    fn too_deep(&self, at: Position) -> Error {
        let what = format!("types nested more than {MAX_DEPTH} deep");
        error_at(self.cursor.file, at, what)
    }

    pub(super) fn skip_const(&mut self) {
        while self.cursor.eat_word("const") {}
    }

    /// A name of one word, or several as C has them (`unsigned long`); `const` says nothing here.
    pub(super) fn type_name(&mut self) -> Result<String> {
        self.skip_const();
        let mut name = self.cursor.word("a type")?.to_owned();
        if C_WORDS.contains(&name.as_str()) {
            while let Some(word) = self.cursor.peek_word() {
                if C_WORDS.contains(&word) {
                    name.push(' ');
                    name.push_str(word);
                } else if word != "const" {
                    break;
                }
                self.cursor.advance();
            }
        }
        self.skip_const();
        Ok(name)
    }

    pub(super) fn base(&mut self) -> Result<Base> {
        self.skip_const();
        let at = self.cursor.at();
        if self.nesting >= MAX_DEPTH {
            return Err(self.too_deep(at));
        }
        self.nesting += 1;
        let typed = match self.cursor.peek_word() {
            Some("integer") => self.integer()?,
            Some("floating_point") => self.float()?,
            Some("string") => self.string()?,
            Some("enum") => self.enumeration()?,
            Some("struct") => self.structure()?,
            Some("variant") => self.variant()?,
            _ => {
                self.nesting -= 1;
                let name = self.type_name()?;
                if !self.cursor.is("<") {
                    return Ok(Base::Name(name, at));
                }
                self.nesting += 1;
                let untagged = self.look_up(&name, at)?;
                self.tagged(untagged, at)?
            }
        };
        self.nesting -= 1;
        self.skip_const();
        Ok(Base::Class(typed))
    }

    /// The fields of a structure or the options of a variant, from `{` to `}`, and their greatest depth.
    fn fields(&mut self) -> Result<(Vec<Field<Written>>, usize)> {
        self.cursor.expect("{")?;
        self.scopes.push(HashMap::new());
        let (mut fields, mut names, mut deepest) = (Vec::new(), HashSet::new(), 0);
        while !self.cursor.eat("}") {
            if matches!(self.cursor.peek_word(), Some("typealias" | "typedef")) {
                self.type_declaration()?;
                continue;
            }
            for (name, at, typed) in self.declarators()? {
                if !names.insert(name.clone()) {
                    let what = format!("the field `{name}` is declared twice");
                    return Err(error_at(self.cursor.file, at, what));
                }
                deepest = deepest.max(typed.depth);
                fields.push(Field {
                    name,
                    class: typed.class,
                });
            }
            self.cursor.expect(";")?;
        }
        self.scopes.pop();
        Ok((fields, deepest))
    }

    /// The name after `struct`, `variant` or `enum`, in the form that the scopes keep it.
    pub(super) fn tag_name(&mut self) -> Option<String> {
        let keyword = self.cursor.peek_word()?;
        self.cursor.advance();
        let name = self.cursor.peek_word()?;
        self.cursor.advance();
        Some(format!("{keyword} {name}"))
    }

    fn structure(&mut self) -> Result<Typed> {
        let at = self.cursor.at();
        let name = self.tag_name();
        if let (Some(name), false) = (&name, self.cursor.is("{")) {
            return self.look_up(name, at);
        }
        let (fields, deepest) = self.fields()?;
        let mut align = fields
            .iter()
            .map(|f| f.class.alignment())
            .max()
            .unwrap_or(1);
        if self.cursor.eat_word("align") {
            self.cursor.expect("(")?;
            let attribute = self.attribute_here("align")?;
            align = align.max(attribute.alignment()?);
            self.cursor.expect(")")?;
        }
        let typed = self.compose(Parsed::Struct(Struct { align, fields }), deepest, at)?;
        self.define_tag(name, at, typed)
    }

    pub(super) fn define_tag(
        &mut self,
        name: Option<String>,
        at: Position,
        typed: Typed,
    ) -> Result<Typed> {
        if let Some(name) = name {
            self.define(name, at, typed.clone())?;
        }
        Ok(typed)
    }

    fn variant(&mut self) -> Result<Typed> {
        let at = self.cursor.at();
        let name = self.tag_name();
        let tag = match self.cursor.eat("<") {
            true => Some(self.tag_reference()?),
            false => None,
        };
        if let (Some(name), false) = (&name, self.cursor.is("{")) {
            let typed = self.look_up(name, at)?;
            return match tag {
                Some(tag) => self.with_tag(typed, tag, at),
                None => Ok(typed),
            };
        }
        let (options, deepest) = self.fields()?;
        let choices = Vec::new();
        let class = Parsed::Variant(Variant {
            tag,
            options,
            choices,
        });
        let typed = self.compose(class, deepest, at)?;
        self.define_tag(name, at, typed)
    }

    fn tag_reference(&mut self) -> Result<Written> {
        let tag = self.written("the tag of a variant")?;
        self.cursor.expect(">")?;
        Ok(tag)
    }

    /// A variant's name and its tag: `name <tag>`.
    fn tagged(&mut self, untagged: Typed, at: Position) -> Result<Typed> {
        self.cursor.expect("<")?;
        let tag = self.tag_reference()?;
        self.with_tag(untagged, tag, at)
    }

    fn with_tag(&self, untagged: Typed, tag: Written, at: Position) -> Result<Typed> {
        let Parsed::Variant(variant @ Variant { tag: None, .. }) = &*untagged.class else {
            let what = "expected a variant without a tag before this tag";
            return Err(error_at(self.cursor.file, at, what));
        };
        let class = Parsed::Variant(Variant {
            tag: Some(tag),
            ..variant.clone()
        });
        self.compose(class, untagged.depth - 1, at)
    }

    /// `{ name = value; … }`: the attributes of a type or a block, and the types declared among them.
    pub(super) fn attributes(&mut self) -> Result<Vec<Attribute<'a>>> {
        self.cursor.expect("{")?;
        self.scopes.push(HashMap::new());
        let mut found = Vec::new();
        while !self.cursor.eat("}") {
            if self.type_declaration()? {
                continue;
            }
            let at = self.cursor.at();
            let name = self.cursor.path("an attribute or `}`")?.join(".");
            let value = if self.cursor.eat(":=") {
                Value::Class(self.abstract_type()?)
            } else if self.cursor.eat("=") {
                self.cursor.value()?
            } else {
                return Err(self.cursor.expected("`=` or `:=`"));
            };
            self.cursor.expect(";")?;
            let file = self.cursor.file;
            found.push(Attribute {
                file,
                name,
                value,
                at,
            });
        }
        self.scopes.pop();
        Ok(found)
    }

    /// As [`Parser::attributes`]; one that is known and comes twice is refused.
    pub(super) fn distinct_attributes(&mut self) -> Result<Vec<Attribute<'a>>> {
        let found = self.attributes()?;
        let mut names = HashSet::new();
        for attribute in &found {
            let known = KNOWN.contains(&attribute.name.as_str());
            if known && !names.insert(&attribute.name) {
                return Err(attribute.error(format!("a second `{}`", attribute.name)));
            }
        }
        Ok(found)
    }

    /// A value that comes next, under this name.
    fn attribute_here(&mut self, name: &str) -> Result<Attribute<'a>> {
        Ok(Attribute {
            file: self.cursor.file,
            name: name.to_owned(),
            at: self.cursor.at(),
            value: self.cursor.value()?,
        })
    }
}
