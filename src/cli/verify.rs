//! `sysds verify`: its options and its output.

use super::terminal::{interrupt_flag, print, print_json};
use crate::dataset::root::Root;
use crate::error::Result;
use crate::publish::verify::{Report, verify};
use crate::shown::{shown, shown_path};
use clap::Args;
use std::fmt::Write;
use std::path::PathBuf;

/// Exit status of what has faults.
const FAULTY: u8 = 1;

/// Checks a release or a dataset that was made here or fetched, and names each fault.
///
/// Checksums, columns against the contract, numbers of rows, order and uniqueness of ids, every request's window in its
/// recording, nested events against their rows in `events`, splits that are disjoint and complete, and that no request
/// is in a part to train, validate or test with that is not complete or was touched by losses. Only regular files are opened, and no link is followed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sysds verify web-1.0.0
  sysds verify web-1.0.0 --json | jq '.faults[].kind'
  sysds verify web

Exit status: 0 no fault, 1 faults, or neither release nor dataset, 130 interrupted.")]
pub(super) struct VerifyArgs {
    /// Folder or URL of the release, or of the dataset
    #[arg(value_name = "RELEASE")]
    release: PathBuf,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// As [`verify`].
pub(super) fn run(args: VerifyArgs) -> Result<u8> {
    let root = Root::named(&args.release)?;
    let interrupted = interrupt_flag()?;
    let report = verify(&root, &interrupted)?;
    match args.json {
        true => print_json(&report)?,
        false => print(&text(&root, &report))?,
    }
    Ok(if report.faults.is_empty() { 0 } else { FAULTY })
}

fn text(root: &Root, report: &Report) -> String {
    let mut text = String::new();
    for fault in &report.faults {
        let _ = writeln!(
            text,
            "{}: {}: {}",
            fault.kind.name(),
            shown(&fault.place),
            shown(&fault.what)
        );
    }
    for (kind, n) in &report.more {
        let _ = writeln!(text, "{}: {n} more", kind.name());
    }
    for remark in &report.remarks {
        let _ = writeln!(text, "remark: {}", shown(remark));
    }
    let more: u64 = report.more.iter().map(|(_, n)| n).sum();
    let found = match report.faults.len() as u64 + more {
        0 => "no fault".to_owned(),
        1 => "1 fault".to_owned(),
        n => format!("{n} faults"),
    };
    let _ = writeln!(
        text,
        "{}: {} {}, {} files, {} rows: {found}",
        shown_path(root.path()),
        if report.release {
            "version"
        } else {
            "a dataset of format version"
        },
        shown(&report.version),
        report.files,
        report.rows
    );
    text
}
