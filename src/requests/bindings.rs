//! Event-class bindings: what a class means to the trackers, and where in its payload the arguments are that they need.
//!
//! Settled once per class, so that an event costs a look at its binding. Names are LTTng's; the meaning of arguments is
//! that of the manual pages, section 2. The tables here are the only place that names arguments, so that
//! [`arguments`] has all of them.

use super::binding::{Accept, Binding, Child, DumpedFile, Entry, Exit, Opens};
use super::fields::{At, Fields};
use crate::trace::event::{EventClass, Phase};

/// Bindings of some classes, by their bare names. `None` where a field is missing that is needed.
type Row<T> = (&'static [&'static str], fn(&Fields) -> Option<T>);

/// The entries of system calls that have a meaning of their own.
const ENTRIES: &[Row<Entry>] = &[
    (&["accept", "accept4"], |f| {
        Some(Entry::Accept {
            fd: f.integer("fd"),
            flags: f.integer("flags"),
        })
    }),
    (&["close"], |f| Some(Entry::Close(f.integer("fd")?))),
    (&["shutdown"], |f| Some(Entry::Shutdown(f.integer("fd")?))),
    (&["read", "readv", "recvfrom", "recvmsg"], |f| {
        Some(Entry::Read(f.integer("fd")?))
    }),
    (&["write", "writev"], |f| write(f.integer("fd"), false)),
    (&["sendto", "sendmsg"], |f| write(f.integer("fd"), true)),
    (&["sendfile", "sendfile64"], |f| {
        write(f.integer("out_fd"), false)
    }),
    (&["socket"], |f| {
        let (family, ty) = (f.integer("family"), f.integer("type"));
        Some(Entry::Socket {
            family: family?,
            ty: ty?,
        })
    }),
    (&["connect"], |f| Some(Entry::Connect(f.integer("fd")?))),
    (&["dup"], |f| Some(Entry::Dup(f.integer("fildes")?))),
    (&["dup2", "dup3"], |f| {
        Some(Entry::DupTo {
            old: f.integer("oldfd")?,
            new: f.integer("newfd")?,
            flags: f.integer("flags"),
        })
    }),
    (&["fcntl"], |f| {
        Some(Entry::Fcntl {
            fd: f.integer("fd")?,
            command: f.integer("cmd")?,
            argument: f.integer("arg")?,
        })
    }),
    (&["close_range"], |f| {
        Some(Entry::CloseRange {
            first: f.integer("fd")?,
            last: f.first_integer(&["max_fd", "last"])?,
            flags: f.integer("flags"),
        })
    }),
    (&["clone", "clone3", "fork", "vfork"], |f| {
        Some(Entry::Fork(f.first_integer(&["flags", "clone_flags"])))
    }),
    (&["unshare"], |f| {
        Some(Entry::Unshare(
            f.first_integer(&["unshare_flags", "flags"])?,
        ))
    }),
    (&["execve", "execveat"], |_| Some(Entry::Exec)),
    (&["exit_group"], |_| Some(Entry::ExitGroup)),
    (&["poll", "ppoll"], |f| Some(Entry::Poll(f.polled("fds")?))),
    (&["select", "pselect6"], |f| {
        Some(Entry::Select(f.bitmap("readfds")?))
    }),
    (&["epoll_wait", "epoll_pwait", "epoll_pwait2"], |_| {
        Some(Entry::EventLoop)
    }),
    (&["epoll_ctl"], |f| {
        Some(Entry::EpollControl(f.integer("fd")?))
    }),
    (&["futex"], |f| Some(Entry::Futex(f.integer("op")?))),
    (&["setsockopt", "getsockopt"], |f| {
        Some(Entry::SocketOption {
            fd: f.integer("fd")?,
            level: f.integer("level")?,
        })
    }),
    (&["unknown"], |f| {
        Some(Entry::Unnamed {
            number: f.integer("id")?,
            arguments: f.list("args")?,
        })
    }),
];

fn write(fd: Option<At>, sends: bool) -> Option<Entry> {
    fd.map(|fd| Entry::Write { fd, sends })
}

/// What the exits of system calls tell beside their value.
const EXITS: &[Row<Exit>] = &[
    (&["accept", "accept4"], |f| {
        let accept = Accept {
            ret: f.integer("ret")?,
            family: f.integer("family"),
            port: f.integer("sport"),
            v4: f.list("v4addr"),
            v6: f.list("v6addr"),
        };
        Some(Exit {
            accept: Some(accept),
            ..Exit::default()
        })
    }),
    (&["pipe", "pipe2"], |f| pair(f.list("fildes"))),
    (&["socketpair"], |f| pair(f.list("socket"))),
    (&["recvmsg", "recvmmsg"], |_| opens(Opens::Unseen)),
    (OPENING, |_| opens(Opens::Value)),
    (&["clone", "clone3", "fork", "vfork"], |_| child(Child::Yes)),
    (&["unknown"], |f| child(Child::Numbered(f.integer("id")?))),
];

