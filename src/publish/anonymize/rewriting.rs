//! The order of the work, as [`Rewrite`] asks for it, and what is said of it in the end.

use super::anonymizer::Anonymizer;
use super::arrays::failed;
use super::decided;
use super::policy::Processes;
use crate::dataset::classes::Classes;
use crate::dataset::manifest::Manifest;
use crate::dataset::root::Root;
use crate::dataset::tables;
use crate::error::Result;
use crate::publish::rewrite::{Rewrite, Warning};
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

impl Rewrite for Anonymizer {
    fn begin(&mut self, root: &Root, manifest: &Manifest, interrupted: &AtomicBool) -> Result<()> {
        self.times.check(root, manifest)?;
        self.exits = decided::find(root, manifest, &self.table, interrupted)?;
        Ok(())
    }

    /// Without metadata of the whole: readers put there what a file says besides, as the id of its trace.
    fn schema(&self, schema: SchemaRef) -> SchemaRef {
        Arc::new(Schema::new(schema.fields().clone()))
    }

    fn batch(&mut self, table: &str, batch: RecordBatch) -> Result<RecordBatch> {
        if table == tables::EVENTS {
            self.borders.see(&batch);
        }
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

    fn key_id(&self) -> Option<String> {
        Some(self.key.id())
    }

    fn warnings(&self) -> Vec<Warning> {
        let mut said = Vec::new();
        let unclassified = self.told.unclassified();
        if !unclassified.is_empty() {
            said.push(Warning {
                sentence: "nobody has said what these hold, and they do not stay; say it in the policy, under [arguments]:".to_owned(),
                lines: unclassified,
            });
        }
        for key in self.told.left_out() {
            said.push(Warning::from(format!(
                "left out of the manifest, since nobody has said what it tells: {key}"
            )));
        }
        for pattern in self.texts.idle_patterns() {
            said.push(Warning::from(format!(
                "the pattern '{pattern}' of the policy was found nowhere: look whether it is what you meant"
            )));
        }
        for name in self.told.idle(&self.policy) {
            said.push(Warning::from(format!(
                "no event has the argument {name} that the policy names"
            )));
        }
        for name in &self.named {
            said.push(Warning::from(format!(
                "{name} stays, since it is the name of an event or a field; it has a name in it that goes elsewhere"
            )));
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
        if self.times.are_moved() {
            said.push("All times are shifted by the same unknown number of seconds; the dataset says that it was made at the time of its last event. Moments in arguments that are more than a day from the recording are left out.".to_owned());
        }
        if self.times.have_own() {
            said.push("Recordings whose clock was never set are shifted each by a number of seconds of its own.".to_owned());
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
