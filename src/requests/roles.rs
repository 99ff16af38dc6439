//! What an event class means to the rules, and where in its payload the arguments are that they need.
//!
//! Settled once per class, so that an event costs a look at its role. Names are LTTng's; the meaning of arguments is that
//! of the manual pages, section 2.

use super::Client;
use crate::calls::as_descriptor;
use crate::trace::event::{EventClass, FieldType, Phase};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Address families, `sys/socket.h`.
pub const AF_UNIX: i64 = 1;
const AF_INET: i64 = 2;
const AF_INET6: i64 = 10;

/// Position of a payload field.
pub type At = usize;

/// What a class means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Nothing, beyond being an event of its thread.
    Other,
    /// A system call begins.
    Entry(Entry),
    /// A system call returns: its value, the connection where it is an accept, and whether the value is a descriptor.
    Exit {
        /// `ret`.
        ret: Option<At>,
        /// Where it is an accept.
        accept: Option<Accept>,
        /// Whether it opens a descriptor.
        opens: Opens,
        /// Two new descriptors, where it returns such.
        pair: Option<At>,
    },
    /// `sched_switch`: one thread leaves a CPU, another comes.
    Switch(At, At, At),
    /// `sched_waking`, `sched_wakeup`, `sched_wakeup_new`: a thread becomes runnable.
    Waking(At),
    /// `sched_process_fork`: process of the parent, process of the child.
    Fork(At, At),
    /// `sched_process_exit` of a thread.
    ProcessExit(At),
    /// `lttng_statedump_start`.
    DumpStart,
    /// `lttng_statedump_process_state`: thread, process, address of its files.
    DumpedProcess(At, At, Option<At>),
    /// `lttng_statedump_file_descriptor`.
    DumpedFile(DumpedFile),
    /// `httpd:enter_event_handler`, with its `connection_state`.
    Enter(Option<At>),
    /// `httpd:exit_event_handler`.
    Leave,
}

/// Fields of `lttng_statedump_file_descriptor`: up to LTTng 2.10 it names the process, then the address of its files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DumpedFile {
    pub pid: Option<At>,
    pub files: Option<At>,
    pub fd: At,
    pub flags: At,
    pub name: At,
}

/// What begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// A call without a meaning of its own on this descriptor, if it has one.
    Uses(Option<At>),
    /// `accept`: the listening socket, and the flags.
    Accept(Option<At>, Option<At>),
    /// `close`.
    Close(At),
    /// `shutdown`.
    Shutdown(At),
    /// A call that reads from a connection, as the rule `exchange` counts.
    Read(At),
    /// A call that writes to it, and whether only sockets can be sent to by it.
    Write(At, bool),
    /// `socket`: family and type.
    Socket(At, At),
    /// `connect`.
    Connect(At),
    /// `dup`: the old descriptor.
    Dup(At),
    /// `dup2`, `dup3`: old, new and flags.
    DupTo(At, At, Option<At>),
    /// `fcntl`: descriptor, command, argument.
    Fcntl(At, At, At),
    /// `close_range`: first, last, flags.
    CloseRange(At, At, Option<At>),
    /// `clone`, `fork`, `vfork`, with the flags where the trace has them.
    Fork(Option<At>),
    /// `unshare`.
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
    /// `setsockopt`, `getsockopt`: descriptor and level.
    SocketOption(At, At),
    /// A call that the tracer has no name for: its number and its arguments.
    Unnamed(At, At),
}

/// What a call opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opens {
    /// Nothing, or what another field of its exit tells.
    Nothing,
    /// What it returns.
    Value,
    /// Descriptors that come in a message, maybe.
    Unseen,
}

/// Fields of an accept's exit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accept {
    ret: At,
    family: Option<At>,
    port: Option<At>,
    v4: Option<At>,
    v6: Option<At>,
}

