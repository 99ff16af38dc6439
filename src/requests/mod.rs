//! Requests: cutting them out of the events by a rule, and what a request that was cut is.
//!
//! One way down, each step with its own state and tests, and no file that imports back:
//!
//! ```text
//! events ─► trackers: threads │ descriptors │ connections before the trace │ scheduler │ losses
//!              │ facts: Begins, Read, Wrote, Closed, Scheduled, Woke …
//!              ├─► rules: connection │ exchange │ httpd │ first_close ─┐
//!              └─► downstream: accept_queue, matcher ──────────────────┴─► work ─► requests, services
//! ```
//!
//! - `bindings` say what an event class means, and where its arguments are.
//! - `trackers` know threads, descriptors and the scheduler, and nothing of rules.
//! - `facts` are plain data: who, when, which connection.
//! - [`rules`] take facts and begin and end requests, and know nothing of descriptors. `downstream` does the same for what
//!   other processes do for a request, such as its database, whatever the rule.
//! - `work` keeps which thread works on what, and so to which request an event and its time belong. A request carries its
//!   own events along in encoded form, so that they become columns only when it is written.
//! - [`Cutter`] is the whole way.

mod accepted;
mod binding;
mod bindings;
mod consumers;
mod current;
mod cutter;
mod downstream;
mod exchanges;
mod facts;
mod fields;
mod nested;
mod observed;
mod open;
mod open_requests;
mod options;
mod request;
pub mod rules;
#[cfg(test)]
pub(crate) mod tests;
mod time_breakdown;
mod trackers;
mod work;

pub use cutter::Cutter;
pub use nested::{Nested, NestedEvent};
pub use observed::Observed;
pub use options::RuleOptions;
pub use request::{
    Client, EndReason, Logged, LoggedLine, Matched, Request, Serves, Service, Times,
};
pub use rules::Rule;
