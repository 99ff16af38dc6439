//! Types as TSDL, in one of the many ways in which the same type can be written.

use super::bits::Order;
use super::random::Random;
use super::shape::{Int, Label, Named, Type};
use std::fmt::Write;

/// Writes types; what it declares outside of them is to stand before them.
pub struct Writer<'r> {
    pub rng: &'r mut Random,
    pub native: Order,
    /// Declarations, in order.
    pub declared: String,
    aliases: u64,
}

impl<'r> Writer<'r> {
    pub fn new(rng: &'r mut Random, native: Order) -> Self {
        Writer {
            rng,
            native,
            declared: String::new(),
            aliases: 0,
        }
    }

    /// The type, to stand right of `:=`; a structure.
    pub fn root(&mut self, ty: &Type) -> String {
        self.left(ty)
    }

    /// The declaration of a field.
    fn field(&mut self, (name, ty): &Named) -> String {
        let mut lengths = String::new();
        let mut element = ty;
        loop {
            element = match element {
                Type::Array(length, inner) => {
                    let length = self.number(*length);
                    let _ = write!(lengths, "[{length}]");
                    inner
                }
                Type::Sequence(length, inner) => {
                    let _ = write!(lengths, "[{}]", length.written);
                    inner
                }
                _ => break,
            };
        }
        let left = self.left(element);
        let space = self.rng.pick(&[" ", "\t", " /* of */ "]);
        format!("{left}{space}{name}{lengths};")
    }

    /// What stands left of a name.
    fn left(&mut self, ty: &Type) -> String {
        let text = match ty {
            Type::Int(int) => self.int(int),
            Type::Enum(int, labels) => self.enumeration(int, labels),
            Type::Float {
                double,
                align,
                order,
            } => self.float(*double, *align, *order),
            Type::Text => self
                .rng
                .pick(&[
                    "string",
                    "string { encoding = UTF8; }",
                    "string { encoding = ASCII; }",
                    "string { encoding = none; }",
                ])
                .to_owned(),
            Type::Struct { align, fields } => return self.structure(*align, fields),
            Type::Variant { tag, options } => return self.variant(&tag.written, options),
            Type::Array(..) | Type::Sequence(..) => unreachable!("written by `field`"),
            Type::Modern(_) => unreachable!("CTF 1.8 has no words for it"),
        };
        match self.rng.chance(25) {
            true => self.alias(&text),
            false => text,
        }
    }

    /// Gives a type a name.
    fn alias(&mut self, text: &str) -> String {
        let name = self.new_name();
        let _ = match self.rng.below(3) {
            0 => writeln!(self.declared, "typedef {text} {name};"),
            1 => {
                let name = format!("unsigned {name}_t");
                let plain = name.replace(' ', "_");
                let _ = writeln!(self.declared, "typealias {text} := {plain};");
                return plain;
            }
            _ => writeln!(self.declared, "typealias {text} := {name};"),
        };
        name
    }

