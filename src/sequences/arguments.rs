//! Which arguments of system calls are their size and their flags.
//!
//! As `events` has one descriptor and one path for each call, whatever the call names them, a model gets one size and one
//! word of flags: of the arguments below the first that the event has. Names are those of LTTng's definitions; what they
//! mean is in the manual page of each call.

use arrow::array::{Array, AsArray, Int64Array, RecordBatch, StructArray};
use arrow::datatypes::Int64Type;

/// Bytes that a call is asked for, or is given.
pub(crate) const SIZES: [&str; 9] = [
    "count", "len", "size", "length", "nbytes", "len_in", "new_len", "bufsiz", "msgsz",
];

/// What a call is told of how to do its work: bits, commands, modes.
pub(crate) const FLAGS: [&str; 14] = [
    "flags",
    "flag",
    "clone_flags",
    "cmd",
    "op",
    "prot",
    "mode",
    "how",
    "whence",
    "behavior",
    "advice",
    "option",
    "optname",
    "type",
];

/// The columns of `events` that hold these.
pub(super) fn columns(names: &[&str]) -> impl Iterator<Item = String> {
    names.iter().map(|name| format!("args.{name}"))
}

/// The arguments of a batch: integers, one for each row.
pub(super) struct First<'a> {
    columns: Vec<&'a Int64Array>,
}

impl<'a> First<'a> {
    /// Of these names, best first.
    pub(super) fn of(batch: &'a RecordBatch, names: &[&str]) -> Self {
        let args = batch.column_by_name("args");
        let args: Option<&StructArray> = args.and_then(|args| args.as_struct_opt());
        let columns = names.iter().filter_map(|name| {
            // A name may stand for something else than a number, too.
            args?.column_by_name(name)?.as_primitive_opt::<Int64Type>()
        });
        First {
            columns: columns.collect(),
        }
    }

    /// That of a row.
    pub(super) fn value(&self, row: usize) -> Option<i64> {
        let mut there = self.columns.iter().filter(|column| column.is_valid(row));
        there.next().map(|column| column.value(row))
    }
}

/// The components of a path, with `/` first where it is absolute. An empty path has one component, which is empty: it is a
/// path that a call was given (`AT_EMPTY_PATH`).
pub(super) fn components(path: &str) -> impl Iterator<Item = &str> {
    let root = path.starts_with('/').then_some("/");
    let empty = path.is_empty().then_some("");
    let names = path.split('/').filter(|name| !name.is_empty());
    root.into_iter().chain(empty).chain(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_cut_at_slashes() {
        let of = |path| components(path).collect::<Vec<_>>();
        assert_eq!(of("/var//www/x.php"), ["/", "var", "www", "x.php"]);
        assert_eq!(of("x/."), ["x", "."]);
        assert_eq!(of("/"), ["/"]);
        assert_eq!(of(""), [""]);
    }
}
