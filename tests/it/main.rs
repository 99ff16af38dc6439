//! Tests of the whole program: the real binary on real traces, and what it writes as others read it.

mod bad_input;
mod common;
mod compare;
mod contract;
mod docs;
mod expected;
mod options;
