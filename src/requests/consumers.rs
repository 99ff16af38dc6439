//! Who takes the facts: the rule, the matcher of downstream work, and what keeps who works on what.

use super::downstream::matcher::Downstream;
use super::facts::{Fact, Facts, Now, Socket};
use super::rules::rule::Cut;
use super::trackers::endpoint::Endpoint;
use super::work::Work;

/// All who take facts.
pub(crate) struct Consumers {
    pub rule: Box<dyn Cut>,
    pub downstream: Downstream,
    pub work: Work,
}

impl Facts for Consumers {
    fn take(&mut self, now: &Now, fact: Fact) {
        let work = &mut self.work;
        match fact {
            Fact::Happens => work.count(now),
            Fact::Scheduled {
                thread,
                before,
                after,
            } => work.scheduled(now, thread, (before, after)),
            Fact::Uses(end) => work.turn_to(now, end),
            Fact::HandsOver => work.hands_over(now),
            Fact::WaitsForThread => work.waits_for_thread(now),
            Fact::WaitsForAnything => {
                work.turn_away(now);
                self.downstream.take(now, &fact, work);
            }
            Fact::WaitsFor(awaited) => {
                work.waits_for(now, &awaited);
                self.downstream.take(now, &fact, work);
            }
            Fact::Begins(inbound) => {
                work.opens(inbound.end);
                self.rule.take(now, &fact, work);
            }
            Fact::Serves(end) => {
                work.opens(end);
                self.downstream.take(now, &fact, work);
            }
            Fact::Accepted { .. } => self.rule.take(now, &fact, work),
            Fact::Connects(_) | Fact::Connected { .. } | Fact::NoneWaits | Fact::Woke(_) => {
                self.downstream.take(now, &fact, work);
            }
            Fact::Read { end, .. }
            | Fact::Writes(end)
            | Fact::Wrote { end, .. }
            | Fact::ShutDown(end)
            | Fact::Closing(end) => self.of_end(now, &fact, end),
            Fact::Closed { end, .. } => {
                self.of_end(now, &fact, end);
                self.work.closed(end);
            }
        }
    }

    fn identify(&mut self, now: &Now, socket: Socket) -> Option<Endpoint> {
        self.downstream.identify(now, socket, &self.work)
    }
}

impl Consumers {
    /// Clients' connections are the rule's, the others are downstream.
    fn of_end(&mut self, now: &Now, fact: &Fact, end: Endpoint) {
        match end {
            Endpoint::Inbound(_) => self.rule.take(now, fact, &mut self.work),
            _ => self.downstream.take(now, fact, &mut self.work),
        }
    }
}
