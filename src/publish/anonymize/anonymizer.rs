//! What anonymizing needs all the time: key, policy, tables of what values hold, and the pseudonyms given so far.

use super::addresses::Addresses;
use super::borders::Borders;
use super::decided::ByExit;
use super::events::Names;
use super::fate::{ArgumentPlace, Fate, Known};
use super::key::Key;
use super::numbers::Numbers;
use super::policy::Policy;
use super::table::Table;
use super::texts::Texts;
use super::times::{Time, Times};
use super::told::Told;
use crate::columns::schema::contract::{self, Column};
use crate::dataset::manifest::Manifest;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

/// The part of a trace's environment that names the machine.
const HOST: &str = "hostname";
/// Letters below which the short name of a machine is one only where it stands by itself: it may be part of many words.
const SHORT: usize = 4;
/// How many bytes of a thread's name Linux keeps.
const THREAD_NAME: usize = 15;
/// How many pseudonyms of texts of a kind are remembered before they are made anew.
pub(super) const REMEMBERED: usize = 1 << 17;

/// Replaces values by pseudonyms, on their way into a release.
pub(crate) struct Anonymizer {
    pub(super) key: Key,
    pub(super) policy: Policy,
    pub(super) table: Table,
    /// The columns of each table.
    pub(super) contracts: HashMap<String, Arc<[Column]>>,
    pub(super) addresses: Addresses,
    /// The same without networks that are kept.
    pub(super) all_addresses: Addresses,
    pub(super) numbers: Numbers,
    pub(super) texts: Texts,
    pub(super) times: Times,
    pub(super) borders: Borders,
    /// Of the recording that rows are of at the moment.
    pub(super) time: Time,
    /// Whether some recording has what `sysds record` knows of it.
    pub(super) has_records: bool,
    /// Arguments that others depend on.
    pub(super) deciders: BTreeSet<String>,
    pub(super) exits: HashMap<String, Arc<ByExit>>,
    /// Of the recording that rows are of at the moment.
    pub(super) current: Option<Arc<ByExit>>,
    pub(super) names: Names,
    /// What is known of each argument (or context field), by the number of the event.
    pub(super) known: HashMap<ArgumentPlace, Vec<Known>>,
    pub(super) remembered: HashMap<(Fate, String), HashMap<String, String>>,
    pub(super) known_addresses: HashMap<IpAddr, IpAddr>,
    pub(super) told: Told,
    /// Names of events and fields, which stay, with a name in them that goes.
    pub(super) named: BTreeSet<String>,
}

impl Anonymizer {
    /// By the rules of `policy`, with pseudonyms made with `key`, for the dataset that has this manifest: its host names
    /// are among the names that go.
    pub(crate) fn new(policy: Policy, key: &Key, manifest: &Manifest) -> Self {
        let mut words = policy.names.words.clone();
        words.extend(host_names(manifest));
        // A trace may say that its host has no name.
        words.retain(|word| !word.trim().is_empty());
        let further = host_names(manifest);
        let further = further.iter().flat_map(|name| forms_of(name));
        let said = |form: &String| words.iter().any(|w| w.eq_ignore_ascii_case(form));
        let further: Vec<String> = further.filter(|form| !said(form)).collect();
        words.extend(further.iter().cloned());
        let short = further.into_iter();
        let short: Vec<String> = short.filter(|form| form.chars().count() < SHORT).collect();
        let times = Times::of_dataset(key, policy.time.shift, manifest);
        let table = Table::shipped();
        let contracts = contract::all().map(|c| (c.table, c.columns.into()));
        Anonymizer {
            addresses: Addresses::new(key, policy.addresses.keep.clone()),
            all_addresses: Addresses::new(key, Vec::new()),
            numbers: Numbers::new(key),
            texts: Texts::new(
                key,
                policy.paths.keep.clone(),
                policy.paths.extensions.clone(),
                (&words, &short),
                policy.strings.clone(),
            ),
            key: key.clone(),
            policy,
            deciders: table
                .all_deciders()
                .into_iter()
                .map(str::to_owned)
                .collect(),
            table,
            contracts: contracts.into(),
            time: times.of(""),
            times,
            borders: Borders::of_dataset(manifest),
            has_records: manifest.recordings.iter().any(|r| r.recorded.is_some()),
            exits: HashMap::new(),
            current: None,
            names: Names::default(),
            known: HashMap::new(),
            remembered: HashMap::new(),
            known_addresses: HashMap::new(),
            told: Told::default(),
            named: BTreeSet::new(),
        }
    }

    /// A trace's id: in the form of a UUID.
    pub(super) fn trace(&self, id: &str) -> String {
        let hash = blake3::keyed_hash(&self.key.of("traces"), id.as_bytes()).to_hex();
        let part = |from: usize, to: usize| &hash[from..to];
        let parts = [
            part(0, 8),
            part(8, 12),
            part(12, 16),
            part(16, 20),
            part(20, 32),
        ];
        parts.join("-")
    }
}

/// Names of the machines that a dataset was recorded on.
fn host_names(manifest: &Manifest) -> Vec<String> {
    let sources = manifest.recordings.iter().flat_map(|r| &r.sources);
    let env = sources.flat_map(|s| &s.env);
    env.filter(|(name, _)| name == HOST)
        .map(|(_, value)| value.clone())
        .collect()
}

/// Further forms of a machine's name: what it is called in its own domain, and the domain; and of each as much as a thread's
/// name holds.
fn forms_of(name: &str) -> Vec<String> {
    let mut forms = vec![name.to_owned()];
    if let Some((short, domain)) = name.split_once('.') {
        forms.extend([short, domain].map(str::to_owned));
        // A domain of one word, as `local` or `lan`, is no name of anything.
        forms.retain(|form| form == name || form == short || form.contains('.'));
    }
    let cut = |form: &String| {
        let end = form.char_indices().map(|(at, c)| at + c.len_utf8());
        let end = end.take_while(|end| *end <= THREAD_NAME).last()?;
        Some(form[..end].to_owned())
    };
    let cut: Vec<String> = forms.iter().filter_map(cut).collect();
    forms.extend(cut);
    forms.retain(|form| form != name && !form.is_empty());
    forms
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_known_by_their_short_names_and_by_what_is_left_of_long_ones() {
        let forms = forms_of("web01.corp.example");
        for form in ["web01", "corp.example", "web01.corp.exam"] {
            assert!(forms.iter().any(|f| f == form), "{form}: {forms:?}");
        }
        assert!(!forms_of("web01.local").contains(&"local".to_owned()));
        assert!(forms_of("production-web-server-01").contains(&"production-web-".to_owned()));
        assert_eq!(forms_of("web01"), [""; 0]);
    }
}
