//! Random types: what the fields of a trace are.

use super::bits::Order;
use super::modern::{Coding, Length, Modern};
use super::random::Random;

/// An integer.
#[derive(Debug, Clone)]
pub struct Int {
    pub size: u64,
    pub align: u64,
    pub signed: bool,
    pub order: Order,
    /// Its elements make a text.
    pub text: bool,
    /// The trace's clock is mapped to it.
    pub clock: bool,
}

/// A label of an enumeration, with the lowest and the highest value.
pub type Label = (String, i128, i128);

/// How a tag or a length is named: as it is written, and by the absolute path of the field.
#[derive(Debug, Clone)]
pub struct Reference {
    pub written: String,
    pub key: String,
}

/// A field with its name.
pub type Named = (String, Type);

/// A type.
#[derive(Debug, Clone)]
pub enum Type {
    Int(Int),
    Enum(Int, Vec<Label>),
    Float {
        double: bool,
        align: u64,
        order: Order,
    },
    Text,
    Struct {
        align: Option<u64>,
        fields: Vec<Named>,
    },
    Variant {
        tag: Reference,
        options: Vec<Named>,
    },
    Array(u64, Box<Type>),
    Sequence(Reference, Box<Type>),
    /// What only CTF 2 has.
    Modern(Modern),
}

/// Whose traces are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// CTF 1.8 that babeltrace2 2.0 reads, too.
    Judged,
    /// CTF 1.8.
    Ctf1,
    /// CTF 2, with what CTF 1.8 has not.
    Ctf2,
    /// CTF 2 that babeltrace2 2.1 reads, too.
    Ctf2Judged,
}

impl Dialect {
    pub fn is_ctf_2(self) -> bool {
        matches!(self, Dialect::Ctf2 | Dialect::Ctf2Judged)
    }
}

impl Type {
    /// Where it may begin, as CTF 1.8.3 section 4 has it.
    pub fn alignment(&self) -> u64 {
        match self {
            Type::Int(int) | Type::Enum(int, _) => int.align,
            Type::Float { align, .. } => *align,
            Type::Text => 8,
            Type::Struct { align, fields } => {
                let fields = fields.iter().map(|(_, ty)| ty.alignment());
                fields.max().unwrap_or(1).max(align.unwrap_or(1))
            }
            Type::Variant { .. } => 1,
            Type::Modern(ty) => ty.alignment(),
            Type::Array(_, element) | Type::Sequence(_, element) => element.alignment(),
        }
    }
}

/// A plain unsigned integer.
pub fn unsigned(size: u64, align: u64, order: Order) -> Int {
    Int {
        size,
        align,
        signed: false,
        order,
        text: false,
        clock: false,
    }
}

/// A field that a later one may name.
#[derive(Debug, Clone)]
struct Candidate {
    reference: Reference,
    what: What,
}

/// What a field can be named as.
#[derive(Debug, Clone, PartialEq, Eq)]
enum What {
    Length,
    /// A tag, with the labels that choose.
    Tag(Vec<String>),
    /// Whether something is there.
    Flag,
}

/// Makes types.
pub struct Shaper<'r> {
    pub rng: &'r mut Random,
    pub native: Order,
    pub dialect: Dialect,
    /// Whether tags and lengths may be in this root: babeltrace2 2.0 takes the two contexts of events for each other when it
    /// looks for what they name, and aborts; a sequence in a packet's header crashes it.
    names: bool,
    /// Fields of earlier roots.
    earlier: Vec<Candidate>,
    /// Fields of the structures around this place.
    frames: Vec<Vec<Candidate>>,
    numbers: u64,
    /// Absolute paths of fields that are a length or a tag somewhere.
    pub lengths: Vec<String>,
}

const BASES: [&str; 12] = [
    "x", "value", "_event", "_string", "_struct", "_id", "__deep", "Name", "_", "size_of", "fd",
    "_align",
];

impl<'r> Shaper<'r> {
    pub fn new(rng: &'r mut Random, native: Order, dialect: Dialect) -> Self {
        Shaper {
            rng,
            native,
            dialect,
            names: true,
            earlier: Vec::new(),
            frames: Vec::new(),
            numbers: 0,
            lengths: Vec::new(),
        }
    }

    /// How many fields of earlier roots there are now; see [`Shaper::forget`].
    pub fn known(&self) -> usize {
        self.earlier.len()
    }

