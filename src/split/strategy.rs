//! How to split: a strategy of `queries/split.sql`, and values for its other parameters.

use crate::error::{Error, Result};

/// The parameters that a split may be given, whatever its strategy. Where to write, and which strategy, are said otherwise.
const PARAMETERS: [&str; 5] = ["fraction", "valid", "gap_ms", "label", PARTS];
/// The one that says which recordings are in which part.
const PARTS: &str = "parts";

/// How to split: by which strategy of `queries/split.sql`, and values for its other parameters.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SplitStrategy {
    /// `hash`, `time`, `recording`, `label` or `parts`.
    pub name: String,
    /// Parameters, by name.
    pub parameters: Vec<(String, String)>,
}

impl SplitStrategy {
    /// Refuses parameters that no split has. Values are the query's to judge.
    ///
    /// # Errors
    /// [`Error::Usage`].
    pub(super) fn check(&self) -> Result<()> {
        for (at, (name, _)) in self.parameters.iter().enumerate() {
            if !PARAMETERS.contains(&name.as_str()) {
                return Err(Error::usage(
                    format!("-p {name}: a split has no parameter ${name}"),
                    format!("There are {}.", PARAMETERS.join(", ")),
                ));
            }
            if self.parameters[..at].iter().any(|(n, _)| n == name) {
                return Err(Error::usage(
                    format!("-p {name}: given twice"),
                    "Give each parameter once.",
                ));
            }
        }
        if self.name != PARTS && self.parameters.iter().any(|(name, _)| name == PARTS) {
            return Err(Error::usage(
                format!(
                    "-p {PARTS} says which recordings are in which part, and the split is by {}",
                    self.name
                ),
                "Split by parts, or leave it out.",
            ));
        }
        Ok(())
    }

    /// What the query is given.
    pub(super) fn given(&self) -> Vec<(String, String)> {
        let by = ("by".to_owned(), self.name.clone());
        std::iter::once(by)
            .chain(self.parameters.iter().cloned())
            .collect()
    }

    /// The parameters to note: which recordings are in which part is noted by their ids, since an anonymized release has
    /// other names for them.
    pub(super) fn noted(&self) -> impl Iterator<Item = (String, String)> {
        let noted = self.parameters.iter().filter(|(name, _)| name != PARTS);
        noted.cloned()
    }
}
