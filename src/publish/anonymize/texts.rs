//! Texts: file names by component, names of users and hosts, and what patterns find.
//!
//! A file name keeps its hierarchy: each component becomes a pseudonym of its own, the same wherever it stands, so that
//! equal names stay equal, also as part of a relative one; `.`, `..` and `/` stay. Names of directories that the policy
//! keeps stay where they stand under the same parents. The numbers of processes in /proc/PID and …/task/TID become those
//! of the tables. Every other text becomes one pseudonym as a whole.

use super::kept_path::KeptPath;
use super::key::Key;
use super::numbers::Numbers;
use super::policy::StringRule;
use regex::{Captures, Match, Regex};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};

/// The rules for texts.
pub(super) struct Texts {
    key: Key,
    keep: Vec<KeptPath>,
    extensions: Vec<String>,
    words: Option<Regex>,
    /// Those of `words`, in small letters, that are names only where no letter or digit stands beside them.
    short: Vec<String>,
    rules: Vec<(StringRule, AtomicU64)>,
}

/// The names that LTTng gives to folders and files of streams, which tell nothing.
static STREAMS: LazyLock<Regex> = LazyLock::new(|| {
    let names = r"^(?:kernel|ust|uid|pid|64-bit|32-bit|archives|metadata|index|(?:channel|stream|chan)_?[0-9]*(?:_[0-9]+)*)$";
    Regex::new(names).expect("a pattern")
});

impl Texts {
    /// Takes the rules together; `words` are replaced wherever they stand, in whatever case, but those that are among `short`
    /// only where no letter or digit stands beside them.
    pub(super) fn new(
        key: &Key,
        keep: Vec<KeptPath>,
        extensions: Vec<String>,
        (words, short): (&[String], &[String]),
        rules: Vec<StringRule>,
    ) -> Self {
        let mut words: Vec<String> = words.iter().map(|w| regex::escape(w)).collect();
        // The longest first, or a part of it would be replaced alone.
        words.sort_by_key(|w| std::cmp::Reverse(w.len()));
        let words = (!words.is_empty())
            .then(|| Regex::new(&format!("(?i){}", words.join("|"))).expect("escaped words"));
        let rules = rules.into_iter().map(|rule| (rule, AtomicU64::new(0)));
        Texts {
            key: key.clone(),
            keep,
            extensions,
            words,
            short: short.iter().map(|s| s.to_lowercase()).collect(),
            rules: rules.collect(),
        }
    }

    /// What becomes of a text of the field `field` that is no file name and stays otherwise.
    pub(super) fn replaced(&self, field: &str, text: &str) -> String {
        let mut text = text.to_owned();
        for (rule, found) in self.rules.iter().filter(|(r, _)| r.is_for(field)) {
            let replace = |part: &Captures| {
                found.fetch_add(1, Ordering::Relaxed);
                match &rule.replace {
                    Some(replacement) => replacement.clone(),
                    None => format!("s{}", self.key.token("strings", part[0].as_bytes())),
                }
            };
            text = rule.pattern.replace_all(&text, replace).into_owned();
        }
        self.names(&text)
    }

    /// The patterns that have found nothing.
    pub(super) fn idle_patterns(&self) -> Vec<&str> {
        let idle = |found: &AtomicU64| found.load(Ordering::Relaxed) == 0;
        let rules = self.rules.iter().filter(|(_, found)| idle(found));
        rules.map(|(rule, _)| rule.pattern.as_str()).collect()
    }

    /// Users' and hosts' names in a text replaced.
    pub(super) fn names(&self, text: &str) -> String {
        let Some(words) = &self.words else {
            return text.to_owned();
        };
        let replace = |found: &Captures| match self.is_name(text, found.get_match()) {
            true => self.host(&found[0]),
            false => found[0].to_owned(),
        };
        words.replace_all(text, replace).into_owned()
    }

    /// Whether what has been found in a text is a name, and not part of another word.
    fn is_name(&self, text: &str, found: Match) -> bool {
        let before = text[..found.start()].chars().next_back();
        let after = text[found.end()..].chars().next();
        let beside = before.into_iter().chain(after).any(char::is_alphanumeric);
        !beside || !self.short.contains(&found.as_str().to_lowercase())
    }

    /// Whether one of the names stands in a text.
    pub(super) fn has_name(&self, text: &str) -> bool {
        let mut found = self.words.iter().flat_map(|w| w.find_iter(text));
        found.any(|found| self.is_name(text, found))
    }

    /// What becomes of the name of a machine or a user.
    pub(super) fn host(&self, name: &str) -> String {
        match name {
            "" => String::new(),
            name => format!(
                "n{}",
                self.key.token("names", name.to_lowercase().as_bytes())
            ),
        }
    }

    /// What becomes of a file name in the field `field`, by component; with each whether it was kept.
    pub(super) fn path(
        &self,
        field: &str,
        path: &str,
        numbers: &mut Numbers,
    ) -> Vec<(bool, String)> {
        let path = self.replaced(field, path);
        let absolute = path.starts_with('/');
        let mut here: Vec<&str> = Vec::new();
        let parts = path.split('/').map(|component| match component {
            "" | "." => (false, component.to_owned()),
            ".." => {
                here.pop();
                (false, component.to_owned())
            }
            component => {
                here.push(component);
                self.component(&here, absolute, numbers)
            }
        });
        parts.collect()
    }

