//! What sysds does when the system fails it: errors of every system call, a kill at every point, the order on disk.
//!
//! ```text
//! commands (what is run) ─► supervisor (decides over each call, by calls) ─► trial (what has to be true, by tree)
//! ```
//!
//! By default each kind of call and error is tried once for each command; `SYSDS_FAULTS=whole` tries all of them
//! (`scripts/faults`), `SYSDS_FAULTS=none` nothing, `SYSDS_FAULTS_ONLY` only commands and calls whose names contain it.
//! See docs/design/faults.md.

// A test has no interface.
#![allow(unreachable_pub)]
#![cfg(all(target_os = "linux", target_arch = "x86_64"))]

mod calls;
mod commands;
mod known;
// It has more than this needs.
#[allow(dead_code)]
#[path = "../it/lttng.rs"]
mod lttng;
mod order;
mod recording;
mod small;
mod supervisor;
mod tree;
mod trial;

use commands::{CASES, Case, Place};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};
use supervisor::Call;
use trial::Outcome;

/// Runs of one test beside those of another would take longer, and seem to hang.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(|e| e.into_inner())
}

fn whole() -> bool {
    std::env::var("SYSDS_FAULTS").is_ok_and(|v| v == "whole")
}

fn wanted(text: &str) -> bool {
    std::env::var("SYSDS_FAULTS_ONLY").map_or(true, |only| text.contains(&only))
}

/// What came of the trials of a command.
#[derive(Default)]
struct Tally {
    counts: BTreeMap<&'static str, usize>,
    wrong: Vec<String>,
    known: BTreeSet<&'static str>,
}

impl Tally {
    fn add(&mut self, what: &str, outcome: Outcome) {
        let known = match &outcome {
            Outcome::Wrong(why) => known::fault(what, why),
            _ => None,
        };
        let name = match outcome {
            Outcome::Wrong(_) if known.is_some() => {
                self.known.extend(known);
                "known fault"
            }
            Outcome::NotReached => "not reached",
            Outcome::Same => "no difference",
            Outcome::Told => "told",
            Outcome::ToldInPlace => "told, in place",
            Outcome::Killed => "killed",
            Outcome::Wrong(why) => {
                println!("WRONG {what}: {why}");
                self.wrong.push(format!("{what}: {why}"));
                "wrong"
            }
        };
        *self.counts.entry(name).or_default() += 1;
    }
}

/// The outcome of a trial. Threads decide by their timing which of them makes a call first, so the same trial may meet another
/// place of the program each time. In the reduced form what goes wrong is tried twice more and is wrong where it goes wrong
/// again: that form asks whether a change broke something, on machines of any load. What went wrong once is printed. The whole
/// form forgives nothing.
fn tried(what: &str, trial: &dyn Fn() -> Outcome) -> Outcome {
    let first = trial();
    let Outcome::Wrong(why) = &first else {
        return first;
    };
    if whole() {
        return first;
    }
    println!("ONCE WRONG {what}: {why}");
    let again = [trial(), trial()];
    match again.iter().any(|o| matches!(o, Outcome::Wrong(_))) {
        true => first,
        false => again.into_iter().next_back().expect("there are two"),
    }
}

/// Tries all that `choose` gives for each command, and reports.
fn try_all(what: &str, cases: &[Case], each: &dyn Fn(&Place, &Case, &mut Tally)) {
    let _alone = alone();
    if std::env::var("SYSDS_FAULTS").is_ok_and(|v| v == "none") || !supervisor::is_there() {
        return;
    }
    let place = Place::new();
    let mut wrong = Vec::new();
    let mut total: BTreeMap<&str, usize> = BTreeMap::new();
    for case in cases {
        let mut tally = Tally::default();
        each(&place, case, &mut tally);
        let sum: usize = tally.counts.values().sum();
        println!("{what}, {}: {sum} {:?}", case.name, tally.counts);
        for (name, count) in &tally.counts {
            *total.entry(name).or_default() += count;
        }
        wrong.extend(
            tally
                .wrong
                .into_iter()
                .map(|w| format!("{}: {w}", case.name)),
        );
    }
    println!("{what}: {} {total:?}", total.values().sum::<usize>());
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// The trials with a command: all, or one for each kind and error, which is another one for each command.
fn chosen(name: &str, calls: &[Call]) -> Vec<(Call, i32)> {
    let all = calls
        .iter()
        .flat_map(|call| call.kind.errors.iter().map(move |error| (call, *error)))
        // The other end of a pipe is no disk.
        .filter(|(call, error)| !(call.about == "pipe:" && *error == libc::EIO))
        .filter(|(call, error)| wanted(&format!("{}: {}", name, trial::injected(call, *error))));
    if whole() {
        return all.map(|(call, error)| (call.clone(), error)).collect();
    }
    let mut kinds: BTreeMap<(&str, i32), Vec<&Call>> = BTreeMap::new();
    for (call, error) in all {
        kinds.entry((call.kind.name, error)).or_default().push(call);
    }
    let seed: usize = name.bytes().map(usize::from).sum();
    let one = |((_, error), calls): ((&str, i32), Vec<&Call>)| {
        let place = (seed + error as usize * 7) % calls.len();
        (calls[place].clone(), error)
    };
    kinds.into_iter().map(one).collect()
}

#[test]
fn every_error_is_told_and_leaves_the_target_old_or_new() {
    try_all("errors", CASES, &|place, case, tally| {
        let good = trial::good(place, case, &mut |_| {});
        assert!(
            good.calls.len() > 20,
            "{}: the calls are not seen",
            case.name
        );
        for (call, error) in chosen(case.name, &good.calls) {
            let what = trial::injected(&call, error);
            let outcome = tried(&what, &|| trial::fail(place, case, &good, &call, error));
            tally.add(&what, outcome);
        }
    });
}

#[test]
fn a_kill_at_any_point_leaves_the_target_old_or_new() {
    let making: Vec<Case> = CASES
        .iter()
        .filter(|c| c.target.is_some())
        .copied()
        .collect();
    try_all("kills", &making, &|place, case, tally| {
        let good = trial::good(place, case, &mut |_| {});
        let mut kinds = BTreeSet::new();
        for call in good.calls.iter().filter(|call| call.on_disk) {
            // What comes after the first rename is where the target changes.
            let matters = call.kind.name.starts_with("rename");
            let text = format!("{}: {}", case.name, call.key());
            if wanted(&text) && (whole() || matters || kinds.insert(call.kind.name)) {
                let what = format!("{} killed", call.key());
                let outcome = tried(&what, &|| trial::kill(place, case, &good, call));
                tally.add(&what, outcome);
            }
        }
    });
}

#[test]
fn files_and_folders_are_durable_before_the_rename_and_the_rename_before_what_follows() {
    let making: Vec<Case> = CASES
        .iter()
        .filter(|c| c.target.is_some())
        .copied()
        .collect();
    try_all("order", &making, &|place, case, tally| {
        let mut order = order::Order::new(case);
        trial::good(place, case, &mut |call| order.see(call));
        for wrong in order.end() {
            tally.add(&wrong, Outcome::Wrong(String::new()));
        }
    });
}

#[test]
fn a_recording_under_faults_leaves_no_session() {
    const RECORD: Case = commands::prints("record", &["record"]);
    try_all("recording", &[RECORD], &|place, case, tally| {
        recording::install(place);
        let calls = recording::good(place);
        for (call, error) in chosen(case.name, &calls) {
            let what = trial::injected(&call, error);
            let outcome = tried(&what, &|| recording::fail(place, &call, error));
            tally.add(&what, outcome);
        }
    });
}
