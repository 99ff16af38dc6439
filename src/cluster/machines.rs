//! A cluster, as a session of SQL sees it.

use super::executors::Executors;
use super::planner::Planner;
use super::terms::Terms;
use super::{address, panics, recordings, session, tasks};
use crate::dataset::MANIFEST;
use crate::error::{Error, Result};
use crate::query::{Machines, OperatorCodec, Whose};
use datafusion::config::ConfigOptions;
use datafusion::execution::{SessionState, SessionStateBuilder};
use datafusion::prelude::SessionConfig;
use datafusion_distributed::DistributedExt;
use futures::future::{BoxFuture, FutureExt, try_join_all};
use std::sync::Arc;
use url::Url;

/// The least number of tasks that a stage is divided into. What one task did it would not send away at all; with two, one of
/// them may have nothing to do.
const TASKS: usize = 2;

/// The cluster that `text` names; nothing is asked of it yet.
///
/// # Errors
/// [`Error::Usage`] where it names none.
pub(crate) fn named(text: &str) -> Result<Arc<dyn Machines>> {
    let urls = address::executors(text)?;
    Ok(Arc::new(Cluster { urls }))
}

struct Cluster {
    urls: Vec<Url>,
}

impl Machines for Cluster {
    fn join<'m>(
        &'m self,
        state: SessionState,
        dataset: Whose<'m>,
    ) -> BoxFuture<'m, Result<SessionState>> {
        self.joined(state, dataset).boxed()
    }
}

impl Cluster {
    async fn joined(&self, state: SessionState, dataset: Whose<'_>) -> Result<SessionState> {
        panics::watch();
        let Some(name) = dataset.path.to_str().filter(|_| dataset.by_name) else {
            return Err(Error::usage(
                format!("{}: a name that plans cannot have", dataset.path.display()),
                "Give the dataset's folder a name in UTF-8 without control characters, for queries on a cluster.",
            ));
        };
        let manifest = dataset.root.text(MANIFEST)?;
        let executors = Executors::greet(self.urls.clone()).await?;
        let config = config(state.config().clone(), &executors).map_err(unset)?;
        let state = SessionStateBuilder::new_from_existing(state)
            .with_config(config)
            .build();
        let terms = Terms::new(name.to_owned(), &manifest, &ConfigOptions::new());
        let urls = executors.urls();
        let see = urls.iter();
        let see = see.map(|url| session::sees(&executors.channels, url, &terms, state.task_ctx()));
        try_join_all(see).await?;
        let planner = Planner {
            executors,
            dataset: name.to_owned(),
            manifest,
            files: dataset.files,
        };
        Ok(SessionStateBuilder::new_from_existing(state)
            .with_query_planner(Arc::new(planner))
            .build())
    }
}

/// What plans are made with on a cluster.
fn config(
    config: SessionConfig,
    executors: &Executors,
) -> datafusion::error::Result<SessionConfig> {
    let tasks = executors.urls().len().max(TASKS);
    config
        .with_distributed_user_codec(OperatorCodec)
        .with_distributed_channel_resolver(executors.channels.clone())
        .with_distributed_worker_resolver(executors.clone())
        .with_distributed_desired_task_count_handler(tasks::count(tasks))
        .with_distributed_scale_up_leaf_node_handler(recordings::scale_up)
        .with_distributed_metrics_collection(false)?
        .with_distributed_max_tasks_per_stage(tasks)
}

fn unset(e: datafusion::error::DataFusionError) -> Error {
    Error::Fault {
        what: e.strip_backtrace(),
    }
}
