//! CTF 2 as babeltrace2 2.1 reads it. Debian 12 has no version that reads CTF 2, so its verdicts are kept beside the traces that
//! it read: random ones (see `ctf`) and what `ctf2` writes by hand. `tests/data/README.md` says how they were made.

use crate::common::*;
use crate::ctf::shape::Dialect;
use crate::ctf::trace::write;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use sysds::error::Result;
use sysds::trace::event::{Cursor, EventBatch, Field, FieldType, NO_NAME, UNKNOWN, escape};

/// Traces like those in the archive are read to their end; `SYSDS_TRACES_TO_JUDGE` names a folder where they stay, to be
/// judged.
#[test]
fn traces_to_judge_are_read_to_their_end() {
    let temporary = tempfile::tempdir().unwrap();
    let dir = std::env::var_os("SYSDS_TRACES_TO_JUDGE").map(PathBuf::from);
    let dir = dir.unwrap_or_else(|| temporary.path().to_owned());
    let number: u64 = std::env::var("SYSDS_RANDOM_TRACES").map_or(40, |n| n.parse().unwrap());
    let first = std::env::var("SYSDS_FIRST_SEED").map_or(0, |n| n.parse().unwrap());
    for seed in first..first + number {
        for (name, dialect) in [
            ("tsdl", Dialect::Judged),
            ("old", Dialect::Ctf1),
            ("new", Dialect::Ctf2Judged),
        ] {
            let trace = dir.join(format!("{name}-{seed:04}"));
            let written = write(seed, dialect, &trace);
            let metadata = match name {
                "tsdl" => &written.metadata,
                _ => &written.json,
            };
            fs::write(trace.join("metadata"), metadata).unwrap();
            let read = values(&trace).unwrap_or_else(|e| panic!("{}: {e}", trace.display()));
            assert_eq!(read.len(), written.times.len(), "{}", trace.display());
        }
    }
}

fn plain_name(name: &str) -> &str {
    sysds::trace::ctf::metadata::model::plain(name)
}

/// Reads what is below a folder with the native reader; its events, as the script writes them.
pub fn values(trace: &Path) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for mut recording in sysds::trace::belong::recordings(&[trace.to_owned()])? {
        let scratch = tempfile::tempdir().unwrap();
        let checked = sysds::trace::check::check(&mut recording, false, scratch.path())?;
        read(checked, &mut lines)?;
    }
    lines.sort();
    Ok(lines)
}

fn read(checked: sysds::trace::check::Checked, lines: &mut Vec<String>) -> Result<()> {
    let mut reader = sysds::trace::native::NativeReader::open(checked, false, Default::default())?;
    let classes = reader.classes().to_vec();
    // The verdicts tell of events only: what packets say of them stands first in their context, and is left out.
    let traces = &reader.checked().traces;
    let streams = traces.iter().flat_map(|t| &t.metadata.streams);
    let packets = streams.filter_map(|s| s.packet_context.as_deref()?.structure());
    let names = packets.flat_map(|s| &s.fields).map(|f| plain_name(&f.name));
    let packet: Vec<String> = names
        .flat_map(|name| [format!("packet_{name}"), name.to_owned()])
        .collect();
    let (mut batch, mut names) = (EventBatch::default(), Vec::new());
    while reader.next(1000, &mut batch)? {
        names.append(&mut batch.new_procnames);
        for (i, head) in batch.heads.iter().enumerate() {
            let class = &classes[head.class as usize];
            let known = |id: i32| (id != UNKNOWN).then_some(id);
            let name = (head.procname != NO_NAME).then(|| &names[head.procname as usize]);
            let mut cursor = Cursor::new(batch.values_of(i));
            let of_packet = class.context.iter();
            let of_packet = of_packet.take_while(|f| packet.contains(&f.name)).count();
            let mut context = fields(&class.context, &mut cursor);
            if let Some(all) = context.as_array_mut() {
                all.drain(..of_packet);
            }
            let payload = fields(&class.payload, &mut cursor);
            assert!(cursor.rest().is_empty());
            let line = json!([
                head.timestamp,
                known(head.cpu),
                class.full_name,
                [known(head.pid), known(head.tid)],
                name,
                context,
                payload
            ]);
            lines.push(line.to_string());
        }
    }
    Ok(())
}

