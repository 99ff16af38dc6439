//! Anonymizing: what a release says in the place of what a trace tells of persons and machines.
//!
//! ```text
//!  policy, key ─► Anonymizer ◄─ schemas/*.json (columns), schemas/arguments.toml (arguments): what a value holds
//!                     │
//!  batch ─► walk ─► events (which event is a row?) ─► table ─► values ─► numbers, addresses, texts ─► batch
//!                     └─ decided (what an exit's entry said)      └─► told (what nobody has classified)
//! ```
//!
//! It fails closed: a value stays, or becomes a pseudonym that can be joined, where the contract, the table of arguments or
//! the policy says what it holds. Any other number is left out, any other text becomes a pseudonym as a whole, and whoever
//! publishes is told. Pseudonyms are keyed and one-to-one: equal values become equal ones, in every column and in every
//! release that is made with the same key, so that the tables still fit together.
//!
//! `key` is the secret, `policy` says what is kept, `manifest` goes over the manifest, `audit` lists what is left.

pub mod addresses;
pub mod audit;
mod checked;
mod decided;
mod events;
mod fate;
mod forms;
mod kept_path;
pub mod key;
mod lists;
mod manifest;
mod numbers;
pub mod policy;
mod recorded;
mod table;
mod text_values;
mod texts;
mod told;
mod values;
mod walk;

use super::rewrite::Rewrite;
use crate::columns::schema::contract::{self, Column};
use crate::dataset::classes::Classes;
use crate::dataset::manifest::Manifest;
use crate::error::{Error, Place, Result};
use addresses::Addresses;
use arrow::array::{Array, ArrayRef, ListArray, RecordBatch};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use decided::ByExit;
use events::Names;
use fate::{Fate, Known};
use key::Key;
use numbers::Numbers;
use policy::{Policy, Processes, Shift};
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use table::Table;
use texts::Texts;
use told::Told;
use walk::Place as Argument;

/// Nanoseconds in a second.
const SECOND: i64 = 1_000_000_000;
/// How many pseudonyms of texts of a kind are remembered before they are made anew.
const REMEMBERED: usize = 1 << 17;

/// Replaces values by pseudonyms, on their way into a release.
pub struct Anonymizer {
    key: Key,
    policy: Policy,
    table: Table,
    /// The columns of each table.
    contracts: HashMap<String, Arc<[Column]>>,
    addresses: Addresses,
    /// The same without networks that are kept.
    all_addresses: Addresses,
    numbers: Numbers,
    texts: Texts,
    shift: i64,
    /// Whether some recording has what `sysds record` knows of it.
    has_records: bool,
    /// Arguments that others depend on.
    deciders: BTreeSet<String>,
    exits: HashMap<String, Arc<ByExit>>,
    /// Of the recording that rows are of at the moment.
    current: Option<Arc<ByExit>>,
    names: Names,
    /// What is known of each argument (or context field), by the number of the event.
    known: HashMap<Argument, Vec<Known>>,
    remembered: HashMap<(Fate, String), HashMap<String, String>>,
    known_addresses: HashMap<IpAddr, IpAddr>,
    told: Told,
    /// Names of events and fields, which stay, with a name in them that goes.
    named: BTreeSet<String>,
}

