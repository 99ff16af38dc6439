//! The semantic version of a release: what has changed since the one before, and which version that asks for.
//!
//! As Croissant 1.1 has it: *patch*, the rows are the same; *minor*, all that was there is there unchanged, in the same
//! splits, and there is more (recordings, columns); *major*, anything else: rows changed, gone, or in another split, a
//! column gone or of another type. Rows are compared, not file sizes or dates: shards of the same checksum are the same,
//! all others are read.

use super::Options;
use super::release::{Previous, ReleaseManifest, Shard};
use super::rows::{self, Rows};
use crate::dataset::MANIFEST;
use crate::dataset::manifest::digest;
use crate::dataset::tables;
use crate::error::{Error, Place, Result};
use crate::foreign;
use arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, Fields, SchemaRef};
use semver::Version;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How much of a change something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Nothing of the data.
    Patch,
    /// More data.
    Minor,
    /// Other data.
    Major,
}

impl Level {
    fn name(self) -> &'static str {
        match self {
            Level::Patch => "patch",
            Level::Minor => "minor",
            Level::Major => "major",
        }
    }

    /// The least version after `old` that says so.
    fn after(self, old: &Version) -> Version {
        match self {
            Level::Patch => Version::new(old.major, old.minor, old.patch + 1),
            Level::Minor => Version::new(old.major, old.minor + 1, 0),
            Level::Major => Version::new(old.major + 1, 0, 0),
        }
    }
}

/// A change, in a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// How much of one.
    pub level: Level,
    /// What has changed.
    pub what: String,
}

/// The release before.
pub struct Old {
    root: PathBuf,
    manifest: ReleaseManifest,
    version: Version,
    sha256: String,
}

impl Old {
    /// Opens it.
    ///
    /// # Errors
    /// As [`ReleaseManifest::read`].
    pub fn open(root: &Path) -> Result<Old> {
        let manifest = ReleaseManifest::read(root)?;
        let path = root.join(MANIFEST);
        let mut file = foreign::open_in(root, MANIFEST)?;
        let (_, sha256) = digest(&mut file, &|| Ok(())).map_err(Error::io("read", &path))?;
        let version = Version::parse(&manifest.release.version).map_err(|e| {
            Error::input(
                format!(
                    "the version {} is not semantic: {e}",
                    manifest.release.version
                ),
                Place::file(&path),
                "Name a folder that sysds publish wrote.",
            )
        })?;
        Ok(Old {
            root: root.to_path_buf(),
            manifest,
            version,
            sha256,
        })
    }
}

/// Gives the release in `root` its version, and says what it follows.
///
/// # Errors
/// [`Error::Usage`] where the version that was asked for says less than what has changed; as [`changes`].
pub fn settle(
    manifest: &mut ReleaseManifest,
    root: &Path,
    old: Option<&Old>,
    options: &Options,
) -> Result<()> {
    let asked = options.version.clone();
    let Some(old) = old else {
        let version = asked.unwrap_or_else(|| Version::new(1, 0, 0));
        manifest.release.version = version.to_string();
        return Ok(());
    };
    let changes = changes(old, root, manifest)?;
    let level = changes
        .iter()
        .map(|c| c.level)
        .max()
        .unwrap_or(Level::Patch);
    let least = level.after(&old.version);
    let version = asked.unwrap_or_else(|| least.clone());
    if version < least {
        let worst = changes.iter().filter(|c| c.level == level).take(3);
        let worst: Vec<&str> = worst.map(|c| c.what.as_str()).collect();
        let why = match worst.is_empty() {
            true => String::new(),
            false => format!(": {}", worst.join("; ")),
        };
        return Err(Error::usage(
            format!(
                "version {version} is too low after {}: this is a {} change{why}",
                old.version,
                level.name()
            ),
            format!("Give --version {least}, or leave it out."),
        ));
    }
    manifest.release.version = version.to_string();
    manifest.release.previous = Some(Previous {
        version: old.version.to_string(),
        manifest_sha256: old.sha256.clone(),
        changes: changes
            .into_iter()
            .map(|c| format!("{}: {}", c.level.name(), c.what))
            .collect(),
    });
    Ok(())
}