    /// Leaves those of them out that came after.
    pub fn forget(&mut self, known: usize) {
        self.earlier.truncate(known);
    }

    /// A root: a structure with the fields `first` and up to `more` random ones, in any order where `mixed`.
    pub fn root(&mut self, key: &str, first: Vec<Named>, more: u64) -> Type {
        let broken = [
            "stream.event.context",
            "event.context",
            "trace.packet.header",
        ];
        self.names = self.dialect != Dialect::Judged || !broken.contains(&key);
        let (ty, fields) = self.structure(key, first, more, 0);
        let absolute = fields.into_iter().map(|mut candidate| {
            candidate.reference.written = candidate.reference.key.clone();
            candidate
        });
        self.earlier.extend(absolute);
        ty
    }

    fn structure(
        &mut self,
        key: &str,
        first: Vec<Named>,
        more: u64,
        depth: u64,
    ) -> (Type, Vec<Candidate>) {
        self.frames.push(Vec::new());
        // What has a meaning is no length: its values are what they must be.
        let mut fields = first;
        for _ in 0..self.rng.within(u64::from(fields.is_empty()), more.max(1)) {
            self.field(key, depth, &mut fields);
        }
        let align = self.rng.chance(15).then(|| self.rng.pick(&[8, 16, 32, 64]));
        let seen = self.frames.pop().unwrap();
        (Type::Struct { align, fields }, seen)
    }

    fn name(&mut self) -> String {
        self.numbers += 1;
        format!("{}{}", self.rng.pick(&BASES), self.numbers)
    }

    /// Adds a field, or a length and a sequence as LTTng writes them.
    fn field(&mut self, key: &str, depth: u64, fields: &mut Vec<Named>) {
        let name = self.name();
        if self.rng.chance(12) && self.names {
            let name = name.trim_start_matches('_').to_owned();
            let length = format!("__{name}_length");
            let int = Type::Int(unsigned(self.rng.pick(&[8, 16, 32]), 8, self.native));
            let here = format!("{key}.{length}");
            self.lengths.push(here.clone());
            let reference = Reference {
                written: length.clone(),
                key: here,
            };
            let element = self.element(depth);
            fields.push((length, int));
            fields.push((
                format!("_{name}"),
                Type::Sequence(reference, Box::new(element)),
            ));
            return;
        }
        let here = format!("{key}.{name}");
        let before = self.frames.len();
        let (ty, inside) = self.ty(&here, depth);
        assert_eq!(before, self.frames.len());
        self.see(&here, &name, &ty);
        let frame = self.frames.last_mut().unwrap();
        frame.extend(inside.into_iter().map(|mut candidate| {
            candidate.reference.written = format!("{name}.{}", candidate.reference.written);
            candidate
        }));
        fields.push((name, ty));
    }

    /// Notes that later fields may name this one.
    fn see(&mut self, key: &str, name: &str, ty: &Type) {
        let what = match ty {
            Type::Int(int) if !int.signed && !int.clock && int.size >= 3 => What::Length,
            Type::Enum(_, labels) | Type::Modern(Modern::Variable(_, labels))
                if !labels.is_empty() && distinct(labels) =>
            {
                let mut names: Vec<String> = labels.iter().map(|l| l.0.clone()).collect();
                names.dedup();
                What::Tag(names)
            }
            Type::Modern(Modern::Variable(int, labels)) if labels.is_empty() && !int.signed => {
                What::Length
            }
            Type::Modern(Modern::Bits("boolean", _)) => What::Flag,
            _ => return,
        };
        let reference = Reference {
            written: name.to_owned(),
            key: key.to_owned(),
        };
        let candidate = Candidate { reference, what };
        self.frames.last_mut().unwrap().push(candidate);
    }

    /// A type, and the fields inside it that may be named from outside.
    fn ty(&mut self, key: &str, depth: u64) -> (Type, Vec<Candidate>) {
        if self.dialect.is_ctf_2() && self.rng.chance(40) {
            return (Type::Modern(self.modern(key, depth)), Vec::new());
        }
        let composed = if depth < 3 { 10 } else { 6 };
        let ty = match self.rng.below(composed) {
            0 | 1 => self.int(),
            2 => self.enumeration(),
            3 => self.float(),
            4 => Type::Text,
            5 => Type::Array(self.rng.below(5), Box::new(self.element(depth))),
            6 => {
                let more = self.rng.within(1, 4);
                return self.structure(key, Vec::new(), more, depth + 1);
            }
            7 => match self.length() {
                Some(reference) => Type::Sequence(reference, Box::new(self.element(depth))),
                None => self.enumeration(),
            },
            8 => match self.named(|what| matches!(what, What::Tag(_))) {
                Some((reference, What::Tag(labels))) => self.variant(key, reference, labels, depth),
                _ => self.enumeration(),
            },
            _ => {
                // Fields of an element are not named from outside it.
                let more = self.rng.within(1, 3);
                let (element, _) = self.structure(key, Vec::new(), more, depth + 1);
                Type::Array(self.rng.below(4), Box::new(element))
            }
        };
        (ty, Vec::new())
    }

