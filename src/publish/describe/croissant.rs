//! `croissant.json`: the release in MLCommons Croissant 1.1, for programs that load datasets by their descriptions.
//!
//! Each table is a record set over a set of files, with all columns, nested ones as sub-fields; each shard is a file
//! object with its checksum; the splits are a record set of their own, which the field `split` of each table (read from
//! the file names) refers to. What the specification (<https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html>)
//! demands and nobody has said is left out, and listed among the gaps.
//!
//! Two things follow the reference loader, mlcroissant 1.1, where it differs from the specification: the namespace of
//! schema.org is written with `https`, and the context also has the four terms of version 1.0 that it looks for. And one
//! is beyond it: it cannot reach into a list in a list, so structures in lists inside of nested events are left out.

use super::cite::{bibtex, keywords};
use super::collection::collection;
use super::croissant_fields::record_set;
use super::json::{json_text, one_or_many};
use super::metadata::ReleaseMetadata;
use crate::error::Result;
use crate::publish::about::Author;
use crate::publish::release::ReleaseManifest;
use crate::split::names::word;
use serde_json::{Map, Value, json};

/// Terms of Croissant, each under its own name.
const TERMS: [&str; 32] = [
    "annotation",
    "arrayShape",
    "citeAs",
    "column",
    "containedIn",
    "equivalentProperty",
    "excludes",
    "extract",
    "field",
    "fileObject",
    "fileProperty",
    "fileSet",
    "format",
    "includes",
    "isArray",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "readLines",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "sdVersion",
    "separator",
    "source",
    "subField",
];
const MORE_TERMS: [&str; 3] = ["transform", "unArchive", "value"];
/// What mlcroissant knows Parquet by.
const PARQUET: &str = "application/x-parquet";

/// The file.
///
/// # Errors
/// None today; a table whose types it cannot describe would be one.
pub(super) fn text(metadata: &ReleaseMetadata) -> Result<String> {
    let mut root = head(metadata);
    root.insert(
        "distribution".to_owned(),
        Value::Array(distribution(metadata)),
    );
    let mut sets = vec![splits(metadata.manifest, &metadata.tables())];
    sets.extend(
        metadata
            .tables()
            .iter()
            .map(|table| record_set(metadata, table)),
    );
    root.insert("recordSet".to_owned(), Value::Array(sets));
    Ok(json_text(&Value::Object(root)))
}

fn context() -> Value {
    let mut context = json!({
        "@language": "en",
        "@vocab": "https://schema.org/",
        "sc": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "rai": "http://mlcommons.org/croissant/RAI/",
        "dct": "http://purl.org/dc/terms/",
        "conformsTo": "dct:conformsTo",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
    });
    for term in TERMS.iter().chain(&MORE_TERMS) {
        context[*term] = format!("cr:{term}").into();
    }
    context
}

/// What is said of the dataset as a whole.
fn head(metadata: &ReleaseMetadata) -> Map<String, Value> {
    let (about, release) = (metadata.about, &metadata.manifest.release);
    let mut root = Map::new();
    let mut set = |key: &str, value: Value| said(&mut root, key, value);
    set("@context", context());
    set("@type", "sc:Dataset".into());
    set("conformsTo", "http://mlcommons.org/croissant/1.1".into());
    set("name", metadata.title().into());
    set("description", metadata.description().into());
    set("url", address(metadata).into());
    let licenses = metadata.license.map(|l| l.urls()).unwrap_or_default();
    set(
        "license",
        one_or_many(licenses.into_iter().map(Value::from).collect()),
    );
    set("creator", about.authors.iter().map(person).collect());
    let publisher = about.publisher.as_ref();
    set(
        "publisher",
        publisher.map_or(
            Value::Null,
            |name| json!({"@type": "sc:Organization", "name": name}),
        ),
    );
    set("datePublished", release.published.clone().into());
    set(
        "dateCreated",
        metadata.manifest.dataset.created.clone().into(),
    );
    set("version", release.version.clone().into());
    set("keywords", keywords(metadata).into());
    set("citeAs", bibtex(metadata).into());
    set("isLiveDataset", false.into());
    set("rai:dataCollection", collection(metadata).into());
    set("rai:dataLimitations", about.limits.clone().into());
    let mut private: Vec<String> = about.privacy.iter().cloned().collect();
    private.extend(release.privacy.iter().cloned());
    set("rai:personalSensitiveInformation", private.into());
    set(
        "rai:dataReleaseMaintenancePlan",
        about.maintenance.clone().into(),
    );
    root
}

/// Puts a value into an object, unless there is nothing to say.
pub(super) fn said(object: &mut Map<String, Value>, key: &str, value: Value) {
    if !value.is_null() && !value.as_array().is_some_and(Vec::is_empty) {
        object.insert(key.to_owned(), value);
    }
}

/// Where the dataset is published.
pub(super) fn address(metadata: &ReleaseMetadata) -> Option<String> {
    let doi = metadata.about.doi.as_ref();
    let doi = doi.map(|d| format!("https://doi.org/{d}"));
    metadata.about.url.clone().or(doi)
}

fn person(author: &Author) -> Value {
    let mut person = json!({"@type": "sc:Person", "name": author.full_name()});
    if let Some(orcid) = author.orcid_url() {
        person["url"] = orcid.into();
    }
    if let Some(affiliation) = &author.affiliation {
        person["affiliation"] = json!({"@type": "sc:Organization", "name": affiliation});
    }
    if let Some(email) = &author.email {
        person["email"] = email.clone().into();
    }
    person
}

/// The set of files of each table, and every file.
fn distribution(metadata: &ReleaseMetadata) -> Vec<Value> {
    let below = match metadata.manifest.by_label() {
        true => "*/*.parquet",
        false => "*.parquet",
    };
    let tables = metadata.tables();
    let sets = tables.iter().map(|table| {
        json!({
            "@type": "cr:FileSet",
            "@id": format!("{table}-files"),
            "name": format!("{table}-files"),
            "description": format!("The shards of the table {table}."),
            "encodingFormat": PARQUET,
            "includes": format!("data/{table}/{below}"),
        })
    });
    let mut all: Vec<Value> = sets.collect();
    for table in &tables {
        for file in &metadata.manifest.dataset.tables[*table].files {
            let name = file.path.rsplit('/').next().unwrap_or_default();
            all.push(json!({
                "@type": "cr:FileObject",
                "@id": file.path,
                "name": name,
                "description": format!("{} rows of the table {table}.", file.rows),
                "contentUrl": file.path,
                "contentSize": format!("{} B", file.bytes),
                "encodingFormat": PARQUET,
                "sha256": file.sha256,
            }));
        }
    }
    all
}

/// The splits of all tables.
fn splits(manifest: &ReleaseManifest, tables: &[&str]) -> Value {
    let mut names: Vec<String> = Vec::new();
    for (name, ..) in tables.iter().flat_map(|t| manifest.splits(t)) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let rows: Vec<Value> = names
        .iter()
        .map(|n| json!({"splits/name": word(n)}))
        .collect();
    json!({
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "The splits.",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": [{
            "@type": "cr:Field",
            "@id": "splits/name",
            "name": "splits/name",
            "description": "Name of the split.",
            "dataType": "sc:Text",
        }],
        "data": rows,
    })
}