    fn component(&self, here: &[&str], absolute: bool, numbers: &mut Numbers) -> (bool, String) {
        let name = here[here.len() - 1];
        let in_proc = absolute && here[0] == "proc";
        let is_number =
            in_proc && here.len() >= 2 && (here.len() == 2 || here[here.len() - 2] == "task");
        if is_number && let Ok(number) = name.parse() {
            return (false, numbers.process(number).to_string());
        }
        if absolute && self.keep.iter().any(|k| k.keeps(here)) {
            return (true, name.to_owned());
        }
        let token = self.key.token("paths", name.as_bytes());
        let name = match name.rsplit_once('.') {
            Some((_, extension)) if self.extensions.iter().any(|e| e == extension) => {
                format!("f{token}.{extension}")
            }
            _ => format!("f{token}"),
        };
        (false, name)
    }

    /// What becomes of the name of a stream's file: what a tracer calls each of them stays.
    pub(super) fn stream(&self, path: &str) -> String {
        let parts = path.split('/').map(|part| match part {
            "" | "." | ".." => part.to_owned(),
            part if STREAMS.is_match(part) => part.to_owned(),
            part => format!("f{}", self.key.token("paths", part.as_bytes())),
        });
        parts.collect::<Vec<_>>().join("/")
    }

    /// What becomes of a text as a whole; patterns look at it all the same, so that they are known to find something.
    pub(super) fn whole(&self, field: &str, text: &str) -> String {
        for (rule, found) in self.rules.iter().filter(|(r, _)| r.is_for(field)) {
            found.fetch_add(u64::from(rule.pattern.is_match(text)), Ordering::Relaxed);
        }
        self.token(text)
    }

    /// A pseudonym of a text; of none there is none.
    pub(super) fn token(&self, text: &str) -> String {
        match text {
            "" => String::new(),
            text => format!("t{}", self.key.token("texts", text.as_bytes())),
        }
    }

    /// A pseudonym of a path of the machine that made the dataset.
    pub(super) fn machine_path(&self, path: &str) -> String {
        format!("f{}", self.key.token("paths", path.as_bytes()))
    }

    /// A pseudonym of bytes that are no text.
    pub(super) fn bytes(&self, value: &[u8]) -> String {
        self.key.token("bytes", value)
    }

    /// A pseudonym of the name of a thread.
    pub(super) fn process(&self, name: &str) -> String {
        self.key.token("processes", name.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts() -> (Texts, Numbers) {
        let key = Key::new([1; 32]);
        let keep = ["/usr/lib/**", "/home", "/proc"].map(|k| k.parse().unwrap());
        let rule = StringRule::new(Regex::new("[0-9]{16}").unwrap(), None, Vec::new());
        let words = ["alice", "web01", "db"].map(str::to_owned);
        let texts = Texts::new(
            &key,
            keep.to_vec(),
            vec!["php".to_owned()],
            (&words, &words[2..]),
            vec![rule],
        );
        (texts, Numbers::new(&key))
    }

    fn joined(texts: &Texts, path: &str, numbers: &mut Numbers) -> String {
        let parts = texts.path("filename", path, numbers);
        let parts: Vec<String> = parts.into_iter().map(|(_, part)| part).collect();
        parts.join("/")
    }

    #[test]
    fn a_path_keeps_its_hierarchy_and_what_the_policy_keeps() {
        let (texts, mut pids) = texts();
        let mut path = |p: &str| joined(&texts, p, &mut pids);
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
        let (pid, tid) = (pids.process(4711), pids.process(4712));
        let found = joined(&texts, "/proc/4711/task/4712", &mut pids);
        let parts: Vec<&str> = found.split('/').collect();
        assert_eq!((parts[2], parts[4]), (&*pid.to_string(), &*tid.to_string()));
    }

    #[test]
    fn names_and_patterns_go_from_any_text() {
        let (texts, mut pids) = texts();
        let text = texts.replaced("comm", "ALICE@web01 4111111111111111");
        assert!(
            !text.contains("ALICE") && !text.contains("web01") && !text.contains("4111"),
            "{text}"
        );
        assert_eq!(
            texts.replaced("comm", "Alice"),
            texts.replaced("comm", "alice")
        );
        assert!(!joined(&texts, "/usr/lib/alice", &mut pids).contains("alice"));
        // A short name is one where it stands by itself.
        let text = texts.replaced("comm", "DB_x mariadbd db-1");
        assert!(
            text.contains(" mariadbd ") && !text.contains("DB_") && !text.contains("db-"),
            "{text}"
        );
        assert!(texts.has_name("db:query") && !texts.has_name("mariadbd"));
    }

    #[test]
    fn streams_keep_what_the_tracer_calls_them() {
        let (texts, _) = texts();
        assert_eq!(texts.stream("kernel/channel0_1"), "kernel/channel0_1");
        assert_eq!(
            texts
                .stream("ust/uid/0/64-bit/channel0_0")
                .matches('/')
                .count(),
            4
        );
        let told = texts.stream("ust/pid/shop-4711-20261123-230639/alices_channel_0");
        assert!(told.starts_with("ust/pid/f") && !told.contains("4711") && !told.contains("alice"));
    }

    #[test]
    fn patterns_that_find_nothing_are_known() {
        let (texts, _) = texts();
        assert_eq!(texts.idle_patterns(), ["[0-9]{16}"]);
        let whole = texts.whole("x", "4111111111111111");
        assert!(whole.starts_with('t') && texts.idle_patterns().is_empty());
        assert_eq!(texts.whole("x", ""), "");
    }
}
