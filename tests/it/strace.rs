//! Makes kernel traces of what strace recorded of real servers (`tests/tools/servers/record`): the same calls by the same
//! threads, as LTTng 2.13 would have traced them.
//!
//! strace stops a thread at both sides of a call, and writes them in the order in which they came, so that the order of
//! lines is the order of events; times are strace's, too.

use crate::common::{data, unpack};
use crate::lttng::{Class, Event, Fields, Trace, Type, Value};
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

/// One side of a call, or the end of a thread.
#[derive(Debug, Clone)]
pub struct Side {
    pub ns: i64,
    pub tid: i32,
    pub comm: String,
    pub what: What,
}

#[derive(Debug, Clone)]
pub enum What {
    /// A call with all its arguments.
    Entry(String, Vec<String>),
    /// A call, its arguments and its value, errors negative.
    Exit(String, Vec<String>, i64),
    /// The thread ends.
    End,
}

/// A recording of a server.
pub struct Server {
    name: String,
    dir: PathBuf,
    pub sides: Vec<Side>,
}

/// What to make of a recording.
#[derive(Debug, Clone, Copy, Default)]
pub struct Form {
    /// Begin with the tracer's state dump.
    pub dump: bool,
    /// With `sched_process_exit`.
    pub ends: bool,
}

/// Lines of a file of the recording, as words.
pub type Lines = Vec<Vec<String>>;

impl Server {
    pub fn new(name: &str) -> Self {
        Server::of(recordings(), name)
    }

    /// One that was recorded in the same way, in the folder `dir`.
    pub fn of(dir: PathBuf, name: &str) -> Self {
        let text = fs::read_to_string(dir.join(format!("{name}.strace"))).unwrap();
        Server {
            name: name.to_owned(),
            sides: sides(&text),
            dir,
        }
    }

    /// `log`, `clients` or `state`.
    pub fn lines(&self, what: &str) -> Lines {
        let text = fs::read_to_string(self.dir.join(format!("{}.{what}", self.name))).unwrap();
        let words = |line: &str| line.split(' ').map(str::to_owned).collect();
        text.lines().map(words).collect()
    }

    /// Writes it as a trace to `dir`.
    pub fn write(&self, dir: &Path, form: Form) {
        self.trace(form).write(&dir.join("kernel"));
    }

    /// As a trace.
    pub fn trace(&self, form: Form) -> Trace {
        let mut maker = Maker::default();
        let state = self.lines("state");
        for line in state.iter().filter(|l| l[0] == "process") {
            maker
                .pids
                .insert(number(&line[2]) as i32, number(&line[1]) as i32);
        }
        if form.dump {
            maker.dump(&state, self.sides[0].ns);
        }
        let born = children(&self.sides);
        for side in &self.sides {
            maker.side(side, &born, form);
        }
        Trace {
            domain: "kernel",
            number: 7,
            context: context(),
            classes: maker.classes,
            events: maker.events,
        }
    }
}

/// The context fields of a kernel trace.
pub fn context() -> Fields {
    vec![
        ("procname", Type::Comm),
        ("pid", Type::S(32)),
        ("tid", Type::S(32)),
    ]
}

/// The folder of the recordings, unpacked once per run of the tests.
fn recordings() -> PathBuf {
    static UNPACKED: std::sync::OnceLock<PathBuf> = std::sync::OnceLock::new();
    let unpacked = || {
        let name = format!("servers-{}", std::process::id());
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        unpack(&data("servers.tar.zst"), &dir);
        dir
    };
    UNPACKED.get_or_init(unpacked).clone()
}

