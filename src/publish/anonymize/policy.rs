//! The policy: what is kept, and what is done to the rest. A TOML file; what it does not say is as below.
//!
//! ```toml
//! [addresses]
//! keep = ["127.0.0.0/8", "::1", "0.0.0.0", "::"]   # networks whose addresses stay
//!
//! [paths]
//! keep = ["/usr/**", "/var/www"]    # names of directories that stay; with /** all that is below, too
//! extensions = ["php", "so"]        # endings that stay
//! arguments = ["my_file"]           # arguments that hold file names, beside those that are known and all that begin with /
//!
//! [arguments]                       # what arguments hold that nobody has classified; the words are those of columns::holds
//! "shop:order.items" = "size"       # of one event …
//! my_number = "nothing-personal"    # … or of every event
//!
//! [names]
//! words = ["alice", "web01"]        # names of users and hosts; the traces' host names are always among them
//! processes = "keep"                # or "key": names of threads become pseudonyms …
//! keep_processes = ["apache2"]      # … but for these
//!
//! [ids]
//! renumber = true                   # process and thread numbers
//!
//! [time]
//! shift = true                      # by a number of whole seconds that the key decides; or false, or a number
//!
//! [[strings]]
//! pattern = '[0-9]{16}'             # a regular expression
//! arguments = ["comm"]              # where; everywhere, if it is not said
//! replace = "NUMBER"                # by what; by a pseudonym of what was found, if it is not said
//! ```

use super::addresses::Network;
use super::checked;
use super::kept_path::KeptPath;
use super::table::{Of, bare, holds_for_items};
use crate::columns::schema::contract;
use crate::columns::schema::holds::Holds;
use crate::error::{Error, Place, Result};
use regex::Regex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

/// The policy.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Policy {
    /// Network addresses.
    pub addresses: AddressPolicy,
    /// File names.
    pub paths: PathPolicy,
    /// What further arguments hold, by `EVENT.ARGUMENT` or `ARGUMENT`.
    #[serde(deserialize_with = "checked::classified")]
    pub arguments: BTreeMap<String, Holds>,
    /// Names of users, hosts and threads.
    pub names: NamePolicy,
    /// Numbers of processes and threads.
    pub ids: IdPolicy,
    /// Time.
    pub time: TimePolicy,
    /// Patterns in texts.
    pub strings: Vec<StringRule>,
}

/// What is done to addresses.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct AddressPolicy {
    /// Networks whose addresses stay.
    #[serde(deserialize_with = "checked::networks")]
    pub keep: Vec<Network>,
}

impl Default for AddressPolicy {
    fn default() -> Self {
        let keep = ["127.0.0.0/8", "::1", "0.0.0.0", "::"];
        AddressPolicy {
            keep: keep.map(|n| n.parse().expect("a network")).to_vec(),
        }
    }
}

/// What is done to file names.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct PathPolicy {
    /// Directories whose names stay.
    #[serde(deserialize_with = "checked::parsed")]
    pub keep: Vec<KeptPath>,
    /// Endings that stay.
    #[serde(deserialize_with = "checked::said")]
    pub extensions: Vec<String>,
    /// Arguments that hold file names, beside the known ones.
    #[serde(deserialize_with = "checked::said")]
    pub arguments: Vec<String>,
}

impl Default for PathPolicy {
    /// The names that the Filesystem Hierarchy Standard gives to what is in the root directory.
    fn default() -> Self {
        let keep = [
            "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/lib64", "/media", "/mnt", "/opt",
            "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr", "/var",
        ];
        PathPolicy {
            keep: keep.map(|k| k.parse().expect("a directory")).to_vec(),
            extensions: Vec::new(),
            arguments: Vec::new(),
        }
    }
}

