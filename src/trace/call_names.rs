//! System calls whose names their events' classes do not tell.
//!
//! The one idea: such an event gets another class, made for the purpose, that has the call's name and phase, and is the
//! same otherwise. So whoever comes after sees events as every tracer of today gives them.
//!
//! - LTTng before 2.6 has one event, `exit_syscall`, for the return of all calls: it is that of the call in which its
//!   thread is. Where events were lost since the thread entered it, that is not known, and the event stays as it is.
//! - perf's `raw_syscalls:sys_enter` and `raw_syscalls:sys_exit` tell the number, which has a name on each architecture
//!   (`machine` or `architecture` in the environment). A number that has none, or of an architecture that is not known
//!   here, stays as it is. perf does not say which calls are 32-bit ones.

use super::Source;
use super::event::{EventBatch, EventClass, FieldType, Loss, Phase, UNKNOWN};
use super::select::Selection;
use super::tracer::{EXIT_SYSCALL, old_call};
use std::collections::{BTreeMap, HashMap};

/// Gives events their names, in the order of time.
pub struct CallNames {
    kinds: Vec<Kind>,
    classes: Vec<EventClass>,
    /// For each class whether its events are selected; empty where all are.
    taken: Vec<bool>,
    /// The calls in which threads are: number of the call, and since when.
    pending: HashMap<i32, (usize, i64)>,
    /// No event that was lost so far is later.
    lost_until: i64,
    last: i64,
}

/// What events of a class are.
enum Kind {
    /// What the class says.
    Told,
    /// A call whose number is in this field of the payload; the class for each number.
    Numbered(usize, HashMap<i64, u32>),
    /// The entry of this call.
    Entry(usize),
    /// The return of whichever call; the class for each.
    Return(HashMap<usize, u32>),
}

impl CallNames {
    /// For the classes of a recording from these `sources`; `None` where all of them tell their names.
    pub fn new(classes: &[EventClass], sources: &[Source], selection: &Selection) -> Option<Self> {
        let mut names = CallNames {
            kinds: classes.iter().map(|_| Kind::Told).collect(),
            classes: classes.to_vec(),
            taken: Vec::new(),
            pending: HashMap::new(),
            lost_until: i64::MIN,
            last: i64::MIN,
        };
        names.returns(classes);
        names.numbers(classes, &table(sources));
        if names.classes.len() == classes.len() {
            return None;
        }
        if !selection.events.is_empty() {
            let returns = |class: &EventClass| class.full_name == EXIT_SYSCALL;
            // Returns are decoded for the sake of the calls that are selected.
            let taken = |c: &EventClass| !returns(c) || selection.takes(c);
            names.taken = names.classes.iter().map(taken).collect();
        }
        Some(names)
    }

    /// Finds the entries and returns of LTTng before 2.6, and makes classes for the returns.
    fn returns(&mut self, classes: &[EventClass]) {
        let is_return = |c: &EventClass| c.full_name == EXIT_SYSCALL && c.phase == Phase::Exit;
        if !classes.iter().any(is_return) {
            return;
        }
        let mut calls: BTreeMap<&str, usize> = BTreeMap::new();
        for (kind, class) in self.kinds.iter_mut().zip(classes) {
            if class.phase == Phase::Entry && old_call(&class.full_name).is_some() {
                let number = calls.len();
                *kind = Kind::Entry(*calls.entry(&class.name).or_insert(number));
            }
        }
        for (i, class) in classes.iter().enumerate().filter(|(_, c)| is_return(c)) {
            let named = calls.iter().map(|(name, call)| {
                let class = self.add(class, name, Phase::Exit);
                (*call, class)
            });
            let named = named.collect();
            self.kinds[i] = Kind::Return(named);
        }
    }

    /// Finds events that tell a call's number, and makes classes for all numbers that have a name.
    fn numbers(&mut self, classes: &[EventClass], table: &[(i64, &str)]) {
        for (i, class) in classes.iter().enumerate() {
            let phase = match class.full_name.as_str() {
                "raw_syscalls:sys_enter" => Phase::Entry,
                "raw_syscalls:sys_exit" => Phase::Exit,
                _ => continue,
            };
            let is_integer =
                |ty: &FieldType| matches!(ty, FieldType::Signed(..) | FieldType::Unsigned(..));
            let field = class.field("id");
            let Some(field) = field.filter(|i| is_integer(&class.payload[*i].ty)) else {
                continue;
            };
            let named = table
                .iter()
                .map(|(number, name)| (*number, self.add(class, name, phase)));
            let named: HashMap<i64, u32> = named.collect();
            self.kinds[i] = Kind::Numbered(field, named);
        }
    }

