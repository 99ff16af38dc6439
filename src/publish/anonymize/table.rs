//! The table of arguments, `schemas/arguments.toml`: what each argument of each event holds.
//!
//! It is an allow-list, compiled in. An argument is looked up by its event and its name, then by its name alone among
//! those that mean the same everywhere; what is in neither place has nothing to say, and the caller lets it not stay. A
//! policy may say it of further arguments, and goes before the table.
//!
//! A row speaks of one value. A list or a structure in its place is content, as the bytes of a buffer are where the row
//! tells of its place in memory: items of a list are looked up as `name[]`, and members of a structure by their own names
//! only where the table lists the structure.

use crate::columns::schema::holds::Holds;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What an argument holds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum Rule {
    /// Always this.
    Is(Holds),
    /// It depends on another argument.
    By(By),
}

impl Rule {
    /// What it may hold.
    fn all(&self) -> Vec<Holds> {
        match self {
            Rule::Is(holds) => vec![*holds],
            Rule::By(by) => by.cases.keys().copied().chain([by.otherwise]).collect(),
        }
    }

    /// Whether it says something of a text, or of a number where it is none.
    fn speaks_of(&self, text: bool) -> bool {
        !text || self.all().into_iter().any(speaks_of_texts)
    }
}

/// Whether this is said of texts, too; what must not be told is not, in no form.
fn speaks_of_texts(holds: Holds) -> bool {
    holds.is_text() || holds == Holds::Secret
}

/// Whether what is said of one value holds for the items of a list as well: of addresses, which are lists of bytes, of what
/// must not be told, and of texts.
pub(super) fn holds_for_items(holds: Holds, text: bool) -> bool {
    matches!(holds, Holds::Address | Holds::Hardware | Holds::Secret) || text && holds.is_text()
}

/// What an argument holds, by the value of another argument of its call.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct By {
    /// The other argument.
    pub by: String,
    #[serde(rename = "else")]
    otherwise: Holds,
    #[serde(flatten)]
    cases: BTreeMap<Holds, Vec<i64>>,
}

impl By {
    /// What it holds where the other argument has this value; [`Holds::Secret`] where nobody knows that.
    pub(super) fn holds(&self, value: Option<i64>) -> Holds {
        let Some(value) = value else {
            return Holds::Secret;
        };
        let mut cases = self.cases.iter();
        let found = cases.find(|(_, values)| values.contains(&value));
        found.map_or(self.otherwise, |(holds, _)| *holds)
    }
}

type Row = BTreeMap<String, Rule>;

/// The table.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    words: HashSet<String>,
    structures: HashSet<String>,
    any: Row,
    contexts: Row,
    environment: BTreeMap<String, Holds>,
    events: BTreeMap<String, Row>,
    calls: BTreeMap<String, Row>,
}

