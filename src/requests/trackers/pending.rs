//! The system call that a thread is in, between its entry and its exit.
//!
//! At its entry a call's arguments say what it will do; at its exit, which may come much later or never, its value says
//! whether it did.

use super::endpoint::Endpoint;

/// A system call that has begun and not returned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PendingSyscall {
    /// Number of its bare name.
    pub call: u32,
    /// What it will do.
    pub effect: Effect,
}

/// What a system call does when it returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Effect {
    /// Nothing to the trackers.
    #[default]
    Nothing,
    /// It accepts a connection.
    Accept {
        /// The listening socket.
        from: Option<i64>,
        close_on_exec: bool,
        /// The number that it will return, where that is known.
        next: Option<i64>,
    },
    /// It reads from a connection,
    Read(Endpoint),
    /// or from this descriptor, of which nothing is known.
    ReadUnknown(i64),
    /// It writes to a connection.
    Write(Endpoint),
    /// It closes the last descriptor of a connection, which is free already.
    Close(Endpoint),
    /// It shuts a connection down.
    Shutdown(Endpoint),
    /// It makes a socket; `local` if for connections within the machine.
    Socket { local: bool, close_on_exec: bool },
    /// It makes a downstream connection, with the client's end of this number.
    Connect(usize),
    /// It copies a descriptor to the lowest free number: of this socket, or of something else.
    Dup {
        of: Option<Endpoint>,
        close_on_exec: bool,
    },
    /// It copies a descriptor to this number.
    DupTo {
        of: Option<Endpoint>,
        to: i64,
        close_on_exec: bool,
    },
    /// It marks a descriptor as close-on-exec or not.
    SetCloseOnExec(i64, bool),
    /// It closes or marks a range of descriptors, both ends included.
    CloseRange { first: i64, last: i64, flags: i64 },
    /// It makes a process or thread.
    Fork {
        /// Whether that shares the descriptors.
        share: bool,
        /// Whether a process is to come that has no table yet; unknown where the trace lacks the flags.
        process: Option<bool>,
    },
    /// It gives the process descriptors of its own.
    Unshare,
    /// It executes another program.
    Exec,
    /// Who knows what: a call that the tracer has no name for.
    Unnamed,
}
