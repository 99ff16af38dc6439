//! What a power failure may leave follows from the order of writes, fsyncs and renames: this keeps account of it.
//!
//! A file is dirty from when it is made or written to until it is fsynced; a folder from when a name in it is made or
//! changed. When something is renamed to the target, nothing in it may be dirty, nor what a manifest names. After that the target's folder is
//! dirty, and must be fsynced before what was there is removed, and before the program ends.

use crate::commands::Case;
use crate::supervisor::Call;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The account of a run. Paths are relative to the place.
pub struct Order {
    target: String,
    /// The folder of the target.
    parent: String,
    /// Whether the target speaks of the files beside it.
    beside: bool,
    dirty: BTreeSet<String>,
    in_place: bool,
    /// What each thread has asked to be made durable in its last call.
    waiting: BTreeMap<u32, String>,
    wrong: Vec<String>,
}

impl Order {
    pub fn new(case: &Case) -> Order {
        let target = case.commit.or(case.target).unwrap_or_default().to_owned();
        Order {
            beside: case.commit.is_some(),
            parent: folder(&target),
            target,
            dirty: BTreeSet::new(),
            in_place: false,
            waiting: BTreeMap::new(),
            wrong: Vec::new(),
        }
    }

    /// Takes a call into account that is about to be made.
    pub fn see(&mut self, call: &Call) {
        let plain = |name: &str| name.trim_end_matches('/').to_owned();
        let mut names = call.about.split(' ').map(plain);
        let name = names.next().unwrap_or_default();
        self.waiting.remove(&call.tid);
        match call.kind.name {
            // Of temporary files, of a query or without a name, nothing is expected.
            _ if !call.on_disk || name.starts_with("tmp") || name.contains("/#") => {}
            "fsync" | "fdatasync" => {
                self.dirty.remove(&name);
                self.waiting.insert(call.tid, name);
            }
            "mkdir" | "mkdirat" | "openat" | "symlink" => {
                self.dirty.insert(folder(&name));
                self.dirty.insert(name);
            }
            "rename" | "renameat" | "renameat2" => {
                self.rename(&name, &names.next().unwrap_or_default())
            }
            "unlink" | "unlinkat" | "rmdir" => self.remove(&name),
            _ => drop(self.dirty.insert(name)),
        }
    }

    fn rename(&mut self, from: &str, to: &str) {
        if to == self.target {
            let inside = |name: &&String| {
                let told = self.beside && is_in(name, &self.parent) && **name != self.parent;
                told || is_in(name, from)
            };
            let unsafe_yet: Vec<String> = self.dirty.iter().filter(inside).cloned().collect();
            for name in unsafe_yet {
                self.wrong
                    .push(format!("{name} is not durable when it is put in place"));
            }
            // We see calls begin. That one has ended shows in the next of its thread, or in the thread's end.
            let under_way = self
                .waiting
                .iter()
                .filter(|(tid, _)| Path::new(&format!("/proc/{tid}")).exists());
            for (_, name) in under_way {
                self.wrong.push(format!(
                    "{name} may not be durable yet when {to} is put in place"
                ));
            }
            self.in_place = true;
        }
        let moved: Vec<String> = self
            .dirty
            .iter()
            .filter(|n| is_in(n, from))
            .cloned()
            .collect();
        for name in moved {
            self.dirty.remove(&name);
            self.dirty.insert(format!("{to}{}", &name[from.len()..]));
        }
        self.dirty.insert(folder(from));
        self.dirty.insert(folder(to));
    }

    fn remove(&mut self, name: &str) {
        if self.in_place && self.dirty.contains(&self.parent) && name.contains("partial") {
            let late = format!("{name} is removed before the rename is durable");
            self.wrong.push(late);
        }
        // What is gone needs no fsync.
        self.dirty.retain(|n| !is_in(n, name));
        if !self.in_place {
            self.dirty.insert(folder(name));
        }
    }

    /// What was wrong in the order.
    pub fn end(mut self) -> Vec<String> {
        if !self.in_place {
            self.wrong
                .push(format!("{} was never put in place", self.target));
        }
        if self.dirty.contains(&self.parent) {
            self.wrong
                .push(format!("{} is not durable in the end", self.parent));
        }
        self.wrong
    }
}

fn is_in(name: &str, dir: &str) -> bool {
    name.strip_prefix(dir)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn folder(name: &str) -> String {
    name.rsplit_once('/')
        .map_or(String::new(), |(dir, _)| dir.to_owned())
}
