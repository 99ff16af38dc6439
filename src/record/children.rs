//! The commands that run during a recording: what is recorded, the load, the noise.

use crate::error::{Error, Result};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// How long a command may take to end after SIGTERM, before SIGKILL.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked at.
const TICK: Duration = Duration::from_millis(20);

/// A command that runs. It is ended when this is dropped.
pub(super) struct Running {
    child: Child,
    /// Whether it has a process group of its own.
    grouped: bool,
    status: Option<ExitStatus>,
}

impl Running {
    /// Starts a line for the shell in a process group of its own, without input.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn shell(line: &str, stdout: Stdio) -> Result<Running> {
        let mut command = Command::new("sh");
        command
            .args(["-c", line])
            .stdin(Stdio::null())
            .stdout(stdout);
        let child = command.process_group(0).spawn();
        Ok(Running {
            child: child.map_err(Error::io("run", Path::new("sh")))?,
            grouped: true,
            status: None,
        })
    }

    /// Starts a command that shares the terminal, and so gets its Ctrl-C, with this process.
    ///
    /// # Errors
    /// [`Error::Io`].
    pub(super) fn command(words: &[String]) -> Result<Running> {
        let child = Command::new(&words[0]).args(&words[1..]).spawn();
        Ok(Running {
            child: child.map_err(Error::io("run", Path::new(&words[0])))?,
            grouped: false,
            status: None,
        })
    }

    /// Its process group.
    pub(super) fn group(&self) -> Option<u32> {
        self.grouped.then(|| self.child.id())
    }

    /// Whether it has ended by itself.
    pub(super) fn has_ended(&mut self) -> bool {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status.is_some()
    }

    /// Ends it, if it still runs, and gives its exit status; none where a signal ended it.
    pub(super) fn end(&mut self) -> Option<i32> {
        let was_running = !self.has_ended();
        // What a shell left in the background is in the group, too.
        if was_running || self.grouped {
            self.signal("TERM");
        }
        let begun = Instant::now();
        while !self.has_ended() && begun.elapsed() < PATIENCE {
            std::thread::sleep(TICK);
        }
        if !self.has_ended() {
            self.signal("KILL");
            self.status = self.child.wait().ok();
        }
        self.status.and_then(|s| s.code())
    }

    fn signal(&self, name: &str) {
        let sign = if self.grouped { "-" } else { "" };
        let target = format!("{sign}{}", self.child.id());
        let _ = Command::new("sh")
            .args([
                "-c",
                "kill -s \"$1\" -- \"$2\" 2>/dev/null",
                "sh",
                name,
                &target,
            ])
            .status();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.end();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(running: &mut Running) {
        let begun = Instant::now();
        while !running.has_ended() {
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::sleep(TICK);
        }
    }

    #[test]
    fn exit_statuses_are_told_from_signals() {
        let mut done = Running::shell("exit 3", Stdio::null()).unwrap();
        ended(&mut done);
        assert_eq!(done.end(), Some(3));
        let mut endless = Running::shell("sleep 1000", Stdio::null()).unwrap();
        assert!(!endless.has_ended());
        assert_eq!(endless.end(), None);
        let mut command = Running::command(&["sleep".to_owned(), "1000".to_owned()]).unwrap();
        assert_eq!(command.end(), None);
        assert!(Running::command(&["does-not-exist-here".to_owned()]).is_err());
    }

    #[test]
    fn a_whole_group_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let line = format!("sleep 1000 & echo $! > {}/pid; wait", dir.path().display());
        let mut running = Running::shell(&line, Stdio::null()).unwrap();
        let pid = loop {
            let text = std::fs::read_to_string(dir.path().join("pid")).unwrap_or_default();
            if text.ends_with('\n') {
                break text.trim().to_owned();
            }
            std::thread::sleep(TICK);
        };
        running.end();
        // Its parent is gone, so that whoever reaps it may take a moment.
        let stat = format!("/proc/{pid}/stat");
        let runs = || std::fs::read_to_string(&stat).is_ok_and(|s| !s.contains(") Z "));
        let begun = Instant::now();
        while runs() {
            assert!(begun.elapsed() < Duration::from_secs(20));
            std::thread::sleep(TICK);
        }
    }
}