/// Reads what strace wrote.
fn sides(text: &str) -> Vec<Side> {
    let mut sides: Vec<Side> = Vec::new();
    let mut begun: HashMap<i32, (usize, String)> = HashMap::new();
    for line in text.lines() {
        let (who, rest) = line.split_once("> ").unwrap();
        let (tid, comm) = who.split_once('<').unwrap();
        let (time, rest) = rest.trim_start().split_once(' ').unwrap();
        let (seconds, nanos) = time.split_once('.').unwrap();
        let mut side = Side {
            ns: number(seconds) * 1_000_000_000 + number(nanos.trim_start_matches('0')),
            tid: number(tid) as i32,
            comm: comm.to_owned(),
            what: What::End,
        };
        side.ns = side.ns.max(sides.last().map_or(0, |s| s.ns));
        if rest.starts_with("+++") {
            sides.push(side);
            continue;
        }
        let unfinished = ["<unfinished ...>", "<detached ...>"];
        if let Some(call) = unfinished.iter().find_map(|end| rest.strip_suffix(end)) {
            let (name, args) = call.split_once('(').unwrap();
            begun.insert(side.tid, (sides.len(), args.trim_end().to_owned()));
            side.what = What::Entry(name.to_owned(), arguments(args));
            sides.push(side);
            continue;
        }
        let resumed = rest
            .strip_prefix("<... ")
            .map(|rest| rest.split_once(" resumed>").unwrap());
        let (name, args, value, took) = match resumed {
            Some((name, end)) => {
                let (entry, start) = begun.remove(&side.tid).unwrap();
                let (args, value) = end.rsplit_once(") = ").unwrap();
                let args = arguments(&format!("{start}{args}"));
                sides[entry].what = What::Entry(name.to_owned(), args.clone());
                (name, args, value, 0)
            }
            None => {
                let (call, value) = rest.rsplit_once(") = ").unwrap();
                let (name, args) = call.split_once('(').unwrap();
                let args = arguments(args);
                let mut entry = side.clone();
                entry.what = What::Entry(name.to_owned(), args.clone());
                sides.push(entry);
                let took = value
                    .rsplit_once(" <0.")
                    .map_or("0", |(_, took)| &took[..9]);
                (name, args, value, number(took.trim_start_matches('0')))
            }
        };
        if let Some(value) = returned(value) {
            side.ns += took;
            side.what = What::Exit(name.to_owned(), args, value);
            sides.push(side);
        }
    }
    // A call that is written in one line ended before the next line began, whatever its time says.
    for i in (0..sides.len().saturating_sub(1)).rev() {
        sides[i].ns = sides[i].ns.min(sides[i + 1].ns);
    }
    sides
}

/// Splits arguments at their commas, but not within brackets.
fn arguments(text: &str) -> Vec<String> {
    let (mut depth, mut quoted) = (0, false);
    let mut parts = vec![String::new()];
    for c in text.chars() {
        match c {
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 0 => {
                parts.push(String::new());
                continue;
            }
            _ => {}
        }
        parts.last_mut().unwrap().push(c);
    }
    let parts = parts.iter().map(|p| p.trim().to_owned());
    parts.filter(|p| !p.is_empty()).collect()
}

/// The value of a call; `None` where it has none.
fn returned(text: &str) -> Option<i64> {
    let mut words = text.split([' ', '<']);
    match words.next().unwrap() {
        "?" => None,
        "-1" => Some(match words.next().unwrap() {
            "ENOENT" => -2,
            "EINTR" => -4,
            "EAGAIN" => -11,
            "ENOTDIR" => -20,
            "ECONNRESET" => -104,
            "ENOTCONN" => -107,
            other => panic!("{other}"),
        }),
        value => Some(number(value)),
    }
}

/// A number as strace writes it: flags are joined by bars.
pub fn number(text: &str) -> i64 {
    let one = |text: &str| match text.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).unwrap() as i64,
        None if text.is_empty() || text == "NULL" => 0,
        None => text.parse().unwrap_or_else(|_| panic!("{text}")),
    };
    text.split('|').map(one).fold(0, |sum, n| sum | n)
}

/// Threads that begin in the recording, with the call that made each and whether they are of their maker's process.
fn children(sides: &[Side]) -> HashMap<i32, (String, bool)> {
    let mut born = HashMap::new();
    for side in sides {
        if let What::Exit(name, args, child) = &side.what
            && matches!(name.as_str(), "clone" | "vfork")
        {
            let flags = args.iter().find_map(|a| a.strip_prefix("flags="));
            let thread = flags.is_some_and(|f| number(f) & 0x10000 != 0);
            born.insert(*child as i32, (name.clone(), thread));
        }
    }
    born
}

/// Calls that LTTng 2.13 does not know by name on x86-64, with their numbers there.
const UNNAMED: [(&str, i64); 4] = [
    ("vfork", 58),
    ("getrandom", 318),
    ("rseq", 334),
    ("close_range", 436),
];

