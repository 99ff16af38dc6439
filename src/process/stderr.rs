//! Lines on stderr, fit for a terminal whoever wrote the words in them, and warnings about an input from wherever it is read.

use crate::shown::ShownLines;
use std::collections::BTreeSet;
use std::fmt;
use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

static QUIET: AtomicBool = AtomicBool::new(false);
static WARNED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Has warnings be left out.
pub fn be_quiet() {
    QUIET.store(true, Ordering::Relaxed);
}

/// Says a warning about an input, once however often that is read.
pub fn warn_once(warning: String) {
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    if !QUIET.load(Ordering::Relaxed) && !warned.contains(&warning) {
        write_line(format_args!("warning: {warning}"));
        warned.insert(warning);
    }
}

/// Writes a line to stderr in one piece, so that lines of several processes do not mix. That it cannot be written is no
/// error: there is nobody left to tell.
pub fn write_line(words: fmt::Arguments) {
    let line = format!("{}\n", ShownLines(words));
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(line.as_bytes());
}
