//! The blocks of the metadata: `trace`, `env`, `clock`, `stream`, `event`.
//!
//! The one idea: the blocks are collected as they are written, in any order, and put together when all are known.
//! Attributes and blocks that CTF 1.8 does not know are passed over, as its section 7 asks for.

use super::blocks::{Blocks, EventBlock, Root, StreamBlock};
use super::cursor::{Attribute, Cursor, Value};
use super::lexer::{self, Kind, Token, error_at};
use super::model::*;
use super::types::Parser;
use crate::error::{Error, Place, Result};
use std::collections::HashMap;
use std::path::Path;

/// Parses a metadata text and puts its blocks together. `file` is what errors name.
///
/// # Errors
/// [`Error::Input`] with the line and column of what is wrong.
pub(super) fn parse(text: &str, file: &Path) -> Result<Metadata> {
    let tokens = lexer::tokens(text, file)?;
    let order = native_order(&tokens, file)?;
    // Without one the text is refused, but only after an error inside it has had its say.
    let native = order.unwrap_or(ByteOrder::Little);
    let parser = |next| Parser {
        cursor: Cursor {
            file,
            tokens: &tokens,
            next,
        },
        native,
        clocks: Vec::new(),
        scopes: vec![HashMap::new()],
        env: Vec::new(),
        nesting: 0,
    };
    let mut env = Vec::new();
    for begin in env_blocks(&tokens) {
        // What is wrong in it is said when it is its turn.
        let _ = parser(begin).env(&mut env);
    }
    let mut parser = parser(0);
    parser.env = env;
    let mut raw = Blocks::default();
    while !parser.cursor.at_end() {
        parser.block(&mut raw)?;
    }
    if order.is_none() {
        let remedy = "Copy the trace's metadata again: it is empty, cut off, or not CTF 1.8.";
        let what = "no `trace` block with a `byte_order`";
        return Err(Error::input(what, Place::file(file), remedy));
    }
    raw.clocks = parser.numbered_clocks(raw.clocks)?;
    super::resolve::finish(raw, native, file)
}

/// Where the `env` blocks begin: types before them may already need their numbers.
fn env_blocks(tokens: &[Token]) -> Vec<usize> {
    let mut depth = 0usize;
    let mut found = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Sign("{") => depth += 1,
            Kind::Sign("}") => depth = depth.saturating_sub(1),
            Kind::Word("env") if depth == 0 => found.push(i + 1),
            _ => {}
        }
    }
    found
}

/// Finds `byte_order` in the `trace` block ahead of everything else: types before it already need it.
fn native_order(tokens: &[Token], file: &Path) -> Result<Option<ByteOrder>> {
    let mut depth = 0usize;
    let mut in_trace = false;
    for (i, token) in tokens.iter().enumerate() {
        match token.kind {
            Kind::Sign("{") => depth += 1,
            Kind::Sign("}") => depth = depth.saturating_sub(1),
            Kind::Word(word) if depth == 0 => in_trace = word == "trace",
            Kind::Word("byte_order") if depth == 1 && in_trace => {
                let mut cursor = Cursor {
                    file,
                    tokens,
                    next: i + 1,
                };
                cursor.expect("=")?;
                let attribute = Attribute {
                    file,
                    name: "byte_order".to_owned(),
                    value: cursor.value()?,
                    at: token.at,
                };
                return attribute.byte_order(None).map(Some);
            }
            _ => {}
        }
    }
    Ok(None)
}

