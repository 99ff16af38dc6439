//! Names of columns: no two are the same without case.
//!
//! SQL ignores case. In DuckDB and Spark, `args.ip` would read whichever of `ip` and `IP` comes first, so names that
//! differ only by case get underscores at the end.

use std::collections::{BTreeMap, BTreeSet};

/// The columns that the fields called `names` (in order, each once) get, and the names that are taken then, without
/// case.
pub(super) fn called<'a>(
    names: impl DoubleEndedIterator<Item = &'a str> + Clone,
) -> (BTreeMap<&'a str, String>, BTreeSet<String>) {
    let mut taken = BTreeSet::new();
    let mut called = BTreeMap::new();
    // First those that keep their names, so that no other takes one of them.
    for name in names.clone().rev() {
        if taken.insert(caseless(name)) {
            called.insert(name, name.to_owned());
        }
    }
    for name in names.rev() {
        called
            .entry(name)
            .or_insert_with(|| fresh(format!("{name}_"), &mut taken));
    }
    (called, taken)
}

/// A name as a reader that ignores case compares it: DuckDB maps ASCII, Spark all of Unicode, up and down.
pub(super) fn caseless(name: &str) -> String {
    name.to_lowercase().to_uppercase().to_lowercase()
}

/// `name`, with as many underscores as it takes to differ from all that are `taken`; it is taken then.
pub(super) fn fresh(mut name: String, taken: &mut BTreeSet<String>) -> String {
    while !taken.insert(caseless(&name)) {
        name.push('_');
    }
    name
}
