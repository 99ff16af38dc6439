//! `dataset.toml`: what a person has to say of a dataset, because no trace and no manifest tells it.
//!
//! Nothing is made up for what is not said: the places that need it stand empty or are marked, and [`About::gaps`] lists
//! them, with what to write.

use crate::error::{Error, Place, Result};
use crate::shown::is_hidden;
use serde::Deserialize;
use std::path::Path;

/// Name of the file, beside the dataset's folder.
pub(crate) const ABOUT: &str = "dataset.toml";

/// What the file says; everything may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct About {
    /// Name to cite the dataset by.
    pub title: Option<String>,
    /// A paragraph for someone who looks for datasets.
    pub description: Option<String>,
    /// Who made it.
    pub authors: Vec<Author>,
    /// An address for questions.
    pub contact: Option<String>,
    /// Who paid for it, with grant numbers.
    pub funding: Vec<String>,
    /// The organisation that publishes it.
    pub publisher: Option<String>,
    /// Where it is published.
    pub url: Option<String>,
    /// Its DOI, without `https://doi.org/`.
    pub doi: Option<String>,
    /// Words to find it by, beside those that the program adds.
    pub keywords: Vec<String>,
    /// Its licence, an SPDX expression; `--license` goes before it.
    pub license: Option<String>,
    /// What it was made for.
    pub purpose: Option<String>,
    /// The traced server: software, versions, configuration, machine.
    pub server: Option<String>,
    /// The load: generator, command, rate, duration, where it ran.
    pub load: Option<String>,
    /// Noise, limits or faults that were applied, by label.
    pub conditions: Option<String>,
    /// What it must not be used for, or does not show.
    pub limits: Vec<String>,
    /// Whose data may be in it, and how they agreed.
    pub privacy: Option<String>,
    /// Who keeps it, for how long, and how errors are mended.
    pub maintenance: Option<String>,
}

/// A person, or a group, that made the dataset.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Author {
    /// The name as it is to be printed; not needed where the two parts are there.
    pub name: Option<String>,
    /// Family names.
    pub family: Option<String>,
    /// Given names.
    pub given: Option<String>,
    /// ORCID, as `0000-0002-1825-0097`.
    pub orcid: Option<String>,
    /// Where they work.
    pub affiliation: Option<String>,
    /// Their address.
    pub email: Option<String>,
}

impl Author {
    /// The whole name.
    pub(crate) fn full_name(&self) -> String {
        let parts = [&self.given, &self.family].map(|p| p.as_deref().unwrap_or_default());
        match &self.name {
            Some(name) => name.clone(),
            None => parts.join(" ").trim().to_owned(),
        }
    }

    /// Address of the ORCID record.
    pub(crate) fn orcid_url(&self) -> Option<String> {
        let orcid = self.orcid.as_deref()?;
        let bare = orcid.trim_start_matches("https://orcid.org/");
        Some(format!("https://orcid.org/{bare}"))
    }
}

/// Something that is not said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Gap {
    /// The key in `dataset.toml`.
    pub key: &'static str,
    /// What to write there.
    pub what: &'static str,
    /// What a release lacks without it; empty where only the card does.
    pub costs: &'static str,
}

