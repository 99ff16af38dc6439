//! `ro-crate-metadata.json`: the release as an RO-Crate 1.2, for repositories that read research objects.
//!
//! The crate names every file, who made it, what it may be used for, and the run of this program that made it out of
//! traces. As everywhere, what nobody has said is left out (<https://www.researchobject.org/ro-crate/specification/1.2/>).

use super::cite::keywords;
use super::collection::collection;
use super::croissant::{address, said};
use super::json::json_text;
use super::metadata::ReleaseMetadata;
use crate::columns::schema::contract;
use crate::publish::about::Author;
use crate::publish::release::{FIGURES, SCHEMAS};
use serde_json::{Map, Value, json};

/// Files beside the data, and what they are.
const BESIDE: [(&str, &str, &str); 5] = [
    ("README.md", "text/markdown", "The dataset card."),
    (
        "manifest.json",
        "application/json",
        "Where the data come from, how they were made, what was lost, and every shard.",
    ),
    (
        "classes.json",
        "application/json",
        "The event classes of each recording, as its metadata declares them.",
    ),
    (
        "croissant.json",
        "application/ld+json",
        "The description in MLCommons Croissant.",
    ),
    ("SHA256SUMS", "text/plain", "Checksums of all files."),
];
/// What Parquet is registered as.
const PARQUET: &str = "application/vnd.apache.parquet";

/// The file.
pub(super) fn text(metadata: &ReleaseMetadata) -> String {
    let mut graph = vec![
        json!({
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "conformsTo": {"@id": "https://w3id.org/ro/crate/1.2"},
            "about": {"@id": "./"},
        }),
        root(metadata),
    ];
    graph.extend(files(metadata));
    graph.extend(metadata.about.authors.iter().enumerate().map(person));
    graph.extend(others(metadata));
    let crate_ = json!({
        "@context": "https://w3id.org/ro/crate/1.2/context",
        "@graph": graph,
    });
    json_text(&crate_)
}

fn root(metadata: &ReleaseMetadata) -> Value {
    let (about, release) = (metadata.about, &metadata.manifest.release);
    let mut root = Map::new();
    let mut set = |key: &str, value: Value| said(&mut root, key, value);
    set("@id", "./".into());
    set("@type", "Dataset".into());
    set("name", metadata.title().into());
    set("description", metadata.description().into());
    set("datePublished", release.published.clone().into());
    set("version", release.version.clone().into());
    set("keywords", keywords(metadata).into());
    let licenses = metadata.license.map(|l| l.urls()).unwrap_or_default();
    let licenses: Vec<Value> = licenses
        .into_iter()
        .map(|url| json!({"@id": url}))
        .collect();
    set("license", licenses.into());
    let authors = about.authors.iter().enumerate();
    set(
        "author",
        authors.map(|a| json!({"@id": person_id(a)})).collect(),
    );
    let publisher = about.publisher.as_ref();
    set(
        "publisher",
        publisher.map_or(Value::Null, |_| json!({"@id": "#publisher"})),
    );
    set("funding", about.funding.clone().into());
    set("url", address(metadata).into());
    set(
        "identifier",
        about
            .doi
            .as_ref()
            .map(|d| format!("https://doi.org/{d}"))
            .into(),
    );
    let parts = file_names(metadata).into_iter();
    set("hasPart", parts.map(|name| json!({"@id": name})).collect());
    set("mentions", json!([{"@id": "#publication"}]));
    Value::Object(root)
}

/// Every file that the crate names.
fn file_names(metadata: &ReleaseMetadata) -> Vec<String> {
    let all = files(metadata);
    all.iter()
        .filter_map(|f| f["@id"].as_str().map(str::to_owned))
        .collect()
}

fn files(metadata: &ReleaseMetadata) -> Vec<Value> {
    let mut all: Vec<Value> = BESIDE
        .iter()
        .map(|(name, format, what)| {
            json!({"@id": name, "@type": "File", "name": name, "description": what, "encodingFormat": format})
        })
        .collect();
    for (there, name, what) in [
        (metadata.license.is_some(), "LICENSE", "The licence."),
        (
            !metadata.about.authors.is_empty(),
            "CITATION.cff",
            "How to cite the dataset.",
        ),
        (
            metadata.figures.is_some(),
            FIGURES,
            "How well models tell behaviours apart: results.json of python -m sysds.experiment.",
        ),
    ] {
        if there {
            all.push(json!({"@id": name, "@type": "File", "name": name, "description": what}));
        }
    }
    for (name, _) in contract::texts() {
        all.push(json!({
            "@id": format!("{SCHEMAS}/{name}"),
            "@type": "File",
            "name": name,
            "description": format!("The contract of the table {}.", name.trim_end_matches(".json")),
            "encodingFormat": "application/json",
        }));
    }
    for table in metadata.tables() {
        for file in &metadata.manifest.dataset.tables[table].files {
            all.push(json!({
                "@id": file.path,
                "@type": "File",
                "name": file.path,
                "description": format!("{} rows of the table {table}.", file.rows),
                "encodingFormat": PARQUET,
                "contentSize": file.bytes.to_string(),
                "sha256": file.sha256,
            }));
        }
    }
    all
}

fn person_id((number, author): (usize, &Author)) -> String {
    author
        .orcid_url()
        .unwrap_or_else(|| format!("#author-{}", number + 1))
}

fn person((number, author): (usize, &Author)) -> Value {
    let mut person = json!({
        "@id": person_id((number, author)),
        "@type": "Person",
        "name": author.full_name(),
    });
    for (key, value) in [
        ("familyName", &author.family),
        ("givenName", &author.given),
        ("affiliation", &author.affiliation),
        ("email", &author.email),
    ] {
        if let Some(value) = value {
            person[key] = value.clone().into();
        }
    }
    person
}

/// The licences, the publisher, and the run of this program.
fn others(metadata: &ReleaseMetadata) -> Vec<Value> {
    let release = &metadata.manifest.release;
    let mut all = Vec::new();
    if let Some(license) = metadata.license {
        all.extend(license.urls().into_iter().map(|url| {
            json!({"@id": url, "@type": "CreativeWork", "name": license.name(), "identifier": url})
        }));
    }
    if let Some(publisher) = &metadata.about.publisher {
        all.push(json!({"@id": "#publisher", "@type": "Organization", "name": publisher}));
    }
    all.push(json!({
        "@id": "#sysds",
        "@type": "SoftwareApplication",
        "name": "sysds",
        "version": metadata.manifest.dataset.tool.version,
        "description": "Makes datasets of web requests and system calls out of LTTng kernel traces.",
    }));
    all.push(json!({
        "@id": "#publication",
        "@type": "CreateAction",
        "name": "Ingest of kernel traces, and publication",
        "endTime": release.published,
        "instrument": {"@id": "#sysds"},
        "result": {"@id": "./"},
        "description": collection(metadata),
    }));
    all
}
