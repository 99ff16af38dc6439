//! What follows one another in lists: n-grams.

use super::function::{
    ListFunction, as_words, elements, offsets, side_by_side, texts, word_numbers, words_type,
    wrong_number,
};
use arrow::array::{
    Array, ArrayRef, AsArray, DictionaryArray, Int32Array, Int64Array, ListArray, StringArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type};
use datafusion::common::{Result, exec_err};
use std::collections::HashMap;
use std::sync::Arc;

/// The function `ngrams`.
pub(super) fn ngrams() -> ListFunction {
    ListFunction::new("ngrams", &[true, true, false], words, |args| {
        let [list, keys, n] = args else {
            return wrong_number("ngrams");
        };
        let (lists, keys) = (list.lists(), keys.expanded(list.lists().len())?);
        let keys = keys.as_list::<i32>();
        side_by_side("ngrams", lists, keys)?;
        let given = as_words(&elements(lists))?;
        let mut grams = Grams::new(texts(&given));
        let numbers: Vec<Option<usize>> = word_numbers(&given).collect();
        let threads = threads(&elements(keys))?;
        let (of_lists, of_keys) = (offsets(lists), offsets(keys));
        let mut lengths = Vec::with_capacity(lists.len());
        for row in 0..lists.len() {
            let n = match n.number(row)? {
                Some(n) if (1..=LONGEST).contains(&n) => n as usize,
                _ => return exec_err!("ngrams: n is a number from 1 to {LONGEST}"),
            };
            let before = grams.codes.len();
            if lists.is_valid(row) && keys.is_valid(row) {
                let words = of_lists[row] as usize..of_lists[row + 1] as usize;
                let keys = of_keys[row] as usize..of_keys[row + 1] as usize;
                grams.add(&numbers[words], &threads[keys], n);
            }
            lengths.push(grams.codes.len() - before);
        }
        let elements: ArrayRef = Arc::new(grams.finish()?);
        let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(ListArray::try_new(
            field,
            offsets,
            elements,
            lists.nulls().cloned(),
        )?)
    })
}

/// Elements of an n-gram, at most.
const LONGEST: i64 = 100;

fn words(_: &[DataType]) -> DataType {
    words_type()
}

/// The keys; equal ones, and those that are null, are of one sequence.
fn threads(keys: &ArrayRef) -> Result<Vec<Option<i64>>> {
    if keys.data_type().is_integer() || *keys.data_type() == DataType::Null {
        let keys: Int64Array = cast(keys, &DataType::Int64)?
            .as_primitive::<Int64Type>()
            .clone();
        return Ok(keys.iter().collect());
    }
    let words = as_words(keys)?;
    let numbers = word_numbers(&words).map(|n| n.map(|n| n as i64));
    Ok(numbers.collect())
}

/// N-grams by numbers that are made of those of their words, so that each text is made once.
struct Grams<'a> {
    texts: Vec<Option<&'a str>>,
    known: HashMap<Vec<u32>, i32>,
    names: Vec<String>,
    codes: Vec<i32>,
}

impl<'a> Grams<'a> {
    fn new(texts: Vec<Option<&'a str>>) -> Self {
        Grams {
            texts,
            known: HashMap::new(),
            names: Vec::new(),
            codes: Vec::new(),
        }
    }

    /// Adds the n-grams of a list, in the order of their first elements. One in which an element is null is none.
    fn add(&mut self, words: &[Option<usize>], keys: &[Option<i64>], n: usize) {
        let next = followers(keys);
        let mut gram = Vec::with_capacity(n);
        for first in 0..words.len() {
            gram.clear();
            let mut at = Some(first);
            while gram.len() < n
                && let Some(place) = at
                && let Some(word) = words[place]
            {
                gram.push(word as u32);
                at = next[place];
            }
            if gram.len() == n {
                let code = self.code(&gram);
                self.codes.push(code);
            }
        }
    }

    fn code(&mut self, gram: &[u32]) -> i32 {
        if let Some(code) = self.known.get(gram) {
            return *code;
        }
        let words = gram
            .iter()
            .map(|word| self.texts[*word as usize].unwrap_or(""));
        let code = self.names.len() as i32;
        self.names.push(words.collect::<Vec<_>>().join(" "));
        self.known.insert(gram.to_vec(), code);
        code
    }

    fn finish(self) -> Result<DictionaryArray<arrow::datatypes::Int32Type>> {
        let names = StringArray::from(self.names);
        Ok(DictionaryArray::try_new(
            Int32Array::from(self.codes),
            Arc::new(names),
        )?)
    }
}

/// For each element the place of the next with the same key.
fn followers(keys: &[Option<i64>]) -> Vec<Option<usize>> {
    let mut next = vec![None; keys.len()];
    // Most elements are followed by one with the same key.
    let mut last: HashMap<Option<i64>, usize> = HashMap::new();
    for place in (0..keys.len()).rev() {
        next[place] = match keys.get(place + 1) {
            Some(key) if *key == keys[place] => Some(place + 1),
            _ => last.get(&keys[place]).copied(),
        };
        if place == 0 || keys[place - 1] != keys[place] {
            last.insert(keys[place], place);
        }
    }
    next
}
