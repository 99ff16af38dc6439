//! Making a release: the checks before, the tables, their description, and the rename that puts it in place.

use super::describe::{self, ReleaseMetadata};
use super::options::{Control, PublishOptions, Published};
use super::release::{self, RELEASE_VERSION, Release, ReleaseManifest, Shard};
use super::rewrite::{Rewrite, Warning};
use super::rows;
use super::shards::{self, Written};
use super::tables::Tables;
use super::version::{Old, settle};
use crate::compare::{self, Compared};
use crate::dataset::making::Making;
use crate::dataset::manifest::{DataFile, Manifest, TableFiles, describe_file};
use crate::dataset::{self, Dataset, RELEASED, classes, timestamp};
use crate::error::{Error, Result};
use crate::split::{SplitRule, Splits};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Makes a release of a dataset; every batch of rows goes through `rewrite`.
///
/// # Errors
/// [`Error::Usage`] for options that do not fit, [`Error::Input`] where the dataset is not whole or figures are of other data, [`Error::Io`] and
/// [`Error::Columns`] where a file cannot be read or written, [`Error::Interrupted`]. Nothing is left in each case.
pub(crate) fn publish(
    options: &PublishOptions,
    rewrite: &mut dyn Rewrite,
    control: &mut Control,
) -> Result<Published> {
    let dataset = dataset_of(options)?;
    let manifest = Manifest::read(&options.dataset)?;
    rows::check_counts(&options.dataset, &manifest)?;
    let previous = options.previous.as_ref();
    let previous = previous
        .map(|root| Old::open(root, rewrite.key_id().as_deref()))
        .transpose()?;
    let making = Making::begin_release(&options.output, options.force)?;
    let splits = options.split.as_ref().map(|by| {
        let interrupted = Arc::clone(&control.interrupted);
        Splits::find(&dataset, &manifest, by, options.memory, interrupted)
    });
    let splits = splits.transpose()?;
    let interrupted = Arc::clone(&control.interrupted);
    let features = compare::features(&dataset, &manifest, options.memory, interrupted)?;
    rewrite.begin(&options.dataset, &manifest, &control.interrupted)?;
    let classes = classes::read(&options.dataset, &manifest)?;
    let tables = Tables::new(&dataset, (&manifest, &classes), splits.as_ref(), options);
    let written = tables.write(&making, rewrite, control)?;
    let classes = rewrite.classes(classes)?;
    let before = manifest.clone();
    let mut released = rewrite.manifest(manifest)?;
    let split = splits.map(|splits| renamed(splits.rule, &before, &released));
    let mut compared = compare::conditions(&released, &classes);
    compared.extend(features);
    let shards = describe(&mut released, &making, written)?;
    if let Some(given) = &options.figures {
        given.fit(&released)?;
    }
    let file = classes::write_all(making.dir(), &classes)?;
    in_one_file(&mut released, file);
    let release = added(options, split, rewrite, shards);
    let mut manifest = ReleaseManifest {
        release,
        dataset: released,
    };
    let asked = options.version.clone();
    settle(
        &mut manifest,
        &making.dir().into(),
        previous.as_ref(),
        asked,
    )?;
    let gaps = options.about.gaps(options.license.is_some());
    let metadata = ReleaseMetadata::new(making.dir(), &manifest, options, (&gaps, &compared))?;
    describe::write(&metadata, making.dir())?;
    making.commit()?;
    Ok(Published {
        manifest,
        gaps,
        warnings: warnings(rewrite, compared),
    })
}

/// Notes that event classes are in one `file`, and that fields are not needed, since nothing is appended to a release.
fn in_one_file(released: &mut Manifest, file: DataFile) {
    released.fields = None;
    released.classes = Some(file);
    let recordings = released.recordings.iter_mut();
    recordings.for_each(|r| r.classes = None);
}

/// What whoever publishes should know.
fn warnings(rewrite: &dyn Rewrite, compared: Compared) -> Vec<Warning> {
    let mut all = rewrite.warnings();
    if !compared.warnings.is_empty() {
        all.push(Warning {
            sentence: "labels differ in what a model could tell them apart by (see sysds compare):"
                .to_owned(),
            lines: compared.warnings,
        });
    }
    all
}

/// Opens the dataset to publish, where it can be published to the output.
fn dataset_of(options: &PublishOptions) -> Result<Dataset> {
    let dataset = dataset::open(&options.dataset)?;
    if release::is_release(&options.dataset)? {
        return Err(Error::usage(
            format!("{}: a release already", options.dataset.path().display()),
            "Publish the dataset that it was made of.",
        ));
    }
    let output = &options.output;
    if dataset::is_dataset(output)? && !release::is_release(output)? {
        return Err(Error::usage(
            format!(
                "{}: a dataset, which is not replaced by a release",
                output.path().display()
            ),
            "Choose another name with -o.",
        ));
    }
    Ok(dataset)
}

/// A rule with the names that recordings have in the release; `before` has those that they had, in the same order.
fn renamed(mut rule: SplitRule, before: &Manifest, released: &Manifest) -> SplitRule {
    let names = before.recordings.iter().zip(&released.recordings);
    let names = names.map(|(old, new)| (&old.trace_id, &new.trace_id));
    let names: BTreeMap<&String, &String> = names.collect();
    for recording in rule.parts.values_mut().flatten() {
        if let Some(new) = names.get(recording) {
            *recording = (*new).clone();
        }
    }
    rule
}

/// What publishing adds to the manifest; its version comes later.
fn added(
    options: &PublishOptions,
    split: Option<SplitRule>,
    rewrite: &dyn Rewrite,
    shards: BTreeMap<String, Shard>,
) -> Release {
    Release {
        release_version: RELEASE_VERSION,
        version: String::new(),
        published: options.published.clone().unwrap_or_else(timestamp::today),
        tool: format!("sysds {}", env!("CARGO_PKG_VERSION")),
        license: options.license.as_ref().map(|l| l.expression.clone()),
        previous: None,
        split,
        privacy: rewrite.privacy(),
        key_id: rewrite.key_id(),
        shards,
    }
}

/// Gives the shards their names, and the manifest their sizes and checksums.
fn describe(
    manifest: &mut Manifest,
    making: &Making,
    written: BTreeMap<String, Vec<Written>>,
) -> Result<BTreeMap<String, Shard>> {
    let recordings = &manifest.recordings;
    let labels: Vec<Option<String>> = recordings.iter().map(|r| r.label.clone()).collect();
    let folders = shards::folders(&labels);
    let mut shards = BTreeMap::new();
    let mut tables = BTreeMap::new();
    for (table, written) in written {
        let dir = making.dir().join(RELEASED).join(&table);
        let mut files: Vec<DataFile> = Vec::new();
        for shard in shards::name(&dir, written, &folders)? {
            let file = describe_file(making.dir(), &shard.path)?;
            let of = recordings.get(shard.recording);
            let shard = Shard {
                table: table.clone(),
                split: shard.split,
                trace_id: of.map_or_else(String::new, |r| r.trace_id.clone()),
                label: of.and_then(|r| r.label.clone()),
                rows: shard.rows,
            };
            shards.insert(file.path.clone(), shard);
            files.push(file);
        }
        let table_files = TableFiles {
            rows: files.iter().map(|f| f.rows).sum(),
            bytes: files.iter().map(|f| f.bytes).sum(),
            files,
        };
        tables.insert(table, table_files);
    }
    manifest.tables = tables;
    Ok(shards)
}
