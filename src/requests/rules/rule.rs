//! What a rule is.

use crate::requests::facts::{Fact, Now};
use crate::requests::work::Work;
use crate::trace::event::{EventClass, Phase};

/// A rule by which requests are cut.
#[derive(Debug)]
pub struct Rule {
    /// The word for it on the command line and in the column `rule`.
    pub name: &'static str,
    /// What it is, for who chooses among the rules: one line.
    pub summary: &'static str,
    /// What a request is by it, for who reads a release: "By the rule NAME: …", in Markdown.
    pub description: &'static str,
    /// Whether a request can be made to end at `shutdown` of its connection, too.
    pub may_end_at_shutdown: bool,
    /// Without which events a trace has no requests by this rule, where those are not the kernel's.
    pub needs: Option<Needs>,
    /// Whether it cuts by clients' connections, which are followed for it.
    pub(crate) follows_connections: bool,
    /// Events that it sees beside the facts.
    pub(crate) watches: &'static [Watch],
    /// Begins to cut a recording.
    pub(crate) start: fn(&Settings) -> Box<dyn Cut>,
}

/// Events that a trace must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Needs {
    /// The name of one.
    pub event: &'static str,
    /// What to trace for it, as a noun.
    pub of: &'static str,
}

impl PartialEq for Rule {
    fn eq(&self, other: &Rule) -> bool {
        self.name == other.name
    }
}

impl Eq for Rule {}

/// Settings of a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Settings {
    /// Whether `shutdown` of the connection ends a request, too.
    pub end_at_shutdown: bool,
    /// Only requests of threads of this name; the kernel knows 15 bytes of it.
    pub server: Option<String>,
}

/// Events that a rule sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Watch {
    /// Their bare name,
    pub name: &'static str,
    /// and side.
    pub phase: Phase,
    /// The integer argument that the rule needs of them.
    pub argument: Option<&'static str>,
}

impl Watch {
    /// Whether events of a class are meant.
    pub(crate) fn is_of(&self, class: &EventClass) -> bool {
        class.name == self.name && class.phase == self.phase
    }
}

/// A rule at work on a recording: takes facts, and begins and ends requests.
pub(crate) trait Cut: Send {
    /// Takes a fact about a connection; the others are not shown to rules.
    fn take(&mut self, now: &Now, fact: &Fact, work: &mut Work) {
        let _ = (now, fact, work);
    }

    /// An event that the rule watches is about to happen: the `watch`th of its list, with the value of its argument.
    fn before(&mut self, now: &Now, watch: usize, value: Option<i64>, work: &mut Work) {
        let _ = (now, watch, value, work);
    }

    /// It has happened, with all that follows from it.
    fn after(&mut self, now: &Now, watch: usize, work: &mut Work) {
        let _ = (now, watch, work);
    }
}
