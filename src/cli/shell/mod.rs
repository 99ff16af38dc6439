//! The shell of `sysds query`: statements and a few commands, read from a terminal until one leaves it.
//!
//! What is wrong with a statement is said, and the next one is read; Ctrl-C ends a statement and not the shell. SQL may do
//! here what it may do elsewhere, and no more. What a statement makes (views, tables, settings) stays until the end.

mod commands;
mod complete;
mod describe;
mod editor;
mod history;
mod pager;
mod place;

use super::hints::explain;
use super::script;
use super::terminal::RowsOut;
use crate::error::{Error, Result};
use crate::query::output::{Format, TextOutput};
use crate::query::{Session, Source};
use commands::{COMMANDS, Typed};
use editor::Editor;
use pager::{Pager, Screen};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::Instant;

/// What errors call the SQL that was typed.
const TYPED: &str = "input";

/// Whether a person sits at both ends.
pub(super) fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// What the shell keeps from one statement to the next.
struct Shell {
    session: Session,
    format: Format,
    timing: bool,
    screen: Option<Screen>,
}

/// Reads and runs what is typed, until it ends.
///
/// # Errors
/// [`Error::Io`] where the terminal cannot be read, or the system gives no thread.
pub(super) fn run(session: Session, format: Format) -> Result<()> {
    let mut editor = Editor::open(session.names())?;
    let mut shell = Shell {
        session,
        format,
        timing: true,
        screen: None,
    };
    let version = env!("CARGO_PKG_VERSION");
    crate::say!("sysds {version}: SQL, ended by a semicolon; \\? for help, \\q to leave");
    while let Some(text) = editor.read()? {
        shell.screen = editor.screen();
        shell.session.resume()?;
        let done = match commands::parse(&text) {
            Ok(Typed::Quit) => break,
            Ok(typed) => shell.obey(typed),
            Err(e) => Err(e),
        };
        match done {
            Err(Error::Interrupted) => crate::say!("stopped"),
            Err(e) => explain(&e),
            Ok(false) => {}
            // A statement may have made a table or a view.
            Ok(true) => editor.know(shell.session.names()),
        }
    }
    Ok(())
}

impl Shell {
    /// Does what was typed; whether it was SQL.
    fn obey(&mut self, typed: Typed<'_>) -> Result<bool> {
        match typed {
            Typed::Nothing | Typed::Quit => {}
            Typed::Help => self.show(&help())?,
            Typed::Describe(None) => self.show(&describe::tables(&self.session))?,
            Typed::Describe(Some(name)) => self.show(&describe::columns(&self.session, name)?)?,
            Typed::Queries(None) => self.show(&script::list()?)?,
            Typed::Queries(Some(name)) => self.show(&describe::query(name)?)?,
            Typed::Timing(wanted) => {
                self.timing = wanted.unwrap_or(!self.timing);
                let state = if self.timing { "on" } else { "off" };
                crate::say!("timing is {state}");
            }
            Typed::Run(name, values) => {
                self.sql(&script::named(&name)?, &values)?;
                return Ok(true);
            }
            Typed::Sql(text) => {
                let source = Source {
                    name: TYPED.to_owned(),
                    text: text.to_owned(),
                };
                self.sql(&source, &[])?;
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn sql(&self, source: &Source, given: &[(String, String)]) -> Result<()> {
        let begun = Instant::now();
        let out = RowsOut::shown(Pager::new(self.screen));
        let mut output = TextOutput::new(self.format, out, pager::NAME);
        let ran = self.session.run(source, given, &mut output);
        let took = begun.elapsed();
        // What is held back first, and the pager has the terminal until its reader leaves.
        let pager = output.into_inner().into_inner();
        let waited = pager.waited();
        pager.close()?;
        match ran {
            // Whoever leaves the pager has seen enough.
            Err(e) if pager::is_closed(&e) => Ok(()),
            Ok(()) if self.timing => {
                let seconds = took.saturating_sub(waited).as_secs_f64();
                crate::say!("{seconds:.3} s");
                Ok(())
            }
            ran => ran,
        }
    }

    /// Shows a text of several lines.
    fn show(&self, text: &str) -> Result<()> {
        let mut out = RowsOut::shown(Pager::new(self.screen));
        let written = out.write_all(text.as_bytes());
        let closed = out.into_inner().close();
        match written.map_err(Error::io("write", Path::new(pager::NAME))) {
            Err(e) if !pager::is_closed(&e) => Err(e),
            _ => closed,
        }
    }
}

/// How to use the shell.
fn help() -> String {
    let mut text = String::from(
        "SQL runs at the semicolon that ends it, over as many lines as you like. Tab completes names.\n\n",
    );
    let width = COMMANDS.iter().map(|(usage, _)| usage.chars().count());
    let width = width.max().unwrap_or(0);
    for (usage, what) in COMMANDS {
        text.push_str(&format!("{usage:width$}  {what}\n"));
    }
    text.push_str(
        "\nCtrl-C ends the query under way, or takes back what is typed. Ctrl-R searches what was typed before; a line that\n\
         begins with a space is not kept. Ctrl-\\ ends the shell where a query does not end.\n",
    );
    text
}
