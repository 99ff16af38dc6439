//! Connections to executors, which notice that the other end is gone though it did not say so.

use async_trait::async_trait;
use datafusion::error::{DataFusionError, Result};
use datafusion_distributed::grpc::{BoxCloneSyncChannel, create_worker_client};
use datafusion_distributed::{ChannelResolver, WorkerChannel};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tonic::transport::{Channel, Endpoint};
use url::Url;

/// How long it may take until a connection stands.
pub(super) const CONNECT: Duration = Duration::from_secs(5);
/// How often a silent connection is asked whether it is there, and how long the answer may take.
const ALIVE: Duration = Duration::from_secs(10);

/// Those that stand, by where they go.
#[derive(Clone, Default)]
pub(super) struct Channels {
    open: Arc<Mutex<HashMap<Url, Channel>>>,
}

impl Channels {
    fn known(&self, url: &Url) -> Option<Channel> {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.get(url).cloned()
    }

    /// The connection to an executor.
    ///
    /// # Errors
    /// Where nothing answers there.
    pub(super) async fn channel(&self, url: &Url) -> Result<Channel, tonic::transport::Error> {
        if let Some(known) = self.known(url) {
            return Ok(known);
        }
        let endpoint = Endpoint::from_shared(url.to_string())?
            .connect_timeout(CONNECT)
            .http2_keep_alive_interval(ALIVE)
            .keep_alive_timeout(ALIVE)
            .keep_alive_while_idle(true);
        let channel = endpoint.connect().await?;
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(open.entry(url.clone()).or_insert(channel).clone())
    }

    /// Forgets the connection to an executor, so that the next is a new one.
    pub(super) fn forget(&self, url: &Url) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        open.remove(url);
    }
}

#[async_trait]
impl ChannelResolver for Channels {
    async fn get_worker_client_for_url(&self, url: &Url) -> Result<Box<dyn WorkerChannel>> {
        let channel = self.channel(url).await.map_err(|e| {
            let what = format!("executor {}: {}", shown(url), reason(&e));
            DataFusionError::External(what.into())
        })?;
        Ok(create_worker_client(BoxCloneSyncChannel::new(channel)))
    }
}

/// How an executor is called.
pub(super) fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{host}:{port}")
}

/// What is behind an error of a connection, in the system's words.
pub(super) fn reason(e: &dyn std::error::Error) -> String {
    let mut innermost = e;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