/// Of what an argument is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Of<'a> {
    /// Of a system call of this name.
    Call(&'a str),
    /// Of another event.
    Point(&'a str),
    /// Of the context of events.
    Context,
}

impl Table {
    /// The table that ships with the program.
    ///
    /// # Panics
    /// Never: it is tested.
    pub(super) fn shipped() -> Table {
        let text = include_str!("../../../schemas/arguments.toml");
        toml::from_str(text).expect("the table is tested")
    }

    /// Whether a text is one that tells nothing of persons and machines.
    pub(super) fn is_word(&self, text: &str) -> bool {
        self.words.contains(text)
    }

    /// What a word of a trace's environment holds.
    pub(super) fn environment(&self, key: &str) -> Option<Holds> {
        self.environment.get(key).copied()
    }

    /// What the argument at `path` holds, a text or not: its name, after those of the structures that it is in; `[]` stands
    /// behind the names of lists.
    pub(super) fn rule(&self, of: Of, path: &[&str], text: bool) -> Option<&Rule> {
        let row = match of {
            Of::Context => Some(&self.contexts),
            Of::Call(name) => self.call(name),
            Of::Point(name) => self.point(name),
        };
        let own = row.and_then(|row| self.in_row(row, path, text));
        let rule = own.or_else(|| self.in_row(&self.any, path, text))?;
        rule.speaks_of(text).then_some(rule)
    }

    fn in_row<'a>(&self, row: &'a Row, path: &[&str], text: bool) -> Option<&'a Rule> {
        let (name, above) = path.split_last()?;
        let found = |name: &str| {
            let whole = above.last().and_then(|above| {
                let whole = format!("{}.{name}", bare(above));
                row.get(&whole)
            });
            let alone = || {
                row.get(name)
                    .filter(|rule| self.may_be_member(row, above, rule))
            };
            whole.or_else(alone)
        };
        let items = |rule: &&Rule| match rule {
            Rule::Is(holds) => holds_for_items(*holds, text),
            Rule::By(_) => false,
        };
        found(name).or_else(|| found(name.strip_suffix("[]")?).filter(items))
    }

    /// Whether a rule that is found by the name of a member alone holds in these structures. In those that nobody has
    /// listed, or that stand where the row speaks of a number, a member of this name may be anything: then no number stays,
    /// and in a list of them not even as a pseudonym, which letters of a text would be known by.
    fn may_be_member(&self, row: &Row, above: &[&str], rule: &Rule) -> bool {
        let is_known = |s: &str| self.structures.contains(s) && !row.contains_key(s);
        let known = above.iter().all(|s| is_known(bare(s)));
        let listed = above.iter().any(|s| s.ends_with("[]"));
        known || !listed && !rule.all().into_iter().any(Holds::stays)
    }

    /// Whether there is a row for this event.
    pub(super) fn knows(&self, of: Of) -> bool {
        match of {
            Of::Context => true,
            Of::Call(name) => self.call(name).is_some(),
            Of::Point(name) => self.point(name).is_some(),
        }
    }

    fn call(&self, name: &str) -> Option<&Row> {
        self.calls.get(name.strip_prefix("compat_").unwrap_or(name))
    }

    fn point(&self, name: &str) -> Option<&Row> {
        if let Some(row) = self.events.get(name) {
            return Some(row);
        }
        // What perf calls the kernel's tracepoints, and LTTng before 2.6 the system calls.
        let bare = match name.split_once(':') {
            Some((provider, bare)) if PERF.contains(&provider) => bare,
            Some(_) => return None,
            None => name,
        };
        let call = ["sys_enter_", "sys_exit_", "compat_sys_", "sys_"];
        let call = call.iter().find_map(|prefix| bare.strip_prefix(prefix));
        let call = call.and_then(|call| self.calls.get(call));
        call.or_else(|| self.events.get(bare))
    }

    /// The names of the arguments that rules of this event depend on; none for most.
    pub(super) fn deciders(&self, of: Of) -> BTreeSet<&str> {
        let row = match of {
            Of::Context => None,
            Of::Call(name) => self.call(name),
            Of::Point(name) => self.point(name),
        };
        let rules = row.into_iter().flat_map(Row::values);
        rules.filter_map(decider).collect()
    }

    /// The names of the arguments that any rule depends on.
    pub(super) fn all_deciders(&self) -> BTreeSet<&str> {
        let rows = self.calls.values().chain(self.events.values());
        rows.flat_map(Row::values).filter_map(decider).collect()
    }
}

fn decider(rule: &Rule) -> Option<&str> {
    match rule {
        Rule::Is(_) => None,
        Rule::By(by) => Some(by.by.as_str()),
    }
}

/// The name of an argument without the sign that it is a list.
pub(super) fn bare(name: &str) -> &str {
    name.trim_end_matches("[]")
}