/// Calls whose value is a new descriptor, beside accepts and dups.
const OPENING: [&str; 29] = [
    "open",
    "openat",
    "openat2",
    "creat",
    "socket",
    "epoll_create",
    "epoll_create1",
    "eventfd",
    "eventfd2",
    "timerfd_create",
    "signalfd",
    "signalfd4",
    "inotify_init",
    "inotify_init1",
    "fanotify_init",
    "memfd_create",
    "memfd_secret",
    "pidfd_open",
    "pidfd_getfd",
    "perf_event_open",
    "userfaultfd",
    "io_uring_setup",
    "mq_open",
    "open_by_handle_at",
    "open_tree",
    "fsopen",
    "fspick",
    "fsmount",
    "landlock_create_ruleset",
];

fn is_integer(class: &EventClass, i: At) -> bool {
    let ty = &class.payload[i].ty;
    matches!(ty, FieldType::Signed(..) | FieldType::Unsigned(..))
}

/// The role of a class. `fd` is the field that holds the descriptor the call works on.
pub fn role(class: &EventClass, fd_arguments: &[String]) -> Role {
    let integer = |name: &str| class.field(name).filter(|i| is_integer(class, *i));
    match class.phase {
        Phase::Entry => Role::Entry(entry(class, fd_arguments)),
        Phase::Exit => Role::Exit {
            ret: integer("ret"),
            accept: accept(class),
            opens: match class.name.as_str() {
                "recvmsg" | "recvmmsg" => Opens::Unseen,
                name if OPENING.contains(&name) => Opens::Value,
                _ => Opens::Nothing,
            },
            pair: pair(class),
        },
        Phase::Point => point(class).unwrap_or(Role::Other),
    }
}

fn point(class: &EventClass) -> Option<Role> {
    let integer = |name: &str| class.field(name).filter(|i| is_integer(class, *i));
    Some(match class.name.as_str() {
        "sched_switch" => Role::Switch(
            integer("prev_tid")?,
            integer("prev_state")?,
            integer("next_tid")?,
        ),
        "sched_waking" | "sched_wakeup" | "sched_wakeup_new" => Role::Waking(integer("tid")?),
        "sched_process_fork" => Role::Fork(integer("parent_pid")?, integer("child_pid")?),
        "sched_process_exit" => Role::ProcessExit(integer("tid")?),
        "lttng_statedump_start" => Role::DumpStart,
        "lttng_statedump_process_state" => Role::DumpedProcess(
            integer("tid")?,
            integer("pid")?,
            integer("file_table_address"),
        ),
        "lttng_statedump_file_descriptor" => Role::DumpedFile(DumpedFile {
            pid: integer("pid"),
            files: integer("file_table_address"),
            fd: integer("fd")?,
            flags: integer("flags")?,
            name: class
                .field("filename")
                .filter(|i| class.payload[*i].ty == FieldType::Text)?,
        }),
        super::HTTPD_ENTER => Role::Enter(integer("connection_state")),
        "httpd:exit_event_handler" => Role::Leave,
        _ => return None,
    })
}

