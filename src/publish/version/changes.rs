//! What has changed from one release to the next.

use super::level::{Change, Level};
use super::rows::same_rows;
use super::schemas::schemas;
use super::side::Side;
use crate::dataset::root::Root;
use crate::dataset::tables;
use crate::error::{Error, Place, Result};
use crate::publish::release::ReleaseManifest;
use crate::publish::rows::{self, Rows};
use std::collections::{BTreeMap, BTreeSet};

/// What has changed from the release `old` to the one in `root`; nothing where all rows are the same.
///
/// # Errors
/// [`Error::Io`] and [`Error::Columns`] where a file cannot be read.
pub(super) fn changes(
    (old_root, old): (&Root, &ReleaseManifest),
    root: &Root,
    new: &ReleaseManifest,
) -> Result<Vec<Change>> {
    let mut changes = Vec::new();
    let sides = [Side::new(old_root, old), Side::new(root, new)];
    let comparable = schemas(&sides, &mut changes)?;
    let recordings = recordings(&sides, &mut changes);
    let tables: BTreeSet<&str> = old.dataset.tables.keys().map(String::as_str).collect();
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