/// What has changed from the release `old` to the one in `root`; nothing where all rows are the same.
///
/// # Errors
/// [`Error::Io`] and [`Error::Columns`] where a file cannot be read.
pub fn changes(old: &Old, root: &Path, new: &ReleaseManifest) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let sides = [Side::new(&old.root, &old.manifest), Side::new(root, new)];
    let comparable = schemas(&sides, &mut changes)?;
    let recordings = recordings(&sides, &mut changes);
    let tables: BTreeSet<&str> = old
        .manifest
        .dataset
        .tables
        .keys()
        .map(String::as_str)
        .collect();
    for recording in recordings {
        let moved = requests(&sides, &recording, &mut changes)?;
        for table in &tables {
            if moved || !comparable.contains(*table) {
                continue;
            }
            let splits: BTreeSet<&str> = sides
                .iter()
                .flat_map(|s| s.of(table, &recording))
                .map(|(_, shard)| shard.split.as_str())
                .collect();
            for split in splits {
                if !same_rows(&sides, table, &recording, split)? {
                    changes.push(Change {
                        level: Level::Major,
                        what: format!(
                            "rows of {table} of the recording {recording} in the split {split} are not the same"
                        ),
                    });
                }
            }
        }
    }
    Ok(changes)
}

/// One of the two releases.
struct Side<'a> {
    root: &'a Path,
    manifest: &'a ReleaseManifest,
    /// The shards by table and recording, in order.
    shards: BTreeMap<(&'a str, &'a str), Vec<(&'a String, &'a Shard)>>,
    /// Checksums of the shards by path.
    sums: BTreeMap<&'a str, &'a str>,
}

impl<'a> Side<'a> {
    fn new(root: &'a Path, manifest: &'a ReleaseManifest) -> Self {
        let files = manifest.dataset.tables.values().flat_map(|t| &t.files);
        let sums = files.map(|f| (f.path.as_str(), f.sha256.as_str()));
        Side {
            root,
            manifest,
            shards: manifest.shards(),
            sums: sums.collect(),
        }
    }

    /// The shards of a table that are of a recording, in order.
    fn of<'s>(&'s self, table: &'s str, trace_id: &'s str) -> &'s [(&'a String, &'a Shard)] {
        self.shards
            .get(&(table, trace_id))
            .map_or(&[], Vec::as_slice)
    }

    fn paths(&self, table: &str, trace_id: &str, split: &str) -> Vec<&'a String> {
        let shards = self.of(table, trace_id).iter();
        shards
            .filter(|(_, s)| s.split == split)
            .map(|(path, _)| *path)
            .collect()
    }

    /// Number of requests of a recording, as many rows as there are.
    fn requests(&self, trace_id: &str) -> Result<usize> {
        let mut rows = 0;
        for (path, _) in self.of(tables::REQUESTS, trace_id) {
            for batch in Rows::open(self.root, path)?.batches(Some(&["request_id"]))? {
                rows += batch?.num_rows();
            }
        }
        Ok(rows)
    }

    fn schema(&self, table: &str) -> Result<Option<SchemaRef>> {
        let files = self.manifest.dataset.tables.get(table);
        let first = files.and_then(|t| t.files.first());
        let open = first.map(|f| Rows::open(self.root, &f.path));
        Ok(open.transpose()?.map(|rows| rows.schema().clone()))
    }
}

/// Compares columns; returns the tables whose rows can be compared: those that kept all columns and types.
fn schemas(sides: &[Side; 2], changes: &mut Vec<Change>) -> Result<BTreeSet<String>> {
    let mut comparable = BTreeSet::new();
    for table in sides[0].manifest.dataset.tables.keys() {
        let (Some(old), Some(new)) = (sides[0].schema(table)?, sides[1].schema(table)?) else {
            changes.push(Change {
                level: Level::Major,
                what: format!("the table {table} is gone"),
            });
            continue;
        };
        let columns = [old, new].map(|schema| {
            let mut found = BTreeMap::new();
            leaves(schema.fields(), "", &mut found);
            found
        });
        let before = changes.iter().filter(|c| c.level == Level::Major).count();
        compare_columns(table, &columns, changes);
        if changes.iter().filter(|c| c.level == Level::Major).count() == before {
            comparable.insert(table.clone());
        }
    }
    Ok(comparable)
}

fn compare_columns(
    table: &str,
    columns: &[BTreeMap<String, String>; 2],
    changes: &mut Vec<Change>,
) {
    for (column, ty) in &columns[0] {
        let what = match columns[1].get(column) {
            Some(new) if new == ty => continue,
            Some(new) => format!("{table}.{column} is {new}, was {ty}"),
            None => format!("{table}.{column} is gone"),
        };
        changes.push(Change {
            level: Level::Major,
            what,
        });
    }
    let added = columns[1].keys().filter(|c| !columns[0].contains_key(*c));
    changes.extend(added.map(|column| Change {
        level: Level::Minor,
        what: format!("{table}.{column} is new"),
    }));
}

/// All columns that hold values, at any depth, with their types.
fn leaves(fields: &Fields, parent: &str, found: &mut BTreeMap<String, String>) {
    for field in fields {
        leaf(field, &format!("{parent}{}", field.name()), found);
    }
}

