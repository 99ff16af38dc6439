//! The table `syscalls`: a row for each system call, of the two events that are its sides.
//!
//! An exit names its entry, so this could be a join of `events` with itself, which holds millions of rows with their
//! arguments until their others come. But a thread is in one call at a time: in the order of time, an exit's entry is the
//! last one of its thread, and what must be held is an entry for each thread. Here `events` go by once, in that order, and
//! memory does not grow with them. Where partitions part a call, its two sides are left over, and find one another at the end.

pub(super) mod exec;
pub(super) mod layout;
mod members;
mod pairing;
mod read;
mod register;
mod remains;
mod rows;
mod table;
#[cfg(test)]
mod tests;

pub(super) use register::{NAME, register};