impl Anonymizer {
    /// By the rules of `policy`, with pseudonyms made with `key`, for the dataset that has this manifest: its host names
    /// are among the names that go.
    pub fn new(policy: Policy, key: &Key, manifest: &Manifest) -> Self {
        let mut words = policy.names.words.clone();
        words.extend(manifest::host_names(manifest));
        // A trace may say that its host has no name.
        words.retain(|word| !word.trim().is_empty());
        let shift = match policy.time.shift {
            Shift::Keyed(false) => 0,
            Shift::Keyed(true) => keyed_shift(key),
            Shift::Seconds(seconds) => i64::from(seconds),
        };
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
                &words,
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
            shift,
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
    fn trace(&self, id: &str) -> String {
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

impl Rewrite for Anonymizer {
    fn begin(&mut self, root: &Path, manifest: &Manifest, interrupted: &AtomicBool) -> Result<()> {
        self.exits = decided::find(root, manifest, &self.table, interrupted)?;
        Ok(())
    }

    /// Without metadata of the whole: readers put there what a file says besides, as the id of its trace.
    fn schema(&self, schema: SchemaRef) -> SchemaRef {
        Arc::new(Schema::new(schema.fields().clone()))
    }

    fn batch(&mut self, table: &str, batch: RecordBatch) -> Result<RecordBatch> {
        let schema = self.schema(batch.schema());
        let columns = self.table(table, &batch)?;
        RecordBatch::try_new(schema, columns).map_err(failed)
    }

    fn manifest(&mut self, manifest: Manifest) -> Result<Manifest> {
        self.rewritten(manifest)
    }

    fn classes(&mut self, mut classes: Vec<Classes>) -> Result<Vec<Classes>> {
        for of_trace in &mut classes {
            of_trace.trace_id = self.trace(&of_trace.trace_id);
            for class in &of_trace.classes {
                let class = &class.class;
                let fields = class.context.iter().chain(&class.payload);
                let names = fields.map(|f| &f.name).chain([&class.full_name]);
                let telling = names.filter(|name| self.texts.has_name(name));
                self.named.extend(telling.cloned());
            }
        }
        Ok(classes)
    }

    fn warnings(&self) -> Vec<String> {
        let mut said = Vec::new();
        let unclassified = self.told.unclassified();
        if !unclassified.is_empty() {
            said.push(format!(
                "nobody has said what these hold, and they do not stay; say it in the policy, under [arguments]:\n  {}",
                unclassified.join("\n  ")
            ));
        }
        for key in self.told.left_out() {
            said.push(format!(
                "left out of the manifest, since nobody has said what it tells: {key}"
            ));
        }
        for pattern in self.texts.idle_patterns() {
            said.push(format!(
                "the pattern '{pattern}' of the policy was found nowhere: look whether it is what you meant"
            ));
        }
        for name in self.told.idle(&self.policy) {
            said.push(format!(
                "no event has the argument {name} that the policy names"
            ));
        }
        for name in &self.named {
            said.push(format!(
                "{name} stays, since it is the name of an event or a field; it has a name in it that goes elsewhere"
            ));
        }
        said
    }

    fn privacy(&self) -> Vec<String> {
        let mut said = vec![
            "Network addresses are pseudonyms that keep common prefixes (Crypto-PAn).".to_owned(),
            "Names of files and directories are pseudonyms by component, but for directories that were kept.".to_owned(),
            "Names of hosts, and of users that were listed, are pseudonyms; so are the ids of traces.".to_owned(),
            "Numbers that mean no more than that they are the same (inodes, keys, namespaces) are pseudonyms, checksums are left out.".to_owned(),
        ];
        if self.has_records {
            said.push("Commands that ran during the recordings are left out; what load generators measured stays.".to_owned());
        }
        if self.policy.ids.renumber {
            said.push("Processes and threads are renumbered, and so are users and groups that are not the system's.".to_owned());
        }
        if self.shift != 0 {
            said.push("All times are shifted by the same unknown number of seconds; the dataset says that it was made at the time of its last event.".to_owned());
        }
        if self.policy.names.processes == Processes::Key {
            said.push("Names of threads are pseudonyms, but for those that were kept.".to_owned());
        }
        if !self.policy.strings.is_empty() {
            let n = self.policy.strings.len();
            said.push(format!(
                "Texts in which one of {n} patterns was found are replaced."
            ));
        }
        let unclassified = self.told.unclassified();
        if !unclassified.is_empty() {
            said.push(format!(
                "Of these nobody has said what they hold: {}.",
                unclassified.join("; ")
            ));
        }
        said
    }
}

/// Whole seconds back, between 30 days and 10 years, as the key decides.
fn keyed_shift(key: &Key) -> i64 {
    let day = 24 * 3600;
    let [a, b, c, d, ..] = key.of("time");
    let number = u32::from_le_bytes([a, b, c, d]);
    -(30 * day + i64::from(number) % (3620 * day))
}

fn failed(e: ArrowError) -> Error {
    Error::input(
        format!("its values cannot be anonymized: {e}"),
        Place::file("the dataset"),
        "Check it with sysds inspect, or make it again with sysds ingest.",
    )
}

/// A list with other items.
fn rebuilt(list: &ListArray, items: ArrayRef) -> Result<ArrayRef> {
    let DataType::List(field) = list.data_type() else {
        return Ok(Arc::new(list.clone()));
    };
    let list = ListArray::try_new(
        Arc::clone(field),
        list.offsets().clone(),
        items,
        list.nulls().cloned(),
    );
    Ok(Arc::new(list.map_err(failed)?))
}
