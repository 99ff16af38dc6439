//! What models tell of a release's requests: `results.json` of `python -m sysds.experiment`, which is `experiment.json` in a
//! release.
//!
//! Figures are of data, so the file says by their digest of which, and is refused beside others. A release's files have
//! checksums: figures come in when it is published again, from the same dataset, with the same options. The file is a stranger's
//! as any other: its length, the numbers in it and the names are bounded; keys that nobody reads here may be in it.

use super::release::{FIGURES, data_sha256};
use crate::dataset::manifest::Manifest;
use crate::error::{Error, Place, Result};
use crate::foreign;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeSet;
use std::fmt;
use std::marker::PhantomData;
use std::path::{Path, PathBuf};

/// Bytes that the file may have; one of eight networks with five seeds has a fiftieth of that.
pub(super) const MOST_BYTES: u64 = 16 << 20;
/// Methods, and behaviours, that a card can show.
const MOST: usize = 200;
/// Seeds of a method.
const MOST_SEEDS: usize = 1000;
/// Letters of a name.
const LONGEST: usize = 200;
/// What stands for the requests of all behaviours together.
const ALL: &str = "all of them";
/// What stands for those without a label.
const UNLABELLED: &str = "(no label)";

/// The file, as it is, and what it says.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    path: PathBuf,
    /// Its text.
    pub(super) text: String,
    pub(super) figures: Figures,
}

/// What the file says.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Figures {
    pub experiment: Experiment,
    /// The labels that are told from normal, in the order of the file.
    #[serde(deserialize_with = "in_order")]
    pub behaviours: Vec<(Name, Behaviour)>,
    /// Resamples of the bootstrap.
    pub resamples: u64,
    /// The methods, in the order of the file.
    #[serde(deserialize_with = "in_order")]
    pub methods: Vec<(Name, Method)>,
}

/// What was tried.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Experiment {
    /// What the release was called: its folder.
    source: Option<String>,
    /// Of which data ([`data_sha256`]); experiments of other things than releases say nothing.
    data_sha256: Option<String>,
    pub reach: Name,
    pub events: Name,
    /// Whether models knew arguments.
    #[serde(default)]
    pub arguments: bool,
    /// After how many events requests were cut off; nothing where none was.
    pub max_length: Option<u64>,
    pub size_name: Name,
    #[serde(deserialize_with = "seeds")]
    pub seeds: Vec<u64>,
}

/// A label.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Behaviour {
    /// Requests in `test-ood`.
    pub test_requests: u64,
}

/// What a method came to.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Method {
    pub title: Name,
    #[serde(deserialize_with = "in_order")]
    behaviours: Vec<(Name, Told)>,
    /// How often it foretold the next call where that enters a system call, and on all events; baselines foretell nothing.
    pub accuracy_entries: Option<OverSeeds>,
    pub accuracy_all: Option<OverSeeds>,
}

/// How well a method tells a behaviour.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Told {
    pub auroc: Estimate,
}

/// A figure over the seeds, with its interval of 95 %.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "Read")]
pub(super) struct Estimate {
    pub of: OverSeeds,
    pub low: f64,
    pub high: f64,
}

/// [`Estimate`] as the file has it.
#[derive(Deserialize)]
struct Read {
    #[serde(flatten)]
    of: OverSeeds,
    low: Share,
    high: Share,
}

impl TryFrom<Read> for Estimate {
    type Error = String;

    fn try_from(read: Read) -> Result<Self, String> {
        let (Share(low), Share(high)) = (read.low, read.high);
        match low <= high {
            true => Ok(Estimate {
                of: read.of,
                low,
                high,
            }),
            false => Err(format!("an interval from {low} to {high}")),
        }
    }
}

/// A mean, and the standard deviation where there were several seeds.
#[derive(Debug, Clone, Copy, Deserialize)]
pub(super) struct OverSeeds {
    pub mean: Share,
    pub deviation: Option<Share>,
}

/// A share: from 0 to 1.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "f64")]
pub(super) struct Share(pub f64);

impl TryFrom<f64> for Share {
    type Error = String;

    fn try_from(value: f64) -> Result<Self, String> {
        match (0.0..=1.0).contains(&value) {
            true => Ok(Share(value)),
            false => Err(format!("{value}, where a share from 0 to 1 is expected")),
        }
    }
}

/// A name that fits into a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(super) struct Name(pub String);

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        match name.trim().is_empty() || name.chars().count() > LONGEST {
            false => Ok(Name(name)),
            true => Err(format!(
                "a name that is empty, or longer than {LONGEST} letters"
            )),
        }
    }
}