fn entry(class: &EventClass, fd_arguments: &[String]) -> Entry {
    let integer = |name: &str| class.field(name).filter(|i| is_integer(class, *i));
    let special = || {
        Some(match class.name.as_str() {
            "accept" | "accept4" => Entry::Accept(integer("fd"), integer("flags")),
            "close" => Entry::Close(integer("fd")?),
            "shutdown" => Entry::Shutdown(integer("fd")?),
            "read" | "readv" | "recvfrom" | "recvmsg" => Entry::Read(integer("fd")?),
            "write" | "writev" => Entry::Write(integer("fd")?, false),
            "sendto" | "sendmsg" => Entry::Write(integer("fd")?, true),
            "sendfile" | "sendfile64" => Entry::Write(integer("out_fd")?, false),
            "socket" => Entry::Socket(integer("family")?, integer("type")?),
            "connect" => Entry::Connect(integer("fd")?),
            "dup" => Entry::Dup(integer("fildes")?),
            "dup2" | "dup3" => Entry::DupTo(integer("oldfd")?, integer("newfd")?, integer("flags")),
            "fcntl" => Entry::Fcntl(integer("fd")?, integer("cmd")?, integer("arg")?),
            "close_range" => Entry::CloseRange(
                integer("fd")?,
                integer("max_fd").or(integer("last"))?,
                integer("flags"),
            ),
            "clone" | "clone3" | "fork" | "vfork" => {
                Entry::Fork(integer("flags").or(integer("clone_flags")))
            }
            "unshare" => Entry::Unshare(integer("unshare_flags").or(integer("flags"))?),
            "execve" | "execveat" => Entry::Exec,
            "exit_group" => Entry::ExitGroup,
            "poll" | "ppoll" => Entry::Poll(class.field("fds").filter(|i| is_polled(class, *i))?),
            "select" | "pselect6" => {
                Entry::Select(class.field("readfds").filter(|i| is_bitmap(class, *i))?)
            }
            "epoll_wait" | "epoll_pwait" | "epoll_pwait2" => Entry::EventLoop,
            "epoll_ctl" => Entry::EpollControl(integer("fd")?),
            "futex" => Entry::Futex(integer("op")?),
            "setsockopt" | "getsockopt" => Entry::SocketOption(integer("fd")?, integer("level")?),
            "unknown" => Entry::Unnamed(integer("id")?, list(class, "args")?),
            _ => return None,
        })
    };
    let named = || fd_arguments.iter().find_map(|name| integer(name));
    special().unwrap_or_else(|| Entry::Uses(named()))
}

fn is_polled(class: &EventClass, i: At) -> bool {
    let FieldType::List(element, _) = &class.payload[i].ty else {
        return false;
    };
    let FieldType::Struct(members) = element.as_ref() else {
        return false;
    };
    let first = members.first().map(|m| &m.ty);
    matches!(first, Some(FieldType::Signed(..) | FieldType::Unsigned(..)))
}

fn is_bitmap(class: &EventClass, i: At) -> bool {
    matches!(&class.payload[i].ty, FieldType::List(e, _) if matches!(**e, FieldType::Unsigned(8, _)))
}

/// The descriptors that an [`Entry::Poll`] waits for.
pub fn polled(class: &EventClass, values: &[u8], at: At) -> Vec<i64> {
    let FieldType::List(element, _) = &class.payload[at].ty else {
        return Vec::new();
    };
    let mut cursor = class.seek(values, at);
    let count = cursor.count();
    (0..count)
        .map(|_| {
            let mut ahead = cursor;
            let fd = as_descriptor(ahead.integer() as i64);
            cursor.skip(element);
            fd
        })
        .collect()
}

/// The descriptors that an [`Entry::Select`] waits to read from.
pub fn selected(class: &EventClass, values: &[u8], at: At) -> Vec<i64> {
    let bytes = bytes(class, values, at);
    let bits = bytes
        .iter()
        .enumerate()
        .flat_map(|(i, b)| (0..8).map(move |bit| (i * 8 + bit, b >> bit & 1 == 1)));
    bits.filter(|(_, set)| *set)
        .map(|(fd, _)| fd as i64)
        .collect()
}

fn list(class: &EventClass, name: &str) -> Option<At> {
    let is_list = |i: &At| matches!(class.payload[*i].ty, FieldType::List(..));
    class.field(name).filter(is_list)
}

/// Where the exit of a call has two new descriptors.
fn pair(class: &EventClass) -> Option<At> {
    match class.name.as_str() {
        "pipe" | "pipe2" => list(class, "fildes"),
        "socketpair" => list(class, "socket"),
        _ => None,
    }
}

fn accept(class: &EventClass) -> Option<Accept> {
    if !matches!(class.name.as_str(), "accept" | "accept4") {
        return None;
    }
    let integer = |name: &str| class.field(name).filter(|i| is_integer(class, *i));
    Some(Accept {
        ret: integer("ret")?,
        family: integer("family"),
        port: integer("sport"),
        v4: list(class, "v4addr"),
        v6: list(class, "v6addr"),
    })
}

