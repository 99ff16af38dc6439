//! Thread, process and name of a kernel's events whose contexts do not tell them, as LTTng's default recording has none.
//!
//! The one idea: an event is of the thread that its CPU runs, and `sched_switch` says which that is: it is recorded in the
//! context of `prev_tid`, and what follows on its CPU, interrupts included, in that of `next_tid`. Process and name of a
//! thread are what forks, executions, switches and the state dump say of it (see `threads`). What is not known is left
//! unknown: nothing is guessed, so that what is filled in is what the context would have been.
//!
//! Where the tracer discarded events, a switch may be among them. LTTng says so with the packet that was full, and the
//! loss lies between that packet's last events and its end: a record that no longer fits is discarded, and smaller ones
//! may still come. So events after the packet's last switch are of an unknown thread, and so are those after its end,
//! until the next switch. Which switch is the packet's last is known only later: batches are held back until then (see
//! `held`).
//!
//! Traces with all three contexts are not touched: there is no [`Derive`] for them.

mod held;
mod lacking;
#[cfg(test)]
mod tests;
mod threads;
mod told;

pub use lacking::{Kernel, Lacking};
pub use told::ARGUMENTS;

use super::event::{EventBatch, EventClass, Head, Loss, NO_NAME, UNKNOWN};
use crate::error::Result;
use held::{Filled, Held};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use threads::Threads;
use told::{Names, Said, Told};

/// For each of the head columns that some kernel event has no context for, how many events it was filled in for; `None`
/// where the contexts tell it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derived {
    /// Thread IDs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tid: Option<u64>,
    /// Process IDs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pid: Option<u64>,
    /// Names of threads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub procname: Option<u64>,
}

impl Derived {
    fn of(lacking: Lacking, filled: Filled<u64>) -> Self {
        Derived {
            tid: lacking.tid.then_some(filled.tid),
            pid: lacking.pid.then_some(filled.pid),
            procname: lacking.procname.then_some(filled.name),
        }
    }

    /// Where nothing tells what is lacking.
    pub fn nothing_of(lacking: Lacking) -> Self {
        Derived::of(lacking, Filled::default())
    }

    /// What helps where no thread is known of events that have no context.
    pub fn remedy(&self) -> Option<&'static str> {
        (self.tid == Some(0))
            .then_some("Record with the contexts: lttng add-context -k -t tid -t pid -t procname.")
    }
}

/// In words.
impl fmt::Display for Derived {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        if self.remedy().is_some() {
            return f.write_str(
                "events of the kernel have no context that tells their thread, and no sched_switch is there to tell it",
            );
        }
        let all = [
            ("tid", self.tid),
            ("pid", self.pid),
            ("procname", self.procname),
        ];
        let counted = all.iter().filter_map(|(name, n)| Some((name, (*n)?)));
        for (i, (name, n)) in counted.enumerate() {
            let comma = if i > 0 { ", " } else { "" };
            write!(f, "{comma}{name} of {n} events")?;
        }
        f.write_str(", by sched_switch, forks, executions and the state dump, not by contexts")
    }
}
/// A span of time in which the tracer discarded events.
struct Doubt {
    /// On which CPU; on any where it is not known.
    cpu: Option<i32>,
    begin: i64,
    end: i64,
}

impl Doubt {
    fn is_of(&self, cpu: i32) -> bool {
        self.cpu.is_none_or(|c| c == cpu)
    }
}

/// What fills in the heads of a recording's events.
pub struct Derive {
    lacking: Lacking,
    classes: Vec<EventClass>,
    told: Vec<Told>,
    /// Which thread each CPU runs, where that is known.
    current: BTreeMap<i32, i32>,
    threads: Threads,
    names: Names,
    doubts: Vec<Doubt>,
    held: Held,
    /// How often each column was filled in.
    filled: Filled<u64>,
}

impl Derive {
    /// Nothing is known yet of the events of `classes`, of which those that `is_kernel` says are the kernel's.
    pub fn new(
        lacking: Lacking,
        classes: &[EventClass],
        is_kernel: impl Fn(&EventClass) -> bool,
    ) -> Self {
        let told = classes.iter().map(|class| match is_kernel(class) {
            true => Told::of(class),
            false => Told::Foreign,
        });
        Derive {
            told: told.collect(),
            classes: classes.to_vec(),
            current: BTreeMap::new(),
            threads: Threads::default(),
            names: Names::default(),
            doubts: Vec::new(),
            held: Held::default(),
            filled: Filled::default(),
            lacking,
        }
    }

    /// What was filled in so far.
    pub fn derived(&self) -> Derived {
        Derived::of(self.lacking, self.filled)
    }

