//! Reading from the terminal: lines are edited by rustyline, which is told here what completes a word and what ends a
//! statement.

use super::commands::is_command;
use super::complete::Completion;
use super::history;
use super::pager::Screen;
use crate::error::{Error, Result};
use crate::query::{Names, is_complete};
use rustyline::completion::{Completer, Pair};
use rustyline::error::{ReadlineError, Signal};
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::FileHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Helper};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Statements that are kept.
const KEPT: usize = 2000;

/// What stands before what is typed.
const PROMPT: &str = "sysds> ";

/// Reads from the terminal.
pub(super) struct Editor {
    lines: rustyline::Editor<Rules, FileHistory>,
    history: Option<PathBuf>,
}

impl Editor {
    /// An editor that completes these names. A history that cannot be read is none.
    ///
    /// # Errors
    /// [`Error::Io`] where the terminal cannot be set up.
    pub(super) fn open(names: Names) -> Result<Self> {
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            .max_history_size(KEPT)
            .map_err(wrong)?
            .history_ignore_space(true)
            .auto_add_history(true)
            .build();
        let mut lines = rustyline::Editor::with_config(config).map_err(wrong)?;
        let completion = Completion::new(names);
        lines.set_helper(Some(Rules { completion }));
        let history = history::file();
        if let Some(file) = &history {
            let _ = lines.load_history(file);
        }
        Ok(Editor { lines, history })
    }

    /// Completes these names from now on.
    pub(super) fn know(&mut self, names: Names) {
        let completion = Completion::new(names);
        self.lines.set_helper(Some(Rules { completion }));
    }

    /// What is typed next: whole statements, or a command; nothing where Ctrl-C took it back. `None` at the end.
    ///
    /// # Errors
    /// [`Error::Io`] where the terminal cannot be read.
    pub(super) fn read(&mut self) -> Result<Option<String>> {
        match self.lines.readline(PROMPT) {
            Ok(text) => {
                self.keep();
                Ok(Some(text))
            }
            Err(ReadlineError::Interrupted | ReadlineError::Signal(Signal::Interrupt)) => {
                Ok(Some(String::new()))
            }
            Err(ReadlineError::Eof) => Ok(None),
            // Not UTF-8: what was typed is lost, and one types again.
            Err(ReadlineError::Io(e)) if e.kind() == ErrorKind::InvalidData => {
                Ok(Some(String::new()))
            }
            Err(e) => Err(wrong(e)),
        }
    }

    /// Keeps what was typed before it runs, since that may end the process. Where it cannot be kept, nothing is lost but
    /// that.
    fn keep(&mut self) {
        if let Some(file) = &self.history {
            history::make_folder(file);
            let _ = self.lines.append_history(file);
        }
    }

    /// The size of the terminal; `None` where it can do nothing but print.
    pub(super) fn screen(&mut self) -> Option<Screen> {
        if std::env::var_os("TERM").is_none_or(|term| term == "dumb") {
            return None;
        }
        let (columns, rows) = self.lines.dimensions()?;
        Some((usize::from(columns), usize::from(rows)))
    }
}

fn wrong(e: ReadlineError) -> Error {
    let e = match e {
        ReadlineError::Io(e) => e,
        other => io::Error::other(other.to_string()),
    };
    Error::io("read", Path::new("the terminal"))(e)
}

/// What rustyline asks.
struct Rules {
    completion: Completion,
}

impl Completer for Rules {
    type Candidate = Pair;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<Pair>)> {
        let (start, found) = self.completion.at(line, pos);
        let pairs = found.into_iter().map(|candidate| Pair {
            display: candidate.shown,
            replacement: candidate.text,
        });
        Ok((start, pairs.collect()))
    }
}

impl Validator for Rules {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let text = context.input();
        Ok(match is_command(text) || is_complete(text) {
            true => ValidationResult::Valid(None),
            false => ValidationResult::Incomplete,
        })
    }
}

impl Hinter for Rules {
    type Hint = String;
}

impl Highlighter for Rules {}

impl Helper for Rules {}
