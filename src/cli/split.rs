//! The options that say how requests are split, for every command that splits.

use crate::error::{Error, Result};
use crate::split::{Parts, SplitStrategy};
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// How to split.
#[derive(Debug, Args)]
pub(super) struct SplitArgs {
    /// How to split the requests, as `sysds query split` does
    #[arg(long, value_enum, value_name = "STRATEGY", default_value_t = Split::None)]
    split: Split,
    /// A parameter of the split: fraction=0.8, valid=0 (share to validate with), gap_ms=0 (time), label=normal (label)
    #[arg(short, long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// The recordings of a part, by their labels, trace_ids or folders, for --split parts: train=normal-1,normal-2. The
    /// parts are train, valid, test, valid-ood, test-ood
    #[arg(long = "part", value_name = "PART=NAME,NAME")]
    parts: Vec<String>,
    /// The recordings of all parts, in a file of TOML: a line as train = ["normal-1", "normal-2"] for each
    #[arg(long = "parts", value_name = "FILE", conflicts_with = "parts")]
    parts_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Split {
    /// Not at all: everything is in one split, `full`
    None,
    /// By a hash of each request's ids
    Hash,
    /// By time, with a gap
    Time,
    /// By recording: as many for each part as its share says
    Recording,
    /// By label: one in distribution, the others out of it
    Label,
    /// By recording, as --part or --parts says
    Parts,
}

impl Split {
    fn name(self) -> Option<&'static str> {
        match self {
            Split::None => None,
            Split::Hash => Some("hash"),
            Split::Time => Some("time"),
            Split::Recording => Some("recording"),
            Split::Label => Some("label"),
            Split::Parts => Some("parts"),
        }
    }
}

fn parameter(text: &str) -> Result<(String, String), String> {
    let pair = text.split_once('=').filter(|(name, _)| !name.is_empty());
    match pair {
        Some(("out" | "by", _)) => Err("--split and -o say that".to_owned()),
        Some((name, value)) => Ok((name.to_owned(), value.to_owned())),
        None => Err("write NAME=VALUE".to_owned()),
    }
}

impl SplitArgs {
    /// The strategy that was asked for; `None` where none was.
    ///
    /// # Errors
    /// [`Error::Usage`] for options that do not fit together; [`Error::Io`] and [`Error::Input`] where the file of parts
    /// cannot be read.
    pub(super) fn strategy(self) -> Result<Option<SplitStrategy>> {
        let named = !self.parts.is_empty() || self.parts_file.is_some();
        if named && self.split != Split::Parts {
            return Err(Error::usage(
                "--part and --parts say which recordings are in which part, and another split is asked for",
                "Add --split parts.",
            ));
        }
        let Some(name) = self.split.name() else {
            return match self.parameters.is_empty() {
                true => Ok(None),
                false => Err(Error::usage(
                    "-p is a parameter of a split, and none is asked for",
                    "Add --split hash, time, recording, label or parts.",
                )),
            };
        };
        let mut parameters = self.parameters;
        let mut parts = match &self.parts_file {
            Some(path) => Parts::read(path)?,
            None => Parts::default(),
        };
        for text in &self.parts {
            parts.add(text).map_err(|what| {
                Error::usage(
                    format!("--part {text}: {what}"),
                    "Write it as train=normal-1,normal-2, with names of recordings or labels.",
                )
            })?;
        }
        if named {
            parameters.push(("parts".to_owned(), parts.text()));
        }
        Ok(Some(SplitStrategy {
            name: name.to_owned(),
            parameters,
        }))
    }
}