    fn new_name(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    fn structure(&mut self, align: Option<u64>, fields: &[Named]) -> String {
        let mut body = self.body(fields);
        if let Some(align) = align {
            let _ = write!(body, " align({})", self.number(align));
        }
        match self.rng.chance(20) && may_have_name(fields) {
            true => {
                let name = self.new_name();
                let _ = writeln!(self.declared, "struct {name} {body};");
                format!("struct {name}")
            }
            false => format!("struct {body}"),
        }
    }

    fn body(&mut self, fields: &[Named]) -> String {
        let fields: Vec<String> = fields.iter().map(|field| self.field(field)).collect();
        let between = self.rng.pick(&[" ", "\n", " // and\n"]);
        format!("{{\n{}\n}}", fields.join(between))
    }

    fn variant(&mut self, tag: &str, options: &[Named]) -> String {
        let body = self.body(options);
        match self.rng.chance(25) && may_have_name(options) {
            true => {
                let name = self.new_name();
                let _ = writeln!(self.declared, "variant {name} {body};");
                format!("variant {name} <{tag}>")
            }
            false => format!("variant <{tag}> {body}"),
        }
    }

    fn int(&mut self, int: &Int) -> String {
        let mut attributes = vec![format!("size = {}", self.number(int.size))];
        let default = if int.size.is_multiple_of(8) { 8 } else { 1 };
        if int.align != default || self.rng.chance(30) {
            attributes.push(format!("align = {}", self.number(int.align)));
        }
        if int.signed {
            attributes.push(format!(
                "signed = {}",
                self.rng.pick(&["true", "TRUE", "1"])
            ));
        } else if self.rng.chance(30) {
            attributes.push(format!(
                "signed = {}",
                self.rng.pick(&["false", "FALSE", "0"])
            ));
        }
        self.order(int.order, &mut attributes);
        if int.text {
            let encoding = self.rng.pick(&["UTF8", "\"utf-8\"", "ASCII"]);
            attributes.push(format!("encoding = {encoding}"));
        }
        if int.clock {
            attributes.push("map = clock.ticks.value".to_owned());
        }
        if self.rng.chance(20) {
            let base = self
                .rng
                .pick(&["2", "8", "10", "16", "hex", "x", "decimal", "oct", "b"]);
            attributes.push(format!("base = {base}"));
        }
        if self.rng.chance(40) {
            attributes.reverse();
        }
        format!("integer {{ {}; }}", attributes.join("; "))
    }

    fn float(&mut self, double: bool, align: u64, order: Order) -> String {
        let (exponent, mantissa) = if double { (11, 53) } else { (8, 24) };
        let mut attributes = vec![
            format!("exp_dig = {exponent}"),
            format!("mant_dig = {mantissa}"),
        ];
        if align != 8 || self.rng.chance(40) {
            attributes.push(format!("align = {align}"));
        }
        self.order(order, &mut attributes);
        format!("floating_point {{ {}; }}", attributes.join("; "))
    }

    fn order(&mut self, order: Order, attributes: &mut Vec<String>) {
        let words = match (order, order == self.native) {
            (_, true) if self.rng.chance(60) => return,
            (Order::Little, true) => vec!["native", "le"],
            (Order::Little, false) => vec!["le"],
            (Order::Big, true) => vec!["native", "be", "network"],
            (Order::Big, false) => vec!["be", "network"],
        };
        attributes.push(format!("byte_order = {}", self.rng.pick(&words)));
    }

    fn enumeration(&mut self, int: &Int, labels: &[Label]) -> String {
        let base = match self.rng.chance(40) {
            true => {
                let text = self.int(int);
                self.alias(&text)
            }
            false => self.int(int),
        };
        let mut next = 0;
        let mut written = Vec::new();
        for (name, low, high) in labels {
            let name = match name.contains(' ') || self.rng.chance(20) {
                true => format!("\"{name}\""),
                false => name.clone(),
            };
            written.push(match (low == high, *low == next && self.rng.chance(50)) {
                (true, true) => name,
                (true, false) => format!("{name} = {}", self.signed(*low)),
                _ => format!("{name} = {} ... {}", self.signed(*low), self.signed(*high)),
            });
            next = high + 1;
        }
        let comma = self.rng.pick(&["", ","]);
        let text = format!("enum : {base} {{ {}{comma} }}", written.join(", "));
        match self.rng.chance(20) {
            true => {
                let name = self.new_name();
                let text = text.replacen("enum", &format!("enum {name}"), 1);
                let _ = writeln!(self.declared, "{text};");
                format!("enum {name}")
            }
            false => text,
        }
    }

    fn signed(&mut self, number: i128) -> String {
        match number < 0 {
            true => number.to_string(),
            false => self.number(number as u64),
        }
    }

    /// A number in one of the bases of C.
    fn number(&mut self, number: u64) -> String {
        match self.rng.below(6) {
            0 => format!("{number:#x}"),
            1 => format!("0{number:o}"),
            _ => number.to_string(),
        }
    }
}

/// Whether a structure or variant of these fields can be declared apart from its use: babeltrace2 2.0 copies it then, and
/// each copy drops a leading underscore of names, so that tags and lengths do not find them any more.
fn may_have_name(fields: &[Named]) -> bool {
    fields.iter().all(|(name, ty)| {
        let inside = match ty {
            Type::Struct { fields, .. } => may_have_name(fields),
            Type::Variant { options, .. } => may_have_name(options),
            Type::Array(_, element) | Type::Sequence(_, element) => {
                may_have_name(&[(String::new(), (**element).clone())])
            }
            _ => true,
        };
        inside && !name.starts_with('_')
    })
}
