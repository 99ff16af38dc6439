//! The rule `first-close`: that of the 2021 publication to the letter, so that its corpus can be made again and compared.
//!
//! From the *entry* of `accept4` by a thread of the server to the first return of `close`, of whatever descriptor. It
//! counts the idle wait for a connection, and ends where the first file is closed; nobody should train on it.

use super::rule::{Cut, Rule, Settings, Watch};
use crate::requests::facts::{Fact, Now};
use crate::requests::request::EndReason;
use crate::requests::work::Work;
use crate::trace::event::Phase;

/// The rule published in 2021, to the letter.
pub(crate) const FIRST_CLOSE: Rule = Rule {
    name: "first-close",
    summary: "The rule published in 2021, for comparison only: from the entry of accept4 to the first close of anything",
    description: "from the entry of `accept4` by a thread of the server to its first return of `close`, of whatever \
                  descriptor",
    may_end_at_shutdown: false,
    needs: None,
    follows_connections: false,
    watches: &[
        Watch {
            name: "accept4",
            phase: Phase::Entry,
            argument: None,
        },
        Watch {
            name: "close",
            phase: Phase::Exit,
            argument: None,
        },
    ],
    start: |settings| Box::new(FirstClose::new(settings)),
};

/// Positions among what is watched.
const ACCEPTS: usize = 0;
const CLOSED: usize = 1;
/// The server of the publication.
const APACHE: &str = "apache2";

struct FirstClose {
    server: String,
}

impl FirstClose {
    fn new(settings: &Settings) -> Self {
        let server = settings.server.as_deref().unwrap_or(APACHE);
        FirstClose {
            server: server.to_owned(),
        }
    }
}

impl Cut for FirstClose {
    fn take(&mut self, now: &Now, fact: &Fact, work: &mut Work) {
        if let Fact::Accepted { fd, client } = *fact
            && let Some(open) = work.own(now)
        {
            (open.request.fd, open.request.client) = (Some(fd), client);
        }
    }

    fn before(&mut self, now: &Now, watch: usize, _: Option<i64>, work: &mut Work) {
        if watch == ACCEPTS && now.is_named(&self.server) {
            work.end_own(now, EndReason::NextAccept);
            work.begin_own(now);
        }
    }

    fn after(&mut self, now: &Now, watch: usize, work: &mut Work) {
        if watch == CLOSED && now.is_named(&self.server) {
            work.end_own(now, EndReason::Close);
        }
    }
}