/// Descriptor and client of an accept that gave a connection over the internet protocols.
pub fn accepted(accept: &Accept, class: &EventClass, values: &[u8]) -> Option<(i64, Client)> {
    let integer = |i: Option<At>| i.and_then(|i| class.integer(values, i));
    let fd = integer(Some(accept.ret)).filter(|ret| *ret >= 0)?;
    let address = match integer(accept.family)? {
        AF_INET => accept.v4.and_then(|i| v4(&bytes(class, values, i))),
        AF_INET6 => accept.v6.and_then(|i| v6(&numbers(class, values, i))),
        _ => return None,
    };
    let port = integer(accept.port).and_then(|p| i32::try_from(p).ok());
    Some((fd, (address, port)))
}

/// Descriptor of an accept that gave a connection within the machine.
pub fn accepted_local(accept: &Accept, class: &EventClass, values: &[u8]) -> Option<i64> {
    let fd = class.integer(values, accept.ret).filter(|ret| *ret >= 0)?;
    let family = class.integer(values, accept.family?)?;
    (family == AF_UNIX).then_some(fd)
}

/// A list of integers.
pub fn numbers(class: &EventClass, values: &[u8], index: At) -> Vec<i64> {
    let mut cursor = class.seek(values, index);
    (0..cursor.count())
        .map(|_| cursor.integer() as i64)
        .collect()
}

/// A list of small integers, as bytes.
fn bytes(class: &EventClass, values: &[u8], index: At) -> Vec<u8> {
    let numbers = numbers(class, values, index);
    numbers.into_iter().map(|n| n as u8).collect()
}

fn v4(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .ok()
        .map(|b| Ipv4Addr::from(b).into())
}

/// An IPv6 address, which LTTng traces as eight numbers of 16 bits; one that maps an IPv4 address (RFC 4291, 2.5.5.2) as
/// IPv4. Sixteen bytes are understood, too.
fn v6(numbers: &[i64]) -> Option<IpAddr> {
    let address = match numbers.len() {
        8 => {
            let segments: Vec<u16> = numbers.iter().map(|n| *n as u16).collect();
            Ipv6Addr::from(<[u16; 8]>::try_from(segments).ok()?)
        }
        _ => {
            let bytes: Vec<u8> = numbers.iter().map(|n| *n as u8).collect();
            Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)
        }
    };
    Some(
        address
            .to_ipv4_mapped()
            .map_or(IpAddr::from(address), IpAddr::from),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever leaves columns out relies on the list: a field that is asked for and not in it would be gone.
    #[test]
    fn the_list_of_arguments_has_all_that_are_asked_for() {
        let mut asked = 0;
        for source in [include_str!("roles.rs"), include_str!("forking.rs")] {
            let source = source.split("#[cfg(test)]").next().unwrap();
            for call in ["integer(\"", "field(\"", "list(\"", "list(class, \""] {
                for rest in source.split(call).skip(1) {
                    let name = rest.split('"').next().unwrap();
                    assert!(super::super::ARGUMENTS.contains(&name), "{name}");
                    asked += 1;
                }
            }
        }
        assert!(asked > 40, "{asked}");
    }

    #[test]
    fn addresses_come_in_bytes_or_in_pairs_of_them() {
        let mapped = Some(IpAddr::from([10, 0, 2, 2]));
        assert_eq!(v6(&[0, 0, 0, 0, 0, 0xffff, 2560, 514]), mapped);
        let bytes = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 2, 2];
        assert_eq!(v6(&bytes), mapped);
        assert_eq!(v6(&[0, 0, 0, 0, 0, 0, 0, 1]), "::1".parse().ok());
        assert_eq!(v6(&[1]), None);
        assert_eq!(v4(&[10, 0, 2, 2]), mapped);
    }
}
