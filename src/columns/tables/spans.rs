//! What the spans of a recording say of its requests: the columns `span_label` and `straddles`.

use super::columns::NamedColumn;
use super::rows::Rows;
use crate::label_spans::{LabelSpan, place};
use crate::requests::Request;
use arrow::array::StringArray;
use std::collections::HashMap;
use std::sync::Arc;

/// The columns, for a recording with these spans.
pub(super) fn columns(spans: &Arc<[LabelSpan]>) -> [NamedColumn<[Request]>; 2] {
    let requests = Rows::<Request>::all();
    let (words, numbers) = words(spans);
    let placed = |request: &Request, spans: &[LabelSpan]| place(spans, request.start, request.end);
    let (of_label, of_borders) = (Arc::clone(spans), Arc::clone(spans));
    [
        requests.words("span_label", &words, move |r| {
            placed(r, &of_label).within.map(|span| numbers[span])
        }),
        requests.column("straddles", move |r| {
            (!of_borders.is_empty()).then(|| placed(r, &of_borders).straddles)
        }),
    ]
}

/// The different labels, and which of them each span has.
fn words(spans: &[LabelSpan]) -> (Arc<StringArray>, Vec<i32>) {
    let (mut words, mut known) = (Vec::new(), HashMap::new());
    let numbers = spans.iter().map(|span| {
        *known.entry(span.label.as_str()).or_insert_with(|| {
            words.push(span.label.as_str());
            words.len() as i32 - 1
        })
    });
    let numbers = numbers.collect();
    (Arc::new(StringArray::from(words)), numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_one_word_however_many_spans_have_it() {
        let span = |label: &str| LabelSpan {
            begin_ns: 0,
            end_ns: 1,
            label: label.to_owned(),
        };
        let (words, numbers) = words(&["scan", "attack", "scan"].map(span));
        assert_eq!(*words, StringArray::from(vec!["scan", "attack"]));
        assert_eq!(numbers, [0, 1, 0]);
    }
}
