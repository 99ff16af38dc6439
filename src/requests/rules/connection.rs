//! The rule `connection`: a request is a connection.
//!
//! From the return of `accept4` or `accept` on an internet socket to the return of the `close` of its last descriptor (or
//! of `shutdown`), over all descriptors and threads that have it. The wait before a connection comes is no part of it.
//! What the trace leaves open is kept and marked: a connection whose number comes up again (its close was lost) ends with
//! its last event before that, and one that is open at the end of the trace ends there.

use super::rule::{Cut, Rule, Settings};
use crate::requests::facts::{Fact, Inbound, Now};
use crate::requests::request::EndReason;
use crate::requests::work::Work;

/// A request is a connection.
pub(crate) const CONNECTION: Rule = Rule {
    name: "connection",
    summary: "A connection: from the return of accept4 to the close of its last descriptor",
    description: "from the return of `accept4` or `accept` on an internet socket to the return of the `close` of its \
                  last descriptor",
    may_end_at_shutdown: true,
    needs: None,
    follows_connections: true,
    watches: &[],
    start: |settings| Box::new(Connection::new(settings)),
};

struct Connection {
    end_at_shutdown: bool,
}

impl Connection {
    fn new(settings: &Settings) -> Self {
        Connection {
            end_at_shutdown: settings.end_at_shutdown,
        }
    }
}

impl Cut for Connection {
    fn take(&mut self, now: &Now, fact: &Fact, work: &mut Work) {
        match *fact {
            Fact::Begins(inbound) => begin(now, &inbound, work),
            Fact::Read { end, bytes } => {
                if let Some(open) = work.on(end) {
                    open.read(bytes);
                }
            }
            Fact::Wrote { end, bytes } => {
                if let Some(open) = work.on(end) {
                    open.written(bytes);
                }
            }
            Fact::ShutDown(end) if self.end_at_shutdown => {
                work.end_on(now, end, EndReason::Shutdown, None);
            }
            Fact::Closed { end, reason, at } => {
                work.end_on(now, end, reason, at);
            }
            _ => {}
        }
    }
}

fn begin(now: &Now, inbound: &Inbound, work: &mut Work) {
    let request = &mut work.begin_on(now, inbound.end, None).request;
    (request.fd, request.client) = (Some(inbound.fd), inbound.client);
    request.connection = Some((inbound.number as i64, 0));
    request.accept_seen = Some(inbound.accept_seen);
    request.accept_entry = inbound.accept_entry;
    (request.read_bytes, request.written_bytes) = (Some(0), Some(0));
}
