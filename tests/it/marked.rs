//! A trace in which every value that may tell something is marked: of each argument in `schemas/arguments.toml`, in each
//! case of the rules there, as a number and as a text; of arguments, context fields and words of the environment that
//! nobody has classified; of addresses, in every form.
//!
//! Further traces have, in the place of each argument, what is content: lists of numbers and of texts, structures and lists
//! of them, with members whose names other arguments have.
//!
//! Numbers are marked by coming from a list, texts by a word that stands nowhere else. The table is read here as plain
//! TOML, so that a mistake in how sysds reads it does not hide.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The word in marked texts.
pub const MARK: &str = "Zqmk";
/// Addresses in texts and numbers.
pub const ADDRESSES: [&str; 2] = ["203.0.113.77", "2001:db8:5a5a::77"];
/// Numbers in lists that mean something as a whole.
pub const LISTS: [&[i64]; 3] = [
    &[203, 0, 113, 77],
    &[203, 0, 113, 78],
    &[82, 84, 0, 18, 52, 86],
];
/// What tells nothing and stays.
const KEPT: [&str; 8] = [
    "nothing-personal",
    "id",
    "size",
    "descriptor",
    "duration",
    "port",
    "memory",
    "label",
];
/// When the trace begins, in nanoseconds since the epoch.
const BEGIN: i128 = 1_795_475_144_000_000_000;
/// A field of the packet's context that has the name of one of the events': `packet_uid`.
const PACKET_UID: i64 = 1_234_567_891_235;

#[derive(Clone)]
enum Content {
    Int(i64),
    Big(u64),
    Float(f64),
    Text(Vec<u8>),
    Bytes(Vec<i64>),
    Longs(Vec<i64>),
    Texts(Vec<Vec<u8>>),
    Struct(Vec<(String, Content)>),
    /// A list of structures of the same members.
    Structs(Vec<Vec<(String, Content)>>),
}

impl Content {
    fn declared(&self, name: &str) -> String {
        match self {
            Content::Int(_) => format!("integer {{ size = 64; align = 8; signed = 1; }} _{name};"),
            Content::Big(_) => format!("integer {{ size = 64; align = 8; signed = 0; }} _{name};"),
            Content::Float(_) => {
                format!("floating_point {{ exp_dig = 11; mant_dig = 53; align = 8; }} _{name};")
            }
            Content::Text(_) => format!("string _{name};"),
            Content::Bytes(all) => {
                format!(
                    "integer {{ size = 8; align = 8; signed = 0; }} _{name}[{}];",
                    all.len()
                )
            }
            Content::Longs(all) => {
                format!(
                    "integer {{ size = 64; align = 8; signed = 1; }} _{name}[{}];",
                    all.len()
                )
            }
            Content::Texts(all) => format!("string _{name}[{}];", all.len()),
            Content::Struct(members) => {
                let members: Vec<String> = members.iter().map(|(n, c)| c.declared(n)).collect();
                format!("struct {{ {} }} _{name};", members.join(" "))
            }
            Content::Structs(all) => {
                let members: Vec<String> = all[0].iter().map(|(n, c)| c.declared(n)).collect();
                format!("struct {{ {} }} _{name}[{}];", members.join(" "), all.len())
            }
        }
    }

    fn put(&self, out: &mut Vec<u8>) {
        match self {
            Content::Int(n) => out.extend(n.to_le_bytes()),
            Content::Big(n) => out.extend(n.to_le_bytes()),
            Content::Float(n) => out.extend(n.to_le_bytes()),
            Content::Text(text) => {
                out.extend(text);
                out.push(0);
            }
            Content::Bytes(all) => out.extend(all.iter().map(|n| *n as u8)),
            Content::Longs(all) => all.iter().for_each(|n| out.extend(n.to_le_bytes())),
            Content::Texts(all) => all.iter().for_each(|text| {
                out.extend(text);
                out.push(0);
            }),
            Content::Struct(members) => members.iter().for_each(|(_, c)| c.put(out)),
            Content::Structs(all) => all.iter().flatten().for_each(|(_, c)| c.put(out)),
        }
    }
}

#[derive(Default)]
struct Trace {
    marks: HashSet<i128>,
    made: i64,
    /// Classes by name and form of their fields: the same fields give the same class.
    classes: BTreeMap<(String, String), u32>,
    events: Vec<u8>,
    count: i64,
}

type Fields = Vec<(String, Content)>;