    /// Adds a class like `class`, of another name.
    fn add(&mut self, class: &EventClass, name: &str, phase: Phase) -> u32 {
        self.classes.push(EventClass {
            name: name.to_owned(),
            phase,
            ..class.clone()
        });
        self.classes.len() as u32 - 1
    }

    /// The classes, with those that were made.
    pub fn classes(&self) -> &[EventClass] {
        &self.classes
    }

    /// Whether it leaves out events that were decoded.
    pub fn selects(&self) -> bool {
        !self.taken.is_empty()
    }

    /// Gives the events of the next batch their names.
    pub fn name(&mut self, batch: &mut EventBatch) {
        let mut next_loss = 0;
        for i in 0..batch.heads.len() {
            while let Some((_, loss)) = batch.losses.get(next_loss).filter(|(at, _)| *at <= i) {
                self.lose(loss);
                next_loss += 1;
            }
            let head = batch.heads[i];
            self.last = head.timestamp;
            let class = &self.classes[head.class as usize];
            let named = match &self.kinds[head.class as usize] {
                Kind::Told => None,
                Kind::Numbered(field, of) => {
                    let number = class.integer(batch.values_of(i), *field);
                    number.and_then(|number| of.get(&number).copied())
                }
                Kind::Entry(call) => {
                    if head.tid != UNKNOWN {
                        self.pending.insert(head.tid, (*call, head.timestamp));
                    }
                    None
                }
                Kind::Return(of) => {
                    let entered = self.pending.remove(&head.tid);
                    let entered = entered.filter(|(_, since)| *since > self.lost_until);
                    entered.and_then(|(call, _)| of.get(&call).copied())
                }
            };
            batch.heads[i].class = named.unwrap_or(head.class);
        }
        batch.losses[next_loss..]
            .iter()
            .for_each(|(_, loss)| self.lose(loss));
        if self.selects() {
            self.leave_out(batch);
        }
    }

    /// Events were lost; they may be as late as its end.
    fn lose(&mut self, loss: &Loss) {
        let until = loss.end.unwrap_or(self.last);
        self.lost_until = self.lost_until.max(until);
    }

    /// Takes out the events that are not selected after all.
    fn leave_out(&mut self, batch: &mut EventBatch) {
        let mut kept = 0;
        let mut before: Vec<usize> = Vec::with_capacity(batch.heads.len() + 1);
        for i in 0..batch.heads.len() {
            before.push(kept);
            // The values stay: those of the event before are read by its types, which end before them.
            batch.heads[kept] = batch.heads[i];
            kept += usize::from(self.taken[batch.heads[i].class as usize]);
        }
        before.push(kept);
        batch.heads.truncate(kept);
        for (at, _) in &mut batch.losses {
            *at = before[*at];
        }
    }
}