/// Calls whose value is a new descriptor, beside accepts and dups.
const OPENING: &[&str] = &[
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

fn pair(pair: Option<At>) -> Option<Exit> {
    Some(Exit {
        pair: Some(pair?),
        ..Exit::default()
    })
}

fn opens(opens: Opens) -> Option<Exit> {
    Some(Exit {
        opens,
        ..Exit::default()
    })
}

fn child(child: Child) -> Option<Exit> {
    Some(Exit {
        child,
        ..Exit::default()
    })
}

/// Events that are no side of a system call.
const POINTS: &[Row<Binding>] = &[
    (&["sched_switch"], |f| {
        Some(Binding::Switch {
            prev_tid: f.integer("prev_tid")?,
            prev_state: f.integer("prev_state")?,
            next_tid: f.integer("next_tid")?,
        })
    }),
    (&["sched_waking", "sched_wakeup", "sched_wakeup_new"], |f| {
        Some(Binding::Waking {
            tid: f.integer("tid")?,
        })
    }),
    (&["sched_process_fork"], |f| {
        Some(Binding::Fork {
            parent: f.integer("parent_pid")?,
            child: f.integer("child_pid")?,
        })
    }),
    (&["sched_process_exit"], |f| {
        Some(Binding::ProcessExit {
            tid: f.integer("tid")?,
        })
    }),
    (&["lttng_statedump_start"], |_| Some(Binding::DumpStart)),
    (&["lttng_statedump_process_state"], |f| {
        Some(Binding::DumpedProcess {
            tid: f.integer("tid")?,
            pid: f.integer("pid")?,
            files: f.integer("file_table_address"),
        })
    }),
    (&["lttng_statedump_file_descriptor"], |f| {
        Some(Binding::DumpedFile(DumpedFile {
            pid: f.integer("pid"),
            files: f.integer("file_table_address"),
            fd: f.integer("fd")?,
            flags: f.integer("flags")?,
            name: f.text("filename")?,
        }))
    }),
];

/// Binds a class. `fd_arguments` are the fields that may hold the descriptor that a call works on, best first.
pub(crate) fn bind(class: &EventClass, fd_arguments: &[String]) -> Binding {
    let fields = Fields::of(class);
    match class.phase {
        Phase::Entry => Binding::Entry(look_up(ENTRIES, class, &fields).unwrap_or_else(|| {
            let named = |name: &String| fields.named_integer(name);
            Entry::Uses(fd_arguments.iter().find_map(named))
        })),
        Phase::Exit => Binding::Exit(Exit {
            ret: fields.integer(RET),
            ..look_up(EXITS, class, &fields).unwrap_or_default()
        }),
        Phase::Point => look_up(POINTS, class, &fields).unwrap_or(Binding::Other),
    }
}

/// The value of a system call.
const RET: &str = "ret";

fn look_up<T>(table: &[Row<T>], class: &EventClass, fields: &Fields) -> Option<T> {
    let name = class.name.as_str();
    let (_, bind) = table.iter().find(|(names, _)| names.contains(&name))?;
    bind(fields)
}

/// The payload fields that bindings ask for, beside the descriptors that calls work on; sorted. Who leaves columns out
/// must keep these.
pub(crate) fn arguments() -> Vec<&'static str> {
    let fields = Fields::of_any();
    fields.integer(RET);
    ask(ENTRIES, &fields);
    ask(EXITS, &fields);
    ask(POINTS, &fields);
    fields.asked()
}

fn ask<T>(table: &[Row<T>], fields: &Fields) {
    for (_, bind) in table {
        let _ = bind(fields);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::event::{Field, FieldType};

    #[test]
    fn the_arguments_are_those_that_any_binding_asks_for() {
        let all = arguments();
        assert!(all.is_sorted() && all.len() > 30, "{all:?}");
        for (_, name) in [
            ("of an entry", "level"),
            ("of an exit", "v6addr"),
            ("of a point", "file_table_address"),
            ("of every exit", "ret"),
            ("the other name of one", "clone_flags"),
            ("after one that is needed", "args"),
        ] {
            assert!(all.contains(&name), "{name}");
        }
    }

    #[test]
    fn a_class_without_a_needed_field_means_no_more_than_its_descriptor() {
        let class = |name: &str, field: &str, ty| {
            let field = Field {
                name: field.to_owned(),
                ty,
                index: 0,
            };
            EventClass::new(name, vec![], vec![field])
        };
        let integer = || FieldType::Signed(64, vec![]);
        let fd = ["fd".to_owned()];
        let bound = |name, field, ty| bind(&class(name, field, ty), &fd);
        let close = "syscall_entry_close";
        let entry = Binding::Entry(Entry::Close(0));
        assert_eq!(bound(close, "fd", integer()), entry);
        let uses = |at| Binding::Entry(Entry::Uses(at));
        assert_eq!(bound(close, "fd", FieldType::Text), uses(None));
        assert_eq!(
            bound("syscall_entry_dup2", "fd", integer()),
            uses(Some(0)),
            "no oldfd"
        );
        assert_eq!(bound("sched_waking", "pid", integer()), Binding::Other);
    }
}
