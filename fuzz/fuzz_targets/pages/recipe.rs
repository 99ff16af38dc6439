//! From the fuzzer's bytes to a table.
//!
//! Tables are small, so that there are many a second: what a page, a dictionary or a filter may hold is as small, so that they
//! are cut, given up and filled all the same.

use crate::input::Input;
use crate::table::{Column, Form, Layer, Step, Table};
use crate::value::{EDGES, TYPES, Type, Value};
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::file::properties::WriterProperties;

const ROWS: usize = 1500;
const ELEMENTS: usize = 3000;
/// Bytes of the texts of a column, but for the last.
const TEXT: usize = 64 * 1024;
/// Pages of a column, roughly: each costs as much as some hundred values.
const PAGES: usize = 64;

/// Which pages are read alone, and how many rows at a time.
#[derive(Debug)]
pub struct Glance {
    /// The column whose pages are meant.
    pub column: usize,
    pub first: usize,
    /// Of the pages behind the first.
    pub pattern: u8,
    pub batch: usize,
}

pub fn glance(input: &mut Input) -> Glance {
    Glance {
        column: input.byte().into(),
        first: input.byte().into(),
        pattern: input.byte(),
        batch: input.size().clamp(1, ROWS),
    }
}

pub fn table(input: &mut Input) -> Table {
    let mut layers: Vec<Layer> = steps(input).into_iter().map(Layer::new).collect();
    let columns = 1 + input.byte() % 3;
    let mut rows_left = ROWS;
    let mut left = vec![ELEMENTS; layers.len()];
    let mut chunks = Vec::new();
    for _ in 0..1 + input.byte() % 6 {
        let rows = input.size().min(rows_left);
        rows_left -= rows;
        chunks.push(rows);
        let mut elements = rows;
        for (layer, left) in layers.iter_mut().zip(&mut left) {
            let lengths = lengths(input, layer.step, elements, *left);
            elements = lengths.iter().flatten().sum();
            *left -= elements;
            layer.add(&lengths);
        }
    }
    let mut table = Table::new(layers, &chunks);
    for _ in 0..columns {
        let column = column(input, &table);
        table.columns.push(column);
    }
    table
}

/// What columns are in: at top level, in lists that every row has, or deeper.
fn steps(input: &mut Input) -> Vec<Step> {
    let byte = input.byte();
    let mut steps = Vec::new();
    if byte & 1 == 1 {
        steps.push(Step::Every);
    }
    for at in 0..byte >> 1 & 3 {
        let inner = [
            Step::OptionalList,
            Step::Structure,
            Step::List,
            Step::Structure,
        ];
        steps.push(inner[usize::from(byte >> (3 + at) & 3)]);
    }
    steps
}

/// How many elements each of so many has in a layer, within what is left.
fn lengths(input: &mut Input, step: Step, of: usize, mut left: usize) -> Vec<Option<usize>> {
    let mut lengths = Vec::new();
    while lengths.len() < of {
        let missing = of - lengths.len();
        let (kind, run) = (input.byte(), run(input, missing));
        let (kind, number) = (kind % 8, usize::from(kind / 8));
        for at in 0..run {
            let length = match kind {
                0 | 1 => Some(number % 4),
                2 => Some(usize::from(input.byte() % 8)),
                3 => Some(if at == 0 { 2 * number } else { 0 }),
                4 => Some(at % (2 + number % 16)),
                5 => (at % (1 + number) == 0).then_some(2),
                6 => (number >> (at % 5) & 1 == 1).then_some(at % 3),
                _ => None,
            };
            let length = match step {
                Step::OptionalList => length,
                Step::Structure => length
                    .filter(|length| length % 2 == 1 && left > 0)
                    .map(|_| 1),
                Step::Every | Step::List => Some(length.unwrap_or(0)),
            };
            let length = length.map(|length| length.min(left));
            left -= length.unwrap_or(0);
            lengths.push(length);
        }
    }
    lengths
}

/// The length of a run: all that is left where the input has ended.
fn run(input: &mut Input, left: usize) -> usize {
    match input.is_empty() {
        true => left,
        false => input.size().clamp(1, left),
    }
}

fn column(input: &mut Input, table: &Table) -> Column {
    let ty = input.one(&TYPES);
    let flags = input.byte();
    let nullable = flags & 1 == 0;
    let asked = Asked::read(input);
    let mut text = TEXT;
    let mut values = Vec::new();
    let mut silent = Vec::new();
    for chunk in &table.chunks {
        let elements = table.elements(chunk).len();
        let quiet = (nullable || elements == 0) && input.byte() % 4 == 3;
        silent.push(quiet);
        match quiet {
            true => values.resize(values.len() + elements, None),
            false => fill(input, (ty, nullable), elements, &mut text, &mut values),
        }
    }
    let texts = values.iter().flatten().filter_map(Value::text_len);
    let bytes: usize = texts.map(|length| 4 + length).sum();
    Column {
        ty,
        nullable,
        properties: asked.properties(ty, table.rows(), bytes),
        form: Form {
            rows_told: flags & 2 != 0,
            decoys: flags & 4 != 0,
        },
        values,
        silent,
    }
}

