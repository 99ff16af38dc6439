//! What became of a change that others may have come before.

use crate::store::writing::PutIf;

/// What became of a change of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Committed {
    /// It is in place.
    Done,
    /// The dataset is not that of before any more: nothing was changed.
    Changed,
}

impl From<PutIf> for Committed {
    fn from(put: PutIf) -> Self {
        match put {
            PutIf::Done => Committed::Done,
            PutIf::Changed => Committed::Changed,
        }
    }
}
