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

use super::Papers;
use super::about::Author;
use super::cite::{bibtex, json_text, keywords};
use super::release::ReleaseManifest;
use crate::dataset::tables;
use crate::error::Result;
use arrow::datatypes::{DataType, Field, Fields};
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
pub fn text(papers: &Papers) -> Result<String> {
    let mut root = head(papers);
    root.insert(
        "distribution".to_owned(),
        Value::Array(distribution(papers)),
    );
    let mut sets = vec![splits(papers.manifest, &papers.tables())];
    sets.extend(
        papers
            .tables()
            .iter()
            .map(|table| record_set(papers, table)),
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
fn head(papers: &Papers) -> Map<String, Value> {
    let (about, release) = (papers.about, &papers.manifest.release);
    let mut root = Map::new();
    let mut set = |key: &str, value: Value| said(&mut root, key, value);
    set("@context", context());
    set("@type", "sc:Dataset".into());
    set("conformsTo", "http://mlcommons.org/croissant/1.1".into());
    set("name", papers.title().into());
    set("description", papers.description().into());
    set("url", address(papers).into());
    let licenses = papers.license.map(|l| l.urls()).unwrap_or_default();
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
        papers.manifest.dataset.created.clone().into(),
    );
    set("version", release.version.clone().into());
    set("keywords", keywords(papers).into());
    set("citeAs", bibtex(papers).into());
    set("isLiveDataset", false.into());
    set("rai:dataCollection", super::card::collection(papers).into());
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
pub fn said(object: &mut Map<String, Value>, key: &str, value: Value) {
    if !value.is_null() && !value.as_array().is_some_and(Vec::is_empty) {
        object.insert(key.to_owned(), value);
    }
}

/// Where the dataset is published.
pub fn address(papers: &Papers) -> Option<String> {
    let doi = papers.about.doi.as_ref();
    let doi = doi.map(|d| format!("https://doi.org/{d}"));
    papers.about.url.clone().or(doi)
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

fn one_or_many(mut values: Vec<Value>) -> Value {
    match values.len() {
        0 => Value::Null,
        1 => values.remove(0),
        _ => Value::Array(values),
    }
}

/// The set of files of each table, and every file.
fn distribution(papers: &Papers) -> Vec<Value> {
    let below = match papers.manifest.by_label() {
        true => "*/*.parquet",
        false => "*.parquet",
    };
    let tables = papers.tables();
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
        for file in &papers.manifest.dataset.tables[*table].files {
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
    let rows: Vec<Value> = names.iter().map(|n| json!({"splits/name": n})).collect();
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

fn record_set(papers: &Papers, table: &str) -> Value {
    let contract = crate::columns::schema::contract::all();
    let contract = contract.iter().find(|c| c.table == table);
    let mut fields = vec![split_field(table)];
    let schema = &papers.schemas[table];
    let of = Of { table };
    fields.extend(schema.fields().iter().filter_map(|f| of.column(f)));
    let mut set = json!({
        "@type": "cr:RecordSet",
        "@id": table,
        "name": table,
        "description": contract.map_or("", |c| c.description.as_str()),
    });
    let key = match table {
        tables::EVENTS => Some("event_id"),
        tables::REQUESTS => Some("request_id"),
        tables::DOWNSTREAM => Some("service_id"),
        _ => None,
    };
    if let Some(key) = key {
        set["key"] =
            json!([{"@id": format!("{table}/trace_id")}, {"@id": format!("{table}/{key}")}]);
    }
    set["field"] = Value::Array(fields);
    set
}

/// The split, as the names of the shards tell it.
fn split_field(table: &str) -> Value {
    json!({
        "@type": "cr:Field",
        "@id": format!("{table}/split"),
        "name": format!("{table}/split"),
        "description": "The split, from the name of the file.",
        "dataType": "sc:Text",
        "references": {"field": {"@id": "splits/name"}},
        "source": {
            "fileSet": {"@id": format!("{table}-files")},
            "extract": {"fileProperty": "filename"},
            // The loader applies it once more to its result.
            "transform": {"regex": "^([a-z]+)(?:-[0-9]{5}-of-[0-9]{5}\\.parquet)?$"},
        },
    })
}

/// The fields of a table.
struct Of<'a> {
    table: &'a str,
}

impl Of<'_> {
    fn column(&self, field: &Field) -> Option<Value> {
        let id = format!("{}/{}", self.table, field.name());
        self.field(field, &id, field.name(), &Steps::default())
    }

    /// A field whose values are reached from the column by `steps`; `None` where they cannot be.
    fn field(&self, field: &Field, id: &str, column: &str, steps: &Steps) -> Option<Value> {
        let mut out = json!({
            "@type": "cr:Field",
            "@id": id,
            "name": id,
            "description": describe(field),
        });
        let (ty, shape) = unlisted(field.data_type());
        match ty {
            DataType::Struct(members) => {
                let steps = match shape {
                    0 => steps.clone(),
                    1 => steps.to_list()?,
                    _ => return None,
                };
                let members = self.members(members, id, column, &steps);
                if members.is_empty() {
                    return None;
                }
                out["subField"] = Value::Array(members);
            }
            ty => {
                out["dataType"] = data_type(ty).into();
                out["source"] = self.source(column, steps);
            }
        }
        if shape > 0 {
            out["isArray"] = true.into();
            out["arrayShape"] = vec!["-1"; shape].join(",").into();
        }
        Some(out)
    }

    fn members(&self, members: &Fields, id: &str, column: &str, steps: &Steps) -> Vec<Value> {
        let members = members.iter().filter_map(|member| {
            let id = format!("{id}/{}", member.name());
            self.field(member, &id, column, &steps.to(member.name()))
        });
        members.collect()
    }

    fn source(&self, column: &str, steps: &Steps) -> Value {
        let mut source = json!({
            "fileSet": {"@id": format!("{}-files", self.table)},
            "extract": {"column": column},
        });
        let paths = steps.paths.iter().filter(|p| !p.is_empty());
        let transforms = paths.map(|p| json!({"jsonPath": p})).collect();
        if let Some(transforms) = Some(one_or_many(transforms)).filter(|t| !t.is_null()) {
            source["transform"] = transforms;
        }
        source
    }
}

/// The way from a column to a value in it: a path, and another one from each element of the list where the first ends.
#[derive(Clone)]
struct Steps {
    paths: Vec<String>,
    in_list: bool,
}

impl Default for Steps {
    fn default() -> Self {
        Steps {
            paths: vec![String::new()],
            in_list: false,
        }
    }
}

impl Steps {
    fn to(&self, member: &str) -> Steps {
        let mut steps = self.clone();
        let last = steps.paths.last_mut().expect("never empty");
        if !last.is_empty() {
            last.push('.');
        }
        last.push_str(&format!("'{member}'"));
        steps
    }

    /// Into the elements of the list that is here; `None` in a list already.
    fn to_list(&self) -> Option<Steps> {
        let mut steps = self.clone();
        steps.paths.push(String::new());
        steps.in_list = true;
        (!self.in_list).then_some(steps)
    }
}

/// The type inside of lists, and how many lists there are.
fn unlisted(mut ty: &DataType) -> (&DataType, usize) {
    let mut depth = 0;
    while let DataType::List(element) = ty {
        ty = element.data_type();
        depth += 1;
    }
    (ty, depth)
}

fn data_type(ty: &DataType) -> &'static str {
    match ty {
        DataType::Boolean => "sc:Boolean",
        DataType::Int32 => "cr:Int32",
        DataType::Int64 => "cr:Int64",
        DataType::UInt64 => "cr:UInt64",
        DataType::Float64 => "cr:Float64",
        DataType::Timestamp(..) => "sc:DateTime",
        _ => "sc:Text",
    }
}

/// What a field means: the contract's words, or which events have the argument.
fn describe(field: &Field) -> String {
    let metadata = field.metadata();
    let mut text = match (metadata.get("description"), metadata.get("events")) {
        (Some(words), _) => words.clone(),
        (None, Some(events)) => {
            let ctf = metadata.get("ctf").map_or("", String::as_str);
            format!("Field of {} ({ctf}).", events.replace(',', ", "))
        }
        (None, None) => format!("The member {}.", field.name()),
    };
    if let Some(labels) = metadata.get("labels") {
        text.push_str(&format!(" Labels: {labels}"));
    }
    text
}
