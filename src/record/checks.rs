//! What a recording needs, looked at before anything is begun: each thing that is missing is named with its remedy.

use super::lttng::{lttng, version};
use crate::dataset::record_metadata::Machine;
use crate::error::{Error, Result};
use crate::process::machine;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Bytes that a disk must have free, to begin and to go on.
pub(super) const KEEP_FREE: u64 = 256 << 20;
/// How long a daemon may take to start.
const PATIENCE: Duration = Duration::from_secs(15);

/// The machine, and the memory in bytes that is available on it.
///
/// # Errors
/// [`Error::Tracer`] where the `lttng` command is missing.
pub(super) fn machine() -> Result<(Machine, u64)> {
    let text = lttng(&["--version"], false)?;
    let meminfo = told("/proc/meminfo")?;
    let machine = Machine {
        sysds: env!("CARGO_PKG_VERSION").to_owned(),
        lttng: version(&text).unwrap_or(text.trim()).to_owned(),
        kernel: told("/proc/sys/kernel/osrelease")?.trim().to_owned(),
        cpus: cpus(&told("/sys/devices/system/cpu/possible")?),
        memory_bytes: memory(&meminfo, "MemTotal:"),
    };
    Ok((machine, memory(&meminfo, "MemAvailable:")))
}

/// What the system says in a file of its own; nothing where it has no such file.
fn told(path: impl AsRef<Path>) -> Result<String> {
    let path = path.as_ref();
    match fs::read_to_string(path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(String::new()),
        text => text.map_err(Error::io("read", path)),
    }
}

/// Checks the rights, the kernel modules, and the daemon, which is started where root finds none.
///
/// # Errors
/// [`Error::Tracer`] for the first that is missing.
pub(super) fn check(verbose: bool) -> Result<()> {
    let root = rights(&told("/proc/self/status")?, &told("/etc/group")?)?;
    let release = told("/proc/sys/kernel/osrelease")?;
    modules(Path::new("/"), release.trim())?;
    daemon(root, verbose)
}

/// Whether the process is root's; else it must be in the group `tracing`.
fn rights(status: &str, groups: &str) -> Result<bool> {
    let field = |name: &str| status.lines().find_map(|l| l.strip_prefix(name));
    let effective = field("Uid:").and_then(|ids| ids.split_whitespace().nth(1));
    if effective == Some("0") {
        return Ok(true);
    }
    let tracing = groups.lines().find_map(|l| l.strip_prefix("tracing:"));
    let tracing = tracing.and_then(|rest| rest.split(':').nth(1));
    let mut own = field("Groups:").unwrap_or_default().split_whitespace();
    match tracing {
        Some(id) if own.any(|g| g == id) => Ok(false),
        _ => Err(Error::tracer(
            "no right to trace the kernel: neither root nor in the group tracing",
            "Use sudo, or join the group and log in anew: sudo usermod -aG tracing $USER (sudo groupadd -r tracing, where it is missing).",
        )),
    }
}

/// Whether the kernel `release` has LTTng's modules, in the file system below `root`.
fn modules(root: &Path, release: &str) -> Result<()> {
    let has = |path: &str, words: &str| Ok(told(root.join(path))?.contains(words));
    let installed = format!("lib/modules/{release}/modules.dep");
    let built_in = format!("lib/modules/{release}/modules.builtin");
    if has("proc/modules", "lttng_tracer ")?
        || has(&installed, "/lttng-tracer.ko")?
        || has(&built_in, "/lttng-tracer.ko")?
    {
        return Ok(());
    }
    Err(Error::tracer(
        format!("the kernel {release} has no LTTng modules (lttng-tracer)"),
        "Install them with the kernel's headers: apt-get install linux-headers-$(uname -r) lttng-modules-dkms; lab/provision says what to do where they do not build.",
    ))
}