/// What is done to names.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct NamePolicy {
    /// Names of users and hosts.
    #[serde(deserialize_with = "checked::said")]
    pub words: Vec<String>,
    /// What is done to the names of threads.
    pub processes: Processes,
    /// Names of threads that stay.
    #[serde(deserialize_with = "checked::said")]
    pub keep_processes: Vec<String>,
}

/// What is done to the names of threads.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Processes {
    /// They stay, but for words and patterns in them.
    #[default]
    Keep,
    /// They become pseudonyms.
    Key,
}

/// What is done to numbers of processes.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct IdPolicy {
    /// Whether they are renumbered.
    pub renumber: bool,
}

impl Default for IdPolicy {
    fn default() -> Self {
        IdPolicy { renumber: true }
    }
}

/// What is done to time.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct TimePolicy {
    /// By how much it is shifted.
    pub shift: Shift,
}

/// By how much time is shifted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(crate) enum Shift {
    /// By what the key decides, or not.
    Keyed(bool),
    /// By so many seconds.
    Seconds(i32),
}

impl Default for Shift {
    fn default() -> Self {
        Shift::Keyed(true)
    }
}

/// What is done to texts in which a pattern is found.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StringRule {
    /// The pattern.
    #[serde(deserialize_with = "checked::regex")]
    pub pattern: Regex,
    /// What what it finds is replaced with; a pseudonym where nothing is said.
    pub replace: Option<String>,
    /// Names of the columns and arguments that are searched; all where none is named.
    #[serde(default)]
    pub arguments: Vec<String>,
}

impl StringRule {
    /// A rule.
    #[cfg(test)]
    pub(crate) fn new(pattern: Regex, replace: Option<String>, arguments: Vec<String>) -> Self {
        StringRule {
            pattern,
            replace,
            arguments,
        }
    }

    /// Whether it is for the field of this name. Columns and arguments that have the same value are one field here: a file
    /// name stands in the column `path` and in its argument.
    pub(crate) fn is_for(&self, field: &str) -> bool {
        self.arguments.is_empty() || self.arguments.iter().any(|a| a == field || same(a, field))
    }
}

/// Whether fields of these two names may have one value.
fn same(one: &str, other: &str) -> bool {
    static PATHS: LazyLock<Vec<String>> = LazyLock::new(|| {
        let mut paths = contract::events().path_arguments;
        paths.push("path".to_owned());
        paths
    });
    const THREADS: [&str; 6] = [
        "procname",
        "comm",
        "prev_comm",
        "next_comm",
        "parent_comm",
        "child_comm",
    ];
    let paths = |name: &str| PATHS.iter().any(|p| p == name);
    let threads = |name: &str| THREADS.contains(&name);
    (paths(one) && paths(other)) || (threads(one) && threads(other))
}

/// What the policy may call an argument of an event: `EVENT.ARGUMENT` and `ARGUMENT`, with and without the structures that
/// it is in; `ARGUMENT[]` where it is a list.
fn argument_names(of: Of, above: &[&str], last: &str) -> Vec<String> {
    let event = match of {
        Of::Call(name) | Of::Point(name) => name,
        Of::Context => "contexts",
    };
    let above = above.iter().map(|name| bare(name));
    let whole = above.chain([last]).collect::<Vec<_>>().join(".");
    let mut names = vec![
        format!("{event}.{whole}"),
        format!("{event}.{last}"),
        whole,
        last.to_owned(),
    ];
    names.dedup();
    names
}

impl Policy {
    /// What the policy says that an argument of an event holds, a text or not, and the names by which it may say it.
    pub(crate) fn argument(
        &self,
        of: Of,
        path: &[&str],
        text: bool,
    ) -> Option<(Holds, Vec<String>)> {
        if self.arguments.is_empty() && self.paths.arguments.is_empty() {
            return None;
        }
        let (last, above) = path.split_last()?;
        let found = |last: &str| {
            let names = argument_names(of, above, last);
            let said = names.iter().find_map(|name| self.arguments.get(name));
            let is_path = || names.iter().any(|name| self.paths.arguments.contains(name));
            let holds = said.copied().or_else(|| is_path().then_some(Holds::Path));
            holds.map(|holds| (holds, names))
        };
        // What is said of one value does not hold for a list, but for what is one by its nature.
        let of_items = |last: &str| found(last).filter(|(holds, _)| holds_for_items(*holds, text));
        found(last).or_else(|| of_items(last.strip_suffix("[]")?))
    }

