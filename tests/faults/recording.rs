//! `sysds record` under faults, with a made-up `lttng` in place of the real one. Its rules are its own: what was traced
//! stays aside when something fails later, and no session may be left, whatever happens.

use crate::commands::Place;
use crate::supervisor::{Call, Verdict};
use crate::tree;
use crate::trial::{LIMIT, Outcome, Run, ended_well, indented, message, run};
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

const WORDS: &[&str] = &[
    "record",
    "--no-checks",
    "-o",
    "out/rec",
    "--duration",
    "20ms",
];

/// Keeps a file for each session.
const LTTNG: &str = r#"#!/bin/sh
sessions=${0%/bin/*}/sessions
[ "$1" != --no-sessiond ] || shift
[ "$1 $2" != "--mi xml" ] || shift 2
case $1 in
    --version) echo "lttng (LTTng Trace Control) 2.13.9 - Nordicité" ;;
    create) mkdir -p "${3#--output=}" && : >"$sessions/$2" ;;
    list)
        echo '<?xml version="1.0" encoding="UTF-8"?>'
        printf '<command><name>list</name><output><sessions>'
        for session in "$sessions"/*; do
            [ -e "$session" ] || continue
            printf '<session><name>%s</name>' "${session##*/}"
            printf '<domains><domain><channels><channel><attributes><discarded_events>0</discarded_events>'
            printf '<lost_packets>0</lost_packets></attributes></channel></channels></domain></domains></session>'
        done
        echo '</sessions></output></command>' ;;
    destroy) [ -e "$sessions/$2" ] && rm "$sessions/$2" ;;
esac
"#;

/// Puts the made-up `lttng` in place.
pub fn install(place: &Place) {
    let lab = place.path("lab");
    fs::create_dir_all(lab.join("bin")).unwrap();
    fs::create_dir_all(lab.join("sessions")).unwrap();
    let lttng = lab.join("bin/lttng");
    fs::write(&lttng, LTTNG).unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&lttng, executable).unwrap();
}

fn reset(place: &Place) {
    for name in ["out", "tmp", "lab/sessions"] {
        let dir = place.path(name);
        if dir.exists() {
            fs::remove_dir_all(&dir).unwrap();
        }
        fs::create_dir(&dir).unwrap();
    }
}

/// The calls of a recording where nothing fails.
pub fn good(place: &Place) -> Vec<Call> {
    reset(place);
    let run = run(place, WORDS, LIMIT, &mut |_| Verdict::Pass);
    assert_eq!(run.ended.status.code(), Some(0), "{}", run.stderr);
    whole(place, &run).unwrap();
    run.ended.calls
}

/// A recording with `call` failing by `error`.
pub fn fail(place: &Place, call: &Call, error: i32) -> Outcome {
    reset(place);
    let mut reached = false;
    let key = call.key();
    let run = run(place, WORDS, 2 * LIMIT, &mut |now| {
        if reached || now.key() != key {
            return Verdict::Pass;
        }
        reached = true;
        Verdict::Fail(error)
    });
    if !reached {
        return Outcome::NotReached;
    }
    match after_failure(place, call, error, &run) {
        Ok(outcome) => outcome,
        Err(what) => Outcome::Wrong(format!("{what}\n{}", indented(&run))),
    }
}

fn after_failure(place: &Place, call: &Call, error: i32, run: &Run) -> Result<Outcome, String> {
    if run.ended.hung {
        return Err("it hangs".to_owned());
    }
    ended_well(call.kind, run)?;
    no_session(place)?;
    if run.ended.status.code() == Some(0) {
        return whole(place, run).map(|()| Outcome::Same);
    }
    message(Some("out/rec"), call, error, run)?;
    match tree::names(&place.path("out")) {
        none if none.is_empty() => Ok(Outcome::Told),
        some if run.stderr.contains("is kept in") && some.len() == 1 => Ok(Outcome::Told),
        some if some == ["rec"] => whole(place, run).map(|()| Outcome::ToldInPlace),
        some => Err(format!("it leaves {some:?} and does not say so")),
    }
}

/// The recording is in place, and nothing else is left.
fn whole(place: &Place, run: &Run) -> Result<(), String> {
    no_session(place)?;
    let record = fs::read(place.path("out/rec/record.json")).unwrap_or_default();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap_or_default();
    let names = tree::names(&place.path("out"));
    match record["session"]["name"].is_string() && names == ["rec"] {
        true => Ok(()),
        false => Err(format!(
            "it says that it is done: {names:?}: {}",
            run.stderr
        )),
    }
}

/// The watchdog may take a moment.
fn no_session(place: &Place) -> Result<(), String> {
    let sessions = place.path("lab/sessions");
    let begun = Instant::now();
    while begun.elapsed() < LIMIT {
        if none_in(&sessions) {
            return Ok(());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Err("a session is left".to_owned())
}

fn none_in(dir: &Path) -> bool {
    tree::names(dir).is_empty()
}
