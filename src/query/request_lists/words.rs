//! Words as numbers that hold for a whole query.
//!
//! Each batch of a file has a dictionary of its own. Lists of words reach over many batches, so their words get numbers
//! here that stay; a dictionary that was seen last is not looked up again.

use arrow::array::{ArrayRef, AsArray, DictionaryArray, StringArray};
use arrow::datatypes::Int32Type;
use datafusion::error::{DataFusionError, Result};
use std::collections::HashMap;
use std::sync::Arc;

/// The words of one column so far.
#[derive(Default)]
pub(super) struct Words {
    numbers: HashMap<Arc<str>, i32>,
    texts: Vec<Arc<str>>,
    bytes: usize,
    /// The dictionary of the last batch, and the numbers of its words.
    last: Option<(ArrayRef, Vec<i32>)>,
    /// The words as an array, made anew when there are more.
    array: Option<Arc<StringArray>>,
}

impl Words {
    /// The number of the word in each row; any number where it is null.
    ///
    /// # Errors
    /// [`DataFusionError::ResourcesExhausted`] beyond two billion words.
    pub(super) fn numbers(&mut self, column: &DictionaryArray<Int32Type>) -> Result<Vec<i32>> {
        let known = matches!(&self.last, Some((values, _)) if Arc::ptr_eq(values, column.values()));
        if !known {
            let values = column.values().as_string::<i32>();
            let numbers = values.iter().map(|word| self.number(word.unwrap_or("")));
            let numbers = numbers.collect::<Result<Vec<i32>>>()?;
            self.last = Some((Arc::clone(column.values()), numbers));
        }
        let numbers = self.last.as_ref().map_or(&[][..], |(_, numbers)| numbers);
        let of_key = |key: &i32| numbers.get(*key as usize).copied().unwrap_or(0);
        Ok(column.keys().values().iter().map(of_key).collect())
    }

    fn number(&mut self, word: &str) -> Result<i32> {
        if let Some(number) = self.numbers.get(word) {
            return Ok(*number);
        }
        let number = i32::try_from(self.texts.len());
        let number = number.map_err(|_| {
            DataFusionError::ResourcesExhausted("a column has too many different words".to_owned())
        })?;
        let text: Arc<str> = word.into();
        self.bytes += text.len();
        self.texts.push(Arc::clone(&text));
        self.numbers.insert(text, number);
        self.array = None;
        Ok(number)
    }

    /// All words so far, by their numbers.
    pub(super) fn array(&mut self) -> ArrayRef {
        let texts = &self.texts;
        let made = || Arc::new(StringArray::from_iter_values(texts.iter()));
        Arc::clone(self.array.get_or_insert_with(made)) as ArrayRef
    }

    /// About how many bytes they take.
    pub(super) fn size(&self) -> usize {
        2 * self.bytes + 64 * self.texts.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_numbers_over_dictionaries() {
        let mut words = Words::default();
        let first: DictionaryArray<Int32Type> = vec!["read", "close", "read"].into_iter().collect();
        let second: DictionaryArray<Int32Type> = vec![Some("close"), None, Some("accept4")]
            .into_iter()
            .collect();
        assert_eq!(words.numbers(&first).unwrap(), [0, 1, 0]);
        assert_eq!(words.numbers(&first.slice(1, 2)).unwrap(), [1, 0]);
        let again = words.numbers(&second).unwrap();
        assert_eq!((again[0], again[2]), (1, 2));
        let array = words.array();
        assert_eq!(array.as_string::<i32>().value(2), "accept4");
        assert_eq!(array.len(), 3);
    }
}