/// What is asked of the encoding of a column.
struct Asked {
    codec: Compression,
    flags: u8,
    page_rows: usize,
    page_bytes: usize,
    dictionary_bytes: usize,
    filter_values: usize,
}

impl Asked {
    fn read(input: &mut Input) -> Self {
        let zstd = Compression::ZSTD(ZstdLevel::try_new(1).expect("there is a first level"));
        Asked {
            codec: input.one(&[Compression::UNCOMPRESSED, Compression::SNAPPY, zstd]),
            flags: input.byte(),
            page_rows: limit(input),
            page_bytes: limit(input),
            dictionary_bytes: limit(input),
            filter_values: input.size().clamp(1, 2000),
        }
    }

    /// For a column of so many rows, and bytes of plain texts.
    fn properties(&self, ty: Type, rows: usize, bytes: usize) -> WriterProperties {
        let encoding = match self.flags & 2 != 0 && ty.is_whole() {
            true => Encoding::DELTA_BINARY_PACKED,
            false => Encoding::PLAIN,
        };
        let mut builder = WriterProperties::builder()
            .set_compression(self.codec)
            .set_data_page_row_count_limit(self.page_rows.max(rows / PAGES))
            .set_data_page_size_limit(self.page_bytes.max(bytes / PAGES))
            .set_dictionary_page_size_limit(self.dictionary_bytes)
            .set_dictionary_enabled(self.flags & 1 == 0)
            .set_encoding(encoding);
        if self.flags & 4 != 0 {
            builder = builder
                .set_bloom_filter_enabled(true)
                .set_bloom_filter_max_ndv(self.filter_values as u64);
        }
        builder.build()
    }
}

/// What must not be exceeded; nothing comes near it if it is not told.
fn limit(input: &mut Input) -> usize {
    match input.size() {
        0 => 1 << 20,
        limit => limit,
    }
}

/// Which of the elements of a run have a value.
enum Presence {
    All,
    None,
    /// One of so many.
    OneOf(usize),
    /// As these bits say, over and over.
    Bits(u8),
}

/// Where the values of a run come from.
enum Source {
    Same(Value),
    /// Numbers that grow, or fall, by this.
    Steps(u64, u64),
    /// Numbers that look random: of so many different ones, which begin at the second and have the third between them.
    Drawn(u64, u64, u64),
    /// The ends of what types hold, from this one on.
    Edges(usize),
    /// The input, as it stands.
    Raw,
}

/// Appends values of so many elements, of which those of texts take no more than what is left of `text`.
fn fill(
    input: &mut Input,
    (ty, nullable): (Type, bool),
    elements: usize,
    text: &mut usize,
    values: &mut Vec<Option<Value>>,
) {
    let end = values.len() + elements;
    let mut state = 0x9e37_79b9_7f4a_7c15;
    while values.len() < end {
        let kind = input.byte();
        let run = run(input, end - values.len());
        let presence = if nullable {
            presence(input, kind)
        } else {
            Presence::All
        };
        let mut source = source(input, ty, kind);
        for at in 0..run {
            let there = match presence {
                Presence::All => true,
                Presence::None => false,
                Presence::OneOf(every) => at % every == 0,
                Presence::Bits(bits) => bits >> (at % 8) & 1 == 1,
            };
            values.push(there.then(|| {
                let value = source.next(input, ty, &mut state);
                let bytes = value.text_len().unwrap_or(0);
                match bytes <= *text {
                    true => *text -= bytes,
                    false => return ty.value(at as u64 % 3),
                }
                value
            }));
        }
    }
}

fn presence(input: &mut Input, kind: u8) -> Presence {
    match kind % 8 {
        0..=3 => Presence::All,
        4 => Presence::None,
        5 => Presence::OneOf(1 + usize::from(input.byte())),
        _ => Presence::Bits(input.byte()),
    }
}

fn source(input: &mut Input, ty: Type, kind: u8) -> Source {
    match kind / 8 % 8 {
        0 => Source::Same(ty.value(input.short().into())),
        1 => Source::Same(ty.value(input.number())),
        2 => Source::Steps(input.short().into(), input.byte() as i8 as u64),
        3 => Source::Steps(input.number(), input.number() >> (input.byte() % 64)),
        4 => Source::Drawn(
            1 + u64::from(input.byte()),
            input.short().into(),
            input.short().into(),
        ),
        5 => Source::Drawn(1 + u64::from(input.short()), 0, input.number()),
        6 => Source::Edges(input.byte().into()),
        _ => Source::Raw,
    }
}

impl Source {
    fn next(&mut self, input: &mut Input, ty: Type, state: &mut u64) -> Value {
        match self {
            Source::Same(value) => value.clone(),
            Source::Steps(next, step) => {
                let value = ty.value(*next);
                *next = next.wrapping_add(*step);
                value
            }
            Source::Drawn(different, first, between) => {
                *state ^= *state << 13;
                *state ^= *state >> 7;
                *state ^= *state << 17;
                let number = (*state % *different).wrapping_mul(*between);
                ty.value(number.wrapping_add(*first))
            }
            Source::Edges(at) => {
                *at += 1;
                ty.value(EDGES[*at % EDGES.len()])
            }
            Source::Raw => {
                let length = input.byte();
                ty.raw(input.bytes(usize::from(length % 96)))
            }
        }
    }
}
