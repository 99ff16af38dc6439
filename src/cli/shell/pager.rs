//! What the shell shows: on the terminal where it fits, else in a pager.
//!
//! Rows come one by one, and nobody knows before how many and how wide they are. So they are held back until they no
//! longer fit the screen. A pager gets no raw control characters, since what is written here went through
//! [`RowsOut`](crate::cli::terminal::RowsOut) before.

use crate::error::{Error, Result};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

/// What errors call it.
pub(super) const NAME: &str = "the terminal";

/// Lines that stay free below a result: the time, and where one types on.
const BELOW: usize = 2;

/// What `sh` says of a command that it cannot run.
const NO_COMMAND: [i32; 2] = [126, 127];

/// Whether an error says that the reader left.
pub(super) fn is_closed(e: &Error) -> bool {
    matches!(e, Error::Io { path, source, .. }
        if path == Path::new(NAME) && source.kind() == ErrorKind::BrokenPipe)
}

/// Columns and rows of a terminal.
pub(super) type Screen = (usize, usize);

/// Where the text of one statement goes.
pub(super) struct Pager {
    screen: Option<Screen>,
    held: Vec<u8>,
    /// Lines that are whole, and the width of the one that is not.
    lines: usize,
    column: usize,
    out: Out,
    waited: Duration,
}

enum Out {
    /// All is held back.
    Held,
    Terminal,
    Program(Child, ChildStdin),
}

impl Pager {
    /// For a terminal of this size; without one nothing is paged.
    pub(super) fn new(screen: Option<Screen>) -> Self {
        Pager {
            screen,
            held: Vec::new(),
            lines: 0,
            column: 0,
            out: Out::Held,
            waited: Duration::ZERO,
        }
    }

    /// How long a pager had us wait: the time of its reader, not of the query.
    pub(super) fn waited(&self) -> Duration {
        self.waited
    }

    /// Writes out what is held back, and waits until the reader leaves the pager.
    ///
    /// # Errors
    /// [`Error::Io`] where it cannot be written or waited for, [`Error::Usage`] where `$PAGER` cannot be run.
    pub(super) fn close(mut self) -> Result<()> {
        let wrong = |e| Error::io("write", Path::new(NAME))(e);
        match std::mem::replace(&mut self.out, Out::Terminal) {
            Out::Held | Out::Terminal => {
                let mut stdout = io::stdout().lock();
                let written = stdout.write_all(&self.held);
                written.and_then(|()| stdout.flush()).map_err(wrong)
            }
            Out::Program(mut child, stdin) => {
                drop(stdin);
                let status = child.wait().map_err(wrong)?;
                match status.code() {
                    Some(code) if NO_COMMAND.contains(&code) => Err(Error::usage(
                        "the pager that PAGER names cannot be run, and the result is not shown",
                        "Let PAGER name a program that is there, or be cat for none.",
                    )),
                    _ => Ok(()),
                }
            }
        }
    }

    /// Whether what is held back still fits the screen with these bytes.
    fn fits(&mut self, bytes: &[u8]) -> bool {
        let Some((columns, rows)) = self.screen else {
            return true;
        };
        for &byte in bytes {
            match byte {
                b'\n' => (self.lines, self.column) = (self.lines + 1, 0),
                // Bytes of UTF-8 that go on with a character.
                0x80..=0xbf => {}
                _ => self.column += 1,
            }
            if self.column > columns || self.lines + BELOW > rows {
                return false;
            }
        }
        true
    }
}

impl Write for Pager {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if matches!(self.out, Out::Held) {
            let fits = self.fits(bytes);
            if self.screen.is_some() && fits {
                self.held.extend_from_slice(bytes);
                return Ok(bytes.len());
            }
            self.out = match fits {
                true => Out::Terminal,
                false => start().map_or(Out::Terminal, |(child, stdin)| Out::Program(child, stdin)),
            };
            let held = std::mem::take(&mut self.held);
            self.write_all(&held)?;
        }
        match &mut self.out {
            Out::Program(_, stdin) => {
                let begun = Instant::now();
                let written = stdin.write(bytes);
                self.waited += begun.elapsed();
                written
            }
            _ => io::stdout().write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.out {
            Out::Held => Ok(()),
            Out::Program(_, stdin) => stdin.flush(),
            Out::Terminal => io::stdout().flush(),
        }
    }
}

/// Starts `$PAGER`, or `less -S`, which does not break lines. `None` where there is none to be had, or none is wanted: an
/// empty `PAGER`, or `cat`.
fn start() -> Option<(Child, ChildStdin)> {
    let mut command = match std::env::var("PAGER") {
        Ok(wanted) if ["", "cat"].contains(&wanted.trim()) => return None,
        Ok(wanted) => {
            let mut command = Command::new("sh");
            command.args(["-c", &wanted]);
            command
        }
        Err(_) => {
            let mut command = Command::new("less");
            command.arg("-S");
            command
        }
    };
    if std::env::var_os("LESS").is_none() {
        command.env("LESS", "S");
    }
    let mut child = command.stdin(Stdio::piped()).spawn().ok()?;
    let stdin = child.stdin.take()?;
    Some((child, stdin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wider_or_longer_than_the_screen_does_not_fit() {
        let fits = |text: &str| Pager::new(Some((10, 5))).fits(text.as_bytes());
        assert!(fits("äöüäöüäöüä\n2\n3\n"));
        assert!(!fits("1\n2\n3\n4\n"));
        assert!(!fits("12345678901"));
        let mut parts = Pager::new(Some((10, 5)));
        assert!(parts.fits(b"123456789") && parts.fits(b"0\n1") && !parts.fits(b"234567890a"));
        assert!(Pager::new(None).fits(&[b'x'; 1000]));
    }

    #[test]
    fn what_fits_is_held_back_until_the_end() {
        let mut pager = Pager::new(Some((80, 24)));
        pager.write_all(b"a\nb\n").unwrap();
        pager.flush().unwrap();
        assert_eq!(pager.held, b"a\nb\n");
        assert!(matches!(pager.out, Out::Held));
    }
}
