//! Texts of which few are different, by their numbers.

use crate::columns::parquet::content::{Content, Words};
use crate::columns::parquet::sparse::Sparse;
use arrow::array::StringArray;
use std::collections::HashMap;
use std::sync::Arc;

/// A column of words, by the numbers that rows have.
pub(super) fn coded(keys: Sparse<i32>, words: &Arc<StringArray>) -> Content {
    let words = Arc::clone(words);
    Content::Words(Words { keys, words })
}

/// A column of `rows` equal texts, or of nulls.
pub(super) fn constant(text: Option<&str>, rows: usize) -> Content {
    let keys = std::iter::repeat_n(text.map(|_| 0), rows);
    let words = StringArray::from_iter_values(text);
    coded(keys.collect(), &Arc::new(words))
}

/// A column of the texts that rows have, in the order in which they first come.
pub(super) fn interned<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> Content {
    let (mut words, mut numbers) = (Vec::new(), HashMap::new());
    let mut number = |text: &'a str| {
        *numbers.entry(text).or_insert_with(|| {
            words.push(text);
            words.len() as i32 - 1
        })
    };
    let keys: Sparse<i32> = texts.map(|text| text.map(&mut number)).collect();
    coded(keys, &Arc::new(StringArray::from(words)))
}
