//! SQL functions of ours on lists, as `request_lists` has them.
//!
//! DataFusion has no function that goes over a list and gives a list but for sorting and cutting it, without taking it
//! apart into rows and putting it together again. These do what sequences need, on the elements of all rows at once:
//!
//! | function | what it gives |
//! |---|---|
//! | `positions(list, words, otherwise)` | of each element, its position among `words` (from 1), or `otherwise` where it is none of them |
//! | `deltas(list)` | the differences between neighbours; the first element as it is |
//! | `fill_null(list, value)` | the list with `value` for each element that is null |
//! | `outcomes(list)` | of each return value: 0 where there is none, 1 where the call succeeded, 2 where it failed (-4095 to -1) |
//! | `elements_where(list, other, value)` | the elements at whose places the list `other` has `value` |
//! | `ngrams(list, keys, n)` | each `n` elements that follow one another among those with the same key, as one text |
//! | `element_counts(list)` | the different elements, in the order in which they first occur, as `element` and `times` |
//!
//! A list that is null gives null. Lists that stand side by side must be of equal length.

mod counts;
mod function;
mod ngrams;
mod numbers;
mod positions;
mod select;
#[cfg(test)]
mod tests;

use datafusion::logical_expr::ScalarUDF;

/// All of them.
pub(super) fn functions() -> Vec<ScalarUDF> {
    let all = [
        positions::positions(),
        numbers::deltas(),
        numbers::fill_null(),
        numbers::outcomes(),
        select::elements_where(),
        ngrams::ngrams(),
        counts::element_counts(),
    ];
    all.into_iter().map(ScalarUDF::new_from_impl).collect()
}
