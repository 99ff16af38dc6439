//! `README.md`: the dataset card, with the front matter that Hugging Face reads and the sections of a datasheet.
//!
//! Everything that can be known is filled in from the manifest; what a person has to say comes from `dataset.toml`; what
//! nobody has said is marked where it belongs, and listed at the top.

mod collected;
mod columns;
mod comparable;
mod front_matter;
mod models;
mod splits;
mod terms;
mod using;

use super::markdown::{block, inline};
use super::metadata::ReleaseMetadata;
use std::fmt::Write;

/// The file.
pub(super) fn text(metadata: &ReleaseMetadata) -> String {
    let mut text = front_matter::front_matter(metadata);
    let _ = writeln!(text, "# {}\n", inline(metadata.title()));
    let _ = writeln!(text, "{}\n", block(&metadata.description()));
    let version = &metadata.manifest.release;
    let _ = writeln!(
        text,
        "Version {}, {}.\n",
        version.version, version.published
    );
    for part in [
        using::gaps,
        using::load,
        splits::parts,
        collected::collected,
        collected::lost,
        comparable::comparable,
        models::models,
        columns::requests,
        columns::columns,
        terms::limits,
        terms::privacy,
        terms::rights,
        terms::history,
    ] {
        part(&mut text, metadata);
    }
    text
}
