//! The recordings of each part, as a user names them, and as the parameter `parts` of `queries/split.sql`.
//!
//! On the command line that is `--part train=normal-1,normal-2`, in a file of TOML `train = ["normal-1", "normal-2"]`. Both
//! become one text, `train=normal-1,normal-2; valid=…`, in which letters that would end a name are written as `%2C` and the
//! like. Which names mean which recordings is the query's to say.

use super::names::PARTS;
use crate::error::{Error, Place, Result};
use std::collections::BTreeMap;
use std::path::Path;

/// The names that were given for each part, in the order of the parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Parts(BTreeMap<usize, Vec<String>>);

impl Parts {
    /// Adds what one `--part` says: `train=NAME,NAME`.
    ///
    /// # Errors
    /// What is wrong with it, in words.
    pub(crate) fn add(&mut self, text: &str) -> Result<(), String> {
        let Some((part, names)) = text.split_once('=') else {
            return Err("write PART=NAME,NAME".to_owned());
        };
        let part = number(part.trim())?;
        let names: Vec<String> = names.split(',').map(|n| n.trim().to_owned()).collect();
        if names.iter().any(String::is_empty) {
            return Err("a name is empty; write PART=NAME,NAME".to_owned());
        }
        self.0.entry(part).or_default().extend(names);
        Ok(())
    }

    /// Reads a file: `train = ["NAME", "NAME"]`, a line for each part.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Input`] with line and column where it is not as it should be.
    pub(crate) fn read(path: &Path) -> Result<Parts> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        let wrong = |what: String, at: usize| {
            let before = &text[..at.min(text.len())];
            let line = before.matches('\n').count() as u64 + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() as u64 + 1;
            Error::input(
                what,
                Place::line(path, line, column),
                "Write a line for each part, as train = [\"normal-1\", \"normal-2\"].",
            )
        };
        let read: BTreeMap<toml::Spanned<String>, Vec<toml::Spanned<String>>> =
            toml::from_str(&text).map_err(|e| {
                wrong(
                    e.message().replace('\n', " "),
                    e.span().map_or(0, |s| s.start),
                )
            })?;
        let mut parts = Parts::default();
        for (part, names) in read {
            let at = part.span().start;
            let number = number(part.get_ref()).map_err(|what| wrong(what, at))?;
            let empty = names.iter().find(|name| name.get_ref().trim().is_empty());
            if let Some(empty) = empty {
                return Err(wrong("a name is empty".to_owned(), empty.span().start));
            }
            if names.is_empty() {
                let what = format!("{} has no recording", part.get_ref());
                return Err(wrong(what, at));
            }
            let names = names.into_iter().map(toml::Spanned::into_inner);
            parts.0.insert(number, names.collect());
        }
        Ok(parts)
    }

    /// The parameter.
    pub(crate) fn text(&self) -> String {
        let parts = self.0.iter().map(|(part, names)| {
            let names: Vec<String> = names.iter().map(|name| written(name)).collect();
            format!("{}={}", PARTS[*part], names.join(","))
        });
        parts.collect::<Vec<_>>().join("; ")
    }
}

/// The number of a part.
fn number(part: &str) -> Result<usize, String> {
    let known = PARTS.iter().position(|p| *p == part);
    known.ok_or_else(|| format!("there is no part {part:?}; there are {}", PARTS.join(", ")))
}

/// A name as the parameter has it.
fn written(name: &str) -> String {
    let mut text = name
        .replace('%', "%25")
        .replace(',', "%2C")
        .replace(';', "%3B");
    if let Some(rest) = text.strip_prefix(' ') {
        text = format!("%20{rest}");
    }
    if let Some(rest) = text.strip_suffix(' ') {
        text = format!("{rest}%20");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_one_text_in_their_order() {
        let mut parts = Parts::default();
        for said in ["test=b", "train=a, a b", "train=a=c", "test-ood = cpu"] {
            parts.add(said).unwrap();
        }
        assert_eq!(parts.text(), "train=a,a b,a=c; test=b; test-ood=cpu");
        for wrong in ["train", "train=", "train=a,,b", "ood=a", "Train=a"] {
            assert!(parts.add(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_says_the_same_and_any_name() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("parts.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Parts::read(&path)
        };
        let parts = read("test-ood = ['cpu']\ntrain = [\"a,b\", ' ;%2C ']\n").unwrap();
        assert_eq!(parts.text(), "train=a%2Cb,%20%3B%252C%20; test-ood=cpu");
        for (text, place, said) in [
            (
                "train = ['a']\nood = ['b']",
                "line 2, column 1",
                "no part \"ood\"",
            ),
            ("train = 'a'", "line 1", "expected a sequence"),
            ("train = ['a', '']", "line 1, column 15", "empty"),
            ("train = ['a']\ntrain = ['b']", "line 2", "duplicate key"),
        ] {
            let e = read(text).unwrap_err().to_string();
            assert!(e.contains(place) && e.contains(said), "{e}");
        }
    }
}
