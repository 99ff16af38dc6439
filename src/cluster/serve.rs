//! An executor: a process that waits for parts of plans.

use super::channels::reason;
use super::session::Sessions;
use super::watched::Watching;
use super::{panics, version};
use crate::error::{Error, Result};
use crate::query::Runtime;
use datafusion_distributed::Worker;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

/// How often a silent connection is asked whether the other end is there.
const ALIVE: Duration = Duration::from_secs(20);

/// Carries out parts of plans that come to the address `listen`, in so many bytes of memory, until `interrupted` is set.
///
/// # Errors
/// [`Error::Cluster`] where the address cannot be had, [`Error::Io`] where the system gives no threads.
pub(crate) fn serve(
    listen: &str,
    memory: Option<usize>,
    interrupted: Arc<AtomicBool>,
) -> Result<()> {
    panics::watch();
    let runtime = Runtime::start(memory, interrupted)?;
    let environment = runtime.environment();
    let served = runtime.wait(async {
        let bound = TcpListener::bind(listen).await;
        let listener = bound.map_err(|e| no_port(listen, &e))?;
        let at = listener.local_addr();
        let at = at.map_err(|e| no_port(listen, &e))?;
        let worker = Worker::from_session_builder(Sessions::new(at.to_string()))
            .with_runtime_env(environment)
            .with_version(version::own());
        crate::say!("executor of sysds {} at {at}", env!("CARGO_PKG_VERSION"));
        Server::builder()
            .http2_keepalive_interval(Some(ALIVE))
            .layer(Watching)
            .add_service(worker.into_worker_server())
            .serve_with_incoming(TcpListenerStream::new(listener))
            .await
            .map_err(|e| no_port(listen, &e))
    });
    match served {
        // That is how it ends.
        Err(Error::Interrupted) => Ok(()),
        Err(e) => Err(e),
        Ok(served) => served,
    }
}

fn no_port(listen: &str, e: &dyn std::error::Error) -> Error {
    Error::Cluster {
        what: format!("{listen}: cannot listen there: {}", reason(e)),
        remedy: "Name an address of this machine, and a port that is free; port 0 takes any: --listen 127.0.0.1:0"
            .to_owned(),
    }
}
