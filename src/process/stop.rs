//! The wish to stop, as work that goes on for long looks at it.

use crate::error::{Error, Result};
use std::sync::atomic::{AtomicBool, Ordering};

/// Goes on, unless it is wished that it stops.
///
/// # Errors
/// [`Error::Interrupted`].
pub(crate) fn go_on(interrupted: &AtomicBool) -> Result<()> {
    match interrupted.load(Ordering::Relaxed) {
        true => Err(Error::Interrupted),
        false => Ok(()),
    }
}
