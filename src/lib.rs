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
//! # The interface
//!
//! The program is [`cli`]. For other programs the interface is three steps, each of which can be had alone: read a trace
//! ([`trace`]), cut requests ([`requests`]), write a dataset ([`ingest`], which does all three). Everything else is how
//! that is done.
//!
//! ```
//! use std::sync::atomic::AtomicBool;
//! use sysds::ingest::{Control, IngestOptions, Selection, ingest};
//! use sysds::trace::belong::recordings;
//! use sysds::trace::check::check;
//! use sysds::trace::event::EventBatch;
//! use sysds::trace::reader::{Reader, ReaderChoice};
//!
//! # let folder = tempfile::tempdir().unwrap();
//! # let archive = std::fs::File::open("tests/data/apache-prefork.tar.zst").unwrap();
//! # tar::Archive::new(zstd::Decoder::new(archive).unwrap()).unpack(folder.path()).unwrap();
//! # let (trace, dataset) = (folder.path().join("prefork"), folder.path().join("web"));
//! // The events of a trace that LTTng wrote, in the order of time.
//! let mut found = recordings(std::slice::from_ref(&trace))?;
//! let checked = check(&mut found[0], false, &folder.path().join("repaired"))?;
//! let mut reader = Reader::open(ReaderChoice::Native, checked, false, Selection::default())?;
//! let (mut batch, mut switches) = (EventBatch::default(), 0);
//! while reader.next(4096, &mut batch)? {
//!     let classes = batch.heads.iter().map(|head| &reader.classes()[head.class as usize]);
//!     switches += classes.filter(|class| class.name == "sched_switch").count();
//!     batch.clear();
//! }
//! assert_eq!(switches, 9_580);
//!
//! // The same trace as a dataset.
//! let options = IngestOptions::new(vec![trace], dataset);
//! let mut control = Control { interrupted: &AtomicBool::new(false), progress: &mut |_| {} };
//! let manifest = ingest(options, &mut control)?;
//! assert_eq!((manifest.events, manifest.requests), (135_828, 319));
//! # Ok::<(), sysds::error::Error>(())
//! ```
//!
//! # The parts
//!
//! Data flows one way, and no stage knows who consumes it. A module may use only these (and everything [`error`],
//! [`shown`], [`foreign`] and [`process`]):
//!
//! | module | may use | what it owns |
//! |---|---|---|
//! | `main` | `cli` | the program: error on stderr, exit status; the `unsafe` of the allocator and of limits |
//! | [`cli`] | `record`, `ingest`, `inspect`, `query`, `cluster`, `report`, `publish`, `sequences`, `split`, `compare`, `compact`, `dataset`, `requests` | options, terminal; all of `clap` |
//! | [`record`] | `dataset`, `access_log` | making a trace: the LTTng session, load and noise |
//! | [`ingest`] | `trace`, `calls`, `requests`, `access_log`, `columns`, `dataset`, `label_spans` | the way from traces to a dataset |
//! | [`inspect`] | `trace`, `columns::schema`, `dataset` | reports on traces and datasets |
//! | [`publish`] | `split`, `compare`, `query`, `columns::schema`, `columns::parquet`, `dataset`, `requests`, `trace`, `label_spans` | a dataset as a release, and the check of one |
//! | [`split`] | `query`, `dataset` | in which part to train, validate or test with each request is |
//! | [`sequences`] | `split`, `publish`, `columns::schema`, `columns::parquet`, `dataset` | requests as arrays of integers, and their vocabulary |
//! | [`compare`] | `query`, `dataset`, `trace` | whether the recordings of different labels can be compared |
//! | [`compact`] | `publish`, `columns::parquet`, `dataset` | the files of a dataset as files of one schema |
//! | [`report`] | `query`, `compare`, `split`, `dataset` | one page to look at, drawn from the shipped queries |
//! | `cluster` | `query`, `dataset` | SQL on several machines, where the feature `cluster` is on |
//! | [`query`] | `dataset`, `columns::parquet`, `columns::schema`, `store`, `label_spans` | SQL; all of DataFusion but what `cluster` has of it |
//! | [`columns::tables`] | `columns::schema`, `columns::parquet`, `trace`, `calls`, `requests`, `label_spans` | what fills the columns of each table, by name |
//! | [`columns::parquet`] | | columns into row groups, row groups into files |
//! | [`columns::schema`] | `trace` | what a table is: the contract, and the columns for the fields of a trace |
//! | [`requests`] | `trace`, `calls` | what a request is: trackers, facts, rules |
//! | `access_log` | `trace`, `requests` | Apache's access log: its format, its lines, and the requests that they belong to |
//! | [`calls`] | `trace` | the pairing of system calls' entries and exits |
//! | [`dataset`] | `trace`, `store`, `label_spans` | a dataset on disk, or in an object store |
//! | [`label_spans`] | | labels of parts of a recording, and in which of them a request lies |
//! | [`store`] | | object stores: addresses, clients, objects |
//! | [`foreign`] | | opening what a stranger sent: regular files only, out of no folder |
//! | [`shown`] | | a stranger's text, as it may be shown |
//! | [`process`] | | words on stderr, the end of the process, its memory and threads; every other may use it |
//! | [`trace`] | | traces into batches of events: one clock, one decoder of fields and packets, two readers; the `unsafe` of babeltrace2, in `trace::babeltrace` |

#![deny(unsafe_code)]
// They panic where nobody reads: see `process`.
#![deny(clippy::print_stderr, clippy::print_stdout)]

mod access_log;
#[cfg(test)]
mod architecture;
mod calls;
pub mod cli;
#[cfg(feature = "cluster")]
mod cluster;
pub mod columns;
mod compact;
mod compare;
pub mod dataset;
pub mod error;
mod foreign;
pub mod ingest;
mod inspect;
pub mod label_spans;
pub mod process;
mod publish;
mod query;
#[cfg(test)]
mod random;
mod record;
mod report;
pub mod requests;
mod sequences;
mod shown;
mod split;
mod store;
pub mod trace;
