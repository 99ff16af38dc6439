//! `sysds publish`: its options, and the words it says when it is done.

use super::size;
use super::split::SplitArgs;
use super::terminal::{self, Meter};
use crate::dataset::codec::Codec;
use crate::dataset::manifest::{Manifest, Recording};
use crate::dataset::root::{Root, refuse_url};
use crate::dataset::tables;
use crate::error::{Error, Result};
use crate::foreign;
use crate::publish::about::{ABOUT, About};
use crate::publish::anonymize::Anonymizer;
use crate::publish::anonymize::audit::Audit;
use crate::publish::anonymize::key::Key;
use crate::publish::anonymize::policy::Policy;
use crate::publish::figures::Given;
use crate::publish::license::License;
use crate::publish::release::ReleaseManifest;
use crate::publish::rewrite::{AsItIs, Rewrite};
use crate::publish::{Control, PublishOptions, Published, publish};
use crate::split::names::UNUSED;
use chrono::format::ParseErrorKind;
use chrono::{Datelike, NaiveDate};
use clap::Args;
use std::path::{Path, PathBuf};

/// Makes a release of a dataset: a folder that one uploads as it is, to Hugging Face, Zenodo or a bucket.
///
/// It holds the tables as Parquet shards, split for training and testing where that is asked for, a dataset card
/// (README.md), croissant.json, ro-crate-metadata.json, CITATION.cff, LICENSE, the schema contract, manifest.json and
/// SHA256SUMS. What only a person can say (title, authors, server, load …) is read from `dataset.toml` beside the
/// dataset; what is missing there is marked in the card and listed on stderr.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sysds publish web -o web-1.0.0 --license CC-BY-4.0 --split hash
  sysds publish web -o web-2.0.0 --license CC-BY-4.0 --split time -p fraction=0.7 \\
    -p gap_ms=500 --previous web-1.0.0
  sysds publish web -o web-1.0.0 --license CC-BY-4.0 --split parts \\
    --part train=normal-1,normal-2 --part valid=normal-3 --part test=normal-4 \\
    --part valid-ood=cpu-1 --part test-ood=cpu-2
  sysds publish web -o web-1.0.0 --license CC-BY-4.0 --anonymize policy.toml \\
    --key lab.key --audit > left.txt
  sysds publish web -o web-1.0.0 --license CC-BY-4.0 --split label -p valid=0.1 \\
    --figures results/results.json --force
  sysds verify web-2.0.0

Exit status: 0 done, 1 failed (nothing is left behind), 2 wrong call, 4 done, but what was replaced is left beside it, the disk \
did not take it for good, or what --audit lists could not be printed (the message says which), 130 interrupted.")]
pub(super) struct PublishArgs {
    /// Folder of the dataset, or its URL (s3://BUCKET/FOLDER, gs://, az://)
    #[arg(value_name = "DATASET")]
    dataset: PathBuf,
    /// Folder of the release: a path, or a URL (docs/guide/stores.md)
    #[arg(short, long, value_name = "RELEASE")]
    output: PathBuf,
    /// Replace a release that stands there already, on a disk; one in an object store is never replaced
    #[arg(long)]
    force: bool,
    /// Licence of the data, an SPDX expression as CC-BY-4.0
    #[arg(long, value_name = "SPDX")]
    license: Option<String>,
    #[command(flatten)]
    split: SplitArgs,
    /// Size of a shard on disk, as 500MB or 2GB (powers of 1000; M and MiB: of 1024)
    #[arg(long, value_name = "SIZE", default_value = "500MB", value_parser = size::bytes)]
    shard_size: u64,
    /// What a person says of the dataset [default: dataset.toml beside the dataset, if it is there]
    #[arg(long, value_name = "FILE")]
    about: Option<PathBuf>,
    /// What models tell of the release's requests, for the card and experiment.json: the results.json that `python -m
    /// sysds.experiment` made of this release as it was published before, from the same dataset with the same options
    #[arg(long, value_name = "FILE")]
    figures: Option<PathBuf>,
    /// Version of the release [default: 1.0.0, or the least that tells what has changed since --previous]
    #[arg(long, value_name = "VERSION")]
    version: Option<semver::Version>,
    /// The release before this one, its folder or URL: what has changed is told, and a version that says less is refused
    #[arg(long, value_name = "RELEASE")]
    previous: Option<PathBuf>,
    /// Memory for splitting, as 512M or 8G (powers of 1024; MB and GB: of 1000); beyond it goes to disk [default: half of what is free]
    #[arg(long, value_name = "SIZE", value_parser = size::memory)]
    memory: Option<usize>,
    /// Day of publication [default: today]
    #[arg(long, value_name = "YYYY-MM-DD", value_parser = date)]
    date: Option<String>,
    /// Replace what tells of persons and machines, by the rules in this file (TOML; docs/guide/privacy.md has an example)
    #[arg(long, value_name = "POLICY", requires = "key")]
    anonymize: Option<PathBuf>,
    /// The key of the pseudonyms: a file of 64 hexadecimal digits that only you can read. The same key gives the same
    /// pseudonyms
    #[arg(long, value_name = "FILE", requires = "anonymize")]
    key: Option<PathBuf>,
    /// List on stdout every column and argument in the release, and all of the manifest, with how many distinct values it
    /// has, some of them, and of numbers the least and the greatest
    #[arg(long)]
    audit: bool,
    /// Say nothing on stderr but errors and what is missing
    #[arg(short, long)]
    quiet: bool,
}

