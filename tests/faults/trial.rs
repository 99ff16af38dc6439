//! One run of a command with one thing going wrong, and what has to be true afterwards.

use crate::calls::{self, Kind};
use crate::commands::{Case, Place};
use crate::supervisor::{self, Call, Ended, Verdict};
use crate::tree::{self, Tree};
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

/// How long a run may do nothing; one takes a few tenths of a second.
pub const LIMIT: Duration = Duration::from_secs(5);

/// What a command does when nothing goes wrong.
pub struct Good {
    /// Its calls.
    pub calls: Vec<Call>,
    before: Option<Tree>,
    after: Option<Tree>,
    stdout: Vec<u8>,
}

/// What came of a trial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The call did not come in this run.
    NotReached,
    /// It made no difference: same status, same result.
    Same,
    /// The command failed and said so; the target is as before.
    Told,
    /// The command failed and said so, after the new target was in place.
    ToldInPlace,
    /// The process was killed; the next run set things right.
    Killed,
    /// What must not be.
    Wrong(String),
}

/// How a run ended, and what it printed.
pub struct Run {
    pub ended: Ended,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

/// Runs the program with these words.
pub fn run(
    place: &Place,
    words: &[&str],
    limit: Duration,
    judge: &mut dyn FnMut(&Call) -> Verdict,
) -> Run {
    let (out, err) = (place.path("stdout"), place.path("stderr"));
    let mut command = place.command(words);
    command
        .stdin(Stdio::null())
        .stdout(File::create(&out).unwrap())
        .stderr(File::create(&err).unwrap());
    let ended = supervisor::run(command, &place.root(), limit, judge);
    Run {
        ended,
        stdout: fs::read(out).unwrap(),
        stderr: String::from_utf8_lossy(&fs::read(err).unwrap()).into_owned(),
    }
}

fn target(place: &Place, case: &Case) -> Option<Tree> {
    tree::tree(&place.path(case.target?))
}

/// What is in the folder of the results, and in that of temporary files, but for the target; and what is in the folder of a
/// dataset but is not the dataset's.
fn left(place: &Place, case: &Case) -> Vec<String> {
    let target = case.target.unwrap_or_default().trim_start_matches("out/");
    let mut names = tree::names(&place.path("out"));
    names.retain(|name| name != target && (case.again == case.words || !is_second(case, name)));
    names.extend(tree::names(&place.path("tmp")));
    if let Some(target) = case.target {
        names.extend(tree::unnamed(&place.path(target)));
    }
    names
}

/// Whether it is the target of the next run, where that is another one.
fn is_second(case: &Case, name: &str) -> bool {
    case.again
        .iter()
        .any(|word| word.ends_with(&format!("out/{name}")))
}

/// Runs it without a fault, and checks that nothing but the target is there.
pub fn good(place: &Place, case: &Case, watch: &mut dyn FnMut(&Call)) -> Good {
    place.reset(case);
    let before = target(place, case);
    let run = run(place, case.words, LIMIT, &mut |call| {
        watch(call);
        Verdict::Pass
    });
    let said = format!("{}: {:?}: {}", case.name, run.ended.status, run.stderr);
    assert_eq!(run.ended.status.code(), Some(case.status), "{said}");
    let after = target(place, case);
    assert_eq!(after.is_some(), case.target.is_some(), "{said}");
    assert!(after.is_none() || after != before, "{said}");
    assert_eq!(left(place, case), [""; 0], "{said}");
    Good {
        calls: run.ended.calls,
        before,
        after,
        stdout: run.stdout,
    }
}

/// Runs it with `call` failing by `error`.
pub fn fail(place: &Place, case: &Case, good: &Good, call: &Call, error: i32) -> Outcome {
    place.reset(case);
    let mut reached = false;
    let key = call.key();
    let run = run(place, case.words, LIMIT, &mut |now| {
        if reached || now.key() != key {
            return Verdict::Pass;
        }
        reached = true;
        Verdict::Fail(error)
    });
    if !reached {
        return Outcome::NotReached;
    }
    match after_failure(place, case, good, call, error, &run) {
        Ok(outcome) => outcome,
        Err(what) => Outcome::Wrong(format!("{what}\n{}", indented(&run))),
    }
}

/// What a run said, for a report.
pub fn indented(run: &Run) -> String {
    let lines = run.stderr.lines().take(6).map(|l| format!("        {l}\n"));
    format!(
        "      {:?}\n{}",
        run.ended.status,
        lines.collect::<String>()
    )
}

fn after_failure(
    place: &Place,
    case: &Case,
    good: &Good,
    call: &Call,
    error: i32,
    run: &Run,
) -> Result<Outcome, String> {
    if run.ended.hung {
        return Err("it hangs".to_owned());
    }
    let aborted = ended_well(call.kind, run)?;
    if case.status != 0 && run.ended.status.code() == Some(case.status) && run.stdout == good.stdout
    {
        // It was told to go on where it can't read, which it has to say, and the rest has to be whole.
        if let Some(name) = case.target.filter(|_| target(place, case) != good.after) {
            message(case.target, call, error, run)?;
            let wrong = tree::broken(&place.path(name));
            return match wrong.is_empty() {
                true => Ok(Outcome::ToldInPlace),
                false => Err(format!("the target is not what it says: {wrong:?}")),
            };
        }
    }
    let state = state(place, case, good)?;
    if run.ended.status.code() == Some(case.status) {
        return same(place, case, good, state, run);
    }
    message(case.target, call, error, run)?;
    if error == libc::EINTR {
        return Err("EINTR is no failure".to_owned());
    }
    cleaned(place, case, state, aborted)?;
    Ok(match state {
        State::New => Outcome::ToldInPlace,
        State::Before => Outcome::Told,
    })
}

/// The process must end by itself, but where memory runs out: then the C library or Rust's runtime may say so and abort, which the
/// program makes an error and a status, as soon as it has begun.
pub fn ended_well(kind: Kind, run: &Run) -> Result<bool, String> {
    let status = run.ended.status;
    let aborted = match status.signal() {
        Some(signal) => signal == libc::SIGABRT && !run.stderr.is_empty(),
        None => status.code() == Some(1) && run.stderr.contains("error: aborted"),
    };
    match (status.signal(), status.code()) {
        _ if kind.is_memory() && aborted => Ok(true),
        (Some(signal), _) => Err(format!("it dies of signal {signal}")),
        (_, Some(101)) => Err("it panics".to_owned()),
        _ if run.stderr.contains("panicked at") => Err("a thread panics".to_owned()),
        _ => Ok(false),
    }
}

/// What stands at the target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// What stood there before, or nothing.
    Before,
    /// What the command makes.
    New,
}

