//! The rules by which a request is a span of one thread: `httpd` and `first-close`.
//!
//! `httpd` takes Apache's user-space tracepoints at their word: from `enter_event_handler` to `exit_event_handler` on the
//! thread, unless the connection was lingering (its state 6 or 7: no request any more, only waiting for the client).
//!
//! `first-close` is the rule of the 2021 publication to the letter, so that its corpus can be made again and compared:
//! from the *entry* of `accept4` by a thread of the server to the first return of `close`, of whatever descriptor. It
//! counts the idle wait for a connection, and ends where the first file is closed; nobody should train on it.

use super::cutter::Cutter;
use super::roles::{Entry, Role, accepted};
use super::{EndReason, Observed, Rule};

/// `connection_state` of an Apache connection that lingers: `CONN_STATE_LINGER_NORMAL`, `CONN_STATE_LINGER_SHORT`.
const LINGERING: [i64; 2] = [6, 7];
/// The server of the publication.
const APACHE: &str = "apache2";

impl Cutter {
    /// Takes in an event of a thread under these rules.
    pub(super) fn observe_thread(&mut self, event: &Observed, role: Role) {
        let class = &self.classes[event.head.class as usize];
        let tid = event.head.tid;
        let httpd = self.options.rule == Rule::Httpd;
        let begins = match role {
            Role::Enter(state) if httpd => {
                let state = state.and_then(|i| class.integer(event.values, i));
                !state.is_some_and(|s| LINGERING.contains(&s)) && self.is_server(event, None)
            }
            Role::Entry(Entry::Accept(..)) if !httpd => {
                class.name == "accept4" && self.is_server(event, Some(APACHE))
            }
            _ => false,
        };
        if begins {
            self.end_of_thread(event, EndReason::NextAccept);
            self.turn_away(event);
            let open = self.begin(event, None);
            self.work_on(tid, Some(open), event.head.timestamp);
        }
        self.follow(event, role);
        let class = &self.classes[event.head.class as usize];
        match role {
            Role::Leave if httpd => self.end_of_thread(event, EndReason::HandlerExit),
            Role::Exit { accept, .. } if !httpd => {
                let open = self.threads[&tid].open;
                let client = accept.and_then(|a| accepted(&a, class, event.values));
                if let (Some(open), Some((fd, client))) = (open, client) {
                    self.set_client(open, fd, client);
                }
                if open.is_some()
                    && self.classes[event.head.class as usize].name == "close"
                    && self.is_server(event, Some(APACHE))
                {
                    self.end_of_thread(event, EndReason::Close);
                }
            }
            _ => {}
        }
    }

    /// Ends the request of the event's thread, if it has one, with its last event.
    fn end_of_thread(&mut self, event: &Observed, reason: EndReason) {
        let tid = event.head.tid;
        let Some(open) = self.threads.get(&tid).and_then(|t| t.open) else {
            return;
        };
        self.work_on(tid, None, event.head.timestamp);
        self.end(open, reason, None);
    }
}
