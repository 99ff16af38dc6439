//! `CITATION.cff`, and the BibTeX entry for the card and `croissant.json`.

use super::json::quoted;
use super::metadata::ReleaseMetadata;
use crate::publish::about::Author;
use crate::shown::shown;
use std::fmt::Write;

/// The file, in the Citation File Format 1.2.0; `None` without authors, who are required.
pub(super) fn cff(metadata: &ReleaseMetadata) -> Option<String> {
    let about = metadata.about;
    if about.authors.is_empty() {
        return None;
    }
    let release = &metadata.manifest.release;
    let mut text = String::from("cff-version: 1.2.0\ntype: dataset\n");
    let _ = writeln!(
        text,
        "message: \"If you use this dataset, please cite it as below.\""
    );
    let _ = writeln!(text, "title: {}", quoted(metadata.title()));
    let _ = writeln!(text, "abstract: {}", quoted(&metadata.description()));
    let _ = writeln!(text, "version: {}", quoted(&release.version));
    let _ = writeln!(text, "date-released: {}", quoted(&release.published));
    if let Some(license) = metadata.license
        && license.urls().len() == 1
    {
        let _ = writeln!(text, "license: {}", quoted(&license.expression));
    }
    if let Some(doi) = &about.doi {
        let _ = writeln!(text, "doi: {}", quoted(doi));
    }
    if let Some(url) = &about.url {
        let _ = writeln!(text, "url: {}", quoted(url));
    }
    let _ = writeln!(text, "authors:");
    about.authors.iter().for_each(|a| author(&mut text, a));
    let _ = writeln!(text, "keywords:");
    for keyword in keywords(metadata) {
        let _ = writeln!(text, "  - {}", quoted(&keyword));
    }
    Some(text)
}

fn author(text: &mut String, author: &Author) {
    let parts = match (&author.family, &author.given) {
        (None, None) => vec![("name", author.name.clone())],
        (family, given) => vec![
            ("family-names", family.clone()),
            ("given-names", given.clone()),
        ],
    };
    let more = vec![
        ("orcid", author.orcid_url()),
        ("affiliation", author.affiliation.clone()),
        ("email", author.email.clone()),
    ];
    let mut lead = "  - ";
    for (key, value) in parts.into_iter().chain(more) {
        if let Some(value) = value {
            let _ = writeln!(text, "{lead}{key}: {}", quoted(&value));
            lead = "    ";
        }
    }
}

/// The words to find the dataset by.
pub(super) fn keywords(metadata: &ReleaseMetadata) -> Vec<String> {
    let own = [
        "system calls",
        "kernel trace",
        "LTTng",
        "web server",
        "requests",
    ];
    let mut all: Vec<String> = own.map(str::to_owned).to_vec();
    for word in &metadata.about.keywords {
        if !all.contains(word) {
            all.push(word.clone());
        }
    }
    all
}

/// A BibTeX entry; what is not known is left out.
pub(super) fn bibtex(metadata: &ReleaseMetadata) -> String {
    let about = metadata.about;
    let release = &metadata.manifest.release;
    let year = release.published.get(..4).unwrap_or_default();
    let names: Vec<String> = about.authors.iter().map(Author::full_name).collect();
    let first = about.authors.first();
    let first = first.map_or("sysds".to_owned(), |a| {
        a.family.clone().unwrap_or_else(|| a.full_name())
    });
    let key: String = first.chars().filter(char::is_ascii_alphanumeric).collect();
    let fields = [
        ("author", (!names.is_empty()).then(|| names.join(" and "))),
        ("title", Some(metadata.title().to_owned())),
        ("year", Some(year.to_owned())),
        ("version", Some(release.version.clone())),
        ("publisher", about.publisher.clone()),
        ("doi", about.doi.clone()),
        ("url", about.url.clone()),
    ];
    let mut text = format!("@dataset{{{}{year}", key.to_lowercase());
    for (name, value) in fields {
        if let Some(value) = value {
            let _ = write!(text, ",\n  {name} = {{{}}}", escaped(&value));
        }
    }
    text + "\n}"
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in shown(&text.split_whitespace().collect::<Vec<_>>().join(" ")).chars() {
        if "&%$#_".contains(c) {
            out.push('\\');
        }
        match c {
            // A backslash would be a command of TeX, and backticks end the code that the entry stands in.
            '\\' => out.push_str("\\textbackslash "),
            '`' => out.push('\''),
            '{' | '}' => {}
            c => out.push(c),
        }
    }
    out
}
