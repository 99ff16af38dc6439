//! Tests of the whole program: the real binary on real traces, and what it writes as others read it. One binary, so
//! that DataFusion is linked once.

// A test has no interface.
#![allow(unreachable_pub)]

mod access_log;
mod anonymize;
mod append;
mod bad_input;
mod belong;
mod bombs;
mod cluster;
mod common;
mod compact;
mod comparable;
mod compare;
mod completions;
mod contract;
mod crafted;
mod ctf;
mod ctf2;
mod decoded;
mod derive;
mod docs;
mod downstream;
mod expected;
mod figures;
mod fleet;
mod golden;
mod hostile;
mod httpd;
mod io_errors;
mod jobs;
mod judged;
mod lttng;
mod lttng_kernel;
mod lttng_user;
mod marked;
mod names;
mod nothing;
mod options;
mod private;
mod private_content;
mod private_previous;
mod private_time;
mod process;
mod publish;
mod query;
mod readers;
mod record;
mod replace;
mod report;
mod rewritten;
mod select;
mod sequences;
mod servers;
mod shell;
mod skipping;
mod spans;
mod split;
mod sql_access;
mod sql_limits;
mod strace;
mod stranger;
mod tracers;
mod ust;
mod verify;
