//! A dataset as a release: a folder that one uploads as it is, and that its receiver can check.
//!
//! ```text
//!  DATASET/ ──► rows ──► split ──► rewrite ──► shards      RELEASE/
//!                (which split)  (anonymize)      │           data/TABLE/SPLIT-00000-of-00012.parquet
//!  dataset.toml ──► about ─┐                     ▼           schemas/*.json, classes.json, manifest.json
//!                license ──┴──────────────► release ──────►  README.md, LICENSE, CITATION.cff
//!                version (what has changed since)            croissant.json, ro-crate-metadata.json, SHA256SUMS
//! ```
//!
//! `card`, `cite`, `croissant` and `research_object` are one file of the release each; all of them say only what the manifest
//! and `dataset.toml` say. `verify` checks a release, made here or fetched.

pub mod about;
pub mod anonymize;
mod card;
mod cite;
mod croissant;
pub mod license;
mod markdown;
pub mod release;
mod research_object;
pub mod rewrite;
mod rows;
mod shards;
pub mod split;
pub mod verify;
pub mod version;

use crate::columns::schema::contract;
use crate::dataset::manifest::{DataFile, Manifest, TableFiles, describe_file, digest};
use crate::dataset::staging::Staging;
use crate::dataset::tables;
use crate::dataset::{self, Dataset, MANIFEST, RELEASED, classes, moment};
use crate::error::{Error, Result};
use crate::foreign::{self, Kind};
use crate::shown::path_text;
use about::{About, Gap};
use arrow::array::{Array, BooleanArray, RecordBatch};
use arrow::compute::filter_record_batch;
use license::License;
use parquet::basic::Compression;
use release::{FULL, RELEASE_VERSION, Release, ReleaseManifest, Shard};
use rewrite::Rewrite;
use rows::Rows;
use shards::{Shards, Written};
use split::{By, Marks, Splits};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Name of the list of checksums.
pub const SUMS: &str = "SHA256SUMS";
/// Folder of the contract in a release.
pub const SCHEMAS: &str = "schemas";

/// What to publish, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The dataset.
    pub dataset: PathBuf,
    /// The release's folder.
    pub output: PathBuf,
    /// Replace a release that stands there.
    pub force: bool,
    /// Bytes on disk at which a shard ends.
    pub shard_bytes: u64,
    /// Compression of the shards.
    pub compression: Compression,
    /// How to split; `None` for not at all.
    pub split: Option<By>,
    /// What a person says of the dataset.
    pub about: About,
    /// Its licence.
    pub license: Option<License>,
    /// Version of the release; the least that fits where it is not given.
    pub version: Option<semver::Version>,
    /// The release before.
    pub previous: Option<PathBuf>,
    /// Day of publication, `YYYY-MM-DD`; today where it is not given.
    pub published: Option<String>,
    /// Bytes that splitting may use before it goes to disk; half of what is free where it is not given.
    pub memory: Option<usize>,
}

/// The caller's hold on a running publication.
pub struct Control<'a> {
    /// Set to stop it: it then ends with [`Error::Interrupted`], and nothing is left.
    pub interrupted: Arc<AtomicBool>,
    /// Told, now and then, how many rows of how many are written.
    pub progress: &'a mut dyn FnMut(u64, u64),
}

/// What was published.
#[derive(Debug, Clone)]
pub struct Published {
    /// The manifest of the release.
    pub manifest: ReleaseManifest,
    /// What `dataset.toml` does not say.
    pub gaps: Vec<Gap>,
    /// What the rewriting of the values warns of.
    pub warnings: Vec<String>,
}

