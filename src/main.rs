//! The `sysds` program: runs a command, explains an error on stderr, gives the exit status.

#![deny(unsafe_code)]
#![deny(clippy::print_stderr, clippy::print_stdout)]

mod allocator;

use clap::Parser;
use std::panic::catch_unwind;
use std::process::ExitCode;
use sysds::cli::{Cli, explain, run};
use sysds::process::{ending, threads};

fn main() -> ExitCode {
    give_memory_back();
    raise_open_files();
    if let Err(e) = ending::heed_aborts() {
        sysds::say!("warning: {e}");
    }
    let cli = Cli::parse();
    // The message of a panic is the error below; where it happened is for a report.
    std::panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location()
            && !threads::is_of_values(panic.payload())
        {
            sysds::say!("panicked at {place}");
        }
    }));
    let done = catch_unwind(|| run(cli)).unwrap_or_else(|panic| Err(threads::fault(&*panic)));
    match done {
        Ok(status) => ExitCode::from(status),
        Err(e) => {
            explain(&e);
            ExitCode::from(e.exit_status())
        }
    }
}

/// Has the allocator of glibc give back what is free at the end of its heaps.
///
/// By itself it does so less and less: each large block that is freed raises the size from which blocks get pages of
/// their own, and with it the number of free bytes that a heap keeps, up to 64 MiB each. In a long ingest, where row
/// groups of megabytes come and go in several threads, that made a fifth of its memory. So both are set: to what the
/// first comes to anyway, and to as much as costs no time (128 KiB, the default, cost a twentieth). See mallopt(3).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn give_memory_back() {
    for (number, bytes) in [
        (libc::M_MMAP_THRESHOLD, 32 << 20),
        (libc::M_TRIM_THRESHOLD, 8 << 20),
    ] {
        // SAFETY: it sets a number of the allocator, which locks itself; and there is no other thread yet.
        unsafe { libc::mallopt(number, bytes) };
    }
}

/// Raises the number of files that this process may have open to what it is allowed to: each stream of a trace is a file
/// of its own, and shells give 1,024. See getrlimit(2).
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
fn raise_open_files() {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: both take a pointer to one such structure, which lives here. What they refuse stays as it is.
    unsafe {
        if libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) == 0 {
            limit.rlim_cur = limit.rlim_max;
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit);
        }
    }
}

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_memory_back() {}

/// Other systems have other limits.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn raise_open_files() {}
