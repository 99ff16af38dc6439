//! A dataset as a release: a folder that one uploads as it is, and that its receiver can check.
//!
//! `rewrite` is what may happen to the values on the way (anonymizing).

pub mod rewrite;