fn state(place: &Place, case: &Case, good: &Good) -> Result<State, String> {
    let Some(name) = case.target else {
        return Ok(State::Before);
    };
    let now = target(place, case);
    if now == good.before {
        return Ok(State::Before);
    }
    if now != good.after {
        return Err("the target is neither old nor new".to_owned());
    }
    let path = place.path(name);
    if path.join("manifest.json").exists() {
        let wrong = tree::broken(&path);
        if !wrong.is_empty() {
            return Err(format!("the target is not what it says: {wrong:?}"));
        }
    }
    Ok(State::New)
}

fn same(
    place: &Place,
    case: &Case,
    good: &Good,
    state: State,
    run: &Run,
) -> Result<Outcome, String> {
    if case.target.is_some() && state == State::Before {
        return Err("it says that it is done, and the target is not there".to_owned());
    }
    if run.stdout != good.stdout {
        return Err("it says that it is done, but prints something else".to_owned());
    }
    match left(place, case) {
        left if left.is_empty() => Ok(Outcome::Same),
        left => Err(format!("it says that it is done, and leaves {left:?}")),
    }
}

/// The message must say why, and name the file: that of the call, or the target that it is written for.
pub fn message(target: Option<&str>, call: &Call, error: i32, run: &Run) -> Result<(), String> {
    if call.about == "stderr" {
        return Ok(());
    }
    // What `verify` finds is its result.
    let said = format!("{}{}", run.stderr, String::from_utf8_lossy(&run.stdout));
    if said.trim().is_empty() {
        return Err("it says nothing".to_owned());
    }
    // A thread that has no memory for its stack is said to be none by the system, and Rust's own start of one ends the
    // process.
    let words = ["memory", "cannot start", "failed to initiate panic"];
    let memory = call.kind.is_memory() && words.iter().any(|w| said.contains(w));
    // Where it cannot look at what is there, std's create_dir_all takes it for a file.
    let made = call.kind.name == "statx" && said.contains("File exists");
    // The crate parquet takes an error when it asks for the length of a file for no length, and says "too small".
    let small = ["Parquet file too small", "NeedMoreData", "file length is 0"];
    let parquet = call.kind.name == "statx" && small.iter().any(|s| said.contains(s));
    let reason = std::io::Error::from_raw_os_error(error).to_string();
    let reason = reason.split(" (os error").next().unwrap().to_owned();
    if !memory
        && !parquet
        && !made
        && !said.contains(&reason)
        && !said.contains(&format!("os error {error}"))
    {
        return Err(format!("it does not say \"{reason}\""));
    }
    let Some(file) = call
        .about
        .rsplit(' ')
        .next()
        .filter(|_| !call.about.starts_with("by "))
    else {
        return Ok(());
    };
    // A part of the path, but not so common a one as `in`.
    let mut parts = file
        .split('/')
        .filter(|part| part.len() > 2 && *part != "out");
    // What is aside has the target's name in its own, and may be called so.
    let aside = target.is_some_and(|t| file.contains(".partial-") && said.contains(t));
    let named = aside || parts.any(|part| part.split("PID").all(|piece| said.contains(piece)));
    let short = !file.split('/').any(|part| part.len() > 2 && part != "out");
    // What a command that is run cannot have is named by the command.
    let device = file.starts_with("/dev/");
    match named || short || device || file.ends_with(':') {
        true => Ok(()),
        false => Err(format!("it does not name {file}")),
    }
}