impl Trace {
    /// A number that occurs once; one in eight could be that of a process of Linux.
    fn mark(&mut self) -> i64 {
        self.made += 1;
        let mark = match self.made % 8 {
            // No multiple of 1000, as times from one event to another are.
            0 => 1_000_001 + self.made * 8,
            _ => 1_500_000_000 + self.made * 101,
        };
        self.marks.insert(i128::from(mark));
        mark
    }

    /// A number that occurs once, so large that no pseudonym is the same by chance.
    fn large_mark(&mut self) -> i64 {
        self.made += 1;
        let mark = 1_500_000_000_000_007 + self.made * 1_000_003;
        self.marks.insert(i128::from(mark));
        mark
    }

    fn text(&mut self) -> Content {
        Content::Text(self.letters())
    }

    fn letters(&mut self) -> Vec<u8> {
        self.made += 1;
        let (n, address) = (self.made, ADDRESSES[self.made as usize % 2]);
        let text = match n % 9 {
            0 => format!("/home/{MARK}{n}/{MARK}.txt"),
            1 => format!("http://shop/{MARK}{n}?from={MARK}"),
            2 => format!("{MARK}{n}@example.org"),
            3 => format!("~{MARK}{n}"),
            4 => address.to_owned(),
            5 => format!("from {address} to {MARK}{n}"),
            6 => format!("/usr/{MARK}{n}?{MARK}=1"),
            7 => format!("/proc/4711/{MARK}{n}"),
            _ => format!("{MARK}{n}"),
        };
        text.into_bytes()
    }

    /// A structure in the place of the argument `name`, with members that have the names of others.
    fn members(&mut self, name: &str) -> Fields {
        let numbers = ["count", "fd", "flags", "pid"];
        let mut names: Vec<&str> = numbers.into_iter().filter(|n| *n != name).collect();
        names.push(name);
        let mut members: Fields = Vec::new();
        for name in names {
            members.push((name.to_owned(), Content::Int(self.large_mark())));
        }
        members.push((
            "zz_raw".to_owned(),
            Content::Longs(vec![self.large_mark(), self.large_mark()]),
        ));
        members.push(("zz_called".to_owned(), self.text()));
        members
    }

    fn number(&mut self, holds: &str) -> Content {
        match KEPT.contains(&holds) {
            true => Content::Int(1),
            false => Content::Int(self.mark()),
        }
    }

    fn event(&mut self, name: &str, fields: &Fields) {
        let form: Vec<String> = fields.iter().map(|(n, c)| c.declared(n)).collect();
        let next = self.classes.len() as u32;
        let id = *self
            .classes
            .entry((name.to_owned(), form.join("\n")))
            .or_insert(next);
        self.marks.insert(BEGIN + i128::from(self.count) * 1000);
        let out = &mut self.events;
        out.extend(id.to_le_bytes());
        out.extend((self.count as u64 * 1000).to_le_bytes());
        self.count += 1;
        self.context();
        fields
            .iter()
            .for_each(|(_, content)| content.put(&mut self.events));
    }

    /// procname, pid, tid, ppid, net_ns, uid, perf_cpu_cycles, hostname, my_context, my_text.
    fn context(&mut self) {
        let mut procname = format!("{MARK}-{}", self.count % 7).into_bytes();
        procname.resize(16, 0);
        self.events.extend(procname);
        for number in [3_000_001_i32, 3_000_002, 3_000_003] {
            self.marks.insert(i128::from(number));
            self.events.extend(number.to_le_bytes());
        }
        for number in [2_026_531_001_i64, 61_234, 17, 1_234_567_891_234] {
            self.events.extend(number.to_le_bytes());
        }
        self.marks
            .extend([2_026_531_001, 61_234, 1_234_567_891_234]);
        self.events
            .extend(format!("{MARK}host\0to {MARK}\0").into_bytes());
    }
}

/// What an argument holds in a case.
fn holds(rule: &Value, case: i64) -> &str {
    let Value::Table(by) = rule else {
        return rule.as_str().unwrap();
    };
    let listed = |values: &Value| {
        let values = values.as_array().map_or(&[][..], Vec::as_slice);
        values.iter().any(|v| v.as_integer() == Some(case))
    };
    let found = by.iter().find(|(_, values)| listed(values));
    found.map_or_else(|| by["else"].as_str().unwrap(), |(holds, _)| holds.as_str())
}

/// The cases of a call: of each kind a value of the argument that decides, and one that nobody has listed.
fn cases(row: &Table) -> (Option<&str>, Vec<i64>) {
    let mut decider = None;
    let mut cases = vec![987_654];
    for by in row.values().filter_map(Value::as_table) {
        decider = by["by"].as_str();
        let lists = by.values().filter_map(Value::as_array);
        cases.extend(lists.map(|values| values[0].as_integer().unwrap()));
    }
    (decider, cases)
}