/// A day of the calendar.
fn date(text: &str) -> Result<String, String> {
    let form = text.len() == "2024-02-29".len();
    match NaiveDate::parse_from_str(text, "%Y-%m-%d") {
        Ok(day) if form && day.year() < 1970 => Err("before 1970 nothing was published".to_owned()),
        Ok(_) if form => Ok(text.to_owned()),
        Err(e) if form && e.kind() == ParseErrorKind::OutOfRange => {
            Err("there is no such day".to_owned())
        }
        _ => Err("write YYYY-MM-DD".to_owned()),
    }
}

/// Runs the command.
///
/// # Errors
/// As [`publish`].
pub(super) fn run(args: PublishArgs) -> Result<u8> {
    let quiet = args.quiet;
    let (dataset, output) = (Root::named(&args.dataset)?, Root::named(&args.output)?);
    let audit = args.audit;
    let mut rewrite = rewrite(&args, &dataset)?;
    let options = options(args, dataset, output.clone())?;
    let mut meter = Meter::new(quiet);
    let mut control = Control {
        interrupted: terminal::interrupt_flag()?,
        progress: &mut |done, total| meter.show_rows(done, total),
    };
    let mut audited = Audit::new(rewrite.as_mut());
    let result = match audit {
        true => publish(&options, &mut audited, &mut control).map(|done| (done, audited.report())),
        false => {
            publish(&options, rewrite.as_mut(), &mut control).map(|done| (done, String::new()))
        }
    };
    meter.clear();
    let (published, left) = result?;
    // What was said on stderr is said, whatever becomes of stdout.
    for warning in &published.warnings {
        say!("warning: {}", warning.sentence);
        for line in &warning.lines {
            say!("  {line}");
        }
    }
    if !quiet {
        report(&published, &output, meter.elapsed());
    }
    missing(&published);
    let printed = terminal::print(&left);
    printed.map(|()| 0).map_err(|e| Error::InPlace {
        target: (&output).into(),
        what: format!("what --audit lists could not be printed: {}", e.reason()),
        remedy: "Publish again with --force, and send stdout where there is room: look over the list before you upload \
                 anything."
            .to_owned(),
    })
}

/// What happens to the values.
fn rewrite(args: &PublishArgs, dataset: &Root) -> Result<Box<dyn Rewrite>> {
    let (Some(policy), Some(key)) = (&args.anonymize, &args.key) else {
        return Ok(Box::new(AsItIs));
    };
    let policy = Policy::read(policy)?;
    if let Some(exposed) = Key::exposed(key)? {
        say!("warning: {exposed}");
    }
    let key = Key::read(key)?;
    let manifest = Manifest::read(dataset)?;
    Ok(Box::new(Anonymizer::new(policy, &key, &manifest)))
}