impl Parser<'_> {
    /// Reads one block, or one declaration, of the outermost level.
    fn block(&mut self, raw: &mut Blocks) -> Result<()> {
        if self.type_declaration()? {
            return Ok(());
        }
        let at = self.cursor.at();
        let keyword = self.cursor.word("a block or a declaration")?;
        match keyword {
            "trace" => self.trace(raw, at)?,
            "env" => self.env(&mut raw.env)?,
            "clock" => raw.clocks.push(self.clock(at)?),
            "stream" => raw.streams.push((self.stream()?, at)),
            "event" => raw.events.push((self.event()?, at)),
            _ if self.cursor.is("{") => {
                self.passed_over(keyword, at);
                self.cursor.skip_block()?;
            }
            _ => {
                let what = format!("expected a block or a declaration, found `{keyword}`");
                return Err(error_at(self.cursor.file, at, what));
            }
        }
        self.cursor.expect(";")?;
        Ok(())
    }

    /// Says that a block is passed over: its name may be a misspelt `event`, whose events would then be missing. What CTF
    /// 1.8 knows and nobody needs, `callsite`, is no surprise.
    fn passed_over(&self, keyword: &str, at: Position) {
        if keyword != "callsite" {
            let place = Place::line(self.cursor.file, at.line, at.column);
            crate::process::warn_once(format!(
                "{place}: passed over the block `{keyword}`, which CTF 1.8 does not know"
            ));
        }
    }

    fn trace(&mut self, raw: &mut Blocks, at: Position) -> Result<()> {
        if raw.trace.replace(at).is_some() {
            return Err(error_at(self.cursor.file, at, "a second `trace` block"));
        }
        let mut version = [None, None];
        for attribute in self.distinct_attributes()? {
            match attribute.name.as_str() {
                "major" => version[0] = Some(attribute.unsigned()?),
                "minor" => version[1] = Some(attribute.unsigned()?),
                "uuid" => raw.uuid = Some(attribute.uuid()?),
                "packet.header" => raw.packet_header = root(&attribute)?,
                _ => {}
            }
        }
        match version {
            [Some(1), Some(8)] => Ok(()),
            [Some(major), Some(minor)] => {
                let what = format!("expected a trace of CTF 1.8, found version {major}.{minor}");
                Err(error_at(self.cursor.file, at, what))
            }
            _ => {
                let what = "a `trace` block without its version, `major` and `minor`";
                Err(error_at(self.cursor.file, at, what))
            }
        }
    }

    fn env(&mut self, env: &mut Vec<(String, EnvValue)>) -> Result<()> {
        for attribute in self.attributes()? {
            let value = match attribute.value {
                Value::Number(number) => EnvValue::Integer(number),
                _ => EnvValue::Text(attribute.text()?),
            };
            env.push((attribute.name, value));
        }
        Ok(())
    }

    fn clock(&mut self, at: Position) -> Result<ClockClass> {
        let mut clock = ClockClass {
            name: String::new(),
            uuid: None,
            description: None,
            frequency: 1_000_000_000,
            frequency_said: false,
            precision: 0,
            offset_s: 0,
            offset_cycles: 0,
            absolute: false,
        };
        for attribute in self.distinct_attributes()? {
            match attribute.name.as_str() {
                "name" => clock.name = attribute.text()?,
                "uuid" => clock.uuid = Some(attribute.uuid()?),
                "description" => clock.description = Some(attribute.text()?),
                "freq" => {
                    clock.frequency = attribute.unsigned()?;
                    clock.frequency_said = true;
                }
                "precision" => clock.precision = attribute.unsigned()?,
                "offset_s" => clock.offset_s = attribute.signed()?,
                "offset" => clock.offset_cycles = attribute.unsigned()?,
                "absolute" => clock.absolute = attribute.boolean()?,
                _ => {}
            }
        }
        if clock.frequency == 0 {
            return Err(error_at(
                self.cursor.file,
                at,
                "a clock with the frequency 0",
            ));
        }
        if clock.name.is_empty() {
            return Err(error_at(self.cursor.file, at, "a clock without a name"));
        }
        self.clock_number(&clock.name, at);
        Ok(clock)
    }

    /// The clocks in the order of their numbers.
    fn numbered_clocks(&self, declared: Vec<ClockClass>) -> Result<Vec<ClockClass>> {
        let mut found = Vec::with_capacity(declared.len());
        for (name, at) in &self.clocks {
            let mut of_this_name = declared.iter().filter(|clock| clock.name == *name);
            let what = match (of_this_name.next(), of_this_name.next()) {
                (Some(clock), None) => {
                    found.push(clock.clone());
                    continue;
                }
                (None, _) => "is not declared",
                (Some(_), Some(_)) => "is declared twice",
            };
            let what = format!("the clock `{name}` {what}");
            return Err(error_at(self.cursor.file, *at, what));
        }
        Ok(found)
    }

    fn stream(&mut self) -> Result<StreamBlock> {
        let mut stream = StreamBlock::default();
        for attribute in self.distinct_attributes()? {
            match attribute.name.as_str() {
                "id" => stream.id = Some(attribute.unsigned()?),
                "packet.context" => stream.packet_context = root(&attribute)?,
                "event.header" => stream.event_header = root(&attribute)?,
                "event.context" => stream.event_context = root(&attribute)?,
                _ => {}
            }
        }
        Ok(stream)
    }

    fn event(&mut self) -> Result<EventBlock> {
        let mut event = EventBlock::default();
        for attribute in self.distinct_attributes()? {
            match attribute.name.as_str() {
                "id" => event.id = Some(attribute.unsigned()?),
                "stream_id" => event.stream_id = Some(attribute.unsigned()?),
                "name" => event.name = Some(attribute.text()?),
                "loglevel" => event.loglevel = Some(attribute.signed()?),
                "context" => event.context = root(&attribute)?,
                "fields" => event.fields = root(&attribute)?,
                _ => {}
            }
        }
        Ok(event)
    }
}

/// The structure that `attribute` gives to a root of fields.
fn root(attribute: &Attribute) -> Result<Root> {
    let typed = attribute.class()?;
    match &*typed.class {
        FieldClass::Struct(_) => Ok(Some((typed, attribute.at))),
        other => {
            let (name, kind) = (&attribute.name, other.kind());
            Err(attribute.error(format!("`{name}`: expected a structure, found {kind}")))
        }
    }
}
