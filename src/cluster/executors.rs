//! The executors of a cluster: who they are, and which of them answer.

use super::channels::{CONNECT, Channels, reason, shown};
use super::version;
use crate::error::{Error, Result};
use datafusion_distributed::{ChannelResolver, GetWorkerInfoRequest, WorkerResolver};
use futures::future::join_all;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::timeout;
use url::Url;

/// All of them.
#[derive(Clone)]
pub(super) struct Executors {
    pub channels: Channels,
    known: Arc<Mutex<Vec<Executor>>>,
}

/// One of them, as it was at some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Executor {
    url: Url,
    /// What it says of itself.
    said: String,
    answers: bool,
}

impl Executors {
    /// Asks those at `urls` who they are.
    ///
    /// # Errors
    /// [`Error::Cluster`] where one does not answer, or is of another version.
    pub(super) async fn greet(urls: Vec<Url>) -> Result<Executors> {
        let channels = Channels::default();
        let said = join_all(urls.iter().map(|url| ask(&channels, url))).await;
        let mut known = Vec::new();
        for (url, said) in urls.into_iter().zip(said) {
            let said = said.map_err(|why| silent(&url, &why))?;
            check(&url, &said)?;
            known.push(Executor {
                url,
                said,
                answers: true,
            });
        }
        Ok(Executors {
            channels,
            known: Arc::new(Mutex::new(known)),
        })
    }

    /// Those that answer.
    pub(super) fn urls(&self) -> Vec<Url> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let answering = known.iter().filter(|executor| executor.answers);
        answering.map(|executor| executor.url.clone()).collect()
    }

    /// All of them, as they are now.
    pub(super) fn now(&self) -> Vec<Executor> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.clone()
    }

    /// Asks all that answered again; gives those that answered in `before` and do not, or are another process than then.
    /// Other parts of a statement may have found that out meanwhile. Another process is asked for work again, if it is of
    /// this version.
    pub(super) async fn lost(&self, before: &[Executor]) -> Vec<String> {
        let asked = self.now();
        let asked = asked.iter().filter(|executor| executor.answers);
        let answers = join_all(asked.map(|executor| async move {
            let said = ask(&self.channels, &executor.url).await;
            if said.as_ref() != Ok(&executor.said) {
                self.channels.forget(&executor.url);
            }
            // Once more: the connection may have been to the process before.
            let said = match said {
                Ok(said) => Ok(said),
                Err(_) => ask(&self.channels, &executor.url).await,
            };
            (&executor.url, said)
        }))
        .await;
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        for (url, said) in answers {
            let said = said.ok().filter(|said| check(url, said).is_ok());
            if let Some(known) = known.iter_mut().find(|known| known.url == *url) {
                known.answers = said.is_some();
                known.said = said.unwrap_or_default();
            }
        }
        let answered = before.iter().filter(|executor| executor.answers);
        let lost = answered.filter(|executor| !known.contains(executor));
        lost.map(|executor| shown(&executor.url)).collect()
    }
}

impl WorkerResolver for Executors {
    fn get_urls(&self) -> datafusion::error::Result<Vec<Url>> {
        Ok(self.urls())
    }
}

/// What the one at `url` says of itself.
async fn ask(channels: &Channels, url: &Url) -> Result<String, String> {
    let asked = async {
        let connected = channels.channel(url).await;
        connected.map_err(|e| reason(&e))?;
        let client = channels.get_worker_client_for_url(url).await;
        let mut client = client.map_err(|e| e.strip_backtrace())?;
        let info = client.get_worker_info(GetWorkerInfoRequest {}).await;
        info.map(|info| info.version)
            .map_err(|e| e.strip_backtrace())
    };
    let answer = timeout(CONNECT, asked).await;
    answer.unwrap_or_else(|_| Err(format!("no answer within {} s", CONNECT.as_secs())))
}

fn silent(url: &Url, why: &str) -> Error {
    Error::Cluster {
        what: format!("no executor answers at {}: {why}", shown(url)),
        remedy: format!(
            "Start one there (sysds cluster executor --listen {}), or leave it out of --cluster.",
            shown(url)
        ),
    }
}

/// Refuses what is not sysds of this version.
fn check(url: &Url, said: &str) -> Result<()> {
    let own = env!("CARGO_PKG_VERSION");
    let what = match version::of(said) {
        Some(version) if version == own => return Ok(()),
        Some(version) => format!("is of sysds {version}, and this is sysds {own}"),
        None => "is not one of sysds".to_owned(),
    };
    Err(Error::Cluster {
        what: format!("the executor at {} {what}", shown(url)),
        remedy:
            "Run the same version of sysds on all machines: plans name what both sides compile in."
                .to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_another_part_found_lost_is_lost_for_all() {
        let executor = |answers| Executor {
            url: Url::parse("http://a:7").unwrap(),
            said: version::own(),
            answers,
        };
        let executors = Executors {
            channels: Channels::default(),
            known: Arc::new(Mutex::new(vec![executor(false)])),
        };
        assert_eq!(executors.lost(&[executor(true)]).await, ["a:7"]);
        assert!(executors.lost(&[executor(false)]).await.is_empty());
    }

    #[test]
    fn other_versions_are_refused() {
        let url = Url::parse("http://a:7").unwrap();
        assert!(check(&url, &version::own()).is_ok());
        let e = check(&url, "sysds 0.0.1 7-7").unwrap_err().to_string();
        assert!(
            e.starts_with("the executor at a:7 is of sysds 0.0.1, and"),
            "{e}"
        );
        assert!(check(&url, "").is_err());
    }
}
