//! SQL over a dataset.
//!
//! The one idea: a query is a *script* (a [`Source`] of several statements with `$name` parameters), and everything
//! about it is settled on its tokens before anything runs: parameters are put in as literal tokens that keep their
//! place, so that they work wherever SQL takes a literal (also in `COPY … TO $out`), statements are split by the
//! parser and not at semicolons, and every mistake can be shown in the line where it stands.
//!
//! A [`Session`] knows the tables of one dataset and runs scripts; what comes out goes batch by batch to a
//! [`output::Results`]. DataFusion appears in this folder only.
//!
//! Where DataFusion's own operators would hold what grows with the trace, there are ones of ours: `calls` pairs the two
//! events of each system call, `windows` joins events with the intervals that they are in, `request_lists` gathers the
//! events of each request into lists, which the functions in `lists` work on, and `request_arguments` counts arguments.
//! `derived` registers the tables among them. `sort_keys`, `global_aggregates`, `claims` and
//! `dependencies` mend what DataFusion's optimizer would make wrong rows of; `set_comparisons` refuses what it would.
//!
//! A session may be carried out on several machines, of which nothing here knows more than [`Machines`] says; `codec` has
//! what our operators are there, and `elsewhere` what must stay together of their inputs.

mod access;
#[cfg(test)]
mod asking;
mod calls;
mod claims;
#[cfg(feature = "cluster")]
mod codec;
mod copy;
mod damage;
mod dependencies;
mod derived;
#[cfg(feature = "cluster")]
mod elsewhere;
mod engine_errors;
mod global_aggregates;
mod limits;
mod lists;
mod machines;
mod members;
mod mistakes;
mod names;
mod opening;
pub(crate) mod output;
mod parameters;
mod ranks;
mod reach;
mod recordings;
mod refuse;
mod request_arguments;
mod request_count;
mod request_lists;
mod rules;
mod runtime;
mod session;
mod set_comparisons;
pub(crate) mod shipped;
mod sizes;
mod sort_keys;
mod source;
mod spans;
mod statements;
mod steps;
mod stored;
mod streaming;
mod structures;
mod tables;
mod wide;
mod windows;

pub(crate) use access::Access;
#[cfg(feature = "cluster")]
pub(crate) use codec::OperatorCodec;
#[cfg(feature = "cluster")]
pub(crate) use damage::of_system;
#[cfg(feature = "cluster")]
pub(crate) use elsewhere::{Together, make_known, together};
pub(crate) use machines::Machines;
#[cfg(feature = "cluster")]
pub(crate) use machines::Whose;
pub(crate) use names::{Column, Names};
pub(crate) use parameters::choices_in;
#[cfg(feature = "cluster")]
pub(crate) use runtime::Runtime;
pub(crate) use session::Session;
pub(crate) use source::Source;
pub(crate) use statements::is_complete;
