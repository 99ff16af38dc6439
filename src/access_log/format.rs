//! The format that a log must have.

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
pub(super) fn remedy() -> String {
    format!("Have Apache write it with {LOG_FORMAT} (docs/guide/record.md).")
}
