//! Texts by numbers, in the order in which they are first seen.

use crate::columns::schema::contract;
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int32Type};
use arrow::error::ArrowError;
use std::collections::HashMap;

/// The number of a text that is not there.
pub(super) const NONE: i32 = -1;

/// The words of one kind.
#[derive(Debug, Default)]
pub(super) struct Words {
    numbers: HashMap<Box<str>, i32>,
    texts: Vec<Box<str>>,
}

impl Words {
    /// The number of a word, which it has from now on.
    pub(super) fn number(&mut self, text: &str) -> i32 {
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let number = i32::try_from(self.texts.len()).expect("far fewer fit into memory");
        self.texts.push(text.into());
        self.numbers.insert(text.into(), number);
        number
    }

    /// All of them, in the order of their numbers.
    pub(super) fn texts(&self) -> &[Box<str>] {
        &self.texts
    }

    /// The numbers of a column of texts, [`NONE`] for nulls.
    ///
    /// # Errors
    /// [`ArrowError`] where it is none.
    pub(super) fn of_column(&mut self, column: &ArrayRef) -> Result<Vec<i32>, ArrowError> {
        let (keys, values) = dictionary(column)?;
        let values = values.as_string::<i32>();
        let numbers = (0..values.len()).map(|at| match values.is_valid(at) {
            true => self.number(values.value(at)),
            false => NONE,
        });
        let numbers: Vec<i32> = numbers.collect();
        Ok(keys
            .iter()
            .map(|key| key.map_or(NONE, |key| numbers[key]))
            .collect())
    }
}

/// A column of texts as places in an array of texts.
///
/// # Errors
/// [`ArrowError`] where it is none.
pub(super) fn dictionary(column: &ArrayRef) -> Result<(Vec<Option<usize>>, ArrayRef), ArrowError> {
    let column = match column.data_type() {
        DataType::Dictionary(_, _) | DataType::Utf8 => cast(column, &contract::dictionary())?,
        other => {
            let what = format!("texts are of type {other}");
            return Err(ArrowError::SchemaError(what));
        }
    };
    let texts = column.as_dictionary::<Int32Type>();
    let keys = texts.keys().iter();
    let keys = keys.map(|key| key.and_then(|key| usize::try_from(key).ok()));
    Ok((keys.collect(), cast(texts.values(), &DataType::Utf8)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow::array::{DictionaryArray, StringArray};
    use std::sync::Arc;

    #[test]
    fn words_keep_their_numbers_from_column_to_column() {
        let mut words = Words::default();
        let first: ArrayRef = Arc::new(StringArray::from(vec![
            Some("b"),
            None,
            Some("a"),
            Some("b"),
        ]));
        assert_eq!(words.of_column(&first).unwrap(), [0, NONE, 1, 0]);
        let next: DictionaryArray<Int32Type> = [Some("c"), Some("a"), None].into_iter().collect();
        let next: ArrayRef = Arc::new(next);
        assert_eq!(words.of_column(&next).unwrap(), [2, 1, NONE]);
        assert_eq!(words.texts(), ["b".into(), "a".into(), "c".into()]);
    }
}
