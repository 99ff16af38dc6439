//! Any bytes are a trace that is read to its end, or an error.
//!
//! The first two bytes say how many of the following are the metadata; the rest is a stream.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use sysds_fuzz::trace::belong::recordings;
use sysds_fuzz::trace::check::check;
use sysds_fuzz::trace::event::EventBatch;
use sysds_fuzz::trace::native::NativeReader;
use sysds_fuzz::trace::select::Selection;

/// A folder of this process, in memory where there is one.
static DIR: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let memory = PathBuf::from("/dev/shm");
    match memory.is_dir() {
        true => tempfile::tempdir_in(memory).unwrap(),
        false => tempfile::tempdir().unwrap(),
    }
});

fn read(trace: PathBuf, keep_going: bool) -> sysds_fuzz::error::Result<u64> {
    let scratch = tempfile::tempdir_in(DIR.path()).unwrap();
    let recording = &mut recordings(&[trace])?[0];
    let checked = check(recording, keep_going, scratch.path())?;
    let mut reader = NativeReader::open(checked, keep_going, Selection::default())?;
    let mut batch = EventBatch::default();
    let mut events = 0;
    while reader.next(1000, &mut batch)? {
        events += batch.heads.len() as u64;
    }
    Ok(events)
}

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let Some((length, rest)) = data.split_first_chunk::<2>() else {
        return;
    };
    let length = usize::from(u16::from_le_bytes(*length)).min(rest.len());
    let (metadata, stream) = rest.split_at(length);
    let trace = DIR.path().join("trace");
    fs::create_dir_all(&trace).unwrap();
    fs::write(trace.join("metadata"), metadata).unwrap();
    fs::write(trace.join("stream"), stream).unwrap();
    let strict = read(trace.clone(), false);
    let forgiving = read(trace, true);
    if let (Ok(strict), Ok(forgiving)) = (strict, forgiving) {
        assert_eq!(strict, forgiving);
    }
});
