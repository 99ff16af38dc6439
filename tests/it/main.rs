//! Tests of the whole program: the real binary on real traces, and what it writes as others read it. One binary, so
//! that DataFusion is linked once.

mod append;
mod bad_input;
mod common;
mod compare;
mod contract;
mod docs;
mod downstream;
mod expected;
mod golden;
mod options;
mod query;
mod record;
mod split;
