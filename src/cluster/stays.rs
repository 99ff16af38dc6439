//! Which plans stay on this machine, and why. It is said before they run.

use super::reads::Reads;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::error::Result;
use datafusion::execution::SessionState;
use datafusion::physical_plan::ExecutionPlan;
use datafusion_distributed::DistributedCodec;
use datafusion_proto::bytes::physical_plan_to_bytes_with_proto_converter;
use datafusion_proto::physical_plan::DeduplicatingProtoConverter;
use std::sync::Arc;

/// Bytes of tables that scripts made which go along with a plan.
const TABLES: usize = 64 << 20;

/// Why a plan stays.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stays {
    /// It reads no file of the dataset; that is not worth a word.
    ReadsNothing,
    /// In words.
    Because(String),
}

/// Whether a plan stays, where `files` is the folder of the dataset.
///
/// # Errors
/// None of its own.
pub(super) fn here(
    plan: &Arc<dyn ExecutionPlan>,
    files: &ListingTableUrl,
    state: &SessionState,
) -> Result<Option<Stays>> {
    let reads = Reads::of(plan, files)?;
    if let Some(file) = reads.other {
        let why = format!("it reads {file}, a file of this machine, which executors may not have");
        return Ok(Some(Stays::Because(why)));
    }
    if !reads.files {
        return Ok(Some(Stays::ReadsNothing));
    }
    if reads.memory > TABLES {
        let why = format!(
            "it reads tables that this script made, of {} MB; up to {} MB go along with a plan",
            reads.memory >> 20,
            TABLES >> 20
        );
        return Ok(Some(Stays::Because(why)));
    }
    let codec = DistributedCodec::new_combined_with_user(state.config());
    let converter = DeduplicatingProtoConverter::default();
    let sent = physical_plan_to_bytes_with_proto_converter(Arc::clone(plan), &codec, &converter);
    Ok(sent
        .err()
        .map(|e| Stays::Because(format!("its plan cannot be sent: {}", e.strip_backtrace()))))
}
