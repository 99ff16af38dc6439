//! Texts: file names by component, names of users and hosts, and what patterns find.
//!
//! A file name keeps its hierarchy: each component becomes a pseudonym of its own, the same wherever it stands, so that
//! equal names stay equal, also as part of a relative one; `.`, `..` and `/` stay. Names of directories that the policy
//! keeps stay where they stand under the same parents. The numbers of processes in /proc/PID and …/task/TID become those
//! of the tables.

use super::key::Key;
use super::pids::Pids;
use super::policy::{KeptPath, StringRule};
use regex::{Captures, Regex};

/// The rules for texts.
pub struct Texts {
    key: Key,
    keep: Vec<KeptPath>,
    extensions: Vec<String>,
    words: Option<Regex>,
    rules: Vec<StringRule>,
}

impl Texts {
    /// Takes the rules together; `words` are replaced wherever they stand, in whatever case.
    pub fn new(
        key: &Key,
        keep: Vec<KeptPath>,
        extensions: Vec<String>,
        words: &[String],
        rules: Vec<StringRule>,
    ) -> Self {
        let mut words: Vec<String> = words.iter().map(|w| regex::escape(w)).collect();
        // The longest first, or a part of it would be replaced alone.
        words.sort_by_key(|w| std::cmp::Reverse(w.len()));
        let words = (!words.is_empty())
            .then(|| Regex::new(&format!("(?i){}", words.join("|"))).expect("escaped words"));
        Texts {
            key: key.clone(),
            keep,
            extensions,
            words,
            rules,
        }
    }

    /// What becomes of a text of the field `field` that is no file name.
    pub fn text(&self, field: &str, text: &str) -> String {
        let mut text = text.to_owned();
        for rule in self.rules.iter().filter(|r| r.is_for(field)) {
            let replace = |found: &Captures| match &rule.replace {
                Some(replacement) => replacement.clone(),
                None => format!("s{}", self.key.token("strings", found[0].as_bytes())),
            };
            text = rule.pattern.replace_all(&text, replace).into_owned();
        }
        self.names(&text)
    }

    /// Users' and hosts' names in a text replaced.
    pub fn names(&self, text: &str) -> String {
        let Some(words) = &self.words else {
            return text.to_owned();
        };
        let replace = |found: &Captures| {
            format!(
                "n{}",
                self.key.token("names", found[0].to_lowercase().as_bytes())
            )
        };
        words.replace_all(text, replace).into_owned()
    }

    /// What becomes of a file name in the field `field`.
    pub fn path(&self, field: &str, path: &str, pids: &mut Pids) -> String {
        let path = self.text(field, path);
        let absolute = path.starts_with('/');
        let mut here: Vec<&str> = Vec::new();
        let parts: Vec<String> = path
            .split('/')
            .map(|component| match component {
                "" | "." => component.to_owned(),
                ".." => {
                    here.pop();
                    component.to_owned()
                }
                component => {
                    here.push(component);
                    self.component(&here, absolute, pids)
                }
            })
            .collect();
        parts.join("/")
    }

    fn component(&self, here: &[&str], absolute: bool, pids: &mut Pids) -> String {
        let name = here[here.len() - 1];
        let in_proc = absolute && here[0] == "proc";
        let is_number =
            in_proc && here.len() >= 2 && (here.len() == 2 || here[here.len() - 2] == "task");
        if is_number && let Ok(number) = name.parse() {
            return pids.number(number).to_string();
        }
        if absolute && self.keep.iter().any(|k| k.keeps(here)) {
            return name.to_owned();
        }
        let token = self.key.token("paths", name.as_bytes());
        match name.rsplit_once('.') {
            Some((_, extension)) if self.extensions.iter().any(|e| e == extension) => {
                format!("f{token}.{extension}")
            }
            _ => format!("f{token}"),
        }
    }

    /// What becomes of a whole value that has no parts.
    pub fn whole(&self, purpose: &str, value: &[u8]) -> String {
        self.key.token(purpose, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> (Texts, Pids) {
        let key = Key::new([1; 32]);
        let keep = ["/usr/lib/**", "/home", "/proc"].map(|k| k.parse().unwrap());
        let rule = StringRule::new(Regex::new("[0-9]{16}").unwrap(), None, Vec::new());
        let words = ["alice".to_owned(), "web01".to_owned()];
        let texts = Texts::new(
            &key,
            keep.to_vec(),
            vec!["php".to_owned()],
            &words,
            vec![rule],
        );
        (texts, Pids::new(&key))
    }

    #[test]
    fn a_path_keeps_its_hierarchy_and_what_the_policy_keeps() {
        let (texts, mut pids) = texts();
        let mut path = |p: &str| texts.path("filename", p, &mut pids);
        assert_eq!(path("/usr/lib/x86/libc.so.6"), "/usr/lib/x86/libc.so.6");
        let page = path("/home/bob/shop/index.php");
        assert!(
            page.starts_with("/home/f") && page.ends_with(".php"),
            "{page}"
        );
        let parts: Vec<&str> = page.split('/').collect();
        assert_eq!(
            path("shop/../index.php"),
            format!("{}/../{}", parts[3], parts[4])
        );
        assert_eq!(
            path("/usr/lib/../../home/bob"),
            format!("/usr/lib/../../home/{}", parts[2])
        );
        assert!(!path("/usr/lib/../secret").contains("secret"));
        assert_eq!(path(""), "");
        assert_eq!(path("//home/./"), "//home/./");
    }

    #[test]
    fn processes_under_proc_have_the_numbers_of_the_tables() {
        let (texts, mut pids) = texts();
        let (pid, tid) = (pids.number(4711), pids.number(4712));
        let found = texts.path("filename", "/proc/4711/task/4712", &mut pids);
        let parts: Vec<&str> = found.split('/').collect();
        assert_eq!((parts[2], parts[4]), (&*pid.to_string(), &*tid.to_string()));
    }

    #[test]
    fn names_and_patterns_go_from_any_text() {
        let (texts, mut pids) = texts();
        let text = texts.text("comm", "ALICE@web01 4111111111111111");
        assert!(
            !text.contains("ALICE") && !text.contains("web01") && !text.contains("4111"),
            "{text}"
        );
        assert_eq!(texts.text("comm", "Alice"), texts.text("comm", "alice"));
        assert!(
            !texts
                .path("path", "/usr/lib/alice", &mut pids)
                .contains("alice")
        );
    }
}
