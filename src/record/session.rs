//! An LTTng session that ends with this process, however that ends.
//!
//! LTTng's sessions live in its daemon: one that is left behind goes on tracing, takes the memory of its buffers, and
//! fills the disk. So there are three nets:
//! 1. The [`Session`] is destroyed when it is dropped, after every error and panic; signals end a recording in order.
//! 2. A watchdog, a shell in a process group of its own, reads from a pipe that closes when this process is gone (killed
//!    by SIGKILL, or by a second Ctrl-C): it then stops load and noise and destroys the session.
//! 3. A session's name tells its process. Where the watchdog is killed too (with the whole control group, say), the next
//!    recording destroys the sessions whose processes are no more.

use super::lttng::{LIST, Lost, lost, lttng, sessions};
use crate::error::{Error, Result};
use crate::process::owner::{Life, Owner};
use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// What the names of sessions begin with; then comes the owner.
const PREFIX: &str = "sysds-";
/// What the watchdog runs: `$1` is the session; its orders come line by line.
const WATCH: &str = "\
trap '' HUP INT TERM QUIT
groups=
while read -r order value; do
    case $order in
        group) groups=\"$groups -$value\" ;;
        done) exit 0 ;;
    esac
done
for group in $groups; do kill -s TERM -- \"$group\" 2>/dev/null; done
for try in 1 2 3; do
    lttng --no-sessiond destroy \"$1\" && exit 0
    sleep 1
done";

/// A session that is destroyed when it is dropped.
pub(super) struct Session {
    /// Its name.
    pub name: String,
    verbose: bool,
    watchdog: Option<Child>,
    exists: bool,
}

impl Session {
    /// Creates a session that writes to `dir`.
    ///
    /// # Errors
    /// [`Error::Tracer`], and [`Error::Io`] where the watchdog cannot be started.
    pub(super) fn create(dir: &Path, verbose: bool) -> Result<Session> {
        let name = session_of(&Owner::current());
        let watchdog = Command::new("sh")
            .args(["-c", WATCH, "sysds-watchdog", &name])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(Error::io("run", Path::new("sh")))?;
        // From here on its drop has to try: a create that fails may have created it.
        let session = Session {
            name,
            verbose,
            watchdog: Some(watchdog),
            exists: true,
        };
        let output = format!("--output={}", dir.display());
        session.lttng(&["create", &session.name, &output])?;
        Ok(session)
    }

    /// Runs `lttng` with these words.
    ///
    /// # Errors
    /// [`Error::Tracer`].
    pub(super) fn lttng(&self, words: &[&str]) -> Result<String> {
        lttng(words, self.verbose)
    }

    /// Tells the watchdog of a process group that is to end with this process.
    pub(super) fn watch(&mut self, group: u32) {
        self.order(&format!("group {group}\n"));
    }

    /// Stops tracing, waits until all is written, asks what was lost, and destroys the session.
    ///
    /// # Errors
    /// [`Error::Tracer`]; the session is destroyed all the same, or the error says that it could not be.
    pub(super) fn end(mut self) -> Result<Lost> {
        self.lttng(&["stop", &self.name])?;
        let text = self.lttng(&[&LIST[..], &[&self.name]].concat())?;
        let lost = lost(&text).ok_or_else(|| {
            Error::tracer(
                format!(
                    "`lttng {} {}` does not tell what was lost",
                    LIST.join(" "),
                    self.name
                ),
                "This version of LTTng is not known here: please report its output.",
            )
        })?;
        self.destroy()?;
        Ok(lost)
    }

    fn destroy(&mut self) -> Result<()> {
        self.lttng(&["destroy", &self.name])?;
        self.exists = false;
        self.order("done\n");
        if let Some(mut watchdog) = self.watchdog.take() {
            drop(watchdog.stdin.take());
            let _ = watchdog.wait();
        }
        Ok(())
    }

    fn order(&mut self, line: &str) {
        let pipe = self.watchdog.as_mut().and_then(|w| w.stdin.as_mut());
        if let Some(pipe) = pipe {
            // A watchdog that was killed is no reason to stop: the other nets hold.
            let _ = pipe.write_all(line.as_bytes());
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.exists {
            return;
        }
        if self.destroy().is_ok() {
            return;
        }
        match self.lttng(&LIST).map(|text| sessions(&text)) {
            Ok(names) if !names.contains(&self.name) => self.order("done\n"),
            // The watchdog tries again when the pipe closes.
            _ => crate::say!(
                "warning: the LTTng session {} could not be destroyed; last tries follow in the background, else: lttng destroy {}",
                self.name,
                self.name
            ),
        }
    }
}

/// Destroys the sessions of recordings whose processes are no more, and gives their names.
///
/// # Errors
/// [`Error::Tracer`].
pub(super) fn destroy_abandoned(verbose: bool) -> Result<Vec<String>> {
    let mut destroyed = Vec::new();
    for name in sessions(&lttng(&LIST, verbose)?) {
        if is_abandoned(&name) {
            lttng(&["destroy", &name], verbose)?;
            destroyed.push(name);
        }
    }
    Ok(destroyed)
}

/// The name of the session of a process.
fn session_of(owner: &Owner) -> String {
    format!("{PREFIX}{owner}")
}

/// Whether a session belongs to a recording whose process has ended. LTTng's daemon does not outlive a boot.
fn is_abandoned(session: &str) -> bool {
    let owner = session.strip_prefix(PREFIX).and_then(Owner::parse);
    owner.is_some_and(|owner| owner.life() == Life::Ended)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::owner;

    #[test]
    fn only_sessions_of_processes_that_have_ended_are_abandoned() {
        assert!(is_abandoned(&session_of(&owner::ended())));
        assert!(!is_abandoned(&session_of(&Owner::current())));
        assert!(!is_abandoned(&session_of(&owner::elsewhere())));
        for other in ["web", "sysds-1-2", "sysds-1-2-3", "sysds-web-1-2-3"] {
            assert!(!is_abandoned(other), "{other}");
        }
    }
}