/// Makes a release of a dataset; every batch of rows goes through `rewrite`.
///
/// # Errors
/// [`Error::Usage`] for options that do not fit, [`Error::Input`] where the dataset is not whole, [`Error::Io`] and
/// [`Error::Columns`] where a file cannot be read or written, [`Error::Interrupted`]. Nothing is left in each case.
pub fn publish(
    options: &Options,
    rewrite: &mut dyn Rewrite,
    control: &mut Control,
) -> Result<Published> {
    let dataset = dataset::open(&options.dataset)?;
    if release::is_release(&options.dataset)? {
        return Err(Error::usage(
            format!("{}: a release already", options.dataset.display()),
            "Publish the dataset that it was made of.",
        ));
    }
    if dataset::is_dataset(&options.output)? && !release::is_release(&options.output)? {
        return Err(Error::usage(
            format!(
                "{}: a dataset, which is not replaced by a release",
                options.output.display()
            ),
            "Choose another name with -o.",
        ));
    }
    let manifest = Manifest::read(&options.dataset)?;
    rows::check_counts(&options.dataset, &manifest)?;
    let previous = options.previous.as_deref();
    let previous = previous.map(version::Old::open).transpose()?;
    let staging = Staging::begin(&options.output, options.force)?;
    let splits = options.split.as_ref().map(|by| {
        let interrupted = Arc::clone(&control.interrupted);
        Splits::find(&dataset, &manifest, by, options.memory, interrupted)
    });
    let splits = splits.transpose()?;
    rewrite.begin(&options.dataset, &manifest, &control.interrupted)?;
    let tables = Tables {
        dataset: &dataset,
        manifest: &manifest,
        splits: splits.as_ref(),
        options,
        done: 0,
    };
    let written = tables.write(&staging, rewrite, control)?;
    let classes = rewrite.classes(classes::read(&options.dataset)?)?;
    let mut released = rewrite.manifest(manifest)?;
    let shards = describe(&mut released, &staging, written)?;
    released.classes = classes::write(staging.dir(), &classes)?;
    let release = added(options, splits.map(|s| s.rule), rewrite.privacy(), shards);
    let mut manifest = ReleaseManifest {
        release,
        dataset: released,
    };
    version::settle(&mut manifest, staging.dir(), previous.as_ref(), options)?;
    let gaps = options.about.gaps(options.license.is_some());
    write_papers(&staging, &manifest, options, &gaps)?;
    staging.commit()?;
    Ok(Published {
        manifest,
        gaps,
        warnings: rewrite.warnings(),
    })
}

/// What publishing adds to the manifest; its version comes later.
fn added(
    options: &Options,
    split: Option<release::SplitRule>,
    privacy: Vec<String>,
    shards: BTreeMap<String, Shard>,
) -> Release {
    Release {
        release_version: RELEASE_VERSION,
        version: String::new(),
        published: options.published.clone().unwrap_or_else(moment::today),
        tool: format!("sysds {}", env!("CARGO_PKG_VERSION")),
        license: options.license.as_ref().map(|l| l.expression.clone()),
        previous: None,
        split,
        privacy,
        shards,
    }
}

/// The tables on their way into the release.
struct Tables<'a> {
    dataset: &'a Dataset,
    manifest: &'a Manifest,
    splits: Option<&'a Splits>,
    options: &'a Options,
    done: u64,
}

