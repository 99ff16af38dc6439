//! Tests of the whole program: the real binary on real traces, and what it writes as others read it. One binary, so
//! that DataFusion is linked once.

mod anonymize;
mod append;
mod bad_input;
mod common;
mod compare;
mod contract;
mod ctf;
mod ctf2;
mod derive;
mod decoded;
mod docs;
mod downstream;
mod expected;
mod golden;
mod hostile;
mod httpd;
mod io_errors;
mod judged;
mod lttng;
mod names;
mod marked;
mod options;
mod private;
mod publish;
mod query;
mod readers;
mod record;
mod replace;
mod report;
mod select;
mod servers;
mod split;
mod strace;
mod stranger;
mod verify;
