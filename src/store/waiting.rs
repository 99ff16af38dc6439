//! Waiting for a store, in threads that know nothing of asynchronous work.
//!
//! Requests run in two threads of their own. So a thread of DataFusion's can wait for them, too, which could not if the
//! connection were driven by the threads that wait.

use crate::error::{Error, Result};
use crate::process::{threads, warn_once};
use std::future::Future;
use std::path::Path;
use std::sync::OnceLock;
use std::sync::mpsc::{RecvTimeoutError, sync_channel};
use std::time::Duration;
use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that drive connections: they hash, decrypt and copy.
const THREADS: usize = 2;
/// After this time somebody who waits is told so.
const PATIENCE: Duration = Duration::from_secs(3);

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// The threads that drive connections.
///
/// # Errors
/// [`Error::Io`] where the system gives none.
pub(super) fn handle() -> Result<Handle> {
    if let Some(runtime) = RUNTIME.get() {
        return Ok(runtime.handle().clone());
    }
    let build = || {
        Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("store")
            .enable_all()
            .build()
    };
    let none = || std::io::Error::from(rustix::io::Errno::AGAIN);
    // It panics where the system gives one thread and not the next.
    let built = threads::quietly(build).unwrap_or_else(|_| Err(none()));
    let built = built.map_err(Error::io("start", Path::new("threads")))?;
    Ok(RUNTIME.get_or_init(|| built).handle().clone())
}

/// What comes of `work`, which asks the store that is called `whom`.
///
/// # Errors
/// [`Error::Io`] where there are no threads for it, [`Error::Fault`] where it panicked.
pub(super) fn wait<T: Send + 'static>(
    whom: &str,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T> {
    let (tell, told) = sync_channel(1);
    handle()?.spawn(async move {
        let _ = tell.send(work.await);
    });
    loop {
        match told.recv_timeout(PATIENCE) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Timeout) => warn_once(format!("{whom} takes its time to answer")),
            Err(RecvTimeoutError::Disconnected) => {
                let what = "a request to the store ended in a panic".to_owned();
                return Err(Error::Fault { what });
            }
        }
    }
}
