//! Faults that are known and not mended yet, so that the tests hold everything else. It shall be empty.

/// A part of the call, a part of what is wrong, and what it is.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "clone3 ",
        "panics",
        "a thread that can't be started is a panic",
    ),
    (
        "clone3 ",
        "hangs",
        "a thread of a query that can't be started is a hang",
    ),
    (
        "mmap ",
        "panics",
        "a thread that can't have a stack is a panic",
    ),
    (
        "mmap ",
        "hangs",
        "a thread of a query that can't have a stack is a hang",
    ),
    (
        "mprotect ",
        "panics",
        "a thread that can't have a stack is a panic",
    ),
    (
        "mprotect ",
        "hangs",
        "a thread of a query that can't have a stack is a hang",
    ),
    (
        "write stderr",
        "panics",
        "words that can't be said are a panic",
    ),
    (
        "",
        "does not remove [\".partial-",
        "what a killed query leaves is never removed",
    ),
    ("out/.partial-", "", "what COPY writes is not fsynced"),
    (
        "out is not durable in the end",
        "",
        "the folder of a query's results is not fsynced",
    ),
    (
        "getcwd ",
        "neither old nor new",
        "COPY writes elsewhere where the current folder can't be told",
    ),
];

/// What is known of a fault.
pub fn fault(call: &str, wrong: &str) -> Option<&'static str> {
    let mut known = KNOWN.iter();
    known
        .find(|(c, w, _)| call.starts_with(c) && wrong.contains(w))
        .map(|k| k.2)
}
