//! Labels of parts of a recording: what a span is, and in which span a request lies.
//!
//! An attack, a fault or a noisy neighbour begins and ends while a recording goes on, so that one label for all of it is
//! none. A span says when its label held. It is half-open: what happens at its begin is in it, what happens at its end is
//! not, so that one span can begin where another ends. A request takes all the time from its first event to its last, both
//! of which are its own. It has a span's label only if all of it lies in the span; where a border lies inside of it, nobody
//! can say which label it has, and it is marked.
//!
//! The manifest has the spans, the table `requests` what follows from them. Whoever writes one or checks the other goes by
//! [`place`].

use serde::{Deserialize, Serialize};

/// A part of a recording that has a label of its own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LabelSpan {
    /// When it begins, nanoseconds since the Unix epoch.
    pub begin_ns: i64,
    /// When it ends: the first nanosecond that is not in it any more.
    pub end_ns: i64,
    /// Its label.
    pub label: String,
}

/// Where a request lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placed {
    /// The number of the span in which all of it lies.
    pub within: Option<usize>,
    /// Whether a border lies inside of it, so that only a part of it is in some span.
    pub straddles: bool,
}

/// Where a request lies that goes from `start` to `end`, both included, among `spans`, which are in order and don't overlap.
pub fn place(spans: &[LabelSpan], start: i64, end: i64) -> Placed {
    let first = spans.partition_point(|span| span.end_ns <= start);
    match spans.get(first).filter(|span| span.begin_ns <= end) {
        None => Placed {
            within: None,
            straddles: false,
        },
        Some(span) => {
            let within = span.begin_ns <= start && end < span.end_ns;
            Placed {
                within: within.then_some(first),
                straddles: !within,
            }
        }
    }
}

/// The last nanosecond at which a span of a recording may end, whose last event is at `last_ns`: the one behind it, so that
/// the event can be in the span.
pub fn latest_end(last_ns: i64) -> i64 {
    last_ns.saturating_add(1)
}

/// What is wrong with the spans of a recording that goes from its first event to its last one (`time`), each in words.
pub fn faults(spans: &[LabelSpan], time: Option<(i64, i64)>) -> Vec<String> {
    let mut faults = Vec::new();
    let mut before: Option<&LabelSpan> = None;
    for span in spans {
        let LabelSpan {
            begin_ns: begin,
            end_ns: end,
            label,
        } = span;
        let named = format!("the span {label:?} from {begin} to {end}");
        if label.is_empty() {
            faults.push(format!("{named} has an empty label"));
        }
        if end <= begin {
            faults.push(format!("{named} does not end behind its begin"));
        }
        if let Some(before) = before.filter(|before| before.end_ns > *begin) {
            let before = &before.label;
            faults.push(format!(
                "{named} begins before the span {before:?} has ended that stands before it"
            ));
        }
        match time {
            None => faults.push(format!("{named} is of a recording without events")),
            Some((first, last)) if *begin < first || *end > latest_end(last) => {
                faults.push(format!(
                    "{named} does not lie in its recording, whose events go from {first} to {last}"
                ));
            }
            Some(_) => {}
        }
        before = Some(span);
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spans(all: &[(i64, i64)]) -> Vec<LabelSpan> {
        let span = |(begin_ns, end_ns): &(i64, i64)| LabelSpan {
            begin_ns: *begin_ns,
            end_ns: *end_ns,
            label: "attack".to_owned(),
        };
        all.iter().map(span).collect()
    }

    /// By looking at each nanosecond of the request.
    fn naive(spans: &[LabelSpan], start: i64, end: i64) -> Placed {
        let of = |at: i64| spans.iter().position(|s| s.begin_ns <= at && at < s.end_ns);
        let all: Vec<Option<usize>> = (start..=end).map(of).collect();
        let same = all.iter().all(|span| *span == all[0]);
        Placed {
            within: all[0].filter(|_| same),
            straddles: !same,
        }
    }

    #[test]
    fn a_request_is_in_a_span_marked_or_in_none_as_each_of_its_nanoseconds_says() {
        for all in [
            &[][..],
            &[(10, 20)],
            &[(5, 10), (10, 12), (20, 21)],
            &[(8, 30)],
        ] {
            let spans = spans(all);
            for start in 0..35 {
                for end in start..35 {
                    let (found, wanted) = (place(&spans, start, end), naive(&spans, start, end));
                    assert_eq!(found, wanted, "{start} to {end} in {all:?}");
                }
            }
        }
    }

    #[test]
    fn borders_belong_to_what_begins_there() {
        let spans = spans(&[(10, 20), (20, 30)]);
        let told = |start, end| {
            let placed = place(&spans, start, end);
            (placed.within, placed.straddles)
        };
        // From the begin on, up to the last nanosecond before the end.
        assert_eq!(told(10, 19), (Some(0), false));
        // What ends where a span begins is partly in it; what begins where one ends is in the next.
        assert_eq!(told(3, 10), (None, true));
        assert_eq!(told(20, 29), (Some(1), false));
        assert_eq!(told(30, 40), (None, false));
        assert_eq!(told(3, 9), (None, false));
        // Over the whole of a span, and over what lies between two.
        assert_eq!(told(0, 50), (None, true));
        assert_eq!(told(15, 25), (None, true));
    }

    #[test]
    fn each_fault_is_named() {
        let good = spans(&[(0, 5), (5, 11)]);
        assert!(faults(&good, Some((0, 10))).is_empty());
        assert!(faults(&[], None).is_empty());
        let all = |of: &[(i64, i64)], time| faults(&spans(of), time).join("\n");
        let outside = all(&[(0, 12)], Some((0, 10)));
        assert!(
            outside.contains("does not lie in its recording"),
            "{outside}"
        );
        assert!(all(&[(-1, 2)], Some((0, 10))).contains("does not lie in its recording"));
        assert!(all(&[(3, 3)], Some((0, 10))).contains("does not end behind its begin"));
        assert!(all(&[(3, 5), (4, 6)], Some((0, 10))).contains("has ended that stands before it"));
        assert!(all(&[(5, 6), (3, 4)], Some((0, 10))).contains("has ended that stands before it"));
        assert!(all(&[(5, 6)], None).contains("without events"));
        let mut empty = spans(&[(1, 2)]);
        empty[0].label.clear();
        assert!(faults(&empty, Some((0, 10)))[0].contains("an empty label"));
    }
}
