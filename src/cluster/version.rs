//! What an executor says of itself: its version of sysds, and which process it is.
//!
//! A part of a plan names functions and operators that both sides compile in, so both are of one version. The process is
//! told from the one before it at the same address, which had parts of plans that this one knows nothing of.

/// What comes before the version.
const PROGRAM: &str = "sysds";

/// What this process says of itself.
pub(super) fn own() -> String {
    let begun = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let begun = begun.map_or(0, |since| since.as_nanos());
    let process = std::process::id();
    format!("{PROGRAM} {} {process}-{begun}", env!("CARGO_PKG_VERSION"))
}

/// The version in what a process says of itself, if it is one of sysds.
pub(super) fn of(said: &str) -> Option<&str> {
    let mut words = said.split(' ');
    (words.next() == Some(PROGRAM)).then(|| words.next())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_says_its_version() {
        assert_eq!(of(&own()), Some(env!("CARGO_PKG_VERSION")));
        assert_eq!((of(""), of("1.0")), (None, None));
    }
}
