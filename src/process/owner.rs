//! Which process a name belongs to.
//!
//! What a process makes for itself (a folder beside its target, an LTTng session) bears an [`Owner`] in its name, so that
//! a later process can tell whether the owner was killed. A number of a process alone says little: it is given again, it means
//! another process in another PID namespace (a container), and it means nothing on another machine that shares the disk.
//! So the owner is the boot, the PID namespace, the number, and the time when the process started.
//!
//! Where the system does not tell one of these (no `/proc`), the owner is taken to be alive: nobody's work is removed by
//! mistake.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// A process; its [`Display`](fmt::Display) form goes into names, and [`Owner::parse`] reads it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owner {
    /// The first 32 bits of the kernel's random id of this boot of this machine.
    boot: u32,
    /// Inode of the PID namespace.
    namespace: u64,
    pid: u32,
    /// Clock ticks from boot to the start of the process.
    start: u64,
}

/// What is known of an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// It runs, or the system does not say: it may be in another PID namespace.
    MayRun,
    /// It has ended.
    Ended,
    /// It ran on another machine, or before this one was booted.
    OtherBoot,
}

impl Owner {
    /// This process.
    pub(crate) fn current() -> Owner {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let pid = std::process::id();
        Owner {
            boot: boot.get(..8).and_then(hexadecimal).unwrap_or(0),
            namespace: namespace().unwrap_or(0),
            pid,
            start: started(pid).ok().flatten().unwrap_or(0),
        }
    }

    /// Reads what [`Display`](fmt::Display) wrote; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Owner> {
        let mut parts = text.split('-');
        let owner = Owner {
            boot: parts.next().and_then(hexadecimal)?,
            namespace: parts.next()?.parse().ok()?,
            pid: parts.next()?.parse().ok()?,
            start: parts.next()?.parse().ok()?,
        };
        parts.next().is_none().then_some(owner)
    }

    /// Whether it may still run.
    pub(crate) fn life(&self) -> Life {
        let own = Owner::current();
        let unknown = [&own, self]
            .iter()
            .any(|o| o.boot == 0 || o.namespace == 0 || o.start == 0);
        if unknown || own == *self {
            return Life::MayRun;
        }
        if own.boot != self.boot {
            return Life::OtherBoot;
        }
        if own.namespace != self.namespace {
            return Life::MayRun;
        }
        match started(self.pid) {
            Ok(start) if start != Some(self.start) => Life::Ended,
            _ => Life::MayRun,
        }
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let Owner {
            boot,
            namespace,
            pid,
            start,
        } = self;
        write!(f, "{boot:08x}-{namespace}-{pid}-{start}")
    }
}

/// When this machine was booted, to a second; `None` where the system does not say.
pub(crate) fn booted() -> Option<SystemTime> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let seconds = stat.lines().find_map(|l| l.strip_prefix("btime "))?;
    let since = Duration::from_secs(seconds.trim().parse().ok()?);
    SystemTime::UNIX_EPOCH.checked_add(since)
}

/// Eight hexadecimal digits.
fn hexadecimal(text: &str) -> Option<u32> {
    let digits = text.len() == 8 && text.bytes().all(|b| b.is_ascii_hexdigit());
    digits.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

fn namespace() -> Option<u64> {
    let link = fs::read_link(Path::new("/proc/self/ns/pid")).ok()?;
    let number = link.to_str()?.strip_prefix("pid:[")?.strip_suffix(']')?;
    number.parse().ok()
}

/// When a process was started: field 22 of its stat, the 20th after the name in parentheses; `None` where there is no such
/// process.
fn started(pid: u32) -> io::Result<Option<u64>> {
    let gone = |e: &io::Error| {
        // The second, where it ends while it is read.
        e.kind() == io::ErrorKind::NotFound
            || e.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
    };
    let stat = match fs::read_to_string(format!("/proc/{pid}/stat")) {
        Err(e) if gone(&e) => return Ok(None),
        stat => stat?,
    };
    let fields = stat.rsplit_once(") ").map(|(_, fields)| fields);
    let start = fields.and_then(|fields| fields.split(' ').nth(19)?.parse().ok());
    start
        .map(Some)
        .ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// A process of this boot and namespace that is no more: no number of Linux is so high.
#[cfg(test)]
pub(crate) fn ended() -> Owner {
    Owner {
        pid: 4_194_305,
        ..Owner::current()
    }
}

/// The first process of this namespace, which runs.
#[cfg(test)]
pub(crate) fn running() -> Owner {
    Owner {
        pid: 1,
        start: started(1).unwrap().unwrap(),
        ..Owner::current()
    }
}

/// A process of another boot or machine.
#[cfg(test)]
pub(crate) fn elsewhere() -> Owner {
    Owner {
        boot: !Owner::current().boot,
        ..Owner::current()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_its_process() {
        let own = Owner::current();
        assert!(own.boot != 0 && own.namespace != 0 && own.start > 0);
        assert_eq!(Owner::parse(&own.to_string()), Some(own.clone()));
        for other in [
            "web",
            "1-2-3",
            "0000000a-2-3",
            "0000000a-1-2-3-4",
            "+000000a-1-2-3",
        ] {
            assert_eq!(Owner::parse(other), None, "{other}");
        }
    }

    #[test]
    fn only_who_is_known_to_be_gone_has_ended() {
        let own = Owner::current();
        assert_eq!(own.life(), Life::MayRun);
        assert_eq!(running().life(), Life::MayRun);
        assert_eq!(ended().life(), Life::Ended);
        let later = Owner {
            start: own.start + 1,
            ..own.clone()
        };
        assert_eq!(
            later.life(),
            Life::Ended,
            "another process with the same number"
        );
        let contained = Owner {
            namespace: 1,
            ..ended()
        };
        assert_eq!(contained.life(), Life::MayRun, "in another PID namespace");
        assert_eq!(elsewhere().life(), Life::OtherBoot);
        let untold = Owner { boot: 0, ..ended() };
        assert_eq!(untold.life(), Life::MayRun);
    }
}