/// The numbers and names of the system calls of the machine that these were recorded on.
fn table(sources: &[Source]) -> Vec<(i64, &'static str)> {
    let env = sources.iter().flat_map(|s| &s.env);
    let machine = env
        .filter(|(name, _)| matches!(name.as_str(), "machine" | "architecture"))
        .find_map(|(_, machine)| match machine.as_str() {
            "x86_64" | "amd64" => Some(include_str!("syscalls/x86_64.txt")),
            "aarch64" | "arm64" => Some(include_str!("syscalls/aarch64.txt")),
            _ => None,
        });
    let lines = machine.unwrap_or_default().lines();
    let pairs = lines.filter_map(|line| {
        let (number, name) = line.split_once(' ')?;
        Some((number.parse().ok()?, name))
    });
    pairs.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::event::{Field, Head, NO_NAME};
    use crate::trace::tracer::Tracer;

    fn int(name: &str) -> Field {
        Field {
            name: name.to_owned(),
            ty: FieldType::Signed(64, vec![]),
            index: 0,
        }
    }

    fn batch(events: &[(i64, u32, i32, i64)], losses: Vec<(usize, Loss)>) -> EventBatch {
        let mut batch = EventBatch {
            losses,
            ..EventBatch::default()
        };
        for (timestamp, class, tid, value) in events {
            batch.heads.push(Head {
                timestamp: *timestamp,
                class: *class,
                values: batch.values.len() as u32,
                cpu: 0,
                pid: 1,
                tid: *tid,
                procname: NO_NAME,
            });
            batch.values.extend(value.to_le_bytes());
        }
        batch
    }

    fn named(names: &CallNames, batch: &EventBatch) -> Vec<(String, Phase)> {
        let class = |h: &Head| &names.classes()[h.class as usize];
        let heads = batch.heads.iter().map(class);
        heads.map(|c| (c.name.clone(), c.phase)).collect()
    }

    fn old() -> Vec<EventClass> {
        let events = ["sys_open", "sys_read", "exit_syscall"];
        let tracer = Tracer::new(&[], events.into_iter());
        let class = |name: &&str| tracer.class(name, vec![], vec![int("ret")]);
        events.iter().map(class).collect()
    }

    #[test]
    fn a_return_is_that_of_the_call_in_which_its_thread_is() {
        let mut names = CallNames::new(&old(), &[], &Selection::default()).unwrap();
        let lost = Loss {
            stream: String::new(),
            cpu: None,
            begin: Some(50),
            end: Some(60),
            events: Some(1),
            packets: None,
        };
        let mut batch = batch(
            &[
                (10, 0, 7, 0),
                (20, 1, 8, 0),
                (30, 2, 7, 3),
                (40, 2, 8, 0),
                (45, 2, 8, 0),
                (55, 0, 7, 0),
                (65, 2, 7, 0),
                (70, 1, 7, 0),
                (80, 2, 7, 0),
            ],
            vec![(5, lost)],
        );
        names.name(&mut batch);
        let is = |name: &str, phase| (name.to_owned(), phase);
        use Phase::*;
        assert_eq!(
            named(&names, &batch),
            [
                is("open", Entry),
                is("read", Entry),
                is("open", Exit),
                is("read", Exit),
                is("exit_syscall", Exit),
                is("open", Entry),
                is("exit_syscall", Exit),
                is("read", Entry),
                is("read", Exit),
            ]
        );
    }

    #[test]
    fn returns_of_calls_that_are_not_selected_are_left_out() {
        let selection = Selection {
            events: vec![glob::Pattern::new("open").unwrap()],
            ..Selection::default()
        };
        let mut names = CallNames::new(&old(), &[], &selection).unwrap();
        let events = [(10, 0, 7, 0), (15, 2, 9, 0), (30, 2, 7, 3), (40, 2, 8, 0)];
        let mut batch = batch(&events, vec![]);
        names.name(&mut batch);
        let left: Vec<_> = batch.heads.iter().map(|h| h.timestamp).collect();
        assert_eq!(left, [10, 30]);
    }

    #[test]
    fn numbers_have_the_names_of_the_machine() {
        let classes = ["raw_syscalls:sys_enter", "raw_syscalls:sys_exit"]
            .map(|name| EventClass::new(name, vec![], vec![int("id")]));
        let named_on = |machine: &str| {
            let source = Source {
                path: Default::default(),
                uuid: None,
                env: vec![("machine".to_owned(), machine.to_owned())],
                clock: None,
                clocks: Vec::new(),
                streams: Vec::new(),
            };
            let names = CallNames::new(&classes, &[source], &Selection::default());
            names.map(|mut names| {
                let mut batch = batch(&[(1, 0, 7, 3), (2, 1, 7, 3), (3, 0, 7, 9999)], vec![]);
                names.name(&mut batch);
                named(&names, &batch)
            })
        };
        let is = |name: &str, phase| (name.to_owned(), phase);
        use Phase::*;
        let raw = is("raw_syscalls:sys_enter", Point);
        assert_eq!(
            named_on("x86_64").unwrap(),
            [is("close", Entry), is("close", Exit), raw.clone()]
        );
        assert_eq!(named_on("aarch64").unwrap()[0], is("io_cancel", Entry));
        assert!(named_on("riscv64").is_none());
    }
}
