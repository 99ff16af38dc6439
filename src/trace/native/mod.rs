//! The native reader. (Placeholder of the seam: it declines every recording.)

use super::Source;
use super::check::Checked;
use super::event::{EventBatch, EventClass};
use crate::error::{Error, Result};

/// Why the native reader does not read these traces; `None` where it does.
pub fn declines(_: &Checked) -> Option<String> {
    Some("it is not there yet".to_owned())
}

/// Reads the events of one recording; see [`crate::trace::reader::Reader`], which has the same methods.
pub struct Reader {
    checked: Checked,
    classes: Vec<EventClass>,
}

impl Reader {
    /// See [`crate::trace::reader::Reader::open`].
    ///
    /// # Errors
    /// As there.
    pub fn open(checked: Checked, _keep_going: bool) -> Result<Self> {
        Ok(Reader {
            checked,
            classes: Vec::new(),
        })
    }

    /// What was learned when the recording was checked.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }

    /// All event classes of the traces.
    pub fn classes(&self) -> &[EventClass] {
        &self.classes
    }

    /// Names of the context fields that events carry, sorted.
    pub fn contexts(&self) -> &[String] {
        &[]
    }

    /// What the CTF traces say of themselves.
    pub fn sources(&self) -> Vec<Source> {
        Vec::new()
    }

    /// What could not be read.
    pub fn damage(&self) -> Vec<Error> {
        Vec::new()
    }

    /// Fills `batch`.
    ///
    /// # Errors
    /// As [`crate::trace::reader::Reader::next`].
    pub fn next(&mut self, _events: usize, batch: &mut EventBatch) -> Result<bool> {
        batch.clear();
        Ok(false)
    }
}
