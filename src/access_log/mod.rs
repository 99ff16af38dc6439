//! Apache's access log: which format it must have, what its lines say, and to which requests they belong.
//!
//! A kernel trace shows how a request was served, but not which: the URL is in what was read, which is not traced, and
//! with TLS it is encrypted. Apache knows, and says when each request began and on which connection. So the one idea: a line
//! is given to a request only where connection, process and time leave no other ([`log`](mod@log) says how), and columns
//! are filled only where a request has exactly one line. Nothing is guessed.

mod escapes;
mod line;
mod log;
#[cfg(test)]
mod tests;

pub(crate) use line::parse;
pub(crate) use log::{AccessLog, Tally};

/// The format that is read, as it is written in Apache's configuration.
///
/// Its first word tells it from every other format. `begin` is taken right after the request line has been read. Apache
/// escapes quotes, backslashes and bytes that do not print, so that the request line ends at its quote.
pub(crate) const LOG_FORMAT: &str =
    r#"LogFormat "sysds1 %{begin:usec}t %D %{c}a %{remote}p %P %k %>s %B \"%r\"" sysds"#;

/// Bytes that a line may have. Apache's own limit of a request line is 8190 bytes unless the server raises it, each of which
/// may take 4 here.
pub(crate) const MAX_LINE: usize = 1 << 20;

/// What to do where a log has another format.
pub(crate) fn remedy() -> String {
    format!("Have Apache write it with {LOG_FORMAT} (docs/guide/record.md).")
}