impl Tables<'_> {
    /// Writes the shards of all tables.
    fn write(
        mut self,
        staging: &Staging,
        rewrite: &mut dyn Rewrite,
        control: &mut Control,
    ) -> Result<BTreeMap<String, Vec<Written>>> {
        let mut written = BTreeMap::new();
        // What events are marked by must be read before; the order also is that in which a person would look.
        for table in [
            tables::REQUESTS,
            tables::DOWNSTREAM,
            tables::EVENTS,
            tables::LOSSES,
        ] {
            let dir = staging.create_dir(&format!("{RELEASED}/{table}"))?;
            written.insert(table.to_owned(), self.table(table, &dir, rewrite, control)?);
        }
        Ok(written)
    }

    fn table(
        &mut self,
        table: &str,
        dir: &Path,
        rewrite: &mut dyn Rewrite,
        control: &mut Control,
    ) -> Result<Vec<Written>> {
        let root = &self.dataset.root;
        let files = rows::by_recording(root, self.manifest, table)?;
        let first = files.iter().flatten().next();
        let first = first.ok_or_else(|| no_files(root, table))?;
        let schema = rewrite.schema(Rows::open(root, first)?.schema().clone());
        let (limit, compression) = (self.options.shard_bytes, self.options.compression);
        let mut shards = Shards::new(dir, schema, limit, compression);
        for (recording, files) in files.iter().enumerate() {
            shards.begin(recording)?;
            let marks = match table {
                tables::EVENTS => self.marks(recording, dir)?,
                _ => None,
            };
            for path in files {
                let rows = Rows::open(root, path)?;
                let path = &root.join(path);
                for batch in rows.batches(None)? {
                    if control.interrupted.load(Ordering::Relaxed) {
                        return Err(Error::Interrupted);
                    }
                    let batch = batch?;
                    let numbers = self.numbers(table, recording, marks.as_ref(), &batch, path)?;
                    self.done += batch.num_rows() as u64;
                    let rewritten = rewritten(rewrite, table, batch)?;
                    self.spread(&mut shards, &rewritten, numbers.as_deref())?;
                    (control.progress)(self.done, self.total());
                }
            }
        }
        let empty = match (self.splits, table) {
            (None, _) | (_, tables::LOSSES) => FULL,
            (Some(_), _) => release::TRAIN,
        };
        shards.finish(empty)
    }

    fn total(&self) -> u64 {
        self.manifest.tables.values().map(|t| t.rows).sum()
    }

    fn marks(&self, recording: usize, dir: &Path) -> Result<Option<Marks>> {
        let Some(splits) = self.splits else {
            return Ok(None);
        };
        let files = |table| rows::by_recording(&self.dataset.root, self.manifest, table);
        let (requests, downstream) = (files(tables::REQUESTS)?, files(tables::DOWNSTREAM)?);
        let events = self.manifest.recordings[recording].events;
        let of = (&*requests[recording], &*downstream[recording]);
        let root = &self.dataset.root;
        splits
            .mark_events(recording, events, (root, of), dir)
            .map(Some)
    }

    /// The number of the split of each row; `None` where all are in [`FULL`].
    fn numbers(
        &self,
        table: &str,
        recording: usize,
        marks: Option<&Marks>,
        batch: &RecordBatch,
        path: &Path,
    ) -> Result<Option<Vec<u8>>> {
        match (self.splits, table, marks) {
            (None, ..) | (_, tables::LOSSES, _) => Ok(None),
            (_, _, Some(marks)) => Ok(Some(marks.get(rows::ids(batch, "event_id", path)?)?)),
            (Some(splits), ..) => {
                let ids = rows::ids(batch, "request_id", path)?.iter();
                Ok(Some(
                    ids.map(|id| splits.of_request(recording, *id)).collect(),
                ))
            }
        }
    }

    /// Writes each row of a batch to its split.
    fn spread(
        &self,
        shards: &mut Shards,
        batch: &RecordBatch,
        numbers: Option<&[u8]>,
    ) -> Result<()> {
        let (Some(numbers), Some(splits)) = (numbers, self.splits) else {
            return shards.write(FULL, batch);
        };
        let mut occurring = numbers.to_vec();
        occurring.sort_unstable();
        occurring.dedup();
        for number in occurring.iter().copied() {
            let name = &splits.names[number as usize];
            if occurring.len() == 1 {
                return shards.write(name, batch);
            }
            let chosen: BooleanArray = numbers.iter().map(|n| Some(*n == number)).collect();
            let rows = filter_record_batch(batch, &chosen).expect("as many marks as rows");
            shards.write(name, &rows)?;
        }
        Ok(())
    }
}

fn no_files(root: &Path, table: &str) -> Error {
    Error::input(
        format!("the manifest names no file of the table {table}"),
        crate::error::Place::file(root.join(MANIFEST)),
        "Make the dataset again with this version of sysds.",
    )
}

/// A batch after its rewrite, which must have kept its form.
fn rewritten(rewrite: &mut dyn Rewrite, table: &str, batch: RecordBatch) -> Result<RecordBatch> {
    let (schema, rows) = (batch.schema(), batch.num_rows());
    let kept = ["event_id", "request_id", "service_id"].map(|c| batch.column_by_name(c).cloned());
    let batch = rewrite.batch(table, batch)?;
    assert_eq!(
        batch.schema().fields(),
        schema.fields(),
        "a rewrite keeps the fields of {table}"
    );
    assert_eq!(
        batch.num_rows(),
        rows,
        "a rewrite keeps the rows of {table}"
    );
    let after = ["event_id", "request_id", "service_id"].map(|c| batch.column_by_name(c).cloned());
    let same = kept.iter().zip(&after).all(|(a, b)| match (a, b) {
        (Some(a), Some(b)) => a.to_data() == b.to_data(),
        (a, b) => a.is_none() && b.is_none(),
    });
    assert!(same, "a rewrite keeps the ids of {table}");
    Ok(batch)
}

