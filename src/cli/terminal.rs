//! The terminal: progress on stderr where a person watches, and the wish to stop.

use crate::error::{Error, Result};
use crate::ingest::Progress;
use crate::process::{ending, threads};
use crate::shown::{json_lines, shown_lines};
use indicatif::{HumanCount, ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde::Serialize;
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use std::io::{BufWriter, IsTerminal, StdoutLock, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A flag that Ctrl-C, SIGTERM and the loss of the terminal set, however often: timeout(1) sends its signal twice. A thread
/// that watches removes what was being written and ends the process, where the work does not end within a second: see
/// [`ending`].
///
/// # Errors
/// [`Error::Io`] where the system refuses signal handlers, or the thread.
pub(super) fn interrupt_flag() -> Result<Arc<AtomicBool>> {
    let flag = flag_of(&[SIGINT, SIGTERM, SIGHUP])?;
    ending::watch(Arc::clone(&flag))?;
    Ok(flag)
}

/// A flag that Ctrl-C sets, however often, for a shell that goes on. SIGTERM, the loss of the terminal and Ctrl-\\ end the
/// process, and the terminal is set again as it is now.
///
/// # Errors
/// As [`interrupt_flag`].
pub(super) fn shell_flag() -> Result<Arc<AtomicBool>> {
    ending::restore_terminal_at_end();
    ending::watch(flag_of(&[SIGTERM, SIGHUP, SIGQUIT])?)?;
    let flag = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(SIGINT, Arc::clone(&flag))
        .map_err(Error::io("handle signals of", Path::new("this process")))?;
    Ok(flag)
}

/// A flag that those and Ctrl-\\ set, for work that takes its time to end and keeps what it has: nothing watches, and a second
/// signal ends the process at once, if it comes [`TWICE`] after the first or later.
///
/// # Errors
/// [`Error::Io`] where the system refuses signal handlers, or a thread.
pub(super) fn ending_flag() -> Result<Arc<AtomicBool>> {
    let signals = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];
    let late = Arc::new(AtomicBool::new(false));
    for signal in heeded(&signals) {
        signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&late))
            .map_err(Error::io("handle signals of", Path::new("this process")))?;
    }
    let flag = flag_of(&signals)?;
    let first = Arc::clone(&flag);
    threads::spawn("signals", move || {
        while !first.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(50));
        }
        std::thread::sleep(TWICE);
        late.store(true, Ordering::Relaxed);
    })?;
    Ok(flag)
}

/// Within this time, signals are one wish.
const TWICE: Duration = Duration::from_secs(1);

fn flag_of(signals: &[i32]) -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    for signal in heeded(signals) {
        signal_hook::flag::register(signal, Arc::clone(&flag))
            .map_err(Error::io("handle signals of", Path::new("this process")))?;
    }
    Ok(flag)
}

/// Those of the signals that this process is to heed: who started it with nohup(1) wants it to outlive the terminal.
fn heeded(signals: &[i32]) -> impl Iterator<Item = i32> {
    let ignored = std::fs::read_to_string("/proc/self/status").ok();
    let ignored = ignored.and_then(|status| {
        let mask = status.lines().find_map(|l| l.strip_prefix("SigIgn:"))?;
        u64::from_str_radix(mask.trim(), 16).ok()
    });
    let ignored = ignored.unwrap_or_default();
    let signals = signals.iter().copied();
    signals.filter(move |&signal| signal != SIGHUP || ignored >> (SIGHUP - 1) & 1 == 0)
}

/// Prints `text`, for a person, on stdout: what strangers wrote in it cannot command the terminal (see [`crate::shown`]).
/// A reader that has gone away (`| head`) is no error.
///
/// # Errors
/// [`Error::Io`] where stdout cannot be written.
pub(super) fn print(text: &str) -> Result<()> {
    print_as_it_is(&shown_lines(text))
}

/// Prints `value` as JSON on stdout, with the same values whatever the terminal may make of them.
///
/// # Errors
/// As [`print()`].
pub(super) fn print_json(value: &impl Serialize) -> Result<()> {
    let json = serde_json::to_string_pretty(value).expect("reports are JSON");
    print_as_it_is(&(json_lines(&json) + "\n"))
}

/// Prints `text` on stdout without a change: it is this program's own, or fit for a terminal already.
///
/// # Errors
/// As [`print()`].
pub(super) fn print_as_it_is(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    let result = out.write_all(text.as_bytes()).and_then(|()| out.flush());
    match result {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Error::io("write", Path::new("stdout"))),
    }
}

