//! sysds makes datasets out of kernel traces: LTTng (CTF) in, Parquet out, and SQL over it.
//!
//! ```text
//!  trace folders                                             DATASET/
//!    metadata, streams                                         events/*.parquet
//!         │                                                    requests/*.parquet
//!         │                                                    downstream/*.parquet
//!         ▼                                                    losses/*.parquet
//!  trace    find → check → reader                              manifest.json
//!         │ batches of events                                       ▲        │
//!         ▼                                                         │        ▼
//!  ingest ── calls (entry/exit) ── requests (cut by a rule) ──► columns   query  (SQL)
//!                                                               dataset   inspect
//!                                                                  │
//!                                                                  └──► publish ──► RELEASE/ ──► verify
//! ```
//!
//! Data flows one way, and no stage knows who consumes it. A module may use only these (and everything [`error`],
//! [`shown`], [`foreign`] and [`process`]):
//!
//! | module | may use | what it owns |
//! |---|---|---|
//! | `main` | `cli` | the program: error on stderr, exit status; the `unsafe` of the allocator and of limits |
//! | [`cli`] | `record`, `ingest`, `inspect`, `query`, `report`, `publish`, `dataset`, `requests` | options, terminal; all of `clap` |
//! | [`record`] | `dataset` | making a trace: the LTTng session, load and noise |
//! | [`ingest`] | `trace`, `calls`, `requests`, `columns`, `dataset` | the way from traces to a dataset |
//! | [`inspect`] | `trace`, `columns`, `dataset` | reports on traces and datasets |
//! | [`publish`] | `query`, `columns`, `dataset`, `requests`, `trace` | a dataset as a release, and the check of one |
//! | [`report`] | `query`, `dataset` | one page to look at, drawn from the shipped queries |
//! | [`query`] | `dataset` | SQL; all of DataFusion |
//! | [`columns`] | `trace`, `calls`, `requests` | values into columns, columns into Parquet |
//! | [`requests`] | `trace`, `calls` | what a request is: trackers, facts, rules |
//! | [`calls`] | `trace` | the pairing of system calls' entries and exits |
//! | [`dataset`] | `trace` | a dataset on disk |
//! | [`foreign`] | | opening what a stranger sent: regular files only, out of no folder |
//! | [`shown`] | | a stranger's text, as it may be shown |
//! | [`process`] | | words on stderr, the end of the process, its memory and threads; every other may use it |
//! | [`trace`] | | traces into batches of events; the `unsafe` of babeltrace2, in `trace::babeltrace` |

#![deny(unsafe_code)]
// They panic where nobody reads: see `process`.
#![deny(clippy::print_stderr, clippy::print_stdout)]

pub mod calls;
pub mod cli;
pub mod columns;
pub mod dataset;
pub mod error;
pub mod foreign;
pub mod ingest;
pub mod inspect;
pub mod process;
pub mod publish;
pub mod query;
pub mod record;
pub mod report;
pub mod requests;
pub mod shown;
pub mod trace;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::fs;
    use std::path::{Path, PathBuf};

    fn sources(dir: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path());
        entries
            .flat_map(|path| match path.is_dir() {
                true => sources(&path),
                false => vec![path],
            })
            .collect()
    }

    /// The table above, as `module` → what it may use.
    fn allowed() -> BTreeMap<String, Vec<String>> {
        let text = include_str!("lib.rs");
        let rows = text.lines().filter_map(|l| l.strip_prefix("//! | "));
        let names = |cell: &str| {
            let quoted = cell.split('`').skip(1).step_by(2);
            quoted.map(str::to_owned).collect::<Vec<_>>()
        };
        rows.filter_map(|row| {
            let mut cells = row.split(" | ");
            let module = names(cells.next()?).pop()?;
            Some((module, names(cells.next()?)))
        })
        .collect()
    }

    #[test]
    fn modules_use_only_what_the_table_allows() {
        let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let allowed = allowed();
        let mut checked = 0;
        for path in sources(&src) {
            let first = path.strip_prefix(&src).unwrap().iter().next().unwrap();
            let module = first.to_str().unwrap().trim_end_matches(".rs").to_owned();
            if ["lib", "allocator"].contains(&module.as_str()) {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap();
            for used in text.split("crate::").skip(1) {
                let end = used.find(|c: char| !c.is_alphanumeric() && c != '_');
                let used = &used[..end.unwrap_or(used.len())];
                let may = module == used
                    || ["error", "shown", "foreign", "process", "say"].contains(&used)
                    || allowed
                        .get(&module)
                        .is_some_and(|a| a.iter().any(|m| m == used));
                assert!(may, "{}: {module} must not use {used}", path.display());
                checked += 1;
            }
        }
        assert!(checked > 50, "found only {checked} uses");
    }
}