/// Gives the shards their names, and the manifest their sizes and checksums.
fn describe(
    manifest: &mut Manifest,
    staging: &Staging,
    written: BTreeMap<String, Vec<Written>>,
) -> Result<BTreeMap<String, Shard>> {
    let recordings = &manifest.recordings;
    let labels: Vec<Option<String>> = recordings.iter().map(|r| r.label.clone()).collect();
    let folders = shards::folders(&labels);
    let mut shards = BTreeMap::new();
    let mut tables = BTreeMap::new();
    for (table, written) in written {
        let dir = staging.dir().join(RELEASED).join(&table);
        let mut files: Vec<DataFile> = Vec::new();
        for shard in shards::name(&dir, written, &folders)? {
            let file = describe_file(staging.dir(), &shard.path)?;
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

/// Writes everything that is not data.
fn write_papers(
    staging: &Staging,
    manifest: &ReleaseManifest,
    options: &Options,
    gaps: &[Gap],
) -> Result<()> {
    let dir = staging.create_dir(SCHEMAS)?;
    for (name, text) in contract::texts() {
        write(&dir.join(name), text)?;
    }
    let papers = Papers::new(staging.dir(), manifest, options, gaps)?;
    let mut files = vec![
        ("README.md", Some(card::text(&papers))),
        ("LICENSE", options.license.as_ref().map(License::text)),
        ("CITATION.cff", cite::cff(&papers)),
        ("croissant.json", Some(croissant::text(&papers)?)),
        (
            "ro-crate-metadata.json",
            Some(research_object::text(&papers)),
        ),
        (MANIFEST, Some(manifest.text())),
    ];
    files.retain(|(_, text)| text.is_some());
    for (name, text) in files {
        write(&staging.dir().join(name), &text.unwrap_or_default())?;
    }
    write(&staging.dir().join(SUMS), &sums(staging.dir())?)
}

/// What the files beside the data are made of.
struct Papers<'a> {
    manifest: &'a ReleaseManifest,
    about: &'a About,
    license: Option<&'a License>,
    gaps: &'a [Gap],
    /// Name of the release's folder.
    folder: String,
    /// The schema of each table.
    schemas: BTreeMap<String, arrow::datatypes::SchemaRef>,
}

impl<'a> Papers<'a> {
    fn new(
        root: &Path,
        manifest: &'a ReleaseManifest,
        options: &'a Options,
        gaps: &'a [Gap],
    ) -> Result<Self> {
        let mut schemas = BTreeMap::new();
        for (table, files) in &manifest.dataset.tables {
            if let Some(file) = files.files.first() {
                let schema = Rows::open(root, &file.path)?.schema().clone();
                schemas.insert(table.clone(), schema);
            }
        }
        let folder = options.output.file_name().unwrap_or_default();
        Ok(Papers {
            manifest,
            about: &options.about,
            license: options.license.as_ref(),
            gaps,
            folder: folder.to_string_lossy().into_owned(),
            schemas,
        })
    }

    /// The title, or the folder's name.
    fn title(&self) -> &str {
        self.about.title.as_deref().unwrap_or(&self.folder)
    }

    /// The description, or what can be said without one.
    fn description(&self) -> String {
        let m = &self.manifest.dataset;
        self.about.description.clone().unwrap_or_else(|| {
            format!(
                "Kernel traces of a web server as tables: {} events with their arguments, {} requests.",
                m.events, m.requests
            )
        })
    }

    /// The tables, the one that most people want first.
    fn tables(&self) -> Vec<&'static str> {
        let all = [
            tables::REQUESTS,
            tables::EVENTS,
            tables::DOWNSTREAM,
            tables::LOSSES,
        ];
        let known = |t: &&str| self.schemas.contains_key(*t);
        all.into_iter().filter(known).collect()
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    File::create(path)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())?;
            file.sync_all()
        })
        .map_err(Error::io("write", path))
}

/// All files below `root` but the list of checksums, relative to it, sorted.
///
/// # Errors
/// [`Error::Io`]; [`Error::Input`] where a name is not UTF-8, or there is anything but files and folders.
fn files(root: &Path) -> Result<Vec<String>> {
    let mut found = Vec::new();
    for (below, kind) in foreign::everything_below(root)? {
        if kind != Kind::File {
            return Err(kind.refused(&root.join(below)));
        }
        found.push(path_text(&below));
    }
    found.retain(|f| f != SUMS);
    Ok(found)
}

/// The list of checksums, as `sha256sum` writes and checks it.
fn sums(root: &Path) -> Result<String> {
    let mut text = String::new();
    for file in files(root)? {
        let path = root.join(&file);
        let mut opened = foreign::open_in(root, &file)?;
        let (_, sha256) = digest(&mut opened, &|| Ok(())).map_err(Error::io("read", &path))?;
        text.push_str(&format!("{sha256}  {file}\n"));
    }
    Ok(text)
}
