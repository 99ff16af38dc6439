//! Texts of which few are different: keys into a dictionary.

use arrow::array::{ArrayRef, DictionaryArray, Int32Array, StringArray};
use arrow::datatypes::Int32Type;
use std::sync::Arc;

/// A dictionary array.
pub(super) fn coded(keys: Int32Array, words: &Arc<StringArray>) -> ArrayRef {
    let words: ArrayRef = Arc::clone(words) as ArrayRef;
    Arc::new(DictionaryArray::<Int32Type>::new(keys, words))
}

/// A column of `rows` equal texts, or of nulls.
pub(super) fn constant(text: Option<&str>, rows: usize) -> ArrayRef {
    let keys = match text {
        Some(_) => vec![0; rows].into(),
        None => Int32Array::new_null(rows),
    };
    let words = StringArray::from(vec![text.unwrap_or_default()]);
    coded(keys, &Arc::new(words))
}

/// A dictionary array of the texts that rows have, in the order in which they first come.
pub(super) fn interned<'a>(texts: impl Iterator<Item = Option<&'a str>>) -> ArrayRef {
    let mut words: Vec<&str> = Vec::new();
    let mut key = |text: &'a str| {
        let known = words.iter().position(|word| *word == text);
        known.unwrap_or_else(|| {
            words.push(text);
            words.len() - 1
        }) as i32
    };
    let keys: Int32Array = texts.map(|text| text.map(&mut key)).collect();
    coded(keys, &Arc::new(StringArray::from(words)))
}
