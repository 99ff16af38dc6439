//! What other processes do for requests: a database, or an application server behind a socket.
//!
//! A thread at work on a request asks at its end of a connection, by a call that writes; the process at the other end
//! serves it from its read of that to its last write before it reads again, as in an exchange. Whoever serves may ask
//! others in turn. Which ends belong together a trace does not say; it is concluded from one of two things:
//!
//! - *socket*: connections to one listening socket (`unix(7)`) are accepted in the order in which they were made. To
//!   count along, its queue must have been seen empty: `connect` woke a thread that waited for it, or `accept` found
//!   none. When a connection was made is known where it woke somebody; otherwise it was while its thread was on a CPU
//!   in `connect`. Where two may have come in either order, or where it cannot be told to which of several listening
//!   sockets one went, nothing is concluded.
//! - *wakeup*: a write on a socket wakes a thread of another process that waits, and its next read, without another wait
//!   in between, gives bytes: it read what was written. So connections are known that are older than the trace, over
//!   the internet protocols, or made while events were lost.
//!
//! Whatever stays unmatched has no service, which is what a trace without these events has throughout.

use super::account::State;
use super::cutter::{Cutter, Thread};
use super::descriptors::Conn;
use super::following::{Connection, pid};
use super::syscalls::Doing;
use super::{Matched, Observed, Serves};
use crate::calls::TidHash;
use crate::trace::event::{Loss, UNKNOWN};
use std::collections::{HashMap, HashSet, VecDeque};

/// Calls in which a thread waits for others to connect or write.
const WAITS: [&str; 13] = [
    "read",
    "readv",
    "recvfrom",
    "recvmsg",
    "poll",
    "ppoll",
    "select",
    "pselect6",
    "epoll_wait",
    "epoll_pwait",
    "epoll_pwait2",
    "accept",
    "accept4",
];
/// `connect(2)`: `-EINPROGRESS`.
const IN_PROGRESS: i64 = -115;
/// More connections than this wait for no accept (`listen(2)`: `somaxconn`).
const MOST_WAITING: usize = 4096;

/// What is known of sockets by which processes ask, and of connections that wait to be accepted.
#[derive(Debug, Default)]
pub(super) struct Serving {
    asking: HashMap<usize, Asking>,
    next_asking: usize,
    next_served: usize,
    /// Connections that were made and not accepted, the oldest first.
    queue: VecDeque<Waiting>,
    /// Sockets that local connections were accepted from: the name of the process, and the descriptor.
    listeners: HashSet<(u32, i64)>,
    /// Processes, by name, whose queue is known.
    known: HashSet<u32>,
    /// Until when events are missing.
    lost_until: i64,
    /// Per call number, whether it waits.
    waits: Vec<bool>,
}

/// A socket by which a process may ask.
#[derive(Debug)]
struct Asking {
    fd: i64,
    /// Whether its connections are within the machine, and accepted.
    local: bool,
    asked: Option<Asked>,
    served: Option<usize>,
}

/// Who asks, and when it began to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked {
    /// The request.
    pub request: i64,
    /// 1 where the request itself asks, one more where it is asked for by who serves it.
    pub depth: i32,
    pub tid: i32,
    pub at: i64,
}

/// A connection that is being made, or was.
#[derive(Debug)]
struct Waiting {
    ask: usize,
    fd: i64,
    asked: Option<Asked>,
    /// The thread that makes it.
    tid: i32,
    /// The name of the process that it woke.
    woke: Option<u32>,
    /// It came into the queue not before this,
    earliest: i64,
    /// and not after that; `None` while it is being made.
    latest: Option<i64>,
    /// Whether it may have been accepted already.
    doubtful: bool,
}

impl Waiting {
    fn may_be_of(&self, name: u32) -> bool {
        self.woke.is_none_or(|w| w == name)
    }

    /// Whether it can be in the queue already.
    fn may_wait(&self, threads: &HashMap<i32, Thread, TidHash>) -> bool {
        let ran = |t: &Thread| t.state == State::Running || t.off_since > self.earliest;
        self.latest.is_some() || threads.get(&self.tid).is_none_or(ran)
    }

