//! The spans of a recording, in the time of its clock: its begin is known with its first event, its end with its last.

use super::file::Line;
use super::moment::Moment;
use crate::dataset::timestamp::exact;
use crate::error::{Error, Place, Result};
use crate::label_spans::{LabelSpan, latest_end};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much earlier and later than its packets say a recording may go, when a span is refused before it is read: not all
/// tracers are exact there.
const DOUBT: i64 = 1_000_000_000;

/// What is to be said of a recording.
#[derive(Debug, Clone, Default)]
pub(crate) struct Wanted {
    trace_id: String,
    /// The file, and its lines that are of this recording.
    file: PathBuf,
    lines: Vec<Line>,
    /// The spans that the dataset has of it already.
    had: Vec<LabelSpan>,
}

/// A span whose end may be that of the recording.
#[derive(Debug, Clone)]
struct Known {
    span: LabelSpan,
    /// The line that says it; none for what the dataset has.
    line: Option<u64>,
    /// Whether it ends with the recording, whenever that is.
    open: bool,
}

/// The spans of a recording whose first event is known.
#[derive(Debug)]
pub(crate) struct Resolved<'a> {
    wanted: &'a Wanted,
    first: i64,
    known: Vec<Known>,
}

impl Wanted {
    /// Lines of a file for the recording `trace_id`, and what the dataset `had` of it.
    pub(crate) fn new(
        trace_id: &str,
        (file, lines): (&Path, Vec<Line>),
        had: Vec<LabelSpan>,
    ) -> Self {
        Wanted {
            trace_id: trace_id.to_owned(),
            file: file.to_path_buf(),
            lines,
            had,
        }
    }

    /// Refuses what cannot be, before the recording is read, if its packets say from when to when it goes.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub(crate) fn check_before(&self, packets: Option<(i64, i64)>) -> Result<()> {
        let Some((begin, end)) = packets else {
            return Ok(());
        };
        let known = self.known(begin);
        let time = (begin.saturating_sub(DOUBT), end.saturating_add(DOUBT));
        let borders = || self.lines.iter().flat_map(|line| [line.begin, line.end]);
        let of_clock = borders().any(|moment| matches!(moment, Moment::At(_)));
        let after_first = borders().any(|moment| matches!(moment, Moment::After(_)));
        let mut goes = format!("whose packets go from {} to {}", exact(begin), exact(end));
        if after_first {
            goes += " (before any event is read, times after the first one are counted from there)";
        }
        known
            .iter()
            .try_for_each(|known| self.check_inside(known, time, &goes))?;
        // How times of the clock stand to those after the first event shows with the first event.
        match of_clock && after_first {
            true => Ok(()),
            false => self.in_order(known).map(drop),
        }
    }

    /// The spans of a recording whose first event is at `first`; of one without events there can be none.
    ///
    /// # Errors
    /// [`Error::Input`] for a span that begins before, has no length, or overlaps another.
    pub(crate) fn resolved(&self, first: Option<i64>) -> Result<Resolved<'_>> {
        let Some(first) = first else {
            return match self.lines.first() {
                None => Ok(Resolved {
                    wanted: self,
                    first: 0,
                    known: Vec::new(),
                }),
                Some(line) => Err(self.wrong(
                    Some(line.number),
                    format!(
                        "the recording {} has no events, and so no part of it has a label",
                        self.trace_id
                    ),
                )),
            };
        };
        let known = self.in_order(self.known(first))?;
        let goes = format!("whose first event is at {}", exact(first));
        for known in &known {
            self.check_inside(known, (first, i64::MAX), &goes)?;
        }
        Ok(Resolved {
            wanted: self,
            first,
            known,
        })
    }

    /// All spans, if the first event is at `first`; what the dataset has and the file says too stands once.
    fn known(&self, first: i64) -> Vec<Known> {
        let mut all: Vec<Known> = Vec::new();
        for span in &self.had {
            all.push(Known {
                span: span.clone(),
                line: None,
                open: false,
            });
        }
        for line in &self.lines {
            let at = |moment, of_recording| match moment {
                Moment::OfRecording => of_recording,
                Moment::At(ns) => ns,
                Moment::After(ns) => first.saturating_add(ns),
            };
            let span = LabelSpan {
                begin_ns: at(line.begin, first),
                end_ns: at(line.end, i64::MAX),
                label: line.label.clone(),
            };
            if !self.had.contains(&span) {
                all.push(Known {
                    span,
                    line: Some(line.number),
                    open: line.end == Moment::OfRecording,
                });
            }
        }
        all
    }

    /// The spans in the order of time.
    fn in_order(&self, mut known: Vec<Known>) -> Result<Vec<Known>> {
        for known in &known {
            let LabelSpan {
                begin_ns, end_ns, ..
            } = known.span;
            if end_ns <= begin_ns {
                let (begin, end) = (exact(begin_ns), exact(end_ns));
                let what =
                    format!("the span ends at {end}, which is not after its begin at {begin}");
                return Err(self.wrong(known.line, what));
            }
        }
        known.sort_by_key(|known| known.span.begin_ns);
        let mut pairs = known.iter().zip(known.iter().skip(1));
        let overlap = |(one, other): &(&Known, &Known)| one.span.end_ns > other.span.begin_ns;
        match pairs.find(overlap) {
            Some((one, other)) => Err(self.overlap(one, other)),
            None => Ok(known),
        }
    }

    /// That two spans overlap is told of the one that comes later in the file.
    fn overlap(&self, one: &Known, other: &Known) -> Error {
        let (late, early) = match one.line > other.line {
            true => (one, other),
            false => (other, one),
        };
        let place = early.line.map_or("that the dataset has".to_owned(), |n| {
            format!("of line {n}")
        });
        let what = format!(
            "the span {} overlaps the span {} {place}: a recording has one label at a time",
            late.span.label, early.span.label
        );
        self.wrong(late.line, what)
    }

    /// Whether a span lies between the first and the last event of a recording that `goes` so, in words.
    fn check_inside(&self, known: &Known, (first, last): (i64, i64), goes: &str) -> Result<()> {
        let LabelSpan {
            begin_ns, end_ns, ..
        } = known.span;
        let late = begin_ns > last || !known.open && end_ns > latest_end(last);
        if begin_ns >= first && !late {
            return Ok(());
        }
        let end = match known.open {
            true => String::new(),
            false => format!(" to {}", exact(end_ns)),
        };
        let what = format!(
            "the span {} from {}{end} does not lie in the recording {}, {goes}",
            known.span.label,
            exact(begin_ns),
            self.trace_id
        );
        Err(self.wrong(known.line, what))
    }

    fn wrong(&self, line: Option<u64>, what: String) -> Error {
        let place = match line {
            Some(line) => Place::line(&self.file, line, 1),
            None => Place::file(&self.trace_id),
        };
        Error::input(
            what,
            place,
            "Correct the file; a time without an offset is UTC, and a border that is left empty is that of the recording.",
        )
    }
}