fn leaf(field: &Field, path: &str, found: &mut BTreeMap<String, String>) {
    match field.data_type() {
        DataType::Struct(members) => leaves(members, &format!("{path}."), found),
        DataType::List(element) => leaf(element, &format!("{path}[]"), found),
        other => drop(found.insert(path.to_owned(), other.to_string())),
    }
}

/// Compares which recordings there are; returns those that both have.
fn recordings(sides: &[Side; 2], changes: &mut Vec<Change>) -> Vec<String> {
    let labels = |side: &Side| -> BTreeMap<String, Option<String>> {
        let recordings = side.manifest.dataset.recordings.iter();
        recordings
            .map(|r| (r.trace_id.clone(), r.label.clone()))
            .collect()
    };
    let (old, new) = (labels(&sides[0]), labels(&sides[1]));
    for (trace, label) in &old {
        let what = match new.get(trace) {
            None => format!("the recording {trace} is gone"),
            Some(other) if other != label => format!(
                "the recording {trace} has the label {}, had {}",
                other.as_deref().unwrap_or("(none)"),
                label.as_deref().unwrap_or("(none)")
            ),
            Some(_) => continue,
        };
        changes.push(Change {
            level: Level::Major,
            what,
        });
    }
    for trace in new.keys().filter(|t| !old.contains_key(*t)) {
        changes.push(Change {
            level: Level::Minor,
            what: format!("the recording {trace} is new"),
        });
    }
    old.into_keys().filter(|t| new.contains_key(t)).collect()
}

/// Compares in which splits the requests of a recording are; returns whether any moved, came or went.
fn requests(sides: &[Side; 2], trace: &str, changes: &mut Vec<Change>) -> Result<bool> {
    let mut names: Vec<String> = vec!["nothing".to_owned()];
    let old = places(&sides[0], trace, &mut names)?;
    let new = places(&sides[1], trace, &mut names)?;
    let mut moves: BTreeMap<(u8, u8), u64> = BTreeMap::new();
    for id in 0..old.len().max(new.len()) {
        let at = |places: &[u8]| places.get(id).copied().unwrap_or_default();
        if at(&old) != at(&new) {
            *moves.entry((at(&old), at(&new))).or_default() += 1;
        }
    }
    let moved = !moves.is_empty();
    for ((from, to), n) in moves {
        let what = match (from, to) {
            (0, to) => format!("{n} requests of {trace} are new in {}", names[to as usize]),
            (from, 0) => format!(
                "{n} requests of {trace} are gone from {}",
                names[from as usize]
            ),
            (from, to) => format!(
                "{n} requests of {trace} moved from {} to {}",
                names[from as usize], names[to as usize]
            ),
        };
        // A recording does not grow: requests that it did not have come from another cut of it.
        changes.push(Change {
            level: Level::Major,
            what,
        });
    }
    Ok(moved)
}

/// For each `request_id` of a recording the number of its split in `names`; 0 where there is none.
fn places(side: &Side, trace: &str, names: &mut Vec<String>) -> Result<Vec<u8>> {
    let mut places = Vec::new();
    let most = side.requests(trace)?;
    for (path, shard) in side.of(tables::REQUESTS, trace) {
        let known = names.iter().position(|n| *n == shard.split);
        let number = known.unwrap_or_else(|| {
            names.push(shard.split.clone());
            names.len() - 1
        });
        let place = side.root.join(path);
        let damaged = |what: String| {
            Error::input(
                what,
                Place::file(&place),
                "The release is damaged: fetch it or make it again.",
            )
        };
        let number = u8::try_from(number)
            .map_err(|_| damaged("is of one split more than can be compared".to_owned()))?;
        for batch in Rows::open(side.root, path)?.batches(Some(&["request_id"]))? {
            for id in rows::ids(&batch?, "request_id", &place)? {
                let at = usize::try_from(*id).ok().filter(|at| *at < most);
                let at = at.ok_or_else(|| {
                    damaged(format!(
                        "has the request {id}, but the recording has {most}"
                    ))
                })?;
                if at >= places.len() {
                    places.resize(at + 1, 0);
                }
                places[at] = number;
            }
        }
    }
    Ok(places)
}

