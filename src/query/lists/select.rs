//! Some of the elements of a list, chosen by a list that stands beside it.

use super::function::{
    ListFunction, as_words, elements, offsets, side_by_side, texts, word_numbers, wrong_number,
};
use arrow::array::{Array, AsArray, ListArray, UInt32Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::{cast, take};
use arrow::datatypes::{DataType, Field};
use std::sync::Arc;

/// The function `elements_where`.
pub(super) fn elements_where() -> ListFunction {
    ListFunction::new("elements_where", &[true, true, false], same, |args| {
        let [list, other, value] = args else {
            return wrong_number("elements_where");
        };
        let (lists, other) = (list.lists(), other.expanded(list.lists().len())?);
        let other = other.as_list::<i32>();
        side_by_side("elements_where", lists, other)?;
        let marks = as_words(&elements(other))?;
        let numbers: Vec<Option<usize>> = word_numbers(&marks).collect();
        let texts = texts(&marks);
        let (of_lists, of_marks) = (offsets(lists), offsets(other));
        let wanted = cast(&value.array, &DataType::Utf8)?;
        let wanted = wanted.as_string::<i32>();
        let (mut chosen, mut lengths): (Vec<u32>, Vec<usize>) = (Vec::new(), Vec::new());
        let mut is_wanted: Vec<bool> = Vec::new();
        for row in 0..lists.len() {
            if row == 0 || !value.is_one {
                let at = value.row(row);
                let wanted = wanted.is_valid(at).then(|| wanted.value(at));
                let equal = |text: &Option<&str>| text.is_some() && *text == wanted;
                is_wanted = texts.iter().map(equal).collect();
            }
            let before = chosen.len();
            if lists.is_valid(row) && other.is_valid(row) {
                let beside = (of_lists[row] as u32..).zip(of_marks[row]..of_marks[row + 1]);
                let is_chosen = |mark: i32| numbers[mark as usize].is_some_and(|n| is_wanted[n]);
                chosen.extend(
                    beside
                        .filter(|(_, mark)| is_chosen(*mark))
                        .map(|(at, _)| at),
                );
            }
            lengths.push(chosen.len() - before);
        }
        let taken = take(&elements(lists), &UInt32Array::from(chosen), None)?;
        let field = Arc::new(Field::new_list_field(taken.data_type().clone(), true));
        let offsets = OffsetBuffer::from_lengths(lengths);
        Ok(ListArray::try_new(
            field,
            offsets,
            taken,
            lists.nulls().cloned(),
        )?)
    })
}

/// The type of the elements of the first argument.
fn same(types: &[DataType]) -> DataType {
    match types.first() {
        Some(
            DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _),
        ) => field.data_type().clone(),
        _ => DataType::Null,
    }
}