impl Resolved<'_> {
    /// The spans, for rows; one that ends with the recording has no end yet.
    pub(crate) fn spans(&self) -> Arc<[LabelSpan]> {
        self.known.iter().map(|known| known.span.clone()).collect()
    }

    /// The spans of the recording, whose last event is at `last`.
    ///
    /// # Errors
    /// [`Error::Input`] for one that ends later.
    pub(crate) fn ended(self, last: Option<i64>) -> Result<Vec<LabelSpan>> {
        let last = last.unwrap_or(self.first);
        let goes = format!(
            "whose events go from {} to {}",
            exact(self.first),
            exact(last)
        );
        let ended = |mut known: Known| {
            self.wanted
                .check_inside(&known, (self.first, last), &goes)?;
            if known.open {
                known.span.end_ns = latest_end(last);
            }
            Ok(known.span)
        };
        self.known.into_iter().map(ended).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn line(number: u64, begin: Moment, end: Moment) -> Line {
        Line {
            number,
            recording: None,
            begin,
            end,
            label: format!("l{number}"),
        }
    }

    fn wanted(lines: Vec<Line>) -> Wanted {
        Wanted::new("t", (Path::new("l.csv"), lines), Vec::new())
    }

    fn said<T>(done: Result<T>) -> String {
        done.err().map_or_else(String::new, |e| e.to_string())
    }

    use Moment::{After, At, OfRecording};

    #[test]
    fn times_are_those_of_the_clock_and_borders_those_of_the_recording() {
        let wanted = wanted(vec![
            line(2, After(5 * SECOND), OfRecording),
            line(3, At(101 * SECOND), After(5 * SECOND)),
            line(4, OfRecording, At(101 * SECOND)),
        ]);
        let resolved = wanted.resolved(Some(100 * SECOND)).unwrap();
        let open = &resolved.spans()[2];
        assert_eq!((open.begin_ns, open.end_ns), (105 * SECOND, i64::MAX));
        let spans = resolved.ended(Some(200 * SECOND)).unwrap();
        let told: Vec<(i64, i64, &str)> = spans
            .iter()
            .map(|s| (s.begin_ns, s.end_ns, s.label.as_str()))
            .collect();
        let expected = [
            (100 * SECOND, 101 * SECOND, "l4"),
            (101 * SECOND, 105 * SECOND, "l3"),
            (105 * SECOND, 200 * SECOND + 1, "l2"),
        ];
        assert_eq!(told, expected);
        assert!(crate::label_spans::faults(&spans, Some((100 * SECOND, 200 * SECOND))).is_empty());
    }

    #[test]
    fn what_lies_outside_of_the_recording_is_refused_as_soon_as_it_is_known() {
        let early = wanted(vec![line(2, At(99), At(150))]);
        let told = said(early.resolved(Some(100)));
        assert!(
            told.starts_with("l.csv, line 2, column 1: the span l2 from 1970"),
            "{told}"
        );
        assert!(
            told.contains("does not lie in the recording t, whose first event is at"),
            "{told}"
        );
        for (line, good) in [
            (line(2, At(100), At(201)), true),
            (line(2, At(100), At(202)), false),
            (line(2, At(200), OfRecording), true),
            (line(2, At(201), OfRecording), false),
            (line(2, At(150), After(101)), true),
            (line(2, At(150), After(102)), false),
        ] {
            let wanted = wanted(vec![line.clone()]);
            let ended = wanted.resolved(Some(100)).unwrap().ended(Some(200));
            assert_eq!(ended.is_ok(), good, "{line:?}");
        }
        assert!(said(early.resolved(None)).contains("has no events"));
        assert!(
            wanted(Vec::new())
                .resolved(None)
                .unwrap()
                .ended(None)
                .unwrap()
                .is_empty()
        );
    }

    #[test]
    fn spans_that_overlap_are_refused_with_the_line_that_comes_later() {
        let told =
            said(wanted(vec![line(2, At(5), At(9)), line(3, At(1), At(6))]).resolved(Some(0)));
        assert_eq!(
            told,
            "l.csv, line 3, column 1: the span l3 overlaps the span l2 of line 2: a recording has one label at a time"
        );
        assert!(
            wanted(vec![line(2, At(5), At(9)), line(3, At(1), At(5))])
                .resolved(Some(0))
                .is_ok()
        );
        let order = said(wanted(vec![line(2, At(5), After(5))]).resolved(Some(0)));
        assert!(order.contains("is not after its begin"), "{order}");
    }

    #[test]
    fn what_the_dataset_has_stays_and_may_be_said_again() {
        let span = |begin_ns, end_ns, label: &str| LabelSpan {
            begin_ns,
            end_ns,
            label: label.to_owned(),
        };
        let had = vec![span(1, 5, "l2")];
        let with = |lines| Wanted::new("t", (Path::new("l.csv"), lines), had.clone());
        let again = with(vec![line(2, At(1), At(5)), line(3, At(5), At(9))]);
        let spans = again.resolved(Some(0)).unwrap().ended(Some(100)).unwrap();
        assert_eq!(spans, [span(1, 5, "l2"), span(5, 9, "l3")]);
        let other = with(vec![line(3, At(4), At(9))]);
        let told = said(other.resolved(Some(0)));
        assert!(
            told.contains(
                "line 3, column 1: the span l3 overlaps the span l2 that the dataset has"
            ),
            "{told}"
        );
    }

    #[test]
    fn what_cannot_be_is_refused_before_the_recording_is_read() {
        let packets = Some((100 * SECOND, 200 * SECOND));
        let before = |lines| said(wanted(lines).check_before(packets));
        assert!(
            before(vec![line(2, At(98 * SECOND), At(150 * SECOND))]).contains("does not lie in")
        );
        assert!(before(vec![line(2, At(99 * SECOND), At(201 * SECOND))]).is_empty());
        assert!(before(vec![line(2, After(0), After(102 * SECOND))]).contains("does not lie in"));
        let overlap = vec![
            line(2, At(101 * SECOND), OfRecording),
            line(3, At(150 * SECOND), At(160 * SECOND)),
        ];
        assert!(before(overlap).contains("line 3, column 1: the span l3 overlaps"));
        // Which of these comes first shows with the first event.
        let mixed = vec![
            line(2, At(101 * SECOND), At(102 * SECOND)),
            line(3, After(SECOND), After(2 * SECOND)),
        ];
        assert!(before(mixed.clone()).is_empty());
        assert!(said(wanted(mixed).check_before(None)).is_empty());
    }
}