impl About {
    /// Reads the file.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Input`] with line and column where it is not as it should be.
    pub(crate) fn read(path: &Path) -> Result<About> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        let about: About = toml::from_str(&text).map_err(|e| {
            let at = e.span().map_or(0, |s| s.start);
            let before = &text[..at.min(text.len())];
            let line = before.matches('\n').count() as u64 + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() as u64 + 1;
            Error::input(
                e.message().replace('\n', " "),
                Place::line(path, line, column),
                "The keys are in docs/guide/publish.md.",
            )
        })?;
        match about.wrong() {
            None => Ok(about),
            Some((what, remedy)) => Err(Error::input(what, Place::file(path), remedy)),
        }
    }

    /// What cannot be as it is said, and what to write. Addresses become links on the web, so they must be what they pass
    /// for.
    fn wrong(&self) -> Option<(String, &'static str)> {
        let nameless = |a: &Author| a.full_name().is_empty();
        if let Some(i) = self.authors.iter().position(nameless) {
            let what = format!("author number {} has no name", i + 1);
            return Some((what, "Write name = \"…\", or family and given."));
        }
        if let Some(url) = self.url.as_ref().filter(|url| !is_web_address(url)) {
            let what = format!("url is no address on the web: {url}");
            return Some((
                what,
                "Write https:// or http://, a host and a path, without spaces.",
            ));
        }
        if let Some(doi) = self.doi.as_ref().filter(|doi| !is_doi(doi)) {
            let what = format!("doi is no DOI: {doi}");
            return Some((
                what,
                "Write it without https://doi.org/, as 10.5281/zenodo.1234.",
            ));
        }
        let orcids = self.authors.iter().filter_map(|a| a.orcid.as_ref());
        let wrong = orcids.into_iter().find(|orcid| !is_orcid(orcid))?;
        let what = format!("orcid is no ORCID iD, or has a wrong digit: {wrong}");
        Some((what, "Write it as 0000-0002-1825-0097."))
    }

    /// What is missing, the most important first; `licensed` tells whether `--license` names a licence.
    pub(crate) fn gaps(&self, licensed: bool) -> Vec<Gap> {
        let said = |(key, _, _, said): &&Question| said(self) || (*key == "license" && licensed);
        let missing = QUESTIONS.iter().filter(|asked| !said(asked));
        missing
            .map(|(key, what, costs, _)| Gap { key, what, costs })
            .collect()
    }
}

/// Whether `text` is an address that a browser fetches, and nothing else.
fn is_web_address(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let odd = |c: char| c.is_whitespace() || is_hidden(c) || "<>\"'`\\{}|^".contains(c);
        !host.is_empty()
            && host
                .chars()
                .all(|c| c.is_alphanumeric() || ".-:[]".contains(c))
            && !rest.contains(odd)
    })
}

/// Whether `text` is a DOI: `10.`, a registrant of digits (with subdivisions), a slash and a name, as the DOI Handbook
/// has it, without what no registrant gives out (spaces, quotes, angle brackets).
fn is_doi(text: &str) -> bool {
    let Some((registrant, name)) = text.strip_prefix("10.").and_then(|t| t.split_once('/')) else {
        return false;
    };
    let number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let odd = |c: char| c.is_whitespace() || is_hidden(c) || "<>\"'`\\{}|^[]".contains(c);
    registrant.split('.').all(number)
        && registrant.len() >= 4
        && !name.is_empty()
        && !name.contains(odd)
}

/// Whether `text` is an ORCID iD, bare or as its address: 15 digits and the check digit of ISO 7064 (MOD 11-2).
fn is_orcid(text: &str) -> bool {
    let bare = text.trim_start_matches("https://orcid.org/");
    let groups: Vec<&str> = bare.split('-').collect();
    if groups.len() != 4 || groups.iter().any(|g| g.len() != 4) {
        return false;
    }
    let digits = groups.concat();
    let (first, last) = digits.split_at_checked(15).unwrap_or_default();
    if !first.bytes().all(|b| b.is_ascii_digit()) || last.len() != 1 {
        return false;
    }
    let sum = first
        .bytes()
        .fold(0, |sum, b| (sum + u32::from(b - b'0')) * 2 % 11);
    let check = (12 - sum) % 11;
    last == "X" && check == 10 || last.parse() == Ok(check)
}

