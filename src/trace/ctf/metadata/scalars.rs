//! Types without fields: integers, floating point numbers, strings and enumerations.
//!
//! The one idea: the defaults of CTF 1.8.3 section 4.1 are filled in here and nowhere else.

use super::cursor::{Attribute, Value};
use super::lexer::error_at;
use super::model::*;
use super::typed::{Parsed, Typed};
use super::types::Parser;
use crate::error::Result;

impl Parser<'_> {
    pub(super) fn integer(&mut self) -> Result<Typed> {
        let at = self.cursor.at();
        self.cursor.advance();
        let mut integer = Integer {
            size: 0,
            variable: false,
            reversed: false,
            boolean: false,
            align: 0,
            signed: false,
            byte_order: self.native,
            base: 10,
            encoding: Encoding::None,
            clock: None,
            roles: Roles::default(),
        };
        for attribute in self.distinct_attributes()? {
            self.integer_attribute(&mut integer, &attribute)?;
        }
        if integer.size == 0 {
            return Err(error_at(self.cursor.file, at, "an integer without `size`"));
        }
        if integer.align == 0 {
            integer.align = if integer.size.is_multiple_of(8) { 8 } else { 1 };
        }
        self.compose(Parsed::Integer(integer), 0, at)
    }

    fn integer_attribute(&mut self, integer: &mut Integer, attribute: &Attribute) -> Result<()> {
        match attribute.name.as_str() {
            "size" => integer.size = size(attribute)?,
            "align" => integer.align = attribute.alignment()?,
            "signed" => integer.signed = attribute.boolean()?,
            "byte_order" => integer.byte_order = attribute.byte_order(Some(self.native))?,
            "base" => integer.base = base(attribute)?,
            "encoding" => integer.encoding = encoding(attribute)?,
            "map" => integer.clock = Some(self.mapped_clock(attribute)?),
            _ => {}
        }
        Ok(())
    }

    /// The clock of `map = clock.NAME.value`, by its number; that it exists is checked at the end of the text.
    fn mapped_clock(&mut self, attribute: &Attribute) -> Result<usize> {
        let text = attribute.text()?;
        let name = text
            .strip_prefix("clock.")
            .and_then(|rest| rest.strip_suffix(".value"))
            .ok_or_else(|| attribute.error("`map`: expected `clock.NAME.value`"))?;
        Ok(self.clock_number(name, attribute.at))
    }

    /// The number of the clock of this name: clocks are numbered in the order in which they are first named.
    pub(super) fn clock_number(&mut self, name: &str, at: Position) -> usize {
        let known = self.clocks.iter().position(|(n, _)| n == name);
        known.unwrap_or_else(|| {
            self.clocks.push((name.to_owned(), at));
            self.clocks.len() - 1
        })
    }

    pub(super) fn float(&mut self) -> Result<Typed> {
        let at = self.cursor.at();
        self.cursor.advance();
        let (mut exponent, mut mantissa) = (0, 0);
        let (mut align, mut byte_order) = (8, self.native);
        for attribute in self.distinct_attributes()? {
            match attribute.name.as_str() {
                "exp_dig" => exponent = attribute.unsigned()?,
                "mant_dig" => mantissa = attribute.unsigned()?,
                "align" => align = attribute.alignment()?,
                "byte_order" => byte_order = attribute.byte_order(Some(self.native))?,
                _ => {}
            }
        }
        let size = match (exponent, mantissa) {
            (8, 24) => 32,
            (11, 53) => 64,
            _ => {
                let what = format!(
                    "expected a floating point number with exp_dig and mant_dig 8 and 24 or 11 and 53, \
                     found {exponent} and {mantissa}"
                );
                return Err(error_at(self.cursor.file, at, what));
            }
        };
        let float = Float {
            size,
            reversed: false,
            align,
            byte_order,
        };
        self.compose(Parsed::Float(float), 0, at)
    }

    pub(super) fn string(&mut self) -> Result<Typed> {
        let at = self.cursor.at();
        self.cursor.advance();
        let mut found = Encoding::Utf8;
        if self.cursor.is("{") {
            for attribute in self.distinct_attributes()? {
                if attribute.name == "encoding" {
                    found = encoding(&attribute)?;
                }
            }
        }
        self.compose(Parsed::String(found), 0, at)
    }

    pub(super) fn enumeration(&mut self) -> Result<Typed> {
        let at = self.cursor.at();
        let name = self.tag_name();
        if let (Some(name), false) = (&name, self.cursor.is("{") || self.cursor.is(":")) {
            return self.look_up(name, at);
        }
        let base = match self.cursor.eat(":") {
            true => self.abstract_type()?,
            false => self.look_up("int", at)?,
        };
        let Parsed::Integer(base) = &*base.class else {
            let what = format!(
                "an enumeration of {}, which is no integer",
                base.class.kind()
            );
            return Err(error_at(self.cursor.file, at, what));
        };
        let labels = self.labels()?;
        let base = base.clone();
        let typed = self.compose(Parsed::Enumeration(Enumeration { base, labels }), 0, at)?;
        self.define_tag(name, at, typed)
    }

    fn labels(&mut self) -> Result<Vec<Label>> {
        self.cursor.expect("{")?;
        let mut labels: Vec<Label> = Vec::new();
        while !self.cursor.eat("}") {
            let at = self.cursor.at();
            let name = match self.cursor.value()? {
                Value::Text(name) | Value::Word(name) => name,
                _ => return Err(error_at(self.cursor.file, at, "expected a label")),
            };
            let (mut low, mut high) = (0, 0);
            if self.cursor.eat("=") {
                low = self.cursor.number("a value")?;
                high = low;
                if self.cursor.eat("...") {
                    high = self.cursor.number("a value")?;
                }
            } else if let Some(previous) = labels.last() {
                // No overflow: a written value has at most 65 bits, and each label adds one.
                low = previous.high + 1;
                high = low;
            }
            if low > high {
                let what = format!("an empty range of values: {low} ... {high}");
                return Err(error_at(self.cursor.file, at, what));
            }
            labels.push(Label { name, low, high });
            if !self.cursor.eat(",") && !self.cursor.is("}") {
                return Err(self.cursor.expected("`,` or `}`"));
            }
        }
        Ok(labels)
    }
}

fn size(attribute: &Attribute) -> Result<u32> {
    match attribute.unsigned()? {
        size @ 1..=64 => Ok(size as u32),
        size => Err(attribute.error(format!("`size`: expected 1 to 64 bits, found {size}"))),
    }
}

fn base(attribute: &Attribute) -> Result<u8> {
    let name = match &attribute.value {
        Value::Number(number) => number.to_string(),
        _ => attribute.text()?,
    };
    Ok(match name.as_str() {
        "2" | "binary" | "b" => 2,
        "8" | "octal" | "oct" | "o" => 8,
        "10" | "decimal" | "dec" | "d" | "i" | "u" => 10,
        "16" | "hexadecimal" | "hex" | "x" | "X" | "p" => 16,
        _ => return Err(attribute.error(format!("`base`: expected 2, 8, 10 or 16, found {name}"))),
    })
}

fn encoding(attribute: &Attribute) -> Result<Encoding> {
    let name = attribute.text()?;
    match name.to_ascii_lowercase().as_str() {
        "none" => Ok(Encoding::None),
        "utf8" | "utf-8" => Ok(Encoding::Utf8),
        "ascii" => Ok(Encoding::Ascii),
        _ => Err(attribute.error(format!(
            "`encoding`: expected `none`, `UTF8` or `ASCII`, found {name}"
        ))),
    }
}
