//! Other machines that carry out parts of plans: what a session needs of them.
//!
//! A session makes its plans as ever; who plans for several machines takes the place of who plans for one. So nothing else
//! in this folder knows of them.

use super::reach::Reach;
use crate::dataset::root::Root;
use crate::error::{Error, Place, Result};
use datafusion::datasource::listing::ListingTableUrl;
use datafusion::execution::SessionState;
use futures::future::BoxFuture;
use std::path::Path;

/// Some machines.
pub(crate) trait Machines: Send + Sync {
    /// The session in `state`, which is of this dataset, with its statements carried out on these machines.
    ///
    /// # Errors
    /// [`Error::Cluster`] where one of them does not answer, is of another version, or does not see the dataset.
    fn join<'m>(
        &'m self,
        state: SessionState,
        dataset: Whose<'m>,
    ) -> BoxFuture<'m, Result<SessionState>>;
}

/// The dataset that a session is of.
#[cfg_attr(
    not(feature = "cluster"),
    expect(dead_code, reason = "there are no machines to tell")
)]
pub(crate) struct Whose<'d> {
    /// Its folder.
    pub root: &'d Root,
    /// The same, links followed; its URL where it is in a store.
    pub path: &'d Path,
    /// Whether plans name its files by that.
    pub by_name: bool,
    /// Its folder, as plans name it.
    pub files: ListingTableUrl,
}

impl<'d> Whose<'d> {
    /// That of the dataset in `root`, which is `path` with links followed.
    ///
    /// # Errors
    /// As [`Reach::url`]; [`Error::Input`] where DataFusion does not take the folder's name.
    pub(super) fn new(root: &'d Root, path: &'d Path, reach: &Reach) -> Result<Self> {
        let mut folder = reach.url(path)?;
        if !folder.ends_with('/') {
            folder.push('/');
        }
        let wrong = |e: datafusion::error::DataFusionError| {
            Error::input(e.strip_backtrace(), Place::file(root.path()), "")
        };
        Ok(Whose {
            root,
            path,
            by_name: reach.is_by_name(),
            files: ListingTableUrl::parse(folder).map_err(wrong)?,
        })
    }
}
