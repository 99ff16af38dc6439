//! Trackers: what the events so far say of threads, descriptors, sockets and the scheduler.
//!
//! Each is a type with its own state. They turn events into [facts](super::facts), and know nothing of the rules that
//! take these.
//!
//! | tracker | what it knows |
//! |---|---|
//! | `threads` | each thread's process, name, and the system call that it is in |
//! | `scheduler` | whether each thread is on a CPU, runnable or blocked |
//! | `descriptors` | which descriptor of which process is which end of a connection |
//! | `free_numbers` | which number a process's next descriptor gets |
//! | `children` | whose child a new process is |
//! | `inferred` | sockets that were open before the trace, and what they turn out to be |
//! | `losses` | when the tracer discarded events |
//!
//! `state` holds them together; `syscall_entry`, `syscall_exit` and `observe` say what each event means to them.

pub(crate) mod children;
pub(crate) mod descriptors;
pub(crate) mod endpoint;
pub(crate) mod free_numbers;
pub(crate) mod inferred;
pub(crate) mod losses;
pub(crate) mod observe;
pub(crate) mod pending;
pub(crate) mod scheduler;
pub(crate) mod state;
pub(crate) mod syscall_entry;
pub(crate) mod syscall_exit;
pub(crate) mod threads;
