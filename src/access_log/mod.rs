//! Apache's access log: which format it must have, what its lines say, and to which requests they belong.
//!
//! A kernel trace shows how a request was served, but not which: the URL is in what was read, which is not traced, and
//! with TLS it is encrypted. Apache knows, and says when each request began and on which connection. So the one idea: a line
//! is given to a request only where connection, process and time leave no other ([`log`](mod@log) says how), and columns
//! are filled only where a request has exactly one line. Nothing is guessed.

mod escapes;
mod format;
mod line;
mod log;
#[cfg(test)]
mod tests;

pub(crate) use format::{LOG_FORMAT, MAX_LINE};
pub(crate) use line::parse;
pub(crate) use log::{AccessLog, Tally};