fn options(args: PublishArgs, dataset: Root, output: Root) -> Result<PublishOptions> {
    let about = about(args.about.as_deref(), &args.dataset)?;
    let license = args.license.as_ref().or(about.license.as_ref());
    let license = license.map(|text| License::read(text)).transpose()?;
    let figures = figures(&args)?;
    Ok(PublishOptions {
        dataset,
        output,
        force: args.force,
        shard_bytes: args.shard_size,
        codec: Codec::default(),
        split: args.split.strategy()?,
        about,
        license,
        figures,
        version: args.version,
        previous: args.previous.as_deref().map(Root::named).transpose()?,
        published: args.date,
        memory: args.memory,
    })
}

/// What models tell of the release.
fn figures(args: &PublishArgs) -> Result<Option<Given>> {
    let Some(path) = &args.figures else {
        return Ok(None);
    };
    refuse_url(path, "figures are read from")?;
    let given = Given::read(path)?;
    if args.anonymize.is_some() {
        given.refuse_paths()?;
    }
    Ok(Some(given))
}

/// What is said in the file that was named, or in the one beside the dataset.
fn about(named: Option<&Path>, dataset: &Path) -> Result<About> {
    if let Some(path) = named {
        return About::read(path);
    }
    let absolute = std::path::absolute(dataset).map_err(Error::io("read", dataset))?;
    let beside = absolute.parent().map(|parent| parent.join(ABOUT));
    match beside {
        // What is there, but is no file or cannot be read, is an error.
        Some(path) if foreign::kind(&path)?.is_some() => {
            foreign::open(&path)?;
            About::read(&path)
        }
        _ => Ok(About::default()),
    }
}

/// Says on stderr what was made.
fn report(published: &Published, output: &Root, seconds: f64) {
    let manifest = &published.manifest;
    let bytes: u64 = manifest.dataset.tables.values().map(|t| t.bytes).sum();
    say!(
        "{}: version {}, {} shards, {:.1} MB, in {seconds:.1} s",
        output.path().display(),
        manifest.release.version,
        manifest.release.shards.len(),
        bytes as f64 / 1e6,
    );
    let splits = manifest.splits(tables::REQUESTS);
    let splits: Vec<String> = splits
        .iter()
        .map(|(name, rows, _)| format!("{rows} in {name}"))
        .collect();
    say!("requests: {}", splits.join(", "));
    if manifest.release.split.is_some() && manifest.dataset.incomplete_requests > 0 {
        say!(
            "left out of training and testing: {} requests that are not complete or touched by losses",
            manifest.dataset.incomplete_requests
        );
    }
    unused(manifest);
    if let Some(previous) = &manifest.release.previous {
        for change in &previous.changes {
            say!("since {}: {change}", previous.version);
        }
    }
}

/// Says on stderr which recordings are in no part.
fn unused(manifest: &ReleaseManifest) {
    let Some(rule) = manifest
        .release
        .split
        .as_ref()
        .filter(|rule| !rule.parts.is_empty())
    else {
        return;
    };
    let recordings = manifest.dataset.recordings.iter();
    let unused = recordings.filter(|r| rule.part_of(&r.trace_id).is_none());
    let unused: Vec<&Recording> = unused.collect();
    if unused.is_empty() {
        return;
    }
    let requests: u64 = unused.iter().map(|r| r.requests).sum();
    say!(
        "in no part: {requests} requests of {}, in the split {UNUSED}:",
        match unused.len() {
            1 => "1 recording".to_owned(),
            n => format!("{n} recordings"),
        }
    );
    for recording in unused {
        let label = recording.label.as_ref();
        let label = label.map_or(String::new(), |label| format!(" (label {label})"));
        say!(
            "  {}{label}, {} requests",
            recording.trace_id,
            recording.requests
        );
    }
}

/// Says on stderr what nobody has said.
fn missing(published: &Published) {
    if published.gaps.is_empty() {
        return;
    }
    say!("missing in {ABOUT}, and marked in README.md:");
    for gap in &published.gaps {
        let costs = match gap.costs {
            "" => String::new(),
            costs => format!(" ({costs})"),
        };
        say!("  {:12} {}{costs}", gap.key, gap.what);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_days() {
        assert!(date("2024-02-29").is_ok());
        for wrong in [
            "2023-02-29",
            "2024-13-01",
            "2024-1-1",
            "2024-00-10",
            "today",
            "2024-04-31",
            "0000-01-01",
            "1969-12-31",
        ] {
            assert!(date(wrong).is_err(), "{wrong}");
        }
    }
}
