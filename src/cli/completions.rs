//! `sysds completions` and `sysds man`: what a shell and `man` know of this program, made from the same options that it
//! parses, so that neither can be out of date.

use super::terminal::print_as_it_is;
use crate::error::{Error, Result};
use clap::{Args, Command, ValueEnum};
use std::path::PathBuf;

/// A shell that completes.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Shell {
    /// GNU Bash, with the package bash-completion
    Bash,
    /// Z shell
    Zsh,
    /// fish
    Fish,
}

/// Prints a script with which a shell completes commands, options and their values.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sysds completions bash > ~/.local/share/bash-completion/completions/sysds
  sysds completions zsh > ~/.zfunc/_sysds         # with fpath+=~/.zfunc before compinit in ~/.zshrc
  sysds completions fish > ~/.config/fish/completions/sysds.fish")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// Writes a man page for the program and one for each command.
#[derive(Debug, Args)]
#[command(after_help = "\
Example:
  sysds man -o ~/.local/share/man/man1 && man sysds-ingest")]
pub(super) struct ManArgs {
    /// Folder for the pages; it is made where it is missing, and pages of the same names are replaced
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
}

/// Prints the script for `program`, which holds all options.
///
/// # Errors
/// Where standard output cannot be written.
pub(super) fn completions(args: CompletionsArgs, mut program: Command) -> Result<u8> {
    use clap_complete::{aot, generate};
    let mut script = Vec::new();
    let (command, name) = (&mut program, "sysds");
    match args.shell {
        Shell::Bash => generate(aot::Bash, command, name, &mut script),
        Shell::Zsh => generate(aot::Zsh, command, name, &mut script),
        Shell::Fish => generate(aot::Fish, command, name, &mut script),
    }
    print_as_it_is(&String::from_utf8_lossy(&script))?;
    Ok(0)
}

/// Writes the pages of `program`, which holds all options.
///
/// # Errors
/// Where a page cannot be written.
pub(super) fn man(args: ManArgs, program: Command) -> Result<u8> {
    let folder = &args.output;
    std::fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    clap_mangen::generate_to(program, folder).map_err(Error::io("write in", folder))?;
    Ok(0)
}
