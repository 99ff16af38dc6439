//! What an executor does with a part of a plan before it is carried out: it opens the dataset and looks whether it is the one
//! that the plan is of.

use super::channels::{Channels, shown};
use super::reads::Reads;
use super::telling::{Whose, telling};
use super::terms::{Terms, digest};
use super::trouble::Trouble;
use crate::dataset::MANIFEST;
use crate::dataset::root::Root;
use crate::error::{Error, Result};
use crate::query::{self, OperatorCodec};
use arrow::datatypes::Schema;
use async_trait::async_trait;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::{DataFusionError, Result as PlanResult};
use datafusion::execution::{SessionState, TaskContext};
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::metrics::ExecutionPlanMetricsSet;
use datafusion::prelude::SessionContext;
use datafusion_distributed::{
    ChannelResolver, DistributedExt, MaybeEncoded, SetPlanRequest, TaskKey, WorkerPlanRewriteEvent,
    WorkerPlanRewriteEventResponse, WorkerQueryContext, WorkerSessionBuilder,
};
use futures::StreamExt;
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};
use url::Url;
use uuid::Uuid;

/// Makes the session of each part.
#[derive(Clone)]
pub(super) struct Sessions {
    /// Where this executor is.
    pub at: String,
    pub channels: Channels,
    /// Datasets, by what plans call them: each has a client of its store.
    roots: Arc<Mutex<HashMap<String, Root>>>,
}

impl Sessions {
    /// Those of the executor that listens `at` an address.
    pub(super) fn new(at: String) -> Self {
        Sessions {
            at,
            channels: Channels::default(),
            roots: Arc::default(),
        }
    }

    fn root(&self, dataset: &str) -> Result<Root> {
        let mut roots = self.roots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(root) = roots.get(dataset) {
            return Ok(root.anew());
        }
        let root = Root::named(Path::new(dataset))?;
        roots.insert(dataset.to_owned(), root.clone());
        Ok(root)
    }

    /// The dataset, as it was when the plan was made.
    fn checked(&self, terms: &Terms) -> Result<Root> {
        let root = self.root(&terms.dataset)?;
        let manifest = root.text(MANIFEST)?;
        match digest(&manifest) == terms.manifest {
            true => Ok(root),
            false => Err(Error::Cluster {
                what: format!("{}: another dataset is there", terms.dataset),
                remedy: "All machines must see one dataset under one path or URL; where it was just changed, ask again."
                    .to_owned(),
            }),
        }
    }
}

#[async_trait]
impl WorkerSessionBuilder for Sessions {
    async fn build_session_state(&self, part: WorkerQueryContext) -> PlanResult<SessionState> {
        let terms = Terms::read(&part.headers)?;
        let mut builder = part
            .builder
            .with_distributed_user_codec(OperatorCodec)
            .with_distributed_channel_resolver(self.channels.clone());
        if let Some(config) = builder.config() {
            terms.set(config.options_mut())?;
        }
        let sessions = self.clone();
        // Whoever asks a store waits for it.
        let checked = tokio::task::spawn_blocking(move || sessions.checked(&terms)).await;
        let checked = checked.map_err(|e| DataFusionError::ExecutionJoin(Box::new(e)))?;
        let root = checked.map_err(|e| Trouble::at(&self.at, &e).sent())?;
        let context = SessionContext::new_with_state(builder.build());
        let files = query::make_known(&context, &root);
        let files = files.map_err(|e| DataFusionError::External(e.to_string().into()))?;
        let mut state = context.state();
        let whose = Whose {
            at: self.at.clone(),
            root,
        };
        let only = move |part: WorkerPlanRewriteEvent<'_>| only_reads(part, &files, &whose);
        state
            .config_mut()
            .set_distributed_worker_plan_rewrite_handler(only);
        Ok(state)
    }
}

/// Refuses a part that reads files of something else than the dataset, or writes; others say what becomes of them.
fn only_reads(
    part: WorkerPlanRewriteEvent<'_>,
    files: &ListingTableUrl,
    whose: &Whose,
) -> PlanResult<WorkerPlanRewriteEventResponse> {
    if let Some(other) = Reads::of(&part.plan, files)?.other {
        let what = format!("a part of a plan is refused: {other} is not of the dataset");
        return Err(Trouble::at(&whose.at, &Error::Fault { what }).sent());
    }
    Ok(WorkerPlanRewriteEventResponse::new(telling(
        part.plan, whose,
    )?))
}

/// Sees whether an executor takes a part of a plan on these terms.
///
/// # Errors
/// [`Error::Cluster`] with its reason where it does not.
pub(super) async fn sees(
    channels: &Channels,
    url: &Url,
    terms: &Terms,
    context: Arc<TaskContext>,
) -> Result<()> {
    let nothing = EmptyExec::new(Arc::new(Schema::empty()));
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let name = format!("{} {now:?} {url}", std::process::id());
    let part = SetPlanRequest {
        task_key: TaskKey {
            query_id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
            stage_id: 0,
            task_number: 0,
        },
        task_count: 1,
        plan: MaybeEncoded::Decoded(Arc::new(nothing)),
        work_unit_feed_declarations: Vec::new(),
        target_worker_url: url.clone(),
        query_start_time_ns: 0,
    };
    let asked = async {
        let mut client = channels.get_worker_client_for_url(url).await?;
        let metrics = ExecutionPlanMetricsSet::new();
        let nothing = futures::stream::empty().boxed();
        client
            .coordinator_channel(terms.headers(), part, nothing, metrics, &context)
            .await
            .map(drop)
    };
    let asked: PlanResult<()> = asked.await;
    asked.map_err(|e| refusal(url, &e.strip_backtrace()))
}

fn refusal(url: &Url, said: &str) -> Error {
    let remedy = "The dataset must be there for all executors under the same path (links followed) or URL; credentials of a \
                  store are those of each executor's environment.";
    match Trouble::heard(said) {
        Some(mut trouble) => {
            trouble.remedy = format!("{} {remedy}", trouble.remedy);
            trouble.error()
        }
        None => Error::Cluster {
            what: format!("executor {}: {said}", shown(url)),
            remedy: remedy.to_owned(),
        },
    }
}