/// Whether a session daemon answers, after starting one where there is none and `root` may.
fn daemon(root: bool, verbose: bool) -> Result<()> {
    const ASK: [&str; 2] = ["--no-sessiond", "list"];
    let first = match lttng(&ASK, verbose) {
        Ok(_) => return Ok(()),
        Err(e) => e,
    };
    if !root {
        return Err(first);
    }
    // One that is just starting holds the lock, and this one then ends: whichever it is will answer.
    let started = Command::new("lttng-sessiond")
        .arg("--daemonize")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    if started.is_err() {
        return Err(Error::tracer(
            "lttng-sessiond is missing",
            "Install it (on Debian and Ubuntu: apt-get install lttng-tools).",
        ));
    }
    let begun = Instant::now();
    loop {
        match lttng(&ASK, verbose) {
            Ok(_) => return Ok(()),
            Err(e) if begun.elapsed() > PATIENCE => return Err(e),
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}

/// Bytes that the file system of `dir` has for this user.
///
/// # Errors
/// [`Error::Io`].
pub(super) fn free(dir: &Path) -> Result<u64> {
    machine::free_disk(dir).map_err(Error::io("read", dir))
}

/// Whether the disk of `dir` has room.
///
/// # Errors
/// [`Error::Tracer`] where it has not, [`Error::Io`].
pub(super) fn disk(dir: &Path) -> Result<()> {
    let free = free(dir)?;
    match free < KEEP_FREE {
        false => Ok(()),
        true => Err(Error::tracer(
            format!("{}: only {} MiB free", dir.display(), free >> 20),
            "Free some space, or record to another disk with -o: under load a trace grows by some MB a second.",
        )),
    }
}

/// How many CPUs `0-3,8` are; at least one.
fn cpus(list: &str) -> u64 {
    let ranges = list.trim().split(',').filter_map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        Some(last.parse::<u64>().ok()? + 1 - first.parse::<u64>().ok()?)
    });
    ranges.sum::<u64>().max(1)
}

fn memory(meminfo: &str, field: &str) -> u64 {
    let line = meminfo.lines().find_map(|l| l.strip_prefix(field));
    let kib = line.and_then(|l| l.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kib.unwrap_or(0) << 10
}

#[cfg(test)]
mod tests {
    use super::*;

    const GROUPS: &str = "root:x:0:\ntracing:x:997:me\n";

    #[test]
    fn root_and_the_group_tracing_may_record() {
        let status =
            |uid, groups| format!("Name:\tx\nUid:\t1000\t{uid}\t0\t0\nGroups:\t{groups}\n");
        assert!(rights(&status(0, ""), "").unwrap());
        assert!(!rights(&status(1000, "4 997"), GROUPS).unwrap());
        let e = rights(&status(1000, "4 99"), GROUPS).unwrap_err();
        assert!(e.remedy().contains("usermod -aG tracing"), "{}", e.remedy());
        assert!(rights(&status(1000, "4"), "root:x:0:\n").is_err());
    }

    #[test]
    fn modules_may_be_loaded_or_installed() {
        let root = tempfile::tempdir().unwrap();
        let missing = modules(root.path(), "6.1.0-x").unwrap_err();
        assert!(missing.to_string().contains("6.1.0-x has no LTTng modules"));
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        write(
            "lib/modules/6.1.0-x/modules.dep",
            "extra/lttng-tracer.ko: a.ko\n",
        );
        modules(root.path(), "6.1.0-x").unwrap();
        assert!(modules(root.path(), "6.1.0-y").is_err());
        write("proc/modules", "lttng_tracer 2400256 5 - Live 0x0 (O)\n");
        modules(root.path(), "6.1.0-y").unwrap();
    }

    #[test]
    fn cpus_and_memory_are_read_as_the_kernel_writes_them() {
        assert_eq!(
            (cpus("0-1\n"), cpus("0\n"), cpus("0-3,8-9\n"), cpus("")),
            (2, 1, 6, 1)
        );
        assert_eq!(
            memory("MemTotal:  2048 kB\nMemFree: 1 kB\n", "MemTotal:"),
            2 << 20
        );
        assert_eq!(memory("", "MemTotal:"), 0);
    }
}
