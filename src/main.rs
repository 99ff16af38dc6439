//! The `sysds` program: runs a command, explains an error on stderr, gives the exit status.

use clap::Parser;
use std::process::ExitCode;
use sysds::cli::{Cli, run};

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(status) => ExitCode::from(status),
        Err(e) => {
            eprintln!("error: {e}");
            let remedy = e.remedy();
            if !remedy.is_empty() {
                eprintln!("  help: {remedy}");
            }
            ExitCode::from(e.exit_status())
        }
    }
}
