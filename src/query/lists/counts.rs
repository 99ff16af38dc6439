//! How often each element is in a list.

use super::function::{
    ListFunction, as_words, elements, offsets, word_numbers, words_type, wrong_number,
};
use arrow::array::{
    Array, ArrayRef, DictionaryArray, Int32Array, Int64Array, ListArray, StructArray,
};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use std::sync::Arc;

/// The function `element_counts`.
pub(super) fn element_counts() -> ListFunction {
    ListFunction::new("element_counts", &[true], counted, |args| {
        let [list] = args else {
            return wrong_number("element_counts");
        };
        let lists = list.lists();
        let words = as_words(&elements(lists))?;
        // The last place counts what is null.
        let nothing = words.values().len();
        let places: Vec<usize> = word_numbers(&words).map(|n| n.unwrap_or(nothing)).collect();
        let offsets = offsets(lists);
        let mut times: Vec<i64> = vec![0; nothing + 1];
        let (mut found, mut counts, mut lengths) =
            (Vec::<Option<i32>>::new(), Vec::new(), Vec::new());
        for ends in offsets.windows(2) {
            let mut seen = Vec::new();
            for place in &places[ends[0] as usize..ends[1] as usize] {
                if times[*place] == 0 {
                    seen.push(*place);
                }
                times[*place] += 1;
            }
            lengths.push(seen.len());
            for place in seen {
                found.push((place < nothing).then_some(place as i32));
                counts.push(std::mem::take(&mut times[place]));
            }
        }
        let found = DictionaryArray::try_new(Int32Array::from(found), Arc::clone(words.values()))?;
        let columns: Vec<ArrayRef> = vec![Arc::new(found), Arc::new(Int64Array::from(counts))];
        let elements = StructArray::new(members(), columns, None);
        let field = Arc::new(Field::new_list_field(elements.data_type().clone(), true));
        let offsets = OffsetBuffer::from_lengths(lengths);
        let nulls = lists.nulls().cloned();
        Ok(ListArray::try_new(
            field,
            offsets,
            Arc::new(elements),
            nulls,
        )?)
    })
}

fn members() -> Fields {
    Fields::from(vec![
        Field::new("element", words_type(), true),
        Field::new("times", DataType::Int64, false),
    ])
}

fn counted(_: &[DataType]) -> DataType {
    DataType::Struct(members())
}
