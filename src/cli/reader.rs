//! The option `--reader` of the commands that read traces.

use crate::ingest::ReaderChoice;
use clap::{Args, ValueEnum};

/// Which reader decodes the traces.
#[derive(Debug, Clone, Copy, Args)]
pub struct ReaderArgs {
    /// What decodes the traces
    #[arg(long = "reader", value_enum, value_name = "READER", default_value_t = Reader::Auto)]
    reader: Reader,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reader {
    /// The native reader, and babeltrace2 for traces that it does not read (the reason is told)
    Auto,
    /// The native reader only
    Native,
    /// babeltrace2 only, where this program was built with it
    Babeltrace2,
}

impl ReaderArgs {
    /// What was chosen.
    pub fn choice(self) -> ReaderChoice {
        match self.reader {
            Reader::Auto => ReaderChoice::Auto,
            Reader::Native => ReaderChoice::Native,
            Reader::Babeltrace2 => ReaderChoice::Babeltrace2,
        }
    }
}
