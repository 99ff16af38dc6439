//! What an event class can mean to the trackers, with the positions of the arguments that they need.

use super::fields::At;

/// What a class means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    /// Nothing, beyond being an event of its thread.
    Other,
    /// A system call begins.
    Entry(Entry),
    /// A system call returns.
    Exit(Exit),
    /// `sched_switch`: one thread leaves a CPU, another comes.
    Switch {
        prev_tid: At,
        prev_state: At,
        next_tid: At,
    },
    /// `sched_waking`, `sched_wakeup`, `sched_wakeup_new`: a thread becomes runnable.
    Waking { tid: At },
    /// `sched_process_fork`: process of the parent, process of the child.
    Fork { parent: At, child: At },
    /// `sched_process_exit` of a thread.
    ProcessExit { tid: At },
    /// `lttng_statedump_start`.
    DumpStart,
    /// `lttng_statedump_process_state`, with the address of its files.
    DumpedProcess { tid: At, pid: At, files: Option<At> },
    /// `lttng_statedump_file_descriptor`.
    DumpedFile(DumpedFile),
}

/// Fields of `lttng_statedump_file_descriptor`: up to LTTng 2.10 it names the process, then the address of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DumpedFile {
    pub pid: Option<At>,
    pub files: Option<At>,
    pub fd: At,
    pub flags: At,
    pub name: At,
}

/// What begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A call without a meaning of its own on this descriptor, if it has one.
    Uses(Option<At>),
    /// `accept`, `accept4` on a listening socket.
    Accept { fd: Option<At>, flags: Option<At> },
    /// `close`.
    Close(At),
    /// `shutdown`.
    Shutdown(At),
    /// A call that reads from a connection, as bytes of requests are counted.
    Read(At),
    /// A call that writes to it, and whether only sockets can be sent to by it.
    Write { fd: At, sends: bool },
    /// `socket`.
    Socket { family: At, ty: At },
    /// `connect`.
    Connect(At),
    /// `dup`: the old descriptor.
    Dup(At),
    /// `dup2`, `dup3`.
    DupTo { old: At, new: At, flags: Option<At> },
    /// `fcntl`.
    Fcntl { fd: At, command: At, argument: At },
    /// `close_range`.
    CloseRange {
        first: At,
        last: At,
        flags: Option<At>,
    },
    /// `clone`, `fork`, `vfork`, with the flags where the trace has them.
    Fork(Option<At>),
    /// `unshare`: what.
    Unshare(At),
    /// `execve`, `execveat`.
    Exec,
    /// `exit_group`.
    ExitGroup,
    /// A wait for any of these descriptors: structures whose first member is one.
    Poll(At),
    /// The same, as a bitmap.
    Select(At),
    /// A wait for whatever comes next.
    EventLoop,
    /// `epoll_ctl` on a descriptor.
    EpollControl(At),
    /// `futex`: the operation.
    Futex(At),
    /// `setsockopt`, `getsockopt`.
    SocketOption { fd: At, level: At },
    /// A call that the tracer has no name for: its number and its arguments.
    Unnamed { number: At, arguments: At },
}

/// What returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Exit {
    /// The call's value.
    pub ret: Option<At>,
    /// Where it is an accept.
    pub accept: Option<Accept>,
    /// What it opens.
    pub opens: Opens,
    /// Two new descriptors, where it returns such.
    pub pair: Option<At>,
    /// Whether it may be the first event of a new process.
    pub child: Child,
}

/// What a call opens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Opens {
    /// Nothing, or what another field of its exit tells.
    #[default]
    Nothing,
    /// What it returns.
    Value,
    /// Descriptors that come in a message, maybe.
    Unseen,
}

/// Whether a call makes processes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Child {
    /// No.
    #[default]
    No,
    /// Yes.
    Yes,
    /// That depends on the call's number, which the tracer has no name for.
    Numbered(At),
}

/// Fields of an accept's exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Accept {
    pub ret: At,
    pub family: Option<At>,
    pub port: Option<At>,
    pub v4: Option<At>,
    pub v6: Option<At>,
}
