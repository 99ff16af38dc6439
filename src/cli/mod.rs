//! The command line: one file per command, each with its options and the call into the library.

/// A line on stderr, in which names and words of strangers are fit for a terminal (see [`crate::shown`]): for all files of
/// this module.
macro_rules! say {
    ($($words:tt)*) => {
        crate::say!("{}", crate::shown::Shown(format_args!($($words)*)))
    };
}

mod clean;
mod cluster;
mod compact;
mod compare;
mod completions;
mod hints;
mod ingest;
mod ingest_list;
mod inspect;
mod publish;
mod query;
mod reader;
mod record;
mod report;
mod script;
mod select;
mod sequences;
mod shell;
mod size;
mod split;
mod terminal;
mod verify;

use crate::error::Result;
use clap::{CommandFactory, Parser, Subcommand};
pub use hints::explain;

/// Makes publishable Parquet datasets of web requests and system calls out of LTTng kernel traces.
#[derive(Debug, Parser)]
#[command(name = "sysds", version, about, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Record(record::RecordArgs),
    Ingest(ingest::IngestArgs),
    Inspect(inspect::InspectArgs),
    Query(query::QueryArgs),
    Cluster(cluster::ClusterArgs),
    Publish(publish::PublishArgs),
    Verify(verify::VerifyArgs),
    Report(report::ReportArgs),
    Sequences(sequences::SequencesArgs),
    Compare(compare::CompareArgs),
    Compact(compact::CompactArgs),
    Clean(clean::CleanArgs),
    Completions(completions::CompletionsArgs),
    Man(completions::ManArgs),
}

/// Runs the command that the options name; its value is the exit status of a process that did its work.
pub fn run(cli: Cli) -> Result<u8> {
    match cli.command {
        Command::Record(args) => record::run(args),
        Command::Ingest(args) => ingest::run(args),
        Command::Inspect(args) => inspect::run(args),
        Command::Query(args) => query::run(args),
        Command::Cluster(args) => cluster::run(args),
        Command::Publish(args) => publish::run(args),
        Command::Verify(args) => verify::run(args),
        Command::Report(args) => report::run(args),
        Command::Sequences(args) => sequences::run(args),
        Command::Compare(args) => compare::run(args),
        Command::Compact(args) => compact::run(args),
        Command::Clean(args) => clean::run(args),
        Command::Completions(args) => completions::completions(args, Cli::command()),
        Command::Man(args) => completions::man(args, Cli::command()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is longer than help is wide is broken where a shell takes it for two commands.
    #[test]
    fn examples_can_be_copied() {
        for command in Cli::command().get_subcommands() {
            let after = command.get_after_help().map(ToString::to_string);
            for line in after.unwrap_or_default().lines() {
                let is_example = line.starts_with("  ");
                assert!(!is_example || line.chars().count() <= 100, "{line}");
            }
        }
    }
}