/// Both sides of a call: the entry has numbers, the exit texts and structures, and what was returned.
fn call(trace: &mut Trace, name: &str, row: &Table) {
    let (decider, cases) = cases(row);
    for case in cases {
        let mut entry: Fields = Vec::new();
        let mut exit: Fields = Vec::new();
        let mut members: BTreeMap<&str, Fields> = BTreeMap::new();
        for (argument, rule) in of_one_value(row) {
            let holds = holds(rule, case);
            if argument == "ret" {
                let value = match trace.number(holds) {
                    Content::Int(1) => Content::Int(0),
                    value => value,
                };
                exit.push(("ret".to_owned(), value));
            } else if let Some((structure, member)) = argument.split_once('.') {
                let value = trace.number(holds);
                members
                    .entry(structure)
                    .or_default()
                    .push((member.to_owned(), value));
            } else {
                let value = match decider == Some(argument) {
                    true => Content::Int(case),
                    false => trace.number(holds),
                };
                entry.push((argument.clone(), value));
            }
        }
        for (argument, _) in &entry {
            if !members.contains_key(argument.as_str()) {
                exit.push((argument.clone(), trace.text()));
            }
        }
        let members = members.into_iter();
        exit.extend(members.map(|(name, all)| (name.to_owned(), Content::Struct(all))));
        trace.event(&format!("syscall_entry_{name}"), &entry);
        trace.event(&format!("syscall_exit_{name}"), &exit);
    }
}

/// The entries of a call with content in the place of each argument.
fn call_contents(trace: &mut Trace, name: &str, row: &Table) {
    let (decider, cases) = cases(row);
    for case in cases {
        let others = row.iter().filter(|(name, _)| decider != Some(name));
        let others: Table = others.map(|(n, rule)| (n.clone(), rule.clone())).collect();
        for mut fields in contents(trace, &others) {
            if let Some(decider) = decider {
                fields.push((decider.to_owned(), Content::Int(case)));
            }
            trace.event(&format!("syscall_entry_{name}"), &fields);
        }
    }
}

/// The rows that speak of one value, and not of a list.
fn of_one_value(row: &Table) -> impl Iterator<Item = (&String, &Value)> {
    row.iter().filter(|(name, _)| !name.ends_with("[]"))
}

/// The arguments of a row with content in the place of each: lists of numbers and of texts, structures, lists of them.
fn contents(trace: &mut Trace, row: &Table) -> [Fields; 4] {
    let names = of_one_value(row)
        .map(|(name, _)| name)
        .filter(|n| !n.contains('.'));
    let names: Vec<&String> = names.collect();
    let mut all: [Fields; 4] = Default::default();
    for name in names {
        let list = row.get(&format!("{name}[]"));
        let numbers = match list.and_then(Value::as_str) {
            Some(holds) if KEPT.contains(&holds) => vec![1, 2],
            _ => vec![trace.large_mark(), trace.large_mark()],
        };
        let contents = [
            Content::Longs(numbers),
            Content::Texts(vec![trace.letters(), trace.letters()]),
            Content::Struct(trace.members(name)),
            Content::Structs(vec![trace.members(name), trace.members(name)]),
        ];
        for (fields, content) in all.iter_mut().zip(contents) {
            fields.push((name.clone(), content));
        }
    }
    all
}

/// An event that is no call, once with numbers and once with texts.
fn point(trace: &mut Trace, name: &str, row: &Table) {
    let numbers = of_one_value(row).map(|(n, rule)| (n.clone(), trace.number(holds(rule, 0))));
    let numbers: Fields = numbers.collect();
    trace.event(name, &numbers);
    let texts = of_one_value(row).map(|(n, _)| (n.clone(), trace.text()));
    let texts: Fields = texts.collect();
    trace.event(name, &texts);
}

