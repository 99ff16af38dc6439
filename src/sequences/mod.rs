//! Requests as arrays of integers, which models of sequences are trained on.
//!
//! ```text
//!  requests ──► chosen (which, in which part) ──┐
//!                                               ▼      1st pass                  2nd pass
//!  events ──► merged ──► decoded ──► sweep ──► runs ──► counted ──► vocabulary ──► lists ──► shards
//! ```
//!
//! The one idea: events go by once in the order of time, and each request that is under way takes the runs of them that are
//! its own ([`Reach`]), until it ends or has as many as it may have. So the window of every request costs what comes out, no
//! event is joined with anything, and in memory are the requests that are under way. This is done twice: first the words of
//! the training requests are counted, which makes the vocabulary, then all are written. What the first pass counts is what
//! the second writes: a word that training never shows has no code.

mod arguments;
mod chosen;
pub(crate) mod codes;
mod columns;
mod counted;
mod decoded;
mod downstream;
mod lists;
mod making;
mod manifest;
mod merged;
mod options;
mod parts;
mod shards;
mod span;
mod sweep;
mod typed;
mod vocabulary;
mod words;

pub(crate) use making::make;
pub(crate) use manifest::Manifest;
pub(crate) use options::{Control, Kinds, Options, Reach};
