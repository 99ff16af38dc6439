//! What system calls have done to connections when they return, for the rules that follow them.
//!
//! At its entry a call's arguments say what it will do ([`entering`](super::entering)); at its exit, which may come much
//! later or never, its value says whether it did. In between it is a [`Doing`] of its thread.

use super::cutter::Cutter;
use super::descriptors::Conn;
use super::following::pid;
use super::roles::{Accept, Opens, Role, accepted, accepted_local, numbers};
use super::{EndReason, Observed};
use std::sync::Arc;

/// `close_range(2)`.
const CLOSE_RANGE_UNSHARE: i64 = 2;
const CLOSE_RANGE_CLOEXEC: i64 = 4;
/// `accept(2)`: `-EAGAIN`.
const NONE_WAITS: i64 = -11;

/// What the call that a thread is in will do when it returns.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Doing {
    #[default]
    Nothing,
    Accept {
        /// The listening socket.
        from: Option<i64>,
        close_on_exec: bool,
        /// The number that it will return, where that is known.
        next: Option<i64>,
    },
    Read(Conn),
    /// From a descriptor that nothing is known of.
    ReadUnknown(i64),
    Write(Conn),
    /// The last descriptor is closed already.
    Close(Conn),
    Shutdown(Conn),
    Socket {
        local: bool,
        close_on_exec: bool,
    },
    Connect(Conn),
    /// A copy, of a socket that is kept or of something else.
    Dup(Option<Conn>, bool),
    DupTo(Option<Conn>, i64, bool),
    CloseOnExec(i64, bool),
    /// Who knows what.
    Unnamed,
    CloseRange(i64, i64, i64),
    Fork {
        share: bool,
        /// Whether a process is to come that has no table yet; unknown where the trace lacks the flags.
        process: Option<bool>,
    },
    Unshare,
    Exec,
}

impl Cutter {
    /// Descriptors were given out: if one was a connection, its close is missing.
    fn opened(&mut self, event: &Observed, fds: &[i64], reason: EndReason) {
        for fd in fds {
            self.reuse(event, *fd, reason);
            self.descriptors.gave(pid(event), *fd);
        }
    }

    /// A call returns.
    pub(super) fn leave(&mut self, event: &Observed, role: Role) {
        let Role::Exit {
            ret,
            accept,
            opens,
            pair,
        } = role
        else {
            unreachable!("called for exits")
        };
        let classes = Arc::clone(&self.classes);
        let class = &classes[event.head.class as usize];
        let ret = ret.and_then(|i| class.integer(event.values, i));
        let doing = self.done(event);
        match (accept, opens, ret) {
            (Some(_), _, Some(fd @ 0..)) => self.opened(event, &[fd], EndReason::NextAccept),
            (_, Opens::Value, Some(fd @ 0..)) => self.opened(event, &[fd], EndReason::Reused),
            (_, Opens::Unseen, Some(0..)) => self.descriptors.doubt(pid(event)),
            _ => {}
        }
        if let (Some(pair), Some(0)) = (pair, ret) {
            let fds = numbers(class, event.values, pair);
            self.opened(event, &fds, EndReason::Reused);
        }
        if let Some(accept) = accept {
            self.accept_returns(event, &accept, doing, ret);
        }
        let doing = match (doing, ret) {
            (Doing::ReadUnknown(fd), Some(1..)) => self
                .served_after_waking(event, fd)
                .or_else(|| self.found_by_read(event, fd))
                .map_or(Doing::Nothing, Doing::Read),
            _ => doing,
        };
        if let (Doing::Read(conn), Some(1..)) = (doing, ret) {
            self.next_exchange(event, conn);
        }
        self.count(event);
        self.returned(event, doing, ret.unwrap_or(-1));
    }

    /// What the thread of this exit was doing; if that was another call, its exit was lost.
    fn done(&mut self, event: &Observed) -> Doing {
        let call = self.calls[event.head.class as usize];
        match self.threads.entry(event.head.tid).or_default().call.take() {
            Some((entered, doing)) if entered == call => doing,
            Some((_, doing)) => {
                self.exit_lost(event, doing);
                Doing::Nothing
            }
            None => Doing::Nothing,
        }
    }