    fn is_before(&self, other: &Waiting) -> bool {
        self.latest.is_some_and(|latest| latest <= other.earliest)
    }
}

impl Serves {
    /// Nothing done yet.
    fn new(link: Link, asked: Asked) -> Self {
        Serves {
            request_id: asked.request,
            depth: asked.depth,
            matched: link.matched,
            asked_tid: asked.tid,
            asked_fd: link.fd,
            event_ids: Vec::new(),
        }
    }
}

/// The asking end of a connection at which a process serves.
#[derive(Debug, Clone, Copy)]
pub(super) struct Link {
    ask: usize,
    /// The asking end.
    fd: i64,
    matched: Matched,
}

impl Serving {
    /// Nothing is known yet; `calls` are the bare names of calls by their numbers.
    pub fn new(calls: &[String]) -> Self {
        Serving {
            waits: calls.iter().map(|c| WAITS.contains(&c.as_str())).collect(),
            lost_until: i64::MIN,
            ..Serving::default()
        }
    }

    /// Events are missing: what waits in queues is not known any more.
    pub fn lose(&mut self, loss: &Loss) {
        self.queue.clear();
        self.known.clear();
        self.lost_until = self.lost_until.max(loss.end.unwrap_or(i64::MAX));
    }

    fn add(&mut self, fd: i64, local: bool) -> usize {
        let number = self.next_asking;
        self.next_asking += 1;
        let asking = Asking {
            fd,
            local,
            asked: None,
            served: None,
        };
        self.asking.insert(number, asking);
        number
    }

    /// An asking end is closed for good.
    pub fn close_asking(&mut self, ask: usize) {
        self.asking.remove(&ask);
    }

    /// The serving end is.
    pub fn close_served(&mut self, link: Link) {
        if let Some(asking) = self.asking.get_mut(&link.ask) {
            asking.served = None;
        }
    }

    /// The queue of `name` was empty at `empty`: what was made before and may have gone there has been accepted.
    fn was_empty(&mut self, name: u32, empty: i64, now: i64) {
        if now <= self.lost_until {
            return;
        }
        self.queue
            .retain(|w| !(w.may_be_of(name) && w.latest.is_some_and(|latest| latest < empty)));
        for waiting in self.queue.iter_mut().filter(|w| w.may_be_of(name)) {
            waiting.earliest = waiting.earliest.max(empty);
        }
        self.known.insert(name);
    }

    /// The connection that `accept` gives a process of this name from this listening socket.
    fn accept(
        &mut self,
        name: u32,
        from: i64,
        now: i64,
        threads: &HashMap<i32, Thread, TidHash>,
    ) -> Option<Waiting> {
        self.listeners.insert((name, from));
        let all = self.queue.iter().enumerate();
        let waiting: Vec<usize> = all
            .filter(|(_, w)| w.may_be_of(name) && w.may_wait(threads))
            .map(|(i, _)| i)
            .collect();
        let first = waiting.iter().copied().find(|i| {
            let mut others = waiting.iter().filter(|o| *o != i);
            others.all(|o| self.queue[*i].is_before(&self.queue[*o]))
        });
        let first = first.filter(|i| {
            let woke = self.queue[*i].woke.is_some();
            let mut listeners = self.listeners.iter().filter(|l| !woke || l.0 == name);
            let alone = listeners.next().is_some() && listeners.next().is_none();
            alone && !self.queue[*i].doubtful
        });
        if let Some(first) = first
            && now > self.lost_until
            && self.known.contains(&name)
        {
            return self.queue.remove(first);
        }
        // One of them has gone, and nobody knows which.
        self.known.remove(&name);
        for i in waiting {
            self.queue[i].doubtful = true;
        }
        None
    }
}

