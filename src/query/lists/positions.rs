//! Words of a list as numbers: their positions in a vocabulary.

use super::function::{
    ListFunction, as_words, elements, longs, offsets, texts, with_elements, word_numbers,
    wrong_number,
};
use arrow::array::{Array, Int64Array, ListArray};
use datafusion::common::Result;
use std::collections::HashMap;
use std::sync::Arc;

/// The function `positions`.
pub(super) fn positions() -> ListFunction {
    ListFunction::new("positions", &[true, true, false], longs, |args| {
        let [given, words, otherwise] = args else {
            return wrong_number("positions");
        };
        let lists = given.lists();
        let given = as_words(&elements(lists))?;
        let numbers: Vec<Option<usize>> = word_numbers(&given).collect();
        let texts = texts(&given);
        let offsets = offsets(lists);
        let mut found: Vec<Option<i64>> = Vec::with_capacity(given.len());
        let (mut of_text, mut instead) = (Vec::new(), None);
        for row in 0..lists.len() {
            if row == 0 || !words.is_one {
                of_text = vocabulary(words.lists(), words.row(row), &texts)?;
            }
            if row == 0 || !otherwise.is_one {
                instead = otherwise.number(row)?;
            }
            let range = offsets[row] as usize..offsets[row + 1] as usize;
            let numbers = numbers[range].iter();
            found.extend(numbers.map(|n| n.and_then(|n| of_text[n]).or(instead)));
        }
        with_elements(lists, Arc::new(Int64Array::from(found)))
    })
}

/// The position of each text among the words in a row, from 1, where it is one of them. A word that is there twice has the
/// first.
fn vocabulary(words: &ListArray, row: usize, texts: &[Option<&str>]) -> Result<Vec<Option<i64>>> {
    if words.is_null(row) {
        return Ok(vec![None; texts.len()]);
    }
    let words = as_words(&words.value(row))?;
    let names = super::function::texts(&words);
    let mut known: HashMap<&str, i64> = HashMap::new();
    for (number, position) in word_numbers(&words).zip(1..) {
        if let Some(name) = number.and_then(|number| names[number]) {
            known.entry(name).or_insert(position);
        }
    }
    let position = |text: &Option<&str>| known.get((*text)?).copied();
    Ok(texts.iter().map(position).collect())
}
