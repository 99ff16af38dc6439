//! The front matter of the card: YAML that Hugging Face reads.

use crate::publish::describe::cite::keywords;
use crate::publish::describe::json::quoted;
use crate::publish::describe::metadata::ReleaseMetadata;
use crate::split::names::word;
use std::fmt::Write;

/// Hugging Face's classes of size, by the first number of rows that is too much for each.
const SIZES: [(u64, &str); 9] = [
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
    (100_000_000, "10M<n<100M"),
    (1_000_000_000, "100M<n<1B"),
    (10_000_000_000, "1B<n<10B"),
    (100_000_000_000, "10B<n<100B"),
];

pub(super) fn front_matter(metadata: &ReleaseMetadata) -> String {
    let mut text = String::from("---\n");
    let _ = writeln!(text, "pretty_name: {}", quoted(metadata.title()));
    if let Some(license) = metadata.license {
        match license.hugging_face() {
            Some(name) => {
                let _ = writeln!(text, "license: {name}");
            }
            None => {
                let _ = writeln!(text, "license: other");
                let _ = writeln!(
                    text,
                    "license_name: {}",
                    quoted(&license.expression.to_lowercase())
                );
                let _ = writeln!(text, "license_link: LICENSE");
            }
        }
    }
    let rows = metadata
        .manifest
        .dataset
        .tables
        .values()
        .map(|t| t.rows)
        .sum::<u64>();
    let size = SIZES.iter().find(|(most, _)| rows < *most);
    let _ = writeln!(
        text,
        "size_categories:\n- {}",
        size.map_or("100B<n<1T", |s| s.1)
    );
    let _ = writeln!(text, "tags:");
    for word in keywords(metadata) {
        let _ = writeln!(text, "- {}", quoted(&word.to_lowercase()));
    }
    let _ = writeln!(text, "configs:");
    let mut first = true;
    for table in metadata.tables() {
        // A table without rows has a file without rows, which `datasets` does not load.
        let mut splits = metadata.manifest.splits(table);
        splits.retain(|(_, rows, _)| *rows > 0);
        if splits.is_empty() {
            continue;
        }
        let _ = writeln!(text, "- config_name: {table}");
        if std::mem::take(&mut first) {
            let _ = writeln!(text, "  default: true");
        }
        let _ = writeln!(text, "  data_files:");
        for (split, ..) in splits {
            let path = quoted(&metadata.shards_of(table, &split));
            let _ = writeln!(text, "  - split: {}\n    path: {path}", word(&split));
        }
    }
    text + "---\n\n"
}
