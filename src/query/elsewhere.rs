//! What who plans for several machines has to know of our operators, and what a machine needs to carry out their parts.

use super::calls::exec::CallsExec;
use super::machines::Whose;
use super::reach::Reach;
use super::request_arguments::linked::LinkedArgumentsExec;
use super::request_lists::plan::RequestListsExec;
use super::runtime;
use super::windows::exec::WindowJoinExec;
use crate::dataset::root::Root;
use crate::error::Result;
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::physical_plan::ExecutionPlan;
use datafusion::prelude::SessionContext;
use std::sync::Arc;

/// What an operator must have in one place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Together {
    /// All rows of a recording in both of its inputs, in the order of its files; it gives one stream.
    Recordings,
    /// All events of a recording, in any of its streams.
    EventsOfRecordings,
    /// All of its first input, whatever it has of the second.
    Intervals,
}

/// What an operator of ours must have in one place; `None` for those that look at rows one by one, and for others.
pub(crate) fn together(node: &Arc<dyn ExecutionPlan>) -> Option<Together> {
    match () {
        () if node.is::<RequestListsExec>() || node.is::<LinkedArgumentsExec>() => {
            Some(Together::Recordings)
        }
        () if node.is::<CallsExec>() => Some(Together::EventsOfRecordings),
        () if node.is::<WindowJoinExec>() => Some(Together::Intervals),
        () => None,
    }
}

/// Makes our functions, and the store that the dataset in `root` is in, known to a session that carries out parts of plans.
/// Gives the dataset's folder, as plans name it.
///
/// # Errors
/// As [`Whose::new`].
pub(crate) fn make_known(context: &SessionContext, root: &Root) -> Result<ListingTableUrl> {
    runtime::add_functions(context);
    let reach = Reach::new(root, root.path(), context)?;
    Ok(Whose::new(root, root.path(), &reach)?.files)
}