/// An object as pairs, in the order of the file, without names that stand there twice.
fn in_order<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    from: D,
) -> Result<Vec<(Name, T)>, D::Error> {
    struct Pairs<T>(PhantomData<T>);
    impl<'de, T: Deserialize<'de>> Visitor<'de> for Pairs<T> {
        type Value = Vec<(Name, T)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs: Self::Value = Vec::new();
            while let Some((name, value)) = map.next_entry::<Name, T>()? {
                if pairs.len() == MOST || pairs.iter().any(|(known, _)| *known == name) {
                    let what =
                        format!("{:?} is there twice, or is one of more than {MOST}", name.0);
                    return Err(A::Error::custom(what));
                }
                pairs.push((name, value));
            }
            match pairs.is_empty() {
                true => Err(A::Error::custom("nothing is in it")),
                false => Ok(pairs),
            }
        }
    }
    from.deserialize_map(Pairs(PhantomData))
}

fn seeds<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
    let seeds: Vec<u64> = Vec::deserialize(from)?;
    match (1..=MOST_SEEDS).contains(&seeds.len()) {
        true => Ok(seeds),
        false => Err(D::Error::custom(format!("{} seeds", seeds.len()))),
    }
}

impl Method {
    /// How well it tells a behaviour.
    pub(super) fn told(&self, behaviour: &Name) -> Option<&Told> {
        let mut all = self.behaviours.iter();
        let found = all.find(|(name, _)| name == behaviour);
        found.map(|(_, told)| told)
    }
}

impl Figures {
    /// What the text of the file `path` says.
    ///
    /// # Errors
    /// [`Error::Input`] with line and column where it is not what the experiment writes.
    pub(super) fn parse(text: &str, path: &Path) -> Result<Figures> {
        let figures: Figures = serde_json::from_str(text).map_err(|e| {
            Error::input(
                format!("no results of an experiment: {e}"),
                Place::line(path, e.line() as u64, e.column() as u64),
                "Name the results.json that python -m sysds.experiment writes.",
            )
        })?;
        let whole = figures.methods.iter().find(|(_, method)| {
            let told = |(name, _): &(Name, Behaviour)| method.told(name).is_some();
            method.behaviours.len() != figures.behaviours.len()
                || !figures.behaviours.iter().all(told)
        });
        match whole {
            None => Ok(figures),
            Some((name, _)) => Err(Error::input(
                format!(
                    "the method {:?} has not the behaviours that the file names",
                    name.0
                ),
                Place::file(path),
                "Name the results.json that python -m sysds.experiment writes.",
            )),
        }
    }

    /// What does not let these figures be of the release of this manifest, in words.
    pub(super) fn misfit(&self, manifest: &Manifest) -> Option<String> {
        let is = data_sha256(manifest);
        match &self.experiment.data_sha256 {
            None => return Some("it does not say of which data its figures are".to_owned()),
            Some(said) if *said != is => {
                return Some(format!(
                    "its figures are of other data: of {said:?}, and the data here are {is}"
                ));
            }
            Some(_) => {}
        }
        let mut labels: BTreeSet<&str> = BTreeSet::from([ALL]);
        for recording in &manifest.recordings {
            labels.insert(recording.label.as_deref().unwrap_or(UNLABELLED));
            labels.extend(recording.spans.iter().map(|span| &*span.label));
        }
        let mut names = self.behaviours.iter().map(|(name, _)| &*name.0);
        let other = names.find(|name| !labels.contains(name))?;
        Some(format!(
            "it has figures of {other:?}, which is no label here"
        ))
    }
}

impl Given {
    /// Reads the file `path`.
    ///
    /// # Errors
    /// [`Error::Io`]; [`Error::Input`] where it is not what the experiment writes.
    pub(crate) fn read(path: &Path) -> Result<Given> {
        let text = foreign::read_text_up_to(path, MOST_BYTES)?;
        let figures = Figures::parse(&text, path)?;
        Ok(Given {
            path: path.to_path_buf(),
            text,
            figures,
        })
    }

    /// Refuses a file that tells where somebody's files are, for a release without names of persons and machines: all of it
    /// is published.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub(crate) fn refuse_paths(&self) -> Result<()> {
        match &self.figures.experiment.source {
            Some(source) if source.contains('/') => Err(Error::input(
                format!(
                    "the path {source:?} stands in it (experiment.source), and an anonymized release gets the file as it is"
                ),
                Place::file(&self.path),
                "Run the experiment again, in the folder where the release is, by its name alone: what was trained is kept.",
            )),
            _ => Ok(()),
        }
    }

    /// Sees that the figures are of the release that has this manifest.
    ///
    /// # Errors
    /// [`Error::Input`].
    pub(super) fn fit(&self, manifest: &Manifest) -> Result<()> {
        match self.figures.misfit(manifest) {
            None => Ok(()),
            Some(what) => Err(Error::input(
                what,
                Place::file(&self.path),
                format!(
                    "Publish without --figures, run python -m sysds.experiment on that release, and publish again with --figures \
                     and all other options as before: the file becomes {FIGURES}."
                ),
            )),
        }
    }
}
