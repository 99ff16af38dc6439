//! What load generators print, as a [`LoadSummary`].
//!
//! wrk2 (and wrk) print a text for people, oha prints JSON with `--output-format json`. What neither prints is the rate
//! that was asked for, so that is read off the command.

mod oha;
mod wrk;

use crate::dataset::record_metadata::LoadSummary;

/// What the output of the load `command` says; nothing where no generator that is known here wrote it.
pub(super) fn summary(command: &str, output: &str) -> Option<LoadSummary> {
    let mut summary = wrk::summary(output).or_else(|| oha::summary(output))?;
    summary.rate_asked = match summary.tool.as_str() {
        "oha" => {
            summary.latency_corrected = has_flag(command, "--latency-correction");
            option(command, "-q", "--query-per-second")
        }
        "wrk2" => option(command, "-R", "--rate"),
        _ => None,
    };
    Some(summary)
}

/// Value of an option with a number, however it is joined to it: `-R15`, `-R 15`, `--rate=15`, `--rate 15`.
fn option(command: &str, short: &str, long: &str) -> Option<f64> {
    let mut words = command.split_whitespace().map(unquoted);
    while let Some(word) = words.next() {
        let joined = word
            .strip_prefix(long)
            .and_then(|rest| rest.strip_prefix('='))
            .or_else(|| word.strip_prefix(short).filter(|_| !word.starts_with("--")));
        match joined {
            Some("") => return number(words.next()?),
            Some(value) => return number(value),
            None if word == long => return number(words.next()?),
            None => {}
        }
    }
    None
}

fn has_flag(command: &str, flag: &str) -> bool {
    command.split_whitespace().map(unquoted).any(|w| w == flag)
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '\''])
}

/// A rate; wrk2 takes `2k` for 2000.
fn number(text: &str) -> Option<f64> {
    let (digits, factor) = match text.strip_suffix(['k', 'K']) {
        Some(digits) => (digits, 1e3),
        None => (text.strip_suffix('M').unwrap_or(text), 1.0),
    };
    let factor = if text.ends_with('M') { 1e6 } else { factor };
    digits.parse::<f64>().ok().map(|n| n * factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_off_the_command() {
        for command in [
            "wrk2 -t2 -c8 -d20s -R15 --latency http://h/",
            "wrk2 -R 15 http://h/",
            "ssh client 'wrk2 --rate 15 http://h/'",
            "wrk2 --rate=15 http://h/",
            "sh -c 'wrk2 http://h/ -R 15'",
        ] {
            assert_eq!(option(command, "-R", "--rate"), Some(15.0), "{command}");
        }
        assert_eq!(option("wrk2 -R2k", "-R", "--rate"), Some(2000.0));
        assert_eq!(option("wrk -c8 http://h/", "-R", "--rate"), None);
        assert_eq!(option("wrk2 -R", "-R", "--rate"), None);
    }

    #[test]
    fn other_output_has_no_summary() {
        assert_eq!(summary("curl http://h/", "<html>"), None);
        assert_eq!(summary("curl http://h/", "{\"requests\": 5}"), None);
        assert_eq!(summary("true", ""), None);
    }
}