impl Cutter {
    /// For whom the event's thread works, as somebody who asks others.
    fn asker(&mut self, event: &Observed) -> Option<Asked> {
        let open = self.threads.get(&event.head.tid)?.open?;
        let open = self.at(open);
        let (request, depth) = match &open.serves {
            Some(serves) => (serves.request_id, serves.depth + 1),
            None => (open.request.id, 1),
        };
        Some(Asked {
            request,
            depth,
            tid: event.head.tid,
            at: event.head.timestamp,
        })
    }

    /// `socket` has returned.
    pub(super) fn socket(&mut self, event: &Observed, fd: i64, local: bool, close_on_exec: bool) {
        let pid = pid(event);
        let ask = self.serving.add(fd, local);
        self.descriptors
            .open(pid, fd, Conn::Asking(ask), close_on_exec);
    }

    /// A request's thread sends on a socket that is older than the trace.
    pub(super) fn unknown_socket(&mut self, event: &Observed, fd: i64) -> Option<Conn> {
        self.threads.get(&event.head.tid)?.open?;
        let pid = pid(event);
        if self.descriptors.socket(pid, fd).is_some() {
            return None;
        }
        let conn = Conn::Asking(self.serving.add(fd, false));
        self.descriptors.open(pid, fd, conn, false);
        Some(conn)
    }

    /// `connect` begins.
    pub(super) fn connect(&mut self, event: &Observed, ask: usize) {
        let asked = self.asker(event);
        let Some(asking) = self.serving.asking.get_mut(&ask) else {
            return;
        };
        asking.asked = asked;
        if !asking.local || asking.served.is_some() {
            return;
        }
        let fd = asking.fd;
        let serving = &mut self.serving;
        serving.queue.retain(|w| w.ask != ask);
        if serving.queue.len() == MOST_WAITING {
            serving.queue.clear();
            serving.known.clear();
        }
        let now = event.head.timestamp;
        serving.queue.push_back(Waiting {
            ask,
            fd,
            asked,
            tid: event.head.tid,
            woke: None,
            earliest: now,
            latest: None,
            doubtful: now <= serving.lost_until,
        });
    }

    /// `connect` has returned.
    pub(super) fn connected(&mut self, event: &Observed, ask: usize, ret: i64) {
        let queue = &mut self.serving.queue;
        let position = queue.iter().rposition(|w| w.ask == ask);
        let Some(position) = position else { return };
        match ret {
            0 => {
                let latest = &mut queue[position].latest;
                *latest = latest.or(Some(event.head.timestamp));
            }
            IN_PROGRESS => {}
            _ => {
                queue.remove(position);
            }
        }
    }

    /// A call that writes begins on an asking end.
    pub(super) fn ask(&mut self, event: &Observed, ask: usize) {
        let asked = self.asker(event);
        let Some(asking) = self.serving.asking.get_mut(&ask) else {
            return;
        };
        let served = asking.served.map(Conn::Served);
        let served = served.and_then(|conn| self.connections.get_mut(&conn));
        let place = match served {
            Some(connection) => &mut connection.asked,
            None => &mut asking.asked,
        };
        let same = place.map(|a| a.request) == asked.map(|a| a.request);
        if !same {
            *place = asked;
        }
    }

    /// The event's thread wakes another.
    pub(super) fn wakes(&mut self, event: &Observed, woken: i32) {
        let Some(waker) = self.threads.get(&event.head.tid) else {
            return;
        };
        let Some((_, doing)) = waker.call else { return };
        let (ask, connects) = match doing {
            Doing::Connect(Conn::Asking(ask)) => (ask, true),
            Doing::Write(Conn::Asking(ask)) => (ask, false),
            _ => return,
        };
        let pid = waker.pid;
        let Some(other) = self.threads.get_mut(&woken) else {
            return;
        };
        let waits = match other.state {
            State::Blocked(Some(call)) => self.serving.waits[call as usize],
            _ => false,
        };
        if !waits || other.pid == UNKNOWN || other.pid == pid {
            return;
        }
        if !connects {
            let asking = self.serving.asking.get(&ask);
            if asking.is_some_and(|a| a.served.is_none() && a.asked.is_some()) {
                other.woken_by = Some(ask);
            }
            return;
        }
        let (name, now) = (other.procname, event.head.timestamp);
        let queue = &mut self.serving.queue;
        if let Some(waiting) = queue.iter_mut().find(|w| w.ask == ask && w.woke.is_none()) {
            waiting.woke = Some(name);
            waiting.latest = Some(now);
            waiting.doubtful = now <= self.serving.lost_until;
            self.serving.was_empty(name, now, now);
        }
    }