    /// Reads a policy file.
    ///
    /// # Errors
    /// [`Error::Io`], and [`Error::Input`] with line and column for a mistake in it.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io("read", path))?;
        toml::from_str(&text).map_err(|e| {
            let before = &text[..e.span().map_or(0, |span| span.start.min(text.len()))];
            let line = before.matches('\n').count() as u64 + 1;
            let column = before.chars().rev().take_while(|c| *c != '\n').count() as u64 + 1;
            Error::input(
                e.message().trim(),
                Place::line(path, line, column),
                "docs/guide/privacy.md has a policy with all that can be said.",
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in the module's comment.
    fn example() -> String {
        let source = include_str!("policy.rs");
        let lines = source
            .lines()
            .skip_while(|l| !l.contains("```toml"))
            .skip(1);
        let lines = lines.take_while(|l| !l.contains("```"));
        lines
            .map(|l| l.trim_start_matches("//!").to_owned() + "\n")
            .collect()
    }

    #[test]
    fn the_example_is_a_policy() {
        let policy: Policy = toml::from_str(&example()).unwrap();
        assert_eq!(policy.addresses.keep, AddressPolicy::default().keep);
        assert!(policy.paths.keep[0].keeps(&["usr", "lib", "x"]));
        assert!(
            policy.paths.keep[1].keeps(&["var"]) && policy.paths.keep[1].keeps(&["var", "www"])
        );
        assert!(!policy.paths.keep[1].keeps(&["var", "www", "x"]));
        assert!(!policy.paths.keep[1].keeps(&["var", "log"]));
        assert!(policy.strings[0].is_for("procname"), "the same value");
        let said = |of, path: &[&str], text| Some(policy.argument(of, path, text)?.0);
        assert_eq!(
            said(Of::Point("shop:order"), &["items"], false),
            Some(Holds::Size)
        );
        assert_eq!(said(Of::Point("shop:order"), &["items[]"], false), None);
        assert_eq!(said(Of::Call("x"), &["items"], false), None);
        for list in ["my_file", "my_file[]"] {
            assert_eq!(said(Of::Call("x"), &[list], true), Some(Holds::Path));
        }
        assert!(policy.strings[0].is_for("comm") && !policy.strings[0].is_for("filename"));
        assert_eq!(policy.time.shift, Shift::Keyed(true));
    }

    #[test]
    fn mistakes_are_named_with_their_place() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("policy.toml");
        for (text, place) in [
            ("[paths]\nkeep = [\"usr\"]\n", "line 2"),
            ("[path]\n", "line 1"),
            ("[addresses]\n\nkeep = [\"10/8\"]\n", "line 3"),
            ("[[strings]]\npattern = '('\n", "line 2"),
            ("[[strings]]\npattern = ''\n", "empty pattern"),
            ("[paths]\nkeep = [\"/usr\", \"/**\"]\n", "every file name"),
            ("[names]\nwords = [\"alice\", \" \"]\n", "empty text"),
            ("[names]\nkeep_processes = [\"\"]\n", "empty text"),
            ("[addresses]\nkeep = [\"0.0.0.0/0\"]\n", "every address"),
            ("[arguments]\nx = \"somewhat\"\n", "line 2"),
            ("[arguments]\nx = \"members\"\n", "no word for an argument"),
        ] {
            std::fs::write(&path, text).unwrap();
            let e = Policy::read(&path).unwrap_err();
            assert!(e.to_string().contains(place), "{text}: {e}");
        }
    }
}
