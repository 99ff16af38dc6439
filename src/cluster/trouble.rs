//! What went wrong on an executor, as it says it itself: which executor it is, what happened, and what to do.
//!
//! An error comes from another machine as the text of a library, through several hands, and what a store or a disk said cannot be
//! read out of it any more. So whoever has the error puts it into words, and who asks finds these in whatever has become of
//! the error.

use crate::error::Error;
use datafusion::error::DataFusionError;
use serde::{Deserialize, Serialize};

/// What comes before the words.
const SAYS: &str = "an executor of sysds says: ";

/// What is said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Trouble {
    what: String,
    pub(super) remedy: String,
}

impl Trouble {
    /// The error `e` of the executor at an address.
    pub(super) fn at(at: &str, e: &Error) -> Self {
        Trouble {
            what: format!("executor {at}: {e}"),
            remedy: e.remedy().to_string(),
        }
    }

    /// As an error that goes to who asks.
    pub(super) fn sent(&self) -> DataFusionError {
        let json = serde_json::to_string(self).unwrap_or_default();
        DataFusionError::External(format!("{SAYS}{json}").into())
    }

    /// What is said in a text; `None` where it is of no executor.
    pub(super) fn heard(text: &str) -> Option<Trouble> {
        let (_, json) = text.split_once(SAYS)?;
        // Others may have put something behind it.
        let mut values = serde_json::Deserializer::from_str(json).into_iter();
        values.next()?.ok()
    }

    /// As an error of this program.
    pub(super) fn error(self) -> Error {
        Error::Cluster {
            what: self.what,
            remedy: self.remedy,
        }
    }

    /// The error, in the words of the executor where it is of one.
    pub(super) fn told(e: DataFusionError) -> DataFusionError {
        match Trouble::heard(&e.strip_backtrace()) {
            Some(trouble) => DataFusionError::External(Box::new(trouble.error())),
            None => e,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_what_became_of_the_error() {
        let e = Error::usage("\"d\": no such {thing}", "Look: {\"there\"}.");
        let trouble = Trouble::at("a:7", &e);
        let sent = trouble.sent().context("reading").to_string();
        assert_eq!(Trouble::heard(&sent), Some(trouble.clone()), "{sent}");
        assert_eq!(Trouble::heard(&format!("{sent}\nand more")), Some(trouble));
        let told = Trouble::told(DataFusionError::External(sent.into()));
        assert!(
            told.to_string()
                .contains("executor a:7: \"d\": no such {thing}"),
            "{told}"
        );
        assert_eq!(Trouble::heard("division by zero"), None);
        assert_eq!(Trouble::heard(SAYS), None);
    }
}
