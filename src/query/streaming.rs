//! What DataFusion is told of every operator of ours: rows come as they are found, in streams that end.

use datafusion::physical_expr::{EquivalenceProperties, Partitioning};
use datafusion::physical_plan::PlanProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use std::sync::Arc;

/// The properties of an operator that gives so many streams, and of whose rows this is known.
pub(super) fn streaming(known: EquivalenceProperties, streams: usize) -> Arc<PlanProperties> {
    Arc::new(PlanProperties::new(
        known,
        Partitioning::UnknownPartitioning(streams),
        EmissionType::Incremental,
        Boundedness::Bounded,
    ))
}
