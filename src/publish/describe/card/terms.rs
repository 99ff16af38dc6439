//! The end of the card: limits, privacy, rights, and what has changed since the release before.

use crate::publish::about::Author;
use crate::publish::describe::cite::bibtex;
use crate::publish::describe::markdown::{inline, said};
use crate::publish::describe::metadata::ReleaseMetadata;
use std::fmt::Write;

pub(super) fn limits(text: &mut String, metadata: &ReleaseMetadata) {
    let _ = writeln!(text, "## Known limits\n");
    for limit in &metadata.about.limits {
        let _ = writeln!(text, "- {}", inline(limit));
    }
    if metadata.about.limits.is_empty() {
        let _ = writeln!(text, "- {}", said(&None, "limits"));
    }
    let _ = writeln!(
        text,
        "- A kernel trace has the arguments of calls, not the data that they read and wrote.\n\
         - Which two sockets are the ends of a connection is concluded, not told by the trace: `downstream` has only what is\n\
         certain.\n"
    );
}

pub(super) fn privacy(text: &mut String, metadata: &ReleaseMetadata) {
    let _ = writeln!(
        text,
        "## Privacy\n\n{}\n",
        said(&metadata.about.privacy, "privacy")
    );
    let done = &metadata.manifest.release.privacy;
    if done.is_empty() {
        let _ = writeln!(
            text,
            "Nothing was anonymized: client addresses, file names, names of threads and hosts, and times are those of the trace.\n"
        );
        return;
    }
    for sentence in done {
        let _ = writeln!(text, "- {}", inline(sentence));
    }
    text.push('\n');
}

pub(super) fn rights(text: &mut String, metadata: &ReleaseMetadata) {
    let about = metadata.about;
    let _ = writeln!(text, "## Licence, authors, citation\n");
    let license = metadata
        .license
        .map(|l| format!("{} (`LICENSE`)", inline(&l.name())));
    let license = license.unwrap_or_else(|| said(&None, "license"));
    let _ = writeln!(text, "- Licence: {license}");
    let people: Vec<String> = about.authors.iter().map(credit).collect();
    let people = Some(people.join("; ")).filter(|p| !p.is_empty());
    let _ = writeln!(text, "- Authors: {}", said(&people, "authors"));
    let _ = writeln!(text, "- Contact: {}", said(&about.contact, "contact"));
    let funding = Some(about.funding.join("; ")).filter(|f| !f.is_empty());
    let _ = writeln!(text, "- Funding: {}", said(&funding, "funding"));
    let _ = writeln!(
        text,
        "- Maintenance: {}\n",
        said(&about.maintenance, "maintenance")
    );
    let _ = writeln!(text, "```bibtex\n{}\n```\n", bibtex(metadata));
}

fn credit(author: &Author) -> String {
    let more: Vec<String> = [author.affiliation.clone(), author.orcid_url()]
        .into_iter()
        .flatten()
        .collect();
    match more.is_empty() {
        true => author.full_name(),
        false => format!("{} ({})", author.full_name(), more.join(", ")),
    }
}

pub(super) fn history(text: &mut String, metadata: &ReleaseMetadata) {
    let Some(previous) = &metadata.manifest.release.previous else {
        return;
    };
    let version = &metadata.manifest.release.version;
    let _ = writeln!(
        text,
        "## What changed from {} to {version}\n",
        inline(&previous.version)
    );
    for change in &previous.changes {
        let _ = writeln!(text, "- {}", inline(change));
    }
    if previous.changes.is_empty() {
        let _ = writeln!(text, "- The rows are the same.");
    }
}
