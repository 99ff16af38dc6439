//! Events that go by, and the requests that take runs of them.

use super::chosen::Request;
use super::columns::Columns;
use super::decoded::{Decoded, NOBODY};
use super::options::Reach;
use crate::error::Result;
use std::ops::Range;

/// What becomes of the events of requests. Requests are numbered as in the list of those that were chosen.
pub(super) trait Taker {
    /// A request takes a run of events.
    fn take(&mut self, request: usize, from: &Columns, run: Range<usize>);
    /// A request has all of its events: so many, of which it took as many as it may have.
    ///
    /// # Errors
    /// Those of what is done with them.
    fn end(&mut self, request: usize, events: u64) -> Result<()>;
}

/// The requests of a recording, while its events go by.
pub(super) struct Sweep<'a> {
    requests: &'a [Request],
    reach: Reach,
    /// Events that a request takes at most.
    longest: usize,
    /// Numbers of requests in the order in which they begin, and the first of them that has not begun.
    order: Vec<usize>,
    next: usize,
    /// Those that are under way.
    open: Vec<usize>,
    /// How many events each has so far.
    events: Vec<u64>,
}

impl<'a> Sweep<'a> {
    /// Over these requests, sorted by their ids.
    pub(super) fn new(requests: &'a [Request], reach: Reach, longest: Option<usize>) -> Self {
        let mut order: Vec<usize> = (0..requests.len()).collect();
        order.sort_by_key(|number| (requests[*number].first, *number));
        Sweep {
            requests,
            reach,
            longest: longest.unwrap_or(usize::MAX),
            order,
            next: 0,
            open: Vec::new(),
            events: vec![0; requests.len()],
        }
    }

    /// The next events go by.
    ///
    /// # Errors
    /// Those of `taker`.
    pub(super) fn pass(&mut self, events: &Decoded, taker: &mut impl Taker) -> Result<()> {
        let Some(last) = events.ids.last().copied() else {
            return Ok(());
        };
        self.begin(last);
        match self.reach {
            Reach::Window => self.windows(events, taker),
            Reach::Own | Reach::Causal => self.owned(events, taker),
        }
        self.end(last, taker)
    }

    /// There are no more.
    ///
    /// # Errors
    /// Those of `taker`.
    pub(super) fn finish(&mut self, taker: &mut impl Taker) -> Result<()> {
        self.begin(i64::MAX);
        self.end(i64::MAX, taker)
    }

    fn begin(&mut self, last: i64) {
        let rest = &self.order[self.next..];
        let begun = rest.partition_point(|number| self.requests[*number].first <= last);
        self.open.extend(&rest[..begun]);
        self.next += begun;
    }

    /// Each request that is under way takes the events from its first to its last.
    fn windows(&mut self, events: &Decoded, taker: &mut impl Taker) {
        for number in std::mem::take(&mut self.open) {
            let request = &self.requests[number];
            let begin = events.ids.partition_point(|id| *id < request.first);
            let end = events.ids.partition_point(|id| *id <= request.last);
            self.take(number, &events.columns, begin..end, taker);
            self.open.push(number);
        }
    }

    /// Each event is taken by its owner.
    fn owned(&mut self, events: &Decoded, taker: &mut impl Taker) {
        let mut at = 0;
        for run in events.owners.chunk_by(|one, next| one == next) {
            let (owner, run) = (run[0], at..at + run.len());
            at = run.end;
            if owner == NOBODY {
                continue;
            }
            let requests = self.requests;
            if let Ok(number) = requests.binary_search_by_key(&owner, |request| request.id) {
                self.take(number, &events.columns, run, taker);
            }
        }
    }

    fn take(&mut self, number: usize, from: &Columns, run: Range<usize>, taker: &mut impl Taker) {
        let taken = usize::try_from(self.events[number]).unwrap_or(usize::MAX);
        self.events[number] += run.len() as u64;
        let room = self.longest.saturating_sub(taken).min(run.len());
        if room > 0 {
            taker.take(number, from, run.start..run.start + room);
        }
    }

    /// Ends those whose last event has gone by, in the order of their last events.
    fn end(&mut self, last: i64, taker: &mut impl Taker) -> Result<()> {
        let requests = self.requests;
        let over = |number: &mut usize| requests[*number].last <= last;
        let mut ended: Vec<usize> = self.open.extract_if(.., over).collect();
        ended.sort_by_key(|number| (requests[*number].last, *number));
        ended
            .into_iter()
            .try_for_each(|number| taker.end(number, self.events[number]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Notes the calls that each request takes, and in which order they end.
    #[derive(Default)]
    struct Noted {
        taken: Vec<Vec<i32>>,
        ended: Vec<(usize, u64)>,
    }

    impl Taker for Noted {
        fn take(&mut self, request: usize, from: &Columns, run: Range<usize>) {
            self.taken[request].extend(&from.call[run]);
        }

        fn end(&mut self, request: usize, events: u64) -> Result<()> {
            self.ended.push((request, events));
            Ok(())
        }
    }

    fn requests() -> Vec<Request> {
        // The spans of three requests; the second has no event but unwanted ones at its end.
        let spans = [(0, 0, 9), (3, 2, 4), (7, 4, 20)];
        let of = |(id, first, last)| Request {
            id,
            part: 0,
            label: None,
            duration_ns: 0,
            first,
            last,
        };
        spans.map(of).into()
    }

    /// Events with these ids, each of which is its own call, in batches of `size`.
    fn swept(reach: Reach, longest: Option<usize>, size: usize) -> Noted {
        let ids = [0, 1, 2, 3, 5, 8, 9, 12, 20, 21];
        let owners = [0, 0, 3, NOBODY, 0, 7, 0, 5, 7, 7];
        let requests = requests();
        let mut sweep = Sweep::new(&requests, reach, longest);
        let mut noted = Noted {
            taken: vec![Vec::new(); 3],
            ..Noted::default()
        };
        for at in (0..ids.len()).step_by(size) {
            let run = at..(at + size).min(ids.len());
            let events = Decoded {
                ids: ids[run.clone()].to_vec(),
                owners: owners[run.clone()].to_vec(),
                columns: Columns {
                    call: ids[run].iter().map(|id| *id as i32).collect(),
                    ..Columns::default()
                },
                rows: 0,
            };
            sweep.pass(&events, &mut noted).unwrap();
        }
        sweep.finish(&mut noted).unwrap();
        noted
    }

    #[test]
    fn windows_are_all_events_between_two() {
        for size in 1..11 {
            let noted = swept(Reach::Window, None, size);
            assert_eq!(noted.taken[0], [0, 1, 2, 3, 5, 8, 9]);
            assert_eq!(noted.taken[1], [2, 3]);
            assert_eq!(noted.taken[2], [5, 8, 9, 12, 20]);
            assert_eq!(noted.ended, [(1, 2), (0, 7), (2, 5)]);
        }
    }

    #[test]
    fn owners_take_their_own_and_no_more_than_they_may() {
        for size in 1..11 {
            let noted = swept(Reach::Own, Some(2), size);
            assert_eq!(noted.taken, [vec![0, 1], vec![2], vec![8, 20]]);
            assert_eq!(noted.ended[..2], [(1, 1), (0, 4)]);
        }
    }
}