    /// Gives the next batch whose events are decided, of those that `read` reads; false when there was nothing more.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn next(
        &mut self,
        batch: &mut EventBatch,
        mut read: impl FnMut(&mut EventBatch) -> Result<bool>,
    ) -> Result<bool> {
        while !self.held.is_ready() {
            let mut next = self.held.spare();
            if !read(&mut next)? {
                self.held.deny_all(&mut self.filled);
                break;
            }
            self.take_in(next);
        }
        Ok(self.held.give(batch))
    }

    fn take_in(&mut self, mut batch: EventBatch) {
        let mut new = Vec::new();
        self.names.take_in(&batch.new_procnames, &mut new);
        let losses: Vec<(usize, Loss)> = batch.losses.clone();
        let mut losses = losses.into_iter().peekable();
        let first = self.held.begin(std::mem::take(&mut batch));
        for position in 0..self.held.last().heads.len() {
            while let Some((_, loss)) = losses.next_if(|(before, _)| *before <= position) {
                self.lose(&loss);
            }
            let batch = self.held.last();
            let mut head = batch.heads[position];
            head.procname = self.names.ours(head.procname);
            let told = &self.told[head.class as usize];
            if *told != Told::Foreign && head.cpu != UNKNOWN {
                let class = &self.classes[head.class as usize];
                let values = batch.values_of(position);
                let said = told.said(class, values, &mut self.names, &mut new);
                self.observe(first + position as u64, &mut head, said);
            }
            self.held.last().heads[position] = head;
        }
        losses.for_each(|(_, loss)| self.lose(&loss));
        self.held.last().new_procnames = new;
    }

    fn lose(&mut self, loss: &Loss) {
        let begin = loss.begin.unwrap_or(i64::MIN);
        match loss.end {
            Some(end) => self.doubts.push(Doubt {
                cpu: loss.cpu,
                begin,
                end,
            }),
            None => self.forget(loss.cpu),
        }
    }

    /// Nobody knows any more what a CPU runs, or any of them.
    fn forget(&mut self, cpu: Option<i32>) {
        self.held.deny(cpu, &mut self.filled);
        match cpu {
            Some(cpu) => drop(self.current.remove(&cpu)),
            None => self.current.clear(),
        }
    }

    /// Ends the spans that are over at this time: what was lost, was lost before.
    fn end_doubts(&mut self, now: i64) {
        while let Some(i) = self.doubts.iter().position(|d| d.end <= now) {
            let over = self.doubts.swap_remove(i);
            self.forget(over.cpu);
        }
    }

    /// Takes in the next event, which says this, and fills in its head.
    fn observe(&mut self, number: u64, head: &mut Head, said: Said) {
        if !self.doubts.is_empty() {
            self.end_doubts(head.timestamp);
        }
        self.held.limit(number, &mut self.filled);
        let cpu = head.cpu;
        let doubts = self.doubts.iter();
        let doubtful = doubts
            .clone()
            .any(|d| d.is_of(cpu) && d.begin <= head.timestamp);
        let known = self.current.get(&cpu).copied();
        let told = Some(head.tid)
            .filter(|tid| *tid != UNKNOWN)
            .or(said.current());
        if let Some(tid) = told {
            match known == Some(tid) {
                // The record of a switch is as large as any: none before it was discarded.
                true if matches!(said, Said::Switch { .. }) => self.held.confirm(cpu),
                true => {}
                false => self.held.deny(Some(cpu), &mut self.filled),
            }
            self.current.insert(cpu, tid);
        }
        self.threads.before(cpu, &said);
        if let Some(tid) = told.or(known) {
            self.threads.calls(cpu, tid, &said);
            let filled = self.fill(head, tid);
            if doubtful && told.is_none() {
                self.held.hold(cpu, number, filled);
            }
            self.threads.after(cpu, tid, &said);
        }
        if let Said::Switch { next, .. } = said {
            self.current.insert(cpu, next.tid);
            self.threads.is(cpu, next);
        }
    }

    fn fill(&mut self, head: &mut Head, tid: i32) -> Filled<bool> {
        let mut filled = Filled::default();
        let thread = self.threads.of(head.cpu, tid);
        if head.tid == UNKNOWN && !thread.may_change_number() {
            head.tid = tid;
            filled.tid = true;
        }
        if let (UNKNOWN, Some(pid)) = (head.pid, thread.pid) {
            head.pid = pid;
            filled.pid = true;
        }
        if let (NO_NAME, Some(name)) = (head.procname, thread.name()) {
            head.procname = name;
            filled.name = true;
        }
        self.filled.add(filled);
        filled
    }
}
