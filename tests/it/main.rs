//! Tests of the whole program: the real binary on real traces, and what it writes as others read it. One binary, so
//! that DataFusion is linked once.

mod anonymize;
mod append;
mod bad_input;
mod bombs;
mod common;
mod compare;
mod contract;
mod ctf;
mod ctf2;
mod docs;
mod downstream;
mod expected;
mod golden;
mod httpd;
mod judged;
mod lttng;
mod options;
mod process;
mod publish;
mod query;
mod readers;
mod record;
mod report;
mod select;
mod servers;
mod split;
mod sql_access;
mod sql_limits;
mod strace;
mod verify;