    fn element(&mut self, depth: u64) -> Type {
        if self.dialect.is_ctf_2() && self.rng.chance(30) {
            return Type::Modern(self.simple_modern());
        }
        match self.rng.below(7) {
            0 | 1 => Type::Int(Int {
                signed: self.rng.chance(30),
                text: true,
                ..unsigned(8, 8, self.native)
            }),
            2 => self.float(),
            3 => Type::Text,
            4 if depth < 3 => Type::Array(self.rng.below(3), Box::new(self.element(depth + 1))),
            5 => self.enumeration(),
            _ => self.int(),
        }
    }

    fn variant(&mut self, key: &str, tag: Reference, labels: Vec<String>, depth: u64) -> Type {
        let mut options = Vec::new();
        for label in labels {
            // Fields of an option are not named from outside it.
            let (ty, _) = self.ty(&format!("{key}.{label}"), depth + 2);
            options.push((label, ty));
        }
        // An option that no label chooses is left out: babeltrace2 2.0 aborts at its empty set of ranges.
        Type::Variant { tag, options }
    }

    /// A type without others inside that only CTF 2 has.
    fn simple_modern(&mut self) -> Modern {
        match self.rng.below(7) {
            0..3 => {
                let signed = self.rng.chance(50);
                let int = Int {
                    signed,
                    ..unsigned(64, 8, Order::Little)
                };
                let labels = match self.rng.chance(40) {
                    true => self.labels(&int),
                    false => Vec::new(),
                };
                Modern::Variable(int, labels)
            }
            // babeltrace2 2.1 aborts at them.
            3 if self.dialect == Dialect::Ctf2 => {
                Modern::Half(self.rng.pick(&[8, 16, 32]), self.native)
            }
            3 | 4 => {
                let kind = self.rng.pick(&["bit-array", "bit-map", "boolean"]);
                let int = Int {
                    signed: false,
                    ..self.plain_int()
                };
                Modern::Bits(kind, int)
            }
            5 => Modern::Reversed(self.plain_int()),
            _ => Modern::Wide(self.coding(), Length::Ended),
        }
    }

    fn coding(&mut self) -> Coding {
        Coding {
            unit: self.rng.pick(&[2, 4]),
            order: self.rng.pick(&[Order::Little, Order::Big]),
        }
    }

    /// A type that only CTF 2 has.
    fn modern(&mut self, key: &str, depth: u64) -> Modern {
        match self.rng.below(if depth < 3 { 10 } else { 8 }) {
            0 => {
                let coding = self.coding();
                Modern::Wide(coding, Length::Always(coding.unit * self.rng.below(6)))
            }
            1 => match self.length() {
                // babeltrace2 2.1 refuses half a unit of a text.
                Some(length) if self.dialect == Dialect::Ctf2 => {
                    Modern::Wide(self.coding(), Length::Said(length))
                }
                Some(length) => Modern::Blob(Length::Said(length)),
                None => self.simple_modern(),
            },
            2 => match self.length() {
                Some(length) => Modern::Blob(Length::Said(length)),
                None => Modern::Blob(Length::Always(self.rng.below(20))),
            },
            8 => {
                let align = self.rng.pick(&[8, 16, 64]);
                let number = Type::Int(self.plain_int());
                Modern::Aligned(
                    align,
                    Box::new(Type::Array(self.rng.below(4), Box::new(number))),
                )
            }
            9 => match self.named(|what| *what != What::Length) {
                Some((reference, what)) => {
                    let chosen = match what {
                        What::Tag(mut labels) => {
                            labels.truncate(self.rng.within(1, 2) as usize);
                            Some(labels)
                        }
                        _ => None,
                    };
                    // Fields inside are not named from outside.
                    let (present, _) = self.ty(&format!("{key}.present"), depth + 2);
                    Modern::Optional(reference, chosen, Box::new(present))
                }
                None => self.simple_modern(),
            },
            _ => self.simple_modern(),
        }
    }