    /// `accept` has returned a local connection.
    pub(super) fn accept_local(&mut self, event: &Observed, from: i64, fd: i64, on_exec: bool) {
        let head = event.head;
        let (name, now) = (head.procname, head.timestamp);
        let Some(waiting) = self.serving.accept(name, from, now, &self.threads) else {
            return;
        };
        let link = Link {
            ask: waiting.ask,
            fd: waiting.fd,
            matched: Matched::Socket,
        };
        let conn = self.serve(event, fd, link, waiting.asked, on_exec);
        self.begin_service(event, conn);
        self.turn_to(event, conn);
    }

    /// `accept` has found that no connection waits.
    pub(super) fn none_waits(&mut self, event: &Observed) {
        if let Some(duration) = event.duration_ns {
            let now = event.head.timestamp;
            self.serving
                .was_empty(event.head.procname, now - duration, now);
        }
    }

    /// A read from an unknown descriptor has given bytes: if it is the first since its thread was woken by who asks, it is
    /// the other end.
    pub(super) fn served_after_waking(&mut self, event: &Observed, fd: i64) -> Option<Conn> {
        let thread = self.threads.get_mut(&event.head.tid)?;
        let ask = thread.woken_by.take()?;
        let asking = self.serving.asking.get_mut(&ask)?;
        if asking.served.is_some() || self.descriptors.connection(pid(event), fd).is_some() {
            return None;
        }
        let asked = asking.asked;
        let link = Link {
            ask,
            fd: asking.fd,
            matched: Matched::Wakeup,
        };
        let conn = self.serve(event, fd, link, asked, false);
        self.turn_to(event, conn);
        Some(conn)
    }

    /// `fd` is the serving end of a connection from now on.
    fn serve(
        &mut self,
        event: &Observed,
        fd: i64,
        link: Link,
        asked: Option<Asked>,
        close_on_exec: bool,
    ) -> Conn {
        let served = self.serving.next_served;
        self.serving.next_served += 1;
        let mut asked = asked;
        if let Some(asking) = self.serving.asking.get_mut(&link.ask) {
            asking.served = Some(served);
            asked = asking.asked.take().or(asked);
        }
        let mut connection = Connection::new(fd, event.head.timestamp);
        (connection.link, connection.asked) = (Some(link), asked);
        let conn = Conn::Served(served);
        self.connections.insert(conn, connection);
        match self.descriptors.socket(pid(event), fd) {
            Some(Conn::Before(inode)) => self.descriptors.becomes(inode, Some(conn)),
            _ => self.descriptors.open(pid(event), fd, conn, close_on_exec),
        }
        conn
    }

    /// Begins to serve on a connection, if it was asked for a request.
    pub(super) fn begin_service(&mut self, event: &Observed, conn: Conn) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        let (Some(link), Some(asked)) = (connection.link, connection.asked.take()) else {
            return;
        };
        let fd = connection.fd;
        let open = self.begin(event, Some(Serves::new(link, asked)));
        let work = &mut self.at(open).request;
        work.fd = Some(fd);
        work.wait = Some(event.head.timestamp - asked.at);
        (work.read_bytes, work.written_bytes) = (Some(0), Some(0));
        self.put_on(event, conn, open);
    }

    /// Whether a service that is open is for another request than the one that asks now.
    pub(super) fn is_asked_by_another(&self, conn: Conn, open: usize) -> bool {
        let asked = self.connections.get(&conn).and_then(|c| c.asked);
        let serves = self.open[open].as_ref().and_then(|o| o.serves.as_ref());
        matches!((asked, serves), (Some(a), Some(s)) if a.request != s.request_id)
    }
}