/// What nobody has classified.
fn unknown(trace: &mut Trace) {
    let named = |pairs: Vec<(&str, Content)>| -> Fields {
        pairs.into_iter().map(|(n, c)| (n.to_owned(), c)).collect()
    };
    let customer = named(vec![
        ("number", Content::Int(trace.mark())),
        ("fd", Content::Int(trace.mark())),
        ("called", trace.text()),
    ]);
    let big = u64::MAX - 5_000_017;
    trace.marks.insert(i128::from(big));
    let order = vec![
        ("items", Content::Int(trace.mark())),
        ("buyer", Content::Int(trace.mark())),
        ("flags", Content::Int(trace.mark())),
        ("price", Content::Float(trace.mark() as f64)),
        ("big", Content::Big(big)),
        ("note", trace.text()),
        ("codes", Content::Longs(vec![trace.mark(), trace.mark()])),
        ("vtids", Content::Longs(vec![trace.mark(), trace.mark()])),
        ("hwaddr", Content::Bytes(LISTS[2].to_vec())),
        ("saddr", Content::Bytes(LISTS[1].to_vec())),
        ("checksum", Content::Int(trace.mark())),
        ("customer", Content::Struct(customer)),
    ];
    let order = named(order);
    trace.event("shop:order", &order);
    let mut wrong = format!("{MARK}/x").into_bytes();
    wrong.push(0xff);
    let entry = named(vec![
        ("fd", Content::Int(trace.mark())),
        ("count", Content::Int(trace.mark())),
        ("filename", Content::Text(wrong.clone())),
        ("note", Content::Text(wrong)),
    ]);
    trace.event("syscall_entry_newcall", &entry);
    let exit = named(vec![("ret", Content::Int(trace.mark()))]);
    trace.event("syscall_exit_newcall", &exit);
    // Names that are nearly those of arguments that stay, and an entry that returns something. (Since there is an
    // `exit_syscall`, `sys_exit` is one, too: the entry of `exit`.)
    let nearly = named(vec![
        ("flags", Content::Int(1)),
        ("Flags", Content::Int(trace.mark())),
        ("flags_", Content::Int(trace.mark())),
        ("flags_u64", Content::Int(trace.mark())),
        ("mode_list", Content::Int(trace.mark())),
        ("mode_str", trace.text()),
        ("ret", Content::Int(trace.mark())),
    ]);
    trace.event("syscall_entry_openat", &nearly);
}

/// A connection, so that what follows is of a request.
fn accept(trace: &mut Trace) {
    let entry = vec![
        ("fd".to_owned(), Content::Int(3)),
        ("flags".to_owned(), Content::Int(0)),
    ];
    let exit = [
        ("ret", Content::Int(9)),
        ("family", Content::Int(2)),
        ("sport", Content::Int(40_000)),
        ("v4addr", Content::Bytes(LISTS[0].to_vec())),
    ];
    trace.event("syscall_entry_accept4", &entry);
    trace.event(
        "syscall_exit_accept4",
        &exit.map(|(n, c)| (n.to_owned(), c)).to_vec(),
    );
}

/// Calls after which a request, its thread or its descriptors are no more what they were: they come last, as do those that
/// wait for other connections.
const LATE: [&str; 14] = [
    "accept",
    "accept4",
    "close",
    "close_range",
    "dup2",
    "dup3",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "shutdown",
    "clone",
    "clone3",
    "fork",
];

/// Writes the trace to a folder; the marked numbers.
pub fn write(dir: &Path) -> HashSet<i128> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/arguments.toml");
    let table: Table = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let of = |name: &str| table[name].as_table().unwrap();
    let mut trace = Trace::default();
    trace.marks.insert(i128::from(PACKET_UID));
    accept(&mut trace);
    let (late, early): (Vec<_>, Vec<_>) = of("calls").iter().partition(|(n, _)| {
        LATE.contains(&n.as_str()) || n.contains("poll") || n.contains("select")
    });
    for (name, row) in early {
        call(&mut trace, name, row.as_table().unwrap());
    }
    unknown(&mut trace);
    point(&mut trace, "any:event", of("any"));
    point(&mut trace, "contexts:event", of("contexts"));
    for (name, row) in of("events")
        .iter()
        .filter(|(_, row)| !row.as_table().unwrap().is_empty())
    {
        point(&mut trace, name, row.as_table().unwrap());
    }
    for (name, row) in late {
        call(&mut trace, name, row.as_table().unwrap());
    }
    put(trace, dir, of("environment"))
}

