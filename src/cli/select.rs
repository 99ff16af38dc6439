//! The options that select events and columns, for every command that reads traces.

use crate::error::{Error, Result};
use crate::ingest::Selection;
use arrow::compute::kernels::cast_utils::string_to_timestamp_nanos;
use clap::Args;
use glob::Pattern;

/// Which events.
#[derive(Debug, Args)]
pub(super) struct SelectArgs {
    /// Only events whose name (syscall_entry_openat, or openat for both sides) fits GLOB; may be given several times
    #[arg(long = "events", value_name = "GLOB", value_parser = Pattern::new)]
    events: Vec<Pattern>,
    /// Only events from this time on: RFC 3339 (UTC where no offset is given), or nanoseconds since 1970
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    begin: Option<i64>,
    /// Only events before this time
    #[arg(long, value_name = "TIME", value_parser = time, allow_negative_numbers = true)]
    end: Option<i64>,
}

fn time(text: &str) -> std::result::Result<i64, String> {
    let parsed = match text.parse() {
        Ok(nanoseconds) => Ok(nanoseconds),
        Err(_) => string_to_timestamp_nanos(text),
    };
    parsed.map_err(|_| {
        "neither a time such as 2026-11-23T23:06:39.5Z nor nanoseconds since 1970".to_owned()
    })
}

impl SelectArgs {
    /// Takes the events of `default` where none are named.
    pub(super) fn events_or(&mut self, default: impl FnOnce() -> Vec<Pattern>) {
        if self.events.is_empty() {
            self.events = default();
        }
    }

    /// The selection, of payload fields that fit `columns`.
    ///
    /// # Errors
    /// [`Error::Usage`] where it is empty in any case.
    pub(super) fn selection(self, columns: Vec<Pattern>) -> Result<Selection> {
        if let (Some(begin), Some(end)) = (self.begin, self.end)
            && begin >= end
        {
            return Err(Error::usage(
                format!("--begin {begin} is not before --end {end}: no event is between"),
                "Give the earlier time as --begin.",
            ));
        }
        Ok(Selection {
            events: self.events,
            begin: self.begin,
            end: self.end,
            columns,
            needed: Vec::new(),
        })
    }
}