/// The same from what the script wrote: its contexts together, and what serves as process and thread taken out. Where no
/// context has the process, that of the trace's environment counts, a seventh value.
pub fn verdicts(text: &str) -> Vec<String> {
    let lines = text.lines().map(|line| {
        let event: Vec<Value> = serde_json::from_str(line).unwrap();
        let [time, cpu, name, common, specific, payload, environment @ ..] = &event[..] else {
            panic!("{line}")
        };
        let environment = environment.first().unwrap_or(&Value::Null);
        let mut context = [plain(common), plain(specific)].map(|part| match part {
            Value::Array(fields) => fields,
            other => panic!("{other}"),
        });
        let mut context: Vec<Value> = context.iter_mut().flat_map(std::mem::take).collect();
        let mut take = |names: [&str; 2]| {
            let found = names.iter().find_map(|name| {
                let is = |field: &Value| field[0] == *name;
                context.iter().position(is)
            });
            found.map(|position| context.remove(position)[1].take())
        };
        let mut ids = [take(["pid", "vpid"]), take(["tid", "vtid"])];
        if let (None, Some(pid)) = (&ids[0], environment.get("vpid")) {
            ids[0] = Some(pid.clone());
        }
        // The number that stands for none.
        let ids = ids.map(|id| id.filter(|id| *id != UNKNOWN));
        let procname = take(["procname", ""]).map(|name| match name["bytes"].as_array() {
            Some(bytes) => {
                let bytes = bytes.iter().map(|byte| byte.as_u64().unwrap() as u8);
                json!(escape(&bytes.collect::<Vec<_>>()))
            }
            None => name["text"].clone(),
        });
        let procname = procname.or_else(|| environment.get("procname").cloned());
        json!([time, cpu, name, ids, procname, context, plain(payload)]).to_string()
    });
    let mut lines: Vec<String> = lines.collect();
    lines.sort();
    lines
}

/// Without LTTng's lengths of sequences, which sysds leaves out, and without what tells sequences from arrays.
fn plain(value: &Value) -> Value {
    match value {
        Value::Array(all) => {
            let lengths: Vec<String> = all
                .iter()
                .filter(|field| field[1]["sequence"].is_array())
                .filter_map(|field| Some(format!("_{}_length", field[0].as_str()?)))
                .collect();
            let kept = all
                .iter()
                .filter(|field| !lengths.iter().any(|length| field[0] == **length));
            kept.map(plain).collect()
        }
        Value::Object(object) => match object.get("sequence") {
            Some(elements) => plain(elements),
            None if object.contains_key("option") => {
                json!({"option": object["option"], "is": plain(&object["is"])})
            }
            None => value.clone(),
        },
        other => other.clone(),
    }
}

#[test]
fn ctf_2_is_read_as_babeltrace2_reads_it() {
    let dir = match std::env::var_os("SYSDS_JUDGED_TRACES") {
        Some(dir) => PathBuf::from(dir),
        None => {
            let dir = Path::new(env!("CARGO_TARGET_TMPDIR"))
                .join(format!("judged-{}", std::process::id()));
            unpack(&data("ctf2-judged.tar.zst"), &dir);
            dir
        }
    };
    let mut judged = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(&dir).unwrap() {
        let file = entry.unwrap().path();
        if file.extension().is_none_or(|e| e != "jsonl") {
            continue;
        }
        let expected = verdicts(&fs::read_to_string(&file).unwrap());
        let found = match values(&file.with_extension("")) {
            Ok(found) => found,
            Err(error) => vec![format!("{error:?}")],
        };
        if found != expected {
            let at = found.iter().zip(&expected).find(|(a, b)| a != b);
            wrong.push(format!(
                "{}: {} events, {} expected\n{at:#?}",
                file.display(),
                found.len(),
                expected.len()
            ));
        }
        judged += 1;
    }
    assert!(
        wrong.is_empty(),
        "{}\n{} of {judged}",
        wrong.join("\n"),
        wrong.len()
    );
    assert!(judged >= 30, "{judged} traces");
}

fn fields(fields: &[Field], cursor: &mut Cursor) -> Value {
    let named = fields.iter();
    let named = named.map(|field| json!([field.name, value(&field.ty, cursor)]));
    Value::Array(named.collect())
}

fn value(ty: &FieldType, cursor: &mut Cursor) -> Value {
    match ty {
        FieldType::Unsigned(..) => json!(cursor.integer()),
        FieldType::Signed(..) => json!(cursor.integer() as i64),
        FieldType::Float(_) => json!({"bits": cursor.float().to_bits()}),
        FieldType::Text => match cursor.utf8() {
            Ok(text) => json!({"text": text}),
            Err(bytes) => json!({"bytes": bytes}),
        },
        FieldType::List(element, _) => {
            let count = cursor.count();
            (0..count).map(|_| value(element, cursor)).collect()
        }
        FieldType::Struct(members) => fields(members, cursor),
        FieldType::Variant(options) => {
            let option = &options[cursor.count()];
            json!({"option": option.name, "is": value(&option.ty, cursor)})
        }
    }
}
