//! Where a rule of ours stands among those by which DataFusion makes other operators of a plan's.

use datafusion::physical_optimizer::PhysicalOptimizerRule;
use std::sync::Arc;

/// Rules in the order in which they are applied.
pub(super) type Rules = Vec<Arc<dyn PhysicalOptimizerRule + Send + Sync>>;

/// Puts `ours` right after the rule of DataFusion's with this name.
pub(super) fn after(
    name: &str,
    mut rules: Rules,
    ours: impl PhysicalOptimizerRule + Send + Sync + 'static,
) -> Rules {
    let at = rules.iter().position(|rule| rule.name() == name);
    let at = at.expect("DataFusion has the rule that ours is to follow");
    rules.insert(at + 1, Arc::new(ours));
    rules
}
