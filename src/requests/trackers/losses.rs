//! When the tracer discarded events.

use crate::trace::event::Loss;
use std::collections::VecDeque;

/// Losses that may touch requests which are open.
#[derive(Debug, Default)]
pub(crate) struct Losses(VecDeque<Loss>);

/// What was lost in a span of time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Lost {
    /// Whether anything was.
    pub any: bool,
    /// How many events, as far as their number is known.
    pub events: u64,
}

impl Losses {
    /// Takes in a loss that has a time.
    pub(crate) fn push(&mut self, loss: &Loss) {
        self.0.push_back(loss.clone());
    }

    /// What was lost from `start` to `end`, both ends included.
    pub(crate) fn between(&self, start: i64, end: i64) -> Lost {
        let mut lost = Lost::default();
        for loss in &self.0 {
            let (begin, until) = (loss.begin.unwrap_or(i64::MIN), loss.end.unwrap_or(i64::MAX));
            if begin <= end && until >= start {
                lost.any = true;
                lost.events += loss.events.unwrap_or(0);
            }
        }
        lost
    }

    /// Forgets losses that lie before `oldest`, the start of the oldest open request, if any is open.
    pub(crate) fn forget(&mut self, oldest: Option<i64>) {
        let Some(last) = self.0.back().and_then(|l| l.begin) else {
            return;
        };
        let oldest = oldest.unwrap_or(last);
        self.0.retain(|l| l.end.is_none_or(|end| end >= oldest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loss(begin: i64, end: Option<i64>, events: u64) -> Loss {
        Loss {
            stream: String::new(),
            cpu: None,
            begin: Some(begin),
            end,
            events: Some(events),
            packets: None,
        }
    }

    #[test]
    fn losses_count_where_they_overlap_and_are_forgotten_when_they_are_past() {
        let mut losses = Losses::default();
        losses.push(&loss(10, Some(20), 3));
        losses.push(&loss(15, None, 4));
        let events = |losses: &Losses, start, end| losses.between(start, end).events;
        assert!(!losses.between(0, 9).any);
        assert_eq!((events(&losses, 0, 10), events(&losses, 20, 30)), (3, 7));
        losses.forget(Some(21));
        assert_eq!((events(&losses, 0, 12), events(&losses, 20, 30)), (0, 4));
        losses.push(&loss(50, Some(60), 5));
        losses.push(&loss(70, Some(80), 6));
        losses.forget(None);
        assert_eq!(events(&losses, 55, 75), 4 + 6, "nothing is open before");
    }
}
