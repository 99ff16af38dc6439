//! What the machine has to give to this process: CPUs, memory within the limits of its control groups, room on
//! its disks.

use std::fs;
use std::io;
use std::path::Path;

/// Where control groups are told of.
const GROUPS: &str = "/sys/fs/cgroup";

/// CPUs that this process may use, for what it is bound to and its control groups allow.
pub fn cpus() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// Bytes that the system has to give, and that the control groups of this process may have at most; `None` where the
/// system does not say.
pub fn available_memory() -> Option<u64> {
    let told = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let available = available(&told("/proc/meminfo"));
    let limit = group_limit(&told("/proc/self/cgroup"), Path::new(GROUPS));
    available.into_iter().chain(limit).min()
}

/// Bytes that the file system of `folder` has for this user. See statvfs(3).
///
/// # Errors
/// Where the system does not say.
pub(crate) fn free_disk(folder: &Path) -> io::Result<u64> {
    let told = rustix::fs::statvfs(folder)?;
    Ok(told.f_bavail.saturating_mul(told.f_frsize))
}

/// What `/proc/meminfo` says.
fn available(meminfo: &str) -> Option<u64> {
    let mut lines = meminfo.lines();
    let kb = lines.find_map(|l| l.strip_prefix("MemAvailable:")?.trim().strip_suffix("kB"));
    kb?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The least that a control group of `/proc/self/cgroup`, or one that it is in, may have.
fn group_limit(own: &str, root: &Path) -> Option<u64> {
    let limits = own.lines().filter_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let (controllers, path) = (fields.next()?, fields.next()?);
        let (root, file) = match controllers {
            "" => (root.to_path_buf(), "memory.max"),
            _ if controllers.split(',').any(|c| c == "memory") => {
                (root.join("memory"), "memory.limit_in_bytes")
            }
            _ => return None,
        };
        let group = root.join(path.trim_start_matches('/'));
        let groups = group.ancestors().take_while(|g| g.starts_with(&root));
        let limit = |group: &Path| {
            fs::read_to_string(group.join(file))
                .ok()?
                .trim()
                .parse()
                .ok()
        };
        groups.filter_map(limit).min()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_what_the_system_says_is_available() {
        let told = "MemTotal:  1000 kB\nMemAvailable:     512 kB\n";
        assert_eq!(available(told), Some(512 << 10));
        assert_eq!(available("MemTotal: 1000 kB\n"), None);
        assert!(available_memory().is_none_or(|bytes| bytes > 0));
    }

    #[test]
    fn the_least_limit_of_all_groups_around_counts() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, limit: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, limit).unwrap();
        };
        let limit = |own: &str| group_limit(own, root.path());
        assert_eq!(limit("0::/a/b\n"), None);
        write("a/b/memory.max", "max\n");
        assert_eq!(limit("0::/a/b\n"), None);
        write("a/memory.max", "2000\n");
        assert_eq!(limit("0::/a/b\n"), Some(2000));
        write("a/b/memory.max", "3000\n");
        assert_eq!(limit("0::/a/b\n"), Some(2000));
        // Version 1 has a tree for each controller.
        write("memory/c/memory.limit_in_bytes", "1500\n");
        assert_eq!(limit("4:cpu,memory:/c/d\n0::/a\n"), Some(1500));
        assert_eq!(limit("4:cpu:/c/d\n0::/\n"), None);
    }
}