/// Names under which perf groups the kernel's tracepoints.
const PERF: [&str; 15] = [
    "sched", "syscalls", "irq", "net", "napi", "block", "signal", "timer", "kmem", "power", "tcp",
    "sock", "skb", "task", "oom",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn is(of: Of, path: &[&str]) -> Option<Holds> {
        match Table::shipped().rule(of, path, false)? {
            Rule::Is(holds) => Some(*holds),
            Rule::By(by) => Some(by.holds(None)),
        }
    }

    #[test]
    fn arguments_are_found_by_event_and_name() {
        let table = Table::shipped();
        assert_eq!(is(Of::Call("kill"), &["pid"]), Some(Holds::Process));
        assert_eq!(
            is(Of::Call("compat_kill"), &["ret"]),
            is(Of::Call("kill"), &["ret"])
        );
        assert_eq!(is(Of::Call("clone"), &["parent_tid"]), Some(Holds::Memory));
        assert_eq!(
            is(Of::Point("sched_process_fork"), &["parent_tid"]),
            Some(Holds::Thread)
        );
        assert_eq!(
            is(Of::Point("my:event"), &["parent_tid"]),
            Some(Holds::Thread)
        );
        assert_eq!(is(Of::Point("my:event"), &["flags"]), None);
        assert_eq!(
            is(Of::Point("sched:sched_switch"), &["next_prio"]),
            Some(Holds::NothingPersonal)
        );
        assert_eq!(is(Of::Point("mine:sched_switch"), &["next_prio"]), None);
        assert_eq!(
            is(Of::Point("syscalls:sys_exit_getpid"), &["ret"]),
            Some(Holds::Process)
        );
        assert_eq!(is(Of::Point("sys_read"), &["count"]), Some(Holds::Size));
        assert_eq!(
            is(Of::Call("poll"), &["fds[]", "fd"]),
            Some(Holds::Descriptor)
        );
        assert_eq!(is(Of::Context, &["net_ns"]), Some(Holds::Handle));
        assert!(table.is_word("ext4") && !table.is_word("alice"));
    }

    #[test]
    fn a_row_speaks_of_one_value_and_not_of_content_in_its_place() {
        let write = Of::Call("write");
        assert_eq!(is(write, &["buf"]), Some(Holds::Memory));
        assert_eq!(is(write, &["buf[]"]), None);
        assert_eq!(is(write, &["buf", "count"]), None);
        assert_eq!(is(write, &["iov[]", "buf"]), None);
        assert_eq!(is(write, &["iov[]", "pid"]), None);
        assert_eq!(is(write, &["of", "pid"]), Some(Holds::Process));
        assert_eq!(is(Of::Call("kill"), &["pid[]"]), None);
        assert_eq!(is(Of::Call("ioctl"), &["arg[]"]), None);
        // Rows that say that it is a list, and what is one by its nature.
        assert_eq!(
            is(Of::Call("pipe2"), &["fildes[]"]),
            Some(Holds::Descriptor)
        );
        assert_eq!(is(Of::Context, &["callstack_user[]"]), Some(Holds::Memory));
        assert_eq!(is(Of::Call("accept4"), &["v4addr[]"]), Some(Holds::Address));
        let table = Table::shipped();
        let text = |of, path: &[&str]| table.rule(of, path, true).is_some();
        assert!(!text(write, &["buf"]) && !text(write, &["fd[]"]));
        assert!(text(Of::Call("execve"), &["argv[]"]) && text(Of::Call("openat"), &["filename"]));
    }

    #[test]
    fn rules_follow_other_arguments_and_fail_closed() {
        let table = Table::shipped();
        let Some(Rule::By(by)) = table.rule(Of::Call("fcntl"), &["arg"], false) else {
            panic!("the argument of fcntl depends on cmd");
        };
        assert_eq!(by.holds(Some(8)), Holds::Process);
        assert_eq!(by.holds(Some(4)), Holds::NothingPersonal);
        assert_eq!(by.holds(Some(-77)), Holds::Handle);
        assert_eq!(by.holds(None), Holds::Secret);
        assert_eq!(table.deciders(Of::Call("fcntl")), BTreeSet::from(["cmd"]));
        assert!(table.deciders(Of::Call("read")).is_empty());
    }

    /// Every rule that depends on another argument names one that the table has for the same event.
    #[test]
    fn deciders_are_arguments_of_the_same_event() {
        let table = Table::shipped();
        for row in table.calls.values().chain(table.events.values()) {
            for by in row.values().filter_map(decider) {
                assert!(row.contains_key(by), "{by}");
            }
        }
        assert!(table.calls.len() > 400 && table.events.len() > 200);
    }
}
