//! The splits of a dataset: in which part to train, validate or test with each request is.
//!
//! The rule is `queries/split.sql`, which `sysds query split` runs too: what it refuses is refused there. Here are the
//! notation of which recordings are in which part ([`Parts`]), the running of the rule ([`Splits::find`]), and the names of
//! the parts ([`names`]). Whoever writes what was split (`publish`) asks [`Splits`] where each request is.

mod find;
pub(crate) mod names;
mod parts;
mod rule;
mod strategy;

pub(crate) use find::{IN_OTHER, Splits};
pub(crate) use parts::Parts;
pub(crate) use rule::SplitRule;
pub(crate) use strategy::SplitStrategy;
