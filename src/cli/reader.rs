//! The option `--reader` of the commands that read traces.

use crate::ingest::ReaderChoice;
use clap::{Args, ValueEnum};

/// Which reader decodes the traces.
#[derive(Debug, Clone, Copy, Args)]
pub(super) struct ReaderArgs {
    /// What decodes the traces
    #[arg(long = "reader", value_enum, value_name = "READER", default_value_t = Reader::Native)]
    reader: Reader,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reader {
    /// The reader of this program
    Native,
    /// babeltrace2, where this program was built with it
    Babeltrace2,
}

impl ReaderArgs {
    /// What was chosen.
    pub(super) fn choice(self) -> ReaderChoice {
        match self.reader {
            Reader::Native => ReaderChoice::Native,
            Reader::Babeltrace2 => ReaderChoice::Babeltrace2,
        }
    }
}