/// What is left, the next run removes. What a failed command leaves although it could remove it is wrong, too.
fn cleaned(place: &Place, case: &Case, state: State, killed: bool) -> Result<(), String> {
    let remains = left(place, case);
    if remains.is_empty() && !killed {
        return Ok(());
    }
    let again = match state {
        State::New => case.again,
        State::Before => case.words,
    };
    let next = place.command(again).output().unwrap();
    if next.status.code() != Some(case.status) {
        let said = String::from_utf8_lossy(&next.stderr).into_owned();
        return Err(format!("the next run fails: {said}"));
    }
    match left(place, case) {
        left if left.is_empty() => Ok(()),
        left => Err(format!("the next run does not remove {left:?}")),
    }
}

/// Runs it and kills it before `call`.
pub fn kill(place: &Place, case: &Case, good: &Good, call: &Call) -> Outcome {
    place.reset(case);
    let mut reached = false;
    let key = call.key();
    let run = run(place, case.words, LIMIT, &mut |now| {
        if reached || now.key() != key {
            return Verdict::Pass;
        }
        reached = true;
        Verdict::Kill
    });
    if !reached {
        return Outcome::NotReached;
    }
    let checked = match run.ended.status.signal() {
        Some(libc::SIGKILL) if !run.ended.hung => {
            state(place, case, good).and_then(|state| cleaned(place, case, state, true))
        }
        _ => Err("it lives on".to_owned()),
    };
    match checked {
        Ok(()) => Outcome::Killed,
        Err(what) => Outcome::Wrong(format!("{what}\n{}", indented(&run))),
    }
}

/// Its name, with that of the error.
pub fn injected(call: &Call, error: i32) -> String {
    format!("{} = {}", call.key(), calls::error_name(error))
}