    /// A field that may be a length here, and is one from now on.
    fn length(&mut self) -> Option<Reference> {
        let (reference, _) = self.named(|what| *what == What::Length)?;
        self.lengths.push(reference.key.clone());
        Some(reference)
    }

    /// A field that may be named here.
    fn named(&mut self, as_this: impl Fn(&What) -> bool) -> Option<(Reference, What)> {
        let here = self.frames.iter().flatten().chain(&self.earlier);
        // The grammar of babeltrace2 2.0 has no dots in tags.
        let dots = |c: &Candidate| c.what == What::Length || self.dialect != Dialect::Judged;
        let suits = |c: &&Candidate| {
            self.names && as_this(&c.what) && (dots(c) || !c.reference.written.contains('.'))
        };
        let fit: Vec<Candidate> = here.filter(suits).cloned().collect();
        if fit.is_empty() {
            return None;
        }
        let chosen = self.rng.pick(&fit);
        Some((chosen.reference, chosen.what))
    }

    fn int(&mut self) -> Type {
        Type::Int(self.plain_int())
    }

    fn plain_int(&mut self) -> Int {
        let mut size = match self.rng.chance(50) {
            true => self.rng.pick(&[8, 16, 32, 64]),
            false => self.rng.within(1, 64),
        };
        let mut align = self.rng.pick(&[1, 1, 2, 4, 8, 8, 16, 32, 64]);
        let mut order = self.native;
        if self.rng.chance(20) {
            // babeltrace2 2.0 cannot change the byte order inside a byte.
            order = match self.native {
                Order::Little => Order::Big,
                Order::Big => Order::Little,
            };
            size = size.next_multiple_of(8);
            align = align.max(8);
        }
        Int {
            signed: self.rng.chance(40),
            ..unsigned(size, align, order)
        }
    }

    fn float(&mut self) -> Type {
        let order = match (self.rng.chance(80), self.native) {
            (true, native) => native,
            (false, Order::Little) => Order::Big,
            (false, Order::Big) => Order::Little,
        };
        Type::Float {
            double: self.rng.chance(50),
            align: match order == self.native {
                true => self.rng.pick(&[1, 8, 32, 64]),
                false => self.rng.pick(&[8, 32]),
            },
            order,
        }
    }

    /// An enumeration; half of them have labels whose ranges do not meet, and can be tags.
    fn enumeration(&mut self) -> Type {
        let int = self.plain_int();
        let labels = self.labels(&int);
        Type::Enum(int, labels)
    }

    fn labels(&mut self, int: &Int) -> Vec<Label> {
        let (low, high) = limits(int);
        let number = self.rng.within(1, 4);
        let mut labels: Vec<Label> = Vec::new();
        let mut next = low + i128::from(self.rng.below(3)).min(high - low);
        for _ in 0..number {
            let first = match self.rng.chance(60) {
                true => next,
                false => next + i128::from(self.rng.below(20)),
            };
            let last = match self.rng.chance(60) {
                true => first,
                false => first + i128::from(self.rng.below(9)),
            };
            if last > high {
                break;
            }
            self.numbers += 1;
            let name = match (labels.last(), self.rng.chance(10)) {
                (Some(previous), true) => previous.0.clone(),
                _ => format!(
                    "{}{}",
                    self.rng.pick(&["A", "_b", "label", "__c"]),
                    self.numbers
                ),
            };
            labels.push((name, first, last));
            next = last + 1;
        }
        if labels.is_empty() {
            labels.push(("only".to_owned(), high, high));
        }
        if self.rng.chance(20) {
            labels.push(("all of them".to_owned(), low, high));
        }
        labels
    }
}

/// Lowest and highest value.
pub fn limits(int: &Int) -> (i128, i128) {
    match int.signed {
        true => (-(1 << (int.size - 1)), (1 << (int.size - 1)) - 1),
        false => (0, (1 << int.size) - 1),
    }
}

/// Whether no two ranges meet, and all labels can name an option.
fn distinct(labels: &[Label]) -> bool {
    let sorted = labels.windows(2).all(|pair| pair[0].2 < pair[1].1);
    sorted && labels.iter().all(|l| !l.0.contains(' '))
}
