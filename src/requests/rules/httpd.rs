//! The rule `httpd`: a request is what Apache's event handler does between its user-space tracepoints.
//!
//! It takes the tracepoints at their word: from `enter_event_handler` to `exit_event_handler` on the thread, unless the
//! connection was lingering (its state 6 or 7: no request any more, only waiting for the client).

use super::rule::{Cut, Needs, Rule, Settings, Watch};
use crate::requests::facts::Now;
use crate::requests::request::EndReason;
use crate::requests::work::Work;
use crate::trace::event::Phase;

/// A request is what Apache's event handler does between its tracepoints.
pub(crate) const HTTPD: Rule = Rule {
    name: "httpd",
    summary: "What Apache's tracepoints httpd:enter_event_handler and httpd:exit_event_handler enclose (needs them in the trace)",
    description: "what Apache's tracepoints `httpd:enter_event_handler` and `httpd:exit_event_handler` enclose on a thread",
    may_end_at_shutdown: false,
    needs: Some(Needs {
        event: ENTER,
        of: "Apache's user-space tracepoints",
    }),
    follows_connections: false,
    watches: &[
        Watch {
            name: ENTER,
            phase: Phase::Point,
            argument: Some("connection_state"),
        },
        Watch {
            name: "httpd:exit_event_handler",
            phase: Phase::Point,
            argument: None,
        },
    ],
    start: |settings| Box::new(Httpd::new(settings)),
};

const ENTER: &str = "httpd:enter_event_handler";
/// Positions among what is watched.
const ENTERS: usize = 0;
const EXITS: usize = 1;
/// `connection_state` of an Apache connection that lingers: `CONN_STATE_LINGER_NORMAL`, `CONN_STATE_LINGER_SHORT`.
const LINGERING: [i64; 2] = [6, 7];

struct Httpd {
    server: Option<String>,
}

impl Httpd {
    fn new(settings: &Settings) -> Self {
        Httpd {
            server: settings.server.clone(),
        }
    }
}

impl Cut for Httpd {
    fn before(&mut self, now: &Now, watch: usize, value: Option<i64>, work: &mut Work) {
        let lingers = value.is_some_and(|state| LINGERING.contains(&state));
        let is_server = || self.server.as_deref().is_none_or(|name| now.is_named(name));
        if watch == ENTERS && !lingers && is_server() {
            work.end_own(now, EndReason::NextAccept);
            work.begin_own(now);
        }
    }

    fn after(&mut self, now: &Now, watch: usize, work: &mut Work) {
        if watch == EXITS {
            work.end_own(now, EndReason::HandlerExit);
        }
    }
}
