//! Requests of small made-up traces, from the events to the end of the way.

mod all_rules;
mod connection;
mod downstream;
mod exchange;
mod inferred;
pub(crate) mod made_up;
mod threads;