/// Prints rows that are written already, as [`rows_out`] does.
///
/// # Errors
/// As [`print()`].
pub(super) fn print_rows(rows: &[u8]) -> Result<()> {
    let mut out = rows_out();
    match out.write_all(rows).and_then(|()| out.flush()) {
        Err(e) if e.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(Error::io("write", Path::new("stdout"))),
    }
}

/// Standard output for rows. To a terminal, hidden characters of a stranger go as escapes; to a file or a program all
/// goes as it is.
pub(super) fn rows_out() -> RowsOut<BufWriter<StdoutLock<'static>>> {
    let stdout = std::io::stdout();
    RowsOut {
        shown: stdout.is_terminal(),
        rest: Vec::new(),
        out: BufWriter::with_capacity(1 << 16, stdout.lock()),
    }
}

/// See [`rows_out`].
pub(super) struct RowsOut<W> {
    shown: bool,
    /// Bytes of a character whose end is not written yet.
    rest: Vec<u8>,
    out: W,
}

impl<W> RowsOut<W> {
    /// To what ends on a terminal.
    pub(super) fn shown(out: W) -> Self {
        RowsOut {
            shown: true,
            rest: Vec::new(),
            out,
        }
    }

    /// Where the rows went.
    pub(super) fn into_inner(self) -> W {
        self.out
    }
}

impl<W: Write> Write for RowsOut<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if !self.shown {
            return self.out.write(bytes);
        }
        self.rest.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.rest) {
            Err(e) if e.error_len().is_none() => e.valid_up_to(),
            _ => self.rest.len(),
        };
        let text = String::from_utf8_lossy(&self.rest[..whole]);
        self.out.write_all(shown_lines(&text).as_bytes())?;
        self.rest.drain(..whole);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

/// Shows how far an ingest is, on a terminal.
pub(super) struct Meter {
    bar: ProgressBar,
    started: Instant,
}

impl Meter {
    /// A meter; hidden where `quiet`, or where stderr is no terminal.
    pub(super) fn new(quiet: bool) -> Self {
        let target = match quiet || !std::io::stderr().is_terminal() {
            true => ProgressDrawTarget::hidden(),
            false => ProgressDrawTarget::stderr(),
        };
        let bar = ProgressBar::with_draw_target(Some(0), target);
        let style = ProgressStyle::with_template(
            "{bar:24} {bytes}/{total_bytes}, {msg}, {elapsed} gone, {eta} left",
        );
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        Meter {
            bar,
            started: Instant::now(),
        }
    }

    /// Shows how far the ingest is.
    pub(super) fn show(&mut self, progress: Progress) {
        if self.bar.is_hidden() {
            return;
        }
        let rate = progress.events as f64 / self.elapsed().max(1e-3);
        self.bar.set_length(progress.total_bytes);
        self.bar.set_position(progress.bytes);
        let recordings = match progress.recordings {
            0 | 1 => String::new(),
            all => format!(", {} of {all} recordings", progress.done),
        };
        self.bar.set_message(format!(
            "{} events, {}/s{recordings}",
            HumanCount(progress.events),
            HumanCount(rate as u64)
        ));
    }

    /// Shows how many rows of how many are written.
    pub(super) fn show_rows(&mut self, done: u64, total: u64) {
        if self.bar.is_hidden() {
            return;
        }
        let style =
            ProgressStyle::with_template("{bar:24} {human_pos}/{human_len} rows, {elapsed} gone");
        self.bar
            .set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        self.bar.set_length(total);
        self.bar.set_position(done);
    }

    /// Wipes it away.
    pub(super) fn clear(&mut self) {
        self.bar.finish_and_clear();
    }

    /// Seconds since it was made.
    pub(super) fn elapsed(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_reach_a_terminal_without_hidden_characters_and_others_as_they_are() {
        for (shown, expected) in [
            (true, "a\\u{1b}b\\u{202e}ü\n"),
            (false, "a\u{1b}b\u{202e}ü\n"),
        ] {
            let (rest, out) = (Vec::new(), Vec::new());
            let mut rows = RowsOut { shown, rest, out };
            for byte in "a\u{1b}b\u{202e}ü\n".bytes() {
                rows.write_all(&[byte]).unwrap();
            }
            assert_eq!(String::from_utf8(rows.out).unwrap(), expected);
        }
    }
}
