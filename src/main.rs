//! The `sysds` program: runs a command, explains an error on stderr, gives the exit status.

#![deny(unsafe_code)]

use clap::Parser;
use std::process::ExitCode;
use sysds::cli::{Cli, run};

fn main() -> ExitCode {
    give_memory_back();
    match run(Cli::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(e) => {
            eprintln!("{}: {e}", e.heading());
            let remedy = e.remedy();
            if !remedy.is_empty() {
                eprintln!("  help: {remedy}");
            }
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

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
fn give_memory_back() {}
