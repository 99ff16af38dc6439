//! Recordings that were put into parts: each is whole in its part, as the manifest says.
//!
//! What rows a shard has is checked elsewhere; here its name is held against the rule of the split.

use super::release::Release;
use super::report::{Kind, Report};
use crate::dataset::MANIFEST;
use crate::dataset::tables;
use crate::split::names::{INCOMPLETE, OTHER, STRADDLING, UNUSED};
use std::collections::{BTreeMap, BTreeSet};

/// Checks the shards of a release whose recordings are in parts.
pub(super) fn check(release: &Release, report: &mut Report) {
    let manifest = release.manifest;
    let Some(rule) = &manifest.release.split else {
        return;
    };
    let recordings = manifest.dataset.recordings.iter();
    let known: BTreeSet<&str> = recordings.map(|r| r.trace_id.as_str()).collect();
    let mut seen = BTreeSet::new();
    for (part, recordings) in rule.parts() {
        for recording in recordings {
            if !known.contains(recording.as_str()) {
                let what =
                    format_args!("the recording {recording} of {part} is none of the release");
                report.add(Kind::Metadata, MANIFEST, what);
            }
            if !seen.insert(recording) {
                let what = format_args!("the recording {recording} is named twice among the parts");
                report.add(Kind::Split, MANIFEST, what);
            }
        }
    }
    if rule.parts.is_empty() {
        if rule.by == "parts" {
            let what = "is split by parts, and does not say which recordings are in them";
            report.add(Kind::Metadata, MANIFEST, format_args!("{what}"));
        }
        return;
    }
    let parts = rule.parts();
    let part_of: BTreeMap<&str, &str> = parts
        .flat_map(|(part, recordings)| recordings.iter().map(move |r| (r.as_str(), part)))
        .collect();
    for (path, shard) in &manifest.release.shards {
        let of_parts = shard.rows > 0
            && shard.table != tables::LOSSES
            && ![STRADDLING, INCOMPLETE, OTHER].contains(&shard.split.as_str());
        let part = part_of
            .get(shard.trace_id.as_str())
            .copied()
            .unwrap_or(UNUSED);
        if of_parts && shard.split != part {
            let what = format_args!(
                "is in {}, but its recording {} is in {part}",
                shard.split, shard.trace_id
            );
            report.add(Kind::Split, path, what);
        }
    }
}
