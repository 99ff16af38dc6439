//! Downstream work: what other processes do for requests, such as a database, or an application server behind a socket.
//!
//! A thread at work on a request asks at its end of a connection (the client's), by a call that writes; the process at the
//! other end (the server's) works for it from its read of that to its last write before it reads again, as in an exchange.
//! Whoever works downstream may ask others in turn.
//!
//! Which ends belong together a trace does not say; it is concluded from one of two things:
//!
//! - *socket*: connections to one listening socket (`unix(7)`) are accepted in the order in which they were made; see
//!   [`accept_queue`];
//! - *wakeup*: a write on a socket wakes a thread of another process that waits, and its next read, without another wait
//!   in between, gives bytes: it read what was written. So connections are known that are older than the trace, over
//!   the internet protocols, or made while events were lost.
//!
//! Whatever stays unmatched has no downstream work, which is what a trace without these events has throughout.

pub(crate) mod accept_queue;
pub(crate) mod caller;
pub(crate) mod matcher;
