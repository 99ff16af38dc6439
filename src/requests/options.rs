//! How requests are cut, as the caller chooses it.

use super::rules;
use super::rules::rule::{Rule, Settings};

/// How requests are cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleOptions {
    /// The rule.
    pub rule: &'static Rule,
    /// Whether `shutdown` of the connection ends a request, too.
    pub end_at_shutdown: bool,
    /// Only requests of threads of this name; the kernel knows 15 bytes of it.
    pub server: Option<String>,
    /// How many events a request carries at most.
    pub max_nested: usize,
    /// How many bytes all open requests carry at most.
    pub max_bytes: usize,
}

impl Default for RuleOptions {
    /// Connections of any server, to their close, with what a dataset is known to hold well: 100,000 events for a request,
    /// and 64 MiB for all that are open.
    fn default() -> Self {
        RuleOptions {
            rule: rules::ALL[0],
            end_at_shutdown: false,
            server: None,
            max_nested: 100_000,
            max_bytes: 64 << 20,
        }
    }
}

impl RuleOptions {
    /// What of it the rule needs to know.
    pub(crate) fn settings(&self) -> Settings {
        Settings {
            end_at_shutdown: self.end_at_shutdown,
            server: self.server.clone(),
        }
    }
}