/// Whether both have the same rows, in all columns that the old one has.
fn same_rows(sides: &[Side; 2], table: &str, trace: &str, split: &str) -> Result<bool> {
    let paths = [0, 1].map(|i| sides[i].paths(table, trace, split));
    let sums = [0, 1].map(|i| {
        let of = paths[i].iter();
        of.map(|p| sides[i].sums.get(p.as_str()))
            .collect::<Vec<_>>()
    });
    if sums[0] == sums[1] {
        return Ok(true);
    }
    let open = |i: usize| Stream::new(sides[i].root, &paths[i]);
    let (mut old, mut new) = (open(0), open(1));
    loop {
        match (old.head()?, new.head()?) {
            (None, None) => return Ok(true),
            (Some(a), Some(b)) => {
                let n = a.num_rows().min(b.num_rows());
                if !equal(&a.slice(0, n), &b.slice(0, n)) {
                    return Ok(false);
                }
                old.advance(n);
                new.advance(n);
            }
            _ => return Ok(false),
        }
    }
}

/// Whether all columns of `old` are, value by value, those of `new`.
fn equal(old: &RecordBatch, new: &RecordBatch) -> bool {
    old.schema()
        .fields()
        .iter()
        .zip(old.columns())
        .all(|(field, column)| {
            let other = new.column_by_name(field.name());
            let other = other.and_then(|c| only(c, field.data_type()));
            other.is_some_and(|o| o.as_ref() == column.as_ref())
        })
}

/// An array with only the members, at any depth, that the type `ty` has; `None` where it lacks one.
pub fn only(array: &ArrayRef, ty: &DataType) -> Option<ArrayRef> {
    match ty {
        DataType::Struct(fields) => {
            let from = array.as_struct_opt()?;
            let members = fields
                .iter()
                .map(|f| only(from.column_by_name(f.name())?, f.data_type()));
            let members: Option<Vec<ArrayRef>> = members.collect();
            let nulls = from.nulls().cloned();
            Some(Arc::new(
                StructArray::try_new(fields.clone(), members?, nulls).ok()?,
            ))
        }
        DataType::List(element) => {
            let from = array.as_list_opt::<i32>()?;
            let values = only(from.values(), element.data_type())?;
            let offsets = from.offsets().clone();
            let nulls = from.nulls().cloned();
            Some(Arc::new(
                ListArray::try_new(Arc::clone(element), offsets, values, nulls).ok()?,
            ))
        }
        ty => (array.data_type() == ty).then(|| Arc::clone(array)),
    }
}

/// Rows of several files, one after another.
struct Stream<'a> {
    root: &'a Path,
    paths: std::slice::Iter<'a, &'a String>,
    batches: Option<Box<dyn Iterator<Item = Result<RecordBatch>>>>,
    head: Option<RecordBatch>,
}

impl<'a> Stream<'a> {
    fn new(root: &'a Path, paths: &'a [&'a String]) -> Self {
        Stream {
            root,
            paths: paths.iter(),
            batches: None,
            head: None,
        }
    }

    /// The next rows, of which not all need be taken; `None` at the end.
    fn head(&mut self) -> Result<Option<&RecordBatch>> {
        while self.head.as_ref().is_none_or(|h| h.num_rows() == 0) {
            let next = self.batches.as_mut().and_then(Iterator::next);
            match next {
                Some(batch) => self.head = Some(batch?),
                None => match self.paths.next() {
                    Some(path) => {
                        self.batches = Some(Box::new(Rows::open(self.root, path)?.batches(None)?));
                    }
                    None => return Ok(None),
                },
            }
        }
        Ok(self.head.as_ref())
    }

    fn advance(&mut self, n: usize) {
        self.head = self.head.take().map(|h| h.slice(n, h.num_rows() - n));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_asks_for_the_least_version_that_says_so() {
        let old = Version::new(1, 4, 2);
        assert_eq!(Level::Patch.after(&old), Version::new(1, 4, 3));
        assert_eq!(Level::Minor.after(&old), Version::new(1, 5, 0));
        assert_eq!(Level::Major.after(&old), Version::new(2, 0, 0));
    }

    #[test]
    fn a_column_that_goes_or_turns_is_major_and_a_new_one_minor() {
        let columns = |list: &[(&str, &str)]| -> BTreeMap<String, String> {
            let pairs = list.iter();
            pairs
                .map(|(n, t)| ((*n).to_owned(), (*t).to_owned()))
                .collect()
        };
        let old = columns(&[("a", "Int64"), ("b", "Utf8"), ("c", "Utf8")]);
        let new = columns(&[("a", "Int64"), ("b", "Int64"), ("d", "Utf8")]);
        let mut changes = Vec::new();
        compare_columns("t", &[old, new], &mut changes);
        let said: Vec<(Level, &str)> = changes.iter().map(|c| (c.level, c.what.as_str())).collect();
        assert_eq!(
            said,
            [
                (Level::Major, "t.b is Int64, was Utf8"),
                (Level::Major, "t.c is gone"),
                (Level::Minor, "t.d is new"),
            ]
        );
    }
}