/// Where an argument comes from.
#[derive(Debug, Clone, Copy)]
enum Place {
    At(usize),
    Named(&'static str),
    Word(usize),
}

/// Arguments of the calls that have some which matter: name, type, and where strace has it.
fn parameters(call: &str) -> Vec<(&'static str, Type, Place)> {
    use Place::{At, Named, Word};
    let (s, u, wide) = (Type::S(32), Type::U(32), Type::U(64));
    match call {
        "accept4" => vec![("fd", s.clone(), At(0)), ("flags", s, At(3))],
        "read" | "write" => vec![("fd", u, At(0)), ("count", wide, At(2))],
        "writev" => vec![("fd", wide, At(0)), ("vlen", u, At(2))],
        "recvfrom" => vec![("fd", s, At(0)), ("size", wide, At(2))],
        "sendfile" => vec![("out_fd", s.clone(), At(0)), ("in_fd", s, At(1))],
        "close" | "lseek" => vec![("fd", u, At(0))],
        "shutdown" => vec![("fd", s.clone(), At(0)), ("how", s, At(1))],
        "dup2" => vec![("oldfd", u.clone(), At(0)), ("newfd", u, At(1))],
        "fcntl" => vec![
            ("fd", u.clone(), At(0)),
            ("cmd", u, At(1)),
            ("arg", wide, At(2)),
        ],
        "clone" => vec![("flags", wide, Named("flags="))],
        "execve" => vec![("filename", Type::Text, Word(0))],
        "exit_group" => vec![("error_code", s, At(0))],
        "epoll_wait" => vec![("epfd", s, At(0))],
        "epoll_ctl" => vec![
            ("epfd", s.clone(), At(0)),
            ("op", s.clone(), At(1)),
            ("fd", s, At(2)),
        ],
        "futex" => vec![("uaddr", wide, At(0)), ("op", s, At(1)), ("val", u, At(2))],
        "openat" => vec![("dfd", s, At(0)), ("filename", Type::Text, Word(1))],
        "newfstatat" => vec![("dfd", s, At(0)), ("filename", Type::Text, Word(1))],
        "setsockopt" => vec![
            ("fd", s.clone(), At(0)),
            ("level", s.clone(), At(1)),
            ("optname", s, At(2)),
        ],
        "mmap" => vec![("fd", wide, At(4))],
        "brk" | "getpid" | "gettid" | "munmap" | "mprotect" | "arch_prctl" | "set_tid_address"
        | "set_robust_list" | "prlimit64" | "readlink" | "clock_nanosleep" | "poll"
        | "pselect6" | "times" | "wait4" | "restart_syscall" => Vec::new(),
        other => panic!("{other} is not known here"),
    }
}

/// What LTTng calls it.
fn lttng_name(call: &str) -> &str {
    match call {
        "sendfile" => "sendfile64",
        call if UNNAMED.iter().any(|(name, _)| *name == call) => "unknown",
        call => call,
    }
}

#[derive(Default)]
struct Maker {
    classes: Vec<Class>,
    events: Vec<Event>,
    pids: HashMap<i32, i32>,
    seen: HashMap<i32, ()>,
}

impl Maker {
    fn push(&mut self, side: &Side, name: &str, payload: Vec<(&'static str, Type, Value)>) {
        let class = self.classes.iter().position(|c| c.name == name);
        let class = class.unwrap_or_else(|| {
            let fields: Fields = payload.iter().map(|(n, t, _)| (*n, t.clone())).collect();
            self.classes.push(Class::new(name, &fields));
            self.classes.len() - 1
        });
        let pid = i64::from(self.pids[&side.tid]);
        let tid = i64::from(side.tid);
        self.events.push(Event {
            ns: side.ns,
            cpu: 0,
            class,
            context: vec![side.comm.as_str().into(), pid.into(), tid.into()],
            payload: payload.into_iter().map(|(_, _, value)| value).collect(),
            lost_before: 0,
        });
    }

    fn side(&mut self, side: &Side, born: &HashMap<i32, (String, bool)>, form: Form) {
        if let Some((call, thread)) = born.get(&side.tid)
            && self.seen.insert(side.tid, ()).is_none()
        {
            assert!(!thread, "threads are made before the recording");
            self.pids.insert(side.tid, side.tid);
            self.exit(side, call, &[], 0);
        }
        match &side.what {
            What::Entry(call, args) => self.entry(side, call, args),
            What::Exit(call, args, value) => self.exit(side, call, args, *value),
            What::End if form.ends => {
                let tid = i64::from(side.tid);
                let fields = vec![
                    ("comm", Type::Comm, side.comm.as_str().into()),
                    ("tid", Type::S(32), tid.into()),
                ];
                self.push(side, "sched_process_exit", fields);
            }
            What::End => {}
        }
    }

    fn entry(&mut self, side: &Side, call: &str, args: &[String]) {
        if let Some((_, id)) = UNNAMED.iter().find(|(name, _)| *name == call) {
            let fields = vec![("id", Type::S(32), (*id).into()), six(args)];
            return self.push(side, "syscall_entry_unknown", fields);
        }
        let value = |from| match from {
            Place::At(i) => number(args.get(i).map_or("0", String::as_str)).into(),
            Place::Named(name) => {
                number(args.iter().find_map(|a| a.strip_prefix(name)).unwrap()).into()
            }
            Place::Word(i) => args[i].trim_matches(['"', '.']).into(),
        };
        let fields = parameters(call);
        let fields = fields.into_iter().map(|(n, ty, from)| (n, ty, value(from)));
        let name = format!("syscall_entry_{}", lttng_name(call));
        self.push(side, &name, fields.collect());
    }

    fn exit(&mut self, side: &Side, call: &str, args: &[String], value: i64) {
        let mut fields = vec![("ret", Type::S(64), value.into())];
        if let Some((_, id)) = UNNAMED.iter().find(|(name, _)| *name == call) {
            fields.insert(0, ("id", Type::S(32), (*id).into()));
            fields.push(six(args));
        }
        if call == "accept4" {
            fields.extend(peer(args.get(1).map_or("", String::as_str)));
        }
        self.push(side, &format!("syscall_exit_{}", lttng_name(call)), fields);
    }

    /// LTTng's state dump, as of 2.11: processes, and the files of each.
    fn dump(&mut self, state: &Lines, before: i64) {
        let mut side = Side {
            ns: before - 1_000_000,
            tid: 1,
            comm: "lttng-sessiond".to_owned(),
            what: What::End,
        };
        self.pids.insert(1, 1);
        self.push(&side, "lttng_statedump_start", Vec::new());
        for line in state {
            side.ns += 100;
            let files = ("file_table_address", Type::U(64), {
                Value::Int(number(&line[1]) * 64 - (1 << 47))
            });
            let int = |n: usize| Value::Int(number(&line[n]));
            if line[0] == "process" {
                let mut fields = vec![
                    ("tid", Type::S(32), int(2)),
                    ("pid", Type::S(32), int(1)),
                    ("ppid", Type::S(32), 1.into()),
                    ("name", Type::Comm, line[3].as_str().into()),
                ];
                let more = ["type", "mode", "submode", "status"];
                fields.extend(more.map(|name| (name, Type::S(32), 5.into())));
                fields.extend([("cpu", Type::U(32), 0.into()), files]);
                self.push(&side, "lttng_statedump_process_state", fields);
            } else {
                let flags = i64::from_str_radix(&line[3], 8).unwrap();
                let fields = vec![
                    files,
                    ("fd", Type::S(32), int(2)),
                    ("flags", Type::U(32), flags.into()),
                    ("fmode", Type::U(32), 3.into()),
                    ("filename", Type::Text, line[4].as_str().into()),
                ];
                self.push(&side, "lttng_statedump_file_descriptor", fields);
            }
        }
        self.push(&side, "lttng_statedump_end", Vec::new());
    }
}

/// All arguments of a call that has no name.
fn six(args: &[String]) -> (&'static str, Type, Value) {
    let value = |i| {
        Value::Int(args.get(i).map_or(0, |a: &String| match a.as_bytes()[0] {
            b'0'..=b'9' => number(a),
            _ => 0,
        }))
    };
    let ty = Type::Array(Box::new(Type::U(64)), 6);
    ("args", ty, Value::List((0..6).map(value).collect()))
}

/// The address that `accept4` gave.
fn peer(text: &str) -> Vec<(&'static str, Type, Value)> {
    let member = |name: &str| {
        let (_, rest) = text.split_once(name)?;
        let end = rest.find([',', '}'])?;
        Some(rest[..end].trim_matches('"'))
    };
    let bytes = |text: &str| -> Vec<i64> {
        let hex = text.split("\\x").skip(1);
        hex.map(|h| i64::from_str_radix(h, 16).unwrap()).collect()
    };
    let port = bytes(member("sin_port=").unwrap_or(""));
    let port = port.iter().fold(0, |sum, byte| sum * 256 + byte);
    let address = bytes(member("sin_addr=").unwrap_or(""));
    let address = address.into_iter().map(Value::Int).collect();
    let list = |bits| Type::List(Box::new(Type::U(bits)));
    vec![
        ("upeer_addrlen", Type::S(32), 16.into()),
        (
            "family",
            Type::U(16),
            number(member("sa_family=").unwrap_or("0")).into(),
        ),
        ("sport", Type::Port, port.into()),
        ("v4addr", list(8), Value::List(address)),
        ("v6addr", list(16), Value::List(Vec::new())),
    ]
}
