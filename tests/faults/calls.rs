//! The system calls that are made to fail, what each is about, and the errors that it may return on a real machine.
//!
//! Not here is what the kernel never refuses a correct program (`futex`, `rt_sigaction`, `munmap`, `getrandom`, `sched_yield` …), and
//! `brk`, which has no errors: it returns the old end of the heap. `ENOENT` is nowhere: a file that is not there is an
//! answer, no fault, and the other tests ask it.

use libc::{EACCES, EAGAIN, EBUSY, EINTR, EIO, EMFILE, ENOMEM, ENOSPC, ENOSYS, EPERM, EXDEV};

/// A kind of system call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    pub name: &'static str,
    /// The arguments that name files.
    pub about: &'static [Argument],
    /// How it is made to fail.
    pub errors: &'static [i32],
    pub disk: Disk,
}

/// How an argument names a file; each with its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Argument {
    /// A path.
    Path(usize),
    /// A descriptor of a folder, and in the next argument a path in it.
    At(usize),
    /// A descriptor.
    Descriptor(usize),
}

/// Whether a call changes what is on the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disk {
    Never,
    Always,
    /// Where these flags (of `open`) are in this argument.
    WithCreate(usize),
}

use Argument::{At, Descriptor, Path};
use Disk::{Always, Never, WithCreate};

const fn kind(
    name: &'static str,
    about: &'static [Argument],
    errors: &'static [i32],
    disk: Disk,
) -> Kind {
    Kind {
        name,
        about,
        errors,
        disk,
    }
}

