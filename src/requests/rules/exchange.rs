//! The rule `exchange`, for servers that keep connections alive: a request is an exchange on a connection.
//!
//! From the return of the first successful read to the return of the last successful write before the next successful
//! read, or before the close. Where the first that the trace holds of a connection is a write, the read that it answers was
//! not seen, and the request begins with the write.

use super::rule::{Cut, Rule, Settings};
use crate::requests::exchanges;
use crate::requests::facts::{Fact, Inbound, Now};
use crate::requests::request::EndReason;
use crate::requests::trackers::endpoint::Endpoint;
use crate::requests::work::Work;
use std::collections::HashMap;

/// A request is an exchange on a connection.
pub(crate) const EXCHANGE: Rule = Rule {
    name: "exchange",
    summary: "An exchange on a connection, for servers with keep-alive: from a read to the last write before the next read",
    description: "from the return of the first successful read on a connection to the return of the last successful write \
                  before the next successful read, or before the close",
    may_end_at_shutdown: false,
    needs: None,
    follows_connections: true,
    watches: &[],
    start: |settings| Box::new(Exchange::new(settings)),
};

struct Exchange {
    end_at_shutdown: bool,
    connections: HashMap<Endpoint, Connection>,
}

/// A connection that is open.
struct Connection {
    inbound: Inbound,
    /// Number of its next request.
    next: i64,
    /// Since when it has waited for it.
    idle_since: i64,
}

impl Exchange {
    fn new(settings: &Settings) -> Self {
        Exchange {
            end_at_shutdown: settings.end_at_shutdown,
            connections: HashMap::new(),
        }
    }

    /// A successful read returns: it begins an exchange unless it is part of one that has not been answered.
    fn read(&mut self, now: &Now, end: Endpoint, bytes: i64, work: &mut Work) {
        if work.on(end).is_none_or(|open| open.is_marked()) {
            self.end(now, end, EndReason::NoResponse, None, work);
            self.begin(now, end, work);
        }
        if let Some(open) = work.on(end) {
            open.read(bytes);
        }
    }

    fn begin(&mut self, now: &Now, end: Endpoint, work: &mut Work) {
        let Some(connection) = self.connections.get_mut(&end) else {
            return;
        };
        let inbound = &connection.inbound;
        let number = connection.next;
        connection.next += 1;
        let known = inbound.accept_seen || number > 0;
        let wait = known.then(|| now.timestamp() - connection.idle_since);
        let request = &mut work.begin_on(now, end, None).request;
        (request.fd, request.client) = (Some(inbound.fd), inbound.client);
        request.connection = Some((inbound.number as i64, number));
        request.accept_seen = Some(inbound.accept_seen);
        request.wait = wait;
        (request.read_bytes, request.written_bytes) = (Some(0), Some(0));
    }

    fn end(
        &mut self,
        now: &Now,
        end: Endpoint,
        reason: EndReason,
        at: Option<i64>,
        work: &mut Work,
    ) {
        let ended = exchanges::end(now, work, end, reason, at);
        if let (Some(ended), Some(connection)) = (ended, self.connections.get_mut(&end)) {
            connection.idle_since = ended;
        }
    }
}

impl Cut for Exchange {
    fn take(&mut self, now: &Now, fact: &Fact, work: &mut Work) {
        match *fact {
            Fact::Begins(inbound) => {
                let connection = Connection {
                    inbound,
                    next: 0,
                    idle_since: now.timestamp(),
                };
                self.connections.insert(inbound.end, connection);
            }
            Fact::Read { end, bytes } => self.read(now, end, bytes, work),
            Fact::Writes(end) => {
                let connection = self.connections.get(&end);
                if connection.is_some_and(|c| !c.inbound.accept_seen && c.next == 0) {
                    self.begin(now, end, work);
                }
            }
            Fact::Wrote { end, bytes } => exchanges::wrote(work, end, bytes),
            Fact::ShutDown(end) if self.end_at_shutdown => {
                self.end(now, end, EndReason::Shutdown, None, work);
            }
            Fact::Closing(end) => {
                self.end(now, end, EndReason::Close, None, work);
                self.connections.remove(&end);
            }
            Fact::Closed { end, reason, at } => {
                self.end(now, end, reason, at, work);
                self.connections.remove(&end);
            }
            _ => {}
        }
    }
}