    /// `accept` returns a connection of either kind, or that none waits.
    fn accept_returns(&mut self, event: &Observed, at: &Accept, doing: Doing, ret: Option<i64>) {
        let (from, close_on_exec) = match doing {
            Doing::Accept {
                from,
                close_on_exec,
                ..
            } => (from, close_on_exec),
            _ => (None, false),
        };
        let classes = Arc::clone(&self.classes);
        let class = &classes[event.head.class as usize];
        if let Some((fd, client)) = accepted(at, class, event.values) {
            if let Some(from) = from {
                self.descriptors.listens(pid(event), from, true);
            }
            self.accept(event, fd, client, close_on_exec);
        }
        match (from, accepted_local(at, class, event.values), ret) {
            (Some(from), Some(fd), _) => self.accept_local(event, from, fd, close_on_exec),
            (Some(_), None, Some(NONE_WAITS)) => self.none_waits(event),
            _ => {}
        }
    }

    /// What a call has done, once its exit is counted.
    fn returned(&mut self, event: &Observed, doing: Doing, ret: i64) {
        let pid = pid(event);
        let ok = ret >= 0;
        match doing {
            Doing::Read(conn) if ret > 0 => {
                if let Some(open) = self.open_of(conn) {
                    self.at(open).read(ret);
                }
            }
            Doing::Write(conn) if ret > 0 => self.wrote(conn, ret),
            Doing::Close(conn) => self.close_connection(event, conn, EndReason::Close, None),
            Doing::Socket {
                local,
                close_on_exec,
            } if ok => self.socket(event, ret, local, close_on_exec),
            Doing::Connect(Conn::Asking(ask)) => self.connected(event, ask, ret),
            Doing::Shutdown(conn) if self.options.end_at_shutdown => {
                self.end_request(event, conn, EndReason::Shutdown, None);
            }
            Doing::Dup(conn, close_on_exec) if ok => {
                self.reuse(event, ret, EndReason::Reused);
                self.descriptors.took(pid, ret);
                if let Some(conn) = conn {
                    self.descriptors.open(pid, ret, conn, close_on_exec);
                }
            }
            Doing::DupTo(conn, new, close_on_exec) if ok => {
                self.dup_to(event, conn, new, close_on_exec);
            }
            Doing::CloseOnExec(fd, close) if ok => {
                self.descriptors.set_close_on_exec(pid, (fd, fd), close);
            }
            Doing::CloseRange(first, last, flags) if ok => {
                self.close_range(event, (first, last), flags);
            }
            Doing::Fork { share, process } => {
                self.forking.retain(|tid| *tid != event.head.tid);
                if ret > 0 && process == Some(true) {
                    self.descriptors.fork(pid, ret as i32, share);
                }
            }
            Doing::Nothing if ret == 0 => self.born(event),
            Doing::Unnamed => self.descriptors.doubt(pid),
            Doing::Unshare if ok => self.descriptors.unshare(pid),
            Doing::Exec if ok => {
                let ended = self.descriptors.exec(pid);
                self.close_all(event, ended);
            }
            _ => {}
        }
    }

    /// So many bytes were written to a connection: an exchange on it may end here.
    fn wrote(&mut self, conn: Conn, bytes: i64) {
        let exchange = self.is_exchanged(conn);
        if let Some(open) = self.open_of(conn) {
            self.at(open).written(bytes);
            if exchange {
                self.at(open).mark();
            }
        }
    }

    /// `dup2` or `dup3` has returned: `new` is closed if it was open, and is a descriptor of `conn` now.
    fn dup_to(&mut self, event: &Observed, conn: Option<Conn>, new: i64, close_on_exec: bool) {
        let pid = pid(event);
        if conn.is_some() && self.descriptors.socket(pid, new) == conn {
            return;
        }
        if let Some(ended) = self.descriptors.close(pid, new) {
            let now = Some(event.head.timestamp);
            self.close_connection(event, ended, EndReason::Close, now);
        }
        self.descriptors.took(pid, new);
        if let Some(conn) = conn {
            self.descriptors.open(pid, new, conn, close_on_exec);
        }
    }

    /// `close_range` has returned.
    fn close_range(&mut self, event: &Observed, fds: (i64, i64), flags: i64) {
        let pid = pid(event);
        if flags & CLOSE_RANGE_UNSHARE != 0 {
            self.descriptors.unshare(pid);
        }
        if flags & CLOSE_RANGE_CLOEXEC != 0 {
            self.descriptors.set_close_on_exec(pid, fds, true);
            return;
        }
        for conn in self.descriptors.close_range(pid, fds) {
            let now = Some(event.head.timestamp);
            self.close_connection(event, conn, EndReason::Close, now);
        }
    }
}
