//! The `sysds` program: runs a command, explains an error on stderr, gives the exit status.

#![deny(unsafe_code)]
#![deny(clippy::print_stderr, clippy::print_stdout)]

mod allocator;

use clap::Parser;
use std::panic::catch_unwind;
use std::process::ExitCode;
use sysds::cli::{Cli, explain, run};
use sysds::process::threads;

fn main() -> ExitCode {
    raise_open_files();
    let cli = Cli::parse();
    // The message of a panic is the error below; where it happened is for a report.
    std::panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
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

/// Other systems have other limits.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn raise_open_files() {}
