//! CTF 2 as babeltrace2 2.1 reads it. Debian 12 has no version that reads CTF 2, so its verdicts are kept beside the traces that
//! it read: random ones (see `ctf`) and what `ctf2` writes by hand. `tests/data/README.md` says how they were made.

use crate::common::*;
use crate::ctf::shape::Dialect;
use crate::ctf::trace::write;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use sysds::trace::context::{Context, uses_of};
use sysds::trace::event::{Cursor, EventBatch, EventClass, Field, FieldType, NO_NAME, UNKNOWN};

/// Writes traces to judge: `SYSDS_TRACES_TO_JUDGE` says where, and nothing is written where it is not set.
#[test]
fn traces_to_judge_are_written() {
    let Some(dir) = std::env::var_os("SYSDS_TRACES_TO_JUDGE").map(PathBuf::from) else {
        return;
    };
    let number = std::env::var("SYSDS_RANDOM_TRACES").map_or(40, |n| n.parse().unwrap());
    for seed in 0..number {
        for (name, dialect) in [("old", Dialect::Ctf1), ("new", Dialect::Ctf2)] {
            let trace = dir.join(format!("{name}-{seed:04}"));
            let written = write(seed, dialect, &trace);
            fs::write(trace.join("metadata"), &written.json).unwrap();
        }
    }
}

/// Reads a trace with the native reader; its events, as the script writes them.
fn values(trace: &Path) -> Vec<String> {
    let scratch = tempfile::tempdir().unwrap();
    let recordings = sysds::trace::find::recordings(&[trace.to_owned()]).unwrap();
    let checked = sysds::trace::check::check(&recordings[0], false, scratch.path()).unwrap();
    let mut reader =
        sysds::trace::native::Reader::open(checked, false, Default::default()).unwrap();
    let classes = reader.classes().to_vec();
    let (mut batch, mut names, mut lines) = (EventBatch::default(), Vec::new(), Vec::new());
    while reader.next(1000, &mut batch).unwrap() {
        names.append(&mut batch.new_procnames);
        for (i, head) in batch.heads.iter().enumerate() {
            let class = &classes[head.class as usize];
            let known = |id: i32| (id != UNKNOWN).then_some(id);
            let name = (head.procname != NO_NAME).then(|| &names[head.procname as usize]);
            let mut cursor = Cursor::new(batch.values_of(i));
            let context = fields(&class.context, &mut cursor);
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
    lines.sort();
    lines
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
