//! What describes a release: the card, the citation, Croissant, RO-Crate, the contract, and the list of checksums.
//!
//! Each is one file here and in the release. All of them say only what [`ReleaseMetadata`] has: the manifest, `dataset.toml`
//! and the schemas. None knows how the data was written.

mod card;
mod cite;
mod collection;
mod croissant;
mod croissant_fields;
mod files;
mod json;
mod markdown;
mod metadata;
mod research_object;

pub(super) use files::write;
pub(super) use metadata::ReleaseMetadata;
