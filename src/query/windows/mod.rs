//! Joins of points with the intervals that they are in, as events with the windows of requests: `p BETWEEN first AND last`.
//!
//! Such a join has no equality to hash by but perhaps one of the recording, so that DataFusion would compare every event
//! with every request. Here a rule of the optimizer ([`WindowJoins`]) finds it in the plan of whatever SQL has it, a view of
//! ours or a user's own query, and puts an operator in its place: the rows with intervals are collected and sorted, which is
//! the smaller side, and the points go by in a stream. What is collected tells besides which points are wanted at all, and
//! their scan leaves out the rest.

mod bounds;
mod collected;
pub(super) mod condition;
pub(super) mod exec;
mod group;
mod join_keys;
mod rule;
mod stream;
mod sweep;
#[cfg(test)]
mod tests;

pub(super) use rule::WindowJoins;