/// A key, what to write there, what a release lacks without it, and whether it is said.
type Question = (&'static str, &'static str, &'static str, fn(&About) -> bool);

const CROISSANT: &str = "croissant.json demands it";

/// Everything that is asked for.
const QUESTIONS: [Question; 16] = [
    (
        "title",
        "the name to cite it by",
        "the folder's name stands in for it",
        |a| a.title.is_some(),
    ),
    (
        "authors",
        "[[authors]] with family, given, orcid, affiliation",
        "there is no CITATION.cff without it, and croissant.json demands it",
        |a| !a.authors.is_empty(),
    ),
    (
        "license",
        "an SPDX expression, as CC-BY-4.0, or --license",
        "nobody may use the data without it, and croissant.json demands it",
        |a| a.license.is_some(),
    ),
    ("url", "where it is published", CROISSANT, |a| {
        a.url.is_some()
    }),
    (
        "description",
        "a paragraph for someone who looks for datasets",
        "",
        |a| a.description.is_some(),
    ),
    ("contact", "an address for questions", "", |a| {
        a.contact.is_some()
    }),
    ("publisher", "the organisation that publishes it", "", |a| {
        a.publisher.is_some()
    }),
    ("doi", "the DOI reserved for it", "", |a| a.doi.is_some()),
    (
        "funding",
        "who paid for it; [\"none\"] if nobody did",
        "",
        |a| !a.funding.is_empty(),
    ),
    ("purpose", "what it was made for", "", |a| {
        a.purpose.is_some()
    }),
    (
        "server",
        "the traced server: software, versions, configuration, machine",
        "",
        |a| a.server.is_some(),
    ),
    (
        "load",
        "the load: generator, command, rate, duration, where it ran",
        "",
        |a| a.load.is_some(),
    ),
    (
        "conditions",
        "noise, limits or faults that were applied, by label; \"none\" if none were",
        "",
        |a| a.conditions.is_some(),
    ),
    (
        "limits",
        "what it must not be used for, or does not show",
        "",
        |a| !a.limits.is_empty(),
    ),
    (
        "privacy",
        "whose data may be in it, and how they agreed",
        "",
        |a| a.privacy.is_some(),
    ),
    (
        "maintenance",
        "who keeps it, for how long, and how errors are mended",
        "",
        |a| a.maintenance.is_some(),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_shown_where_it_stands() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(ABOUT);
        std::fs::write(&path, "title = \"x\"\nautors = []\n").unwrap();
        let e = About::read(&path).unwrap_err();
        let said = e.to_string();
        assert!(
            said.contains("line 2, column 1") && said.contains("autors"),
            "{said}"
        );
        std::fs::write(&path, "[[authors]]\norcid = \"1\"\n").unwrap();
        let said = About::read(&path).unwrap_err().to_string();
        assert!(said.contains("author number 1 has no name"), "{said}");
    }

    #[test]
    fn addresses_are_what_they_pass_for() {
        for good in [
            "https://example.org/a?b=c#d",
            "http://[::1]:80/x_y~z",
            "https://bücher.example",
        ] {
            assert!(is_web_address(good), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://",
            "https://a b",
            "https://a/\u{202e}",
            "https://a/\"><script>",
            "HTTPS",
            "https://user@host/",
        ] {
            assert!(!is_web_address(bad), "{bad}");
        }
        assert!(
            is_doi("10.5281/zenodo.1234") && is_doi("10.1234/5678") && is_doi("10.1000.10/a(b)c")
        );
        for bad in [
            "https://doi.org/10.1/x",
            "10.5281",
            "10.5281/",
            "10.x/y",
            "10.5281/a b",
            "10.5281/<b>",
        ] {
            assert!(!is_doi(bad), "{bad}");
        }
        assert!(
            is_orcid("0000-0002-1825-0097") && is_orcid("https://orcid.org/0000-0002-1694-233X")
        );
        for bad in [
            "0000-0002-1825-0098",
            "0000-0002-1825",
            "1",
            "0000-0002-1825-00ü",
            "javascript:x",
        ] {
            assert!(!is_orcid(bad), "{bad}");
        }
    }

    #[test]
    fn what_is_said_is_no_gap() {
        let all = About::default().gaps(false);
        assert!(all.iter().any(|g| g.key == "license"));
        assert!(
            !About::default()
                .gaps(true)
                .iter()
                .any(|g| g.key == "license")
        );
        let about: About = toml::from_str("title = 'x'\nfunding = ['none']").unwrap();
        assert_eq!(about.gaps(false).len(), all.len() - 2);
    }
}
