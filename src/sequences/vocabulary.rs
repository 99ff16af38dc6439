//! The vocabulary: which words have codes, and the file that says so.

use super::codes::{FIRST, UNKNOWN};
use super::counted::Counts;
use super::decoded::{AllWords, Codes};
use super::words::Words;
use crate::columns::parquet::batches::BatchWriter;
use crate::columns::parquet::properties::properties;
use crate::dataset::codec::Codec;
use crate::error::{Error, Result};
use arrow::array::{ArrayRef, Int32Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Its file.
pub(super) const FILE: &str = "vocabulary.parquet";

/// Words with their codes.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Vocabulary<'a> {
    /// Kind, code, word, times; in this order.
    rows: Vec<(&'static str, i32, &'a str, u64)>,
}

/// The words that were counted, most frequent first, and their codes by number; of paths at most so many.
pub(super) fn made<'a>(
    words: &'a AllWords,
    counts: &Counts,
    path_words: usize,
) -> (Vocabulary<'a>, Codes) {
    let mut rows = Vec::new();
    let mut of = |kind, words: &'a Words, counts: &[u64], most| {
        let (ranked, codes) = ranked(words.texts(), counts, most);
        let coded = (FIRST..).zip(ranked);
        rows.extend(coded.map(|(code, (word, times))| (kind, code, word, times)));
        codes
    };
    let codes = Codes {
        call: of("call", &words.call, &counts.call, usize::MAX),
        flags: of("flags", &words.flags, &counts.flags, usize::MAX),
        path: of("path", &words.path, &counts.path, path_words),
        process: of("process", &words.process, &counts.process, usize::MAX),
    };
    (Vocabulary { rows }, codes)
}

/// The words that occur, most frequent first and then by their letters, with their counts, and the codes of all by number.
fn ranked<'a>(
    texts: &'a [Box<str>],
    counts: &[u64],
    most: usize,
) -> (Vec<(&'a str, u64)>, Vec<i32>) {
    let count = |number: &usize| counts.get(*number).copied().unwrap_or_default();
    let mut order: Vec<usize> = (0..texts.len())
        .filter(|number| count(number) > 0)
        .collect();
    order.sort_unstable_by_key(|number| (Reverse(count(number)), &texts[*number]));
    order.truncate(most);
    let mut codes = vec![UNKNOWN; texts.len()];
    for (code, number) in (FIRST..).zip(&order) {
        codes[*number] = code;
    }
    let words = order.iter().map(|number| (&*texts[*number], count(number)));
    (words.collect(), codes)
}

impl Vocabulary<'_> {
    /// How many words of each kind there are; of those of arguments, where they are asked for.
    pub(super) fn sizes(&self, arguments: bool) -> BTreeMap<String, u64> {
        let kinds = ["call", "process", "flags", "path"];
        let kinds = &kinds[..if arguments { 4 } else { 2 }];
        let size = |kind: &&str| self.rows.iter().filter(|row| row.0 == *kind).count() as u64;
        kinds
            .iter()
            .map(|kind| ((*kind).to_owned(), size(kind)))
            .collect()
    }

    /// Writes it to the file `path`, durably.
    ///
    /// # Errors
    /// [`Error::Io`] and [`Error::Columns`].
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        let field = |name: &str, data_type, says: &str| {
            let says = [("description".to_owned(), says.to_owned())];
            Field::new(name, data_type, false).with_metadata(says.into())
        };
        let schema = Arc::new(Schema::new(vec![
            field(
                "kind",
                DataType::Utf8,
                "call, flags, path (a component of one) or process (the name of a thread).",
            ),
            field(
                "code",
                DataType::Int32,
                "The word's code, from 6 on in each kind.",
            ),
            field("word", DataType::Utf8, "The word; of flags the number."),
            field(
                "times",
                DataType::Int64,
                "How often the sequences of train show it.",
            ),
        ]));
        let rows = self.rows.iter();
        let kinds = StringArray::from_iter_values(rows.clone().map(|row| row.0));
        let codes = Int32Array::from_iter_values(rows.clone().map(|row| row.1));
        let words = StringArray::from_iter_values(rows.clone().map(|row| row.2));
        let times = Int64Array::from_iter_values(rows.map(|row| row.3 as i64));
        let columns: Vec<ArrayRef> = vec![
            Arc::new(kinds),
            Arc::new(codes),
            Arc::new(words),
            Arc::new(times),
        ];
        let wrong = |e: parquet::errors::ParquetError| Error::columns(path)(e);
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns);
        let batch = batch.map_err(Error::columns(path))?;
        let file = File::create_new(path).map_err(Error::io("create", path))?;
        let codec = properties(Codec::default().compression());
        let mut writer = BatchWriter::new(file, schema, codec).map_err(wrong)?;
        writer.write(&batch, None).map_err(wrong)?;
        let file = writer.finish().map_err(wrong)?;
        file.sync_all().map_err(Error::io("write", path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequent_words_come_first_and_what_training_lacks_is_unknown() {
        let mut words = AllWords::default();
        for word in ["read", "write", "never", "accept", "close"] {
            words.call.number(word);
        }
        for word in ["a", "b", "c"] {
            words.path.number(word);
        }
        let counts = Counts {
            call: vec![3, 5, 0, 3],
            path: vec![1, 2, 3],
            ..Counts::default()
        };
        let (vocabulary, codes) = made(&words, &counts, 2);
        let calls = [
            ("call", 6, "write", 5),
            ("call", 7, "accept", 3),
            ("call", 8, "read", 3),
        ];
        assert_eq!(vocabulary.rows[..3], calls);
        assert_eq!(
            vocabulary.rows[3..],
            [("path", 6, "c", 3), ("path", 7, "b", 2)]
        );
        assert_eq!(codes.call, [8, 6, UNKNOWN, 7, UNKNOWN]);
        assert_eq!(codes.path, [UNKNOWN, 7, 6]);
        assert_eq!(vocabulary.sizes(true)["call"], 3);
    }
}