/// Writes traces with content in the place of each argument to folders in `dir`; each has as many arguments as a dataset may
/// have columns. Returns the folders with the marked numbers.
pub fn write_contents(dir: &Path) -> Vec<(PathBuf, HashSet<i128>)> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemas/arguments.toml");
    let table: Table = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let of = |name: &str| table[name].as_table().unwrap();
    let rows = |of: &'static str, table: &Table| -> Vec<(&'static str, String, Table)> {
        let rows = table
            .iter()
            .filter_map(|(n, row)| Some((of, n.clone(), row.as_table()?.clone())));
        rows.collect()
    };
    let mut all = rows("calls", of("calls"));
    all.extend(rows("events", of("events")));
    let any: Vec<(String, Value)> = of("any").clone().into_iter().collect();
    for (at, part) in any.chunks(100).enumerate() {
        all.push((
            "events",
            format!("any:event{at}"),
            part.iter().cloned().collect(),
        ));
    }
    let mut written = Vec::new();
    while !all.is_empty() {
        let mut trace = Trace::default();
        trace.marks.insert(i128::from(PACKET_UID));
        let mut names: HashSet<String> = HashSet::new();
        all.retain(|(kind, name, row)| {
            let own = of_one_value(row).map(|(name, _)| name.clone());
            let more: HashSet<String> = names.iter().cloned().chain(own).collect();
            if more.len() > 160 && !names.is_empty() {
                return true;
            }
            names = more;
            match *kind {
                "calls" => call_contents(&mut trace, name, row),
                _ => contents(&mut trace, row)
                    .iter()
                    .for_each(|fields| trace.event(name, fields)),
            }
            false
        });
        let folder = dir.join(format!("{MARK}{}", written.len()));
        let marks = put(trace, &folder, of("environment"));
        written.push((folder, marks));
    }
    written
}

/// Writes a trace to a folder; its marked numbers.
fn put(mut trace: Trace, dir: &Path, environment: &Table) -> HashSet<i128> {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("metadata"), metadata(&mut trace, environment)).unwrap();
    fs::write(dir.join(format!("{MARK}_0")), packet(&trace)).unwrap();
    trace.marks
}

fn packet(trace: &Trace) -> Vec<u8> {
    let bits = (4 + 4 + 4 * 8 + 4 + 8 + trace.events.len() as u64) * 8;
    let mut packet = Vec::new();
    packet.extend(0xC1FC_1FC1_u32.to_le_bytes());
    packet.extend(0_u32.to_le_bytes());
    for number in [0, trace.count as u64 * 1000, bits, bits] {
        packet.extend(number.to_le_bytes());
    }
    packet.extend(0_u32.to_le_bytes());
    packet.extend(PACKET_UID.to_le_bytes());
    packet.extend(&trace.events);
    packet
}

fn metadata(trace: &mut Trace, environment: &Table) -> String {
    let mut text =
        "/* CTF 1.8 */\ntypealias integer { size = 32; align = 8; signed = 0; } := u32;\n\
        typealias integer { size = 32; align = 8; signed = 1; } := i32;\n\
        typealias integer { size = 64; align = 8; signed = 0; } := u64;\n\
        typealias integer { size = 64; align = 8; signed = 1; } := i64;\n\
        trace { major = 1; minor = 8; byte_order = le;\n\
        packet.header := struct { u32 magic; u32 stream_id; }; };\n"
            .to_owned();
    text.push_str("env {\n");
    let more = ["username", "my_env", "shop"].map(str::to_owned);
    for key in environment
        .keys()
        .cloned()
        .chain(more)
        .collect::<HashSet<_>>()
    {
        let kept = environment
            .get(&key)
            .is_some_and(|h| h.as_str() == Some("nothing-personal"));
        let _ = match key.as_str() {
            "vpid" => writeln!(text, "  vpid = {};", trace.mark()),
            "domain" => writeln!(text, "  domain = \"kernel\";"),
            "tracer_name" => writeln!(text, "  tracer_name = \"lttng-modules\";"),
            _ if kept => writeln!(text, "  {key} = \"1\";"),
            _ => writeln!(text, "  {key} = \"{MARK}-{key}\";"),
        };
    }
    let _ = write!(
        text,
        "}};\nclock {{ name = \"monotonic\"; freq = 1000000000; offset_s = {}; offset = 0; }};\n\
         typealias integer {{ size = 64; align = 8; signed = 0; map = clock.monotonic.value; }} := t64;\n\
         stream {{ id = 0;\n\
         packet.context := struct {{ t64 timestamp_begin; t64 timestamp_end; u64 content_size; u64 packet_size; u32 cpu_id; i64 _uid; }};\n\
         event.header := struct {{ u32 id; t64 timestamp; }};\n\
         event.context := struct {{ integer {{ size = 8; align = 8; signed = 1; encoding = UTF8; }} _procname[16];\n\
         i32 _pid; i32 _tid; i32 _ppid; i64 _net_ns; i64 _uid; i64 _perf_cpu_cycles; i64 _my_context; string _hostname; string _my_text; }};\n\
         }};\n",
        BEGIN / 1_000_000_000
    );
    for ((name, form), id) in &trace.classes {
        let _ = writeln!(
            text,
            "event {{ name = \"{name}\"; id = {id}; stream_id = 0; fields := struct {{\n{form}\n}}; }};"
        );
    }
    text
}
