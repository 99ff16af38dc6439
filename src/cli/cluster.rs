//! `sysds cluster`, and the option `--cluster`: the one place that tells a build with the feature `cluster` from one without.

use super::size;
#[cfg(feature = "cluster")]
use super::terminal;
#[cfg(feature = "cluster")]
use crate::cluster;
#[cfg(not(feature = "cluster"))]
use crate::error::Error;
use crate::error::Result;
use crate::query::Machines;
use clap::{Args, Subcommand};
use std::sync::Arc;

/// Carries out queries of other machines.
///
/// Executors have no master and need no list of one another: `sysds query --cluster` names them. Each must find the dataset
/// under the path or URL that the query names, with credentials of its own environment for a store. They know no users: who
/// reaches an executor's port reads every dataset that it may read, so let it listen in a closed network only.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sysds cluster executor --listen 10.0.0.7:50050 --memory 16G
  sysds query latency -d /shared/web --cluster df://10.0.0.7,10.0.0.8,10.0.0.9")]
pub(super) struct ClusterArgs {
    #[command(subcommand)]
    command: ClusterCommand,
}

#[derive(Debug, Subcommand)]
enum ClusterCommand {
    Executor(ExecutorArgs),
}

/// Waits for parts of queries, carries them out, and gives their rows to whoever asked.
///
/// It runs until it is ended by Ctrl-C or SIGTERM. A query that it works for then goes on with the other executors, or ends
/// with an error.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sysds cluster executor
  sysds cluster executor --listen 10.0.0.7:50050 --memory 16G")]
struct ExecutorArgs {
    /// Address and port to listen at; port 0 stands for one that is free, which is said on stderr
    #[arg(long, value_name = "HOST:PORT", default_value = "127.0.0.1:50050")]
    listen: String,
    /// Memory for sorting, grouping and joining, as 512M or 8G (powers of 1024; MB and GB: of 1000); beyond it they go to disk [default: half of what is free]
    #[arg(long, value_name = "SIZE", value_parser = size::memory)]
    memory: Option<usize>,
}

/// Runs the command.
///
/// # Errors
/// [`crate::error::Error::Cluster`] where the address cannot be had; [`crate::error::Error::Usage`] where this build has no
/// cluster.
pub(super) fn run(args: ClusterArgs) -> Result<u8> {
    let ClusterCommand::Executor(args) = args.command;
    serve(args).map(|()| 0)
}

#[cfg(feature = "cluster")]
fn serve(args: ExecutorArgs) -> Result<()> {
    cluster::serve(&args.listen, args.memory, terminal::interrupt_flag()?)
}

#[cfg(not(feature = "cluster"))]
fn serve(args: ExecutorArgs) -> Result<()> {
    let ExecutorArgs { listen, memory } = args;
    drop((listen, memory));
    Err(lacking("sysds cluster"))
}

/// The machines that `--cluster` names, if it was given.
///
/// # Errors
/// [`crate::error::Error::Usage`] where it names none, and where this build has no cluster.
pub(super) fn machines(addresses: Option<&str>) -> Result<Option<Arc<dyn Machines>>> {
    addresses.map(named).transpose()
}

#[cfg(feature = "cluster")]
fn named(addresses: &str) -> Result<Arc<dyn Machines>> {
    cluster::named(addresses)
}

#[cfg(not(feature = "cluster"))]
fn named(_: &str) -> Result<Arc<dyn Machines>> {
    Err(lacking("--cluster"))
}

#[cfg(not(feature = "cluster"))]
fn lacking(what: &str) -> Error {
    Error::usage(
        format!("{what}: this build of sysds has no part for clusters"),
        "Build it with: cargo build --release --features cluster. Without --cluster, this machine answers alone.",
    )
}