/// All of them, by number.
const KINDS: &[(i64, Kind)] = &[
    // Reading and writing.
    (
        libc::SYS_openat,
        kind("openat", &[At(0)], &[EIO, EACCES, EMFILE], WithCreate(2)),
    ),
    (
        libc::SYS_read,
        kind("read", &[Descriptor(0)], &[EIO, EINTR], Never),
    ),
    (
        libc::SYS_pread64,
        kind("pread64", &[Descriptor(0)], &[EIO, EINTR], Never),
    ),
    (
        libc::SYS_readv,
        kind("readv", &[Descriptor(0)], &[EIO, EINTR], Never),
    ),
    (
        libc::SYS_write,
        kind("write", &[Descriptor(0)], &[EIO, ENOSPC, EINTR], Always),
    ),
    (
        libc::SYS_pwrite64,
        kind("pwrite64", &[Descriptor(0)], &[EIO, ENOSPC, EINTR], Always),
    ),
    (
        libc::SYS_writev,
        kind("writev", &[Descriptor(0)], &[EIO, ENOSPC, EINTR], Always),
    ),
    (
        libc::SYS_lseek,
        kind("lseek", &[Descriptor(0)], &[EIO], Never),
    ),
    (
        libc::SYS_fsync,
        kind("fsync", &[Descriptor(0)], &[EIO, ENOSPC], Always),
    ),
    (
        libc::SYS_fdatasync,
        kind("fdatasync", &[Descriptor(0)], &[EIO, ENOSPC], Always),
    ),
    (
        libc::SYS_ftruncate,
        kind("ftruncate", &[Descriptor(0)], &[EIO, ENOSPC], Always),
    ),
    (
        libc::SYS_fallocate,
        kind("fallocate", &[Descriptor(0)], &[EIO, ENOSPC], Always),
    ),
    (
        libc::SYS_copy_file_range,
        kind(
            "copy_file_range",
            &[Descriptor(0), Descriptor(2)],
            &[EIO, ENOSPC, EXDEV],
            Always,
        ),
    ),
    (
        libc::SYS_sendfile,
        kind(
            "sendfile",
            &[Descriptor(1), Descriptor(0)],
            &[EIO, ENOSPC],
            Always,
        ),
    ),
    (
        libc::SYS_close,
        kind("close", &[Descriptor(0)], &[EIO], Never),
    ),
    // Folders and names.
    (
        libc::SYS_mkdir,
        kind("mkdir", &[Path(0)], &[EIO, ENOSPC, EACCES], Always),
    ),
    (
        libc::SYS_mkdirat,
        kind("mkdirat", &[At(0)], &[EIO, ENOSPC, EACCES], Always),
    ),
    (
        libc::SYS_rename,
        kind(
            "rename",
            &[Path(0), Path(1)],
            &[EIO, ENOSPC, EACCES],
            Always,
        ),
    ),
    (
        libc::SYS_renameat,
        kind("renameat", &[At(0), At(2)], &[EIO, ENOSPC, EACCES], Always),
    ),
    (
        libc::SYS_renameat2,
        kind(
            "renameat2",
            &[At(0), At(2)],
            &[EIO, ENOSPC, EACCES, libc::EINVAL],
            Always,
        ),
    ),
    (
        libc::SYS_link,
        kind("link", &[Path(0), Path(1)], &[EIO, EPERM], Always),
    ),
    (
        libc::SYS_linkat,
        kind("linkat", &[At(0), At(2)], &[EIO, EPERM], Always),
    ),
    (
        libc::SYS_symlink,
        kind("symlink", &[Path(1)], &[EIO, EPERM], Always),
    ),
    (
        libc::SYS_unlink,
        kind("unlink", &[Path(0)], &[EIO, EBUSY], Always),
    ),
    (
        libc::SYS_unlinkat,
        kind("unlinkat", &[At(0)], &[EIO, EBUSY], Always),
    ),
    (
        libc::SYS_rmdir,
        kind("rmdir", &[Path(0)], &[EIO, EBUSY], Always),
    ),
    (
        libc::SYS_chmod,
        kind("chmod", &[Path(0)], &[EIO, EPERM], Always),
    ),
    (
        libc::SYS_fchmod,
        kind("fchmod", &[Descriptor(0)], &[EIO, EPERM], Always),
    ),
    (
        libc::SYS_getdents64,
        kind("getdents64", &[Descriptor(0)], &[EIO], Never),
    ),
    (libc::SYS_getcwd, kind("getcwd", &[], &[EACCES], Never)),
    (
        libc::SYS_chdir,
        kind("chdir", &[Path(0)], &[EIO, EACCES], Never),
    ),
    // What a file is.
    (
        libc::SYS_statx,
        kind("statx", &[At(0)], &[EIO, EACCES], Never),
    ),
    (
        libc::SYS_newfstatat,
        kind("newfstatat", &[At(0)], &[EIO, EACCES], Never),
    ),
    (
        libc::SYS_stat,
        kind("stat", &[Path(0)], &[EIO, EACCES], Never),
    ),
    (
        libc::SYS_lstat,
        kind("lstat", &[Path(0)], &[EIO, EACCES], Never),
    ),
    (
        libc::SYS_fstat,
        kind("fstat", &[Descriptor(0)], &[EIO], Never),
    ),
    (libc::SYS_statfs, kind("statfs", &[Path(0)], &[EIO], Never)),
    (
        libc::SYS_fstatfs,
        kind("fstatfs", &[Descriptor(0)], &[EIO], Never),
    ),
    (
        libc::SYS_readlink,
        kind("readlink", &[Path(0)], &[EIO, EACCES], Never),
    ),
    (
        libc::SYS_readlinkat,
        kind("readlinkat", &[At(0)], &[EIO, EACCES], Never),
    ),
    (
        libc::SYS_access,
        kind("access", &[Path(0)], &[EIO, EACCES], Never),
    ),
    (
        libc::SYS_faccessat,
        kind("faccessat", &[At(0)], &[EIO, EACCES], Never),
    ),
    (
        libc::SYS_flock,
        kind("flock", &[Descriptor(0)], &[EIO], Never),
    ),
    // Descriptors, threads, memory.
    (
        libc::SYS_fcntl,
        kind("fcntl", &[Descriptor(0)], &[EMFILE], Never),
    ),
    (
        libc::SYS_dup,
        kind("dup", &[Descriptor(0)], &[EMFILE], Never),
    ),
    (libc::SYS_pipe2, kind("pipe2", &[], &[EMFILE], Never)),
    (
        libc::SYS_socketpair,
        kind("socketpair", &[], &[EMFILE], Never),
    ),
    (libc::SYS_eventfd2, kind("eventfd2", &[], &[EMFILE], Never)),
    (
        libc::SYS_epoll_create1,
        kind("epoll_create1", &[], &[EMFILE], Never),
    ),
    (
        libc::SYS_epoll_ctl,
        kind("epoll_ctl", &[], &[ENOMEM], Never),
    ),
    (
        libc::SYS_memfd_create,
        kind("memfd_create", &[], &[EMFILE], Never),
    ),
    (libc::SYS_clone, kind("clone", &[], &[EAGAIN], Never)),
    (libc::SYS_clone3, kind("clone3", &[], &[EAGAIN], Never)),
    (
        libc::SYS_mmap,
        kind("mmap", &[Descriptor(4)], &[ENOMEM], Never),
    ),
    (libc::SYS_mprotect, kind("mprotect", &[], &[ENOMEM], Never)),
    (libc::SYS_mremap, kind("mremap", &[], &[ENOMEM], Never)),
    (
        libc::SYS_sched_getaffinity,
        kind("sched_getaffinity", &[], &[EPERM], Never),
    ),
];

/// The kind of call that has this number.
pub fn kind_of(number: i64) -> Option<Kind> {
    let found = KINDS.iter().find(|(n, _)| *n == number);
    found.map(|(_, kind)| *kind)
}

/// The numbers of all kinds.
pub fn numbers() -> impl Iterator<Item = i64> {
    KINDS.iter().map(|(number, _)| *number)
}

impl Kind {
    /// Whether it takes memory, or a thread.
    pub fn is_memory(self) -> bool {
        matches!(self.name, "mmap" | "mprotect" | "mremap")
    }
}

/// The name of an error.
pub fn error_name(error: i32) -> &'static str {
    match error {
        EACCES => "EACCES",
        EAGAIN => "EAGAIN",
        EBUSY => "EBUSY",
        EINTR => "EINTR",
        libc::EINVAL => "EINVAL",
        EIO => "EIO",
        EMFILE => "EMFILE",
        ENOMEM => "ENOMEM",
        ENOSPC => "ENOSPC",
        ENOSYS => "ENOSYS",
        EPERM => "EPERM",
        EXDEV => "EXDEV",
        other => panic!("{other} has no name here"),
    }
}
