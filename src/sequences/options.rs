//! What to make sequences of, and how.

use crate::dataset::root::Root;
use crate::error::{Error, Result};
use crate::split::SplitStrategy;
use glob::Pattern;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Which events are a request's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Its own.
    Own,
    /// Its own, and those of what other processes did for it (`downstream`).
    Causal,
    /// All of the machine, from its first event to its last.
    Window,
}

impl Reach {
    /// What it is called.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Reach::Own => "own",
            Reach::Causal => "causal",
            Reach::Window => "window",
        }
    }
}

/// Which events are taken, whatever the reach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kinds {
    /// Entries and exits of system calls.
    Syscalls,
    /// All.
    All,
    /// Those with names that one of these patterns matches.
    Named(Vec<Pattern>),
}

impl Kinds {
    /// As it is written: `syscalls`, `all`, or names and patterns with commas between them.
    ///
    /// # Errors
    /// What is wrong with a pattern.
    pub(crate) fn read(text: &str) -> Result<Kinds, String> {
        match text {
            "syscalls" => return Ok(Kinds::Syscalls),
            "all" => return Ok(Kinds::All),
            _ => {}
        }
        let names = text.split(',').map(str::trim);
        let patterns = names.map(|name| match name {
            "" => Err("a name is empty".to_owned()),
            "syscalls" | "all" => Err(format!("{name} stands alone, without other names")),
            name => Pattern::new(name).map_err(|e| format!("{name}: {e}")),
        });
        patterns.collect::<Result<_, _>>().map(Kinds::Named)
    }

    /// The same as a text.
    pub(crate) fn text(&self) -> String {
        match self {
            Kinds::Syscalls => "syscalls".to_owned(),
            Kinds::All => "all".to_owned(),
            Kinds::Named(patterns) => {
                let names: Vec<&str> = patterns.iter().map(Pattern::as_str).collect();
                names.join(",")
            }
        }
    }
}

/// What to make.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// The dataset or release.
    pub source: Root,
    /// The folder to write, which must not hold anything.
    pub output: PathBuf,
    /// Which events are a request's.
    pub reach: Reach,
    /// Which of them are taken.
    pub kinds: Kinds,
    /// Whether to write arguments, too.
    pub arguments: bool,
    /// How many events of a request are written at most.
    pub longest: Option<usize>,
    /// How many requests at the begin of each recording are left out.
    pub skip: u64,
    /// How many components of paths get a code at most.
    pub path_words: usize,
    /// How to split, where the source is not split already.
    pub split: Option<SplitStrategy>,
    /// Bytes on disk at which a shard ends.
    pub shard_bytes: u64,
    /// Bytes that splitting may use before it goes to disk.
    pub memory: Option<usize>,
}

/// The caller's hold on the work.
pub(crate) struct Control<'a> {
    /// Set to stop it: it then ends with [`Error::Interrupted`], and nothing is left.
    pub interrupted: Arc<AtomicBool>,
    /// Told, now and then, how many events of how many have gone by; both passes count.
    pub progress: &'a mut dyn FnMut(u64, u64),
}

impl Control<'_> {
    /// Ends the work where that was asked for.
    ///
    /// # Errors
    /// [`Error::Interrupted`].
    pub(super) fn go_on(&self) -> Result<(), Error> {
        crate::process::stop::go_on(&self.interrupted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_words_or_patterns() {
        assert_eq!(Kinds::read("syscalls"), Ok(Kinds::Syscalls));
        let kinds = Kinds::read("read, sched_*").unwrap();
        assert_eq!(kinds.text(), "read,sched_*");
        for wrong in ["", "a,,b", "***x", "all,read"] {
            assert!(Kinds::read(wrong).is_err(), "{wrong}");
        }
    }
}
