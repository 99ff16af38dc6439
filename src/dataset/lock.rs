//! One at a time changes what stands in a dataset's folder: an advisory lock of the folder itself (flock(2)).
//!
//! It is held while a change is put in place, never while traces are read, so nobody waits long. Readers do not take it:
//! they see the manifest of before or of after.

use crate::error::{Error, Result};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, open, stat};
use rustix::io::Errno;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

/// How often somebody who waits asks again.
const AGAIN: Duration = Duration::from_millis(5);

/// The lock of a dataset's folder; dropped, it is free again, as it is when the process ends.
#[derive(Debug)]
pub(crate) struct Lock {
    _folder: OwnedFd,
}

impl Lock {
    /// Waits for the lock of the folder that stands at `root` when it is had: another may have come there meanwhile.
    /// `go_on` is asked every so often, and may stop it with an error.
    ///
    /// # Errors
    /// [`Error::Io`] where there is no such folder or its file system has no locks, and those of `go_on`.
    pub(crate) fn take(root: &Path, go_on: &dyn Fn() -> Result<()>) -> Result<Lock> {
        let failed = |e: Errno| Error::io("lock", root)(io::Error::from(e));
        loop {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
            let folder = open(root, flags, Mode::empty()).map_err(failed)?;
            match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(Errno::WOULDBLOCK | Errno::INTR) => {
                    go_on()?;
                    std::thread::sleep(AGAIN);
                    continue;
                }
                Err(e) => return Err(failed(e)),
            }
            let (ours, there) = (fstat(&folder).map_err(failed)?, stat(root));
            let there = there.map_err(failed)?;
            if (ours.st_dev, ours.st_ino) == (there.st_dev, there.st_ino) {
                return Ok(Lock { _folder: folder });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn one_at_a_time_has_it_also_where_the_folder_is_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("d");
        std::fs::create_dir(&root).unwrap();
        let (inside, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for number in 0..8 {
                let (inside, most, root) = (&inside, &most, &root);
                scope.spawn(move || {
                    let lock = Lock::take(root, &|| Ok(())).unwrap();
                    let now = inside.fetch_add(1, Ordering::SeqCst) + 1;
                    most.fetch_max(now, Ordering::SeqCst);
                    std::thread::sleep(Duration::from_millis(10));
                    // From the moment when the folder is replaced, the lock is that of the other.
                    inside.fetch_sub(1, Ordering::SeqCst);
                    if number % 2 == 0 {
                        let other = root.with_extension(number.to_string());
                        std::fs::create_dir(&other).unwrap();
                        let swap = RenameFlags::EXCHANGE;
                        renameat_with(CWD, root, CWD, &other, swap).unwrap();
                    }
                    drop(lock);
                });
            }
        });
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn who_waits_can_be_stopped() {
        let dir = tempfile::tempdir().unwrap();
        let held = Lock::take(dir.path(), &|| Ok(())).unwrap();
        let stopped = Lock::take(dir.path(), &|| Err(Error::Interrupted));
        assert!(matches!(stopped, Err(Error::Interrupted)));
        drop(held);
        assert!(Lock::take(dir.path(), &|| Err(Error::Interrupted)).is_ok());
    }
}
