//! Matches the two ends of downstream connections, and cuts what is done at the server's ends into pieces of work.

use super::accept_queue::{AcceptQueue, Connecting};
use super::caller::Caller;
use crate::requests::exchanges;
use crate::requests::facts::{Fact, Now, Socket, Woken};
use crate::requests::request::{EndReason, Matched, Serves};
use crate::requests::trackers::endpoint::Endpoint;
use crate::requests::trackers::threads::Slot;
use crate::requests::work::Work;
use crate::trace::event::Loss;
use std::collections::HashMap;

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

/// What is known of downstream connections.
#[derive(Debug)]
pub(crate) struct Downstream {
    clients: HashMap<usize, Client>,
    servers: HashMap<Endpoint, Server>,
    next_client: usize,
    next_server: usize,
    queue: AcceptQueue,
    /// Threads that were woken by a write at the client's end of this number, until they wait again.
    woken: HashMap<Slot, usize>,
    /// Per number of a call's name, whether threads wait in it.
    waits: Vec<bool>,
    end_at_shutdown: bool,
}

/// A socket that may be a client's end.
#[derive(Debug)]
struct Client {
    fd: i64,
    /// Whether its connections are within the machine, and accepted.
    local: bool,
    /// What was asked at it of a server that is not known.
    caller: Option<Caller>,
    /// The server's end.
    server: Option<Endpoint>,
}

/// A server's end.
#[derive(Debug)]
struct Server {
    fd: i64,
    /// Number of the client's end, and its descriptor.
    client: usize,
    client_fd: i64,
    matched: Matched,
    /// What it is asked and has not begun.
    caller: Option<Caller>,
}

impl Downstream {
    /// Nothing is known yet; `calls` are the bare names of system calls by their numbers.
    pub(crate) fn new(calls: &[String], end_at_shutdown: bool) -> Self {
        Downstream {
            clients: HashMap::new(),
            servers: HashMap::new(),
            next_client: 0,
            next_server: 0,
            queue: AcceptQueue::new(),
            woken: HashMap::new(),
            waits: calls.iter().map(|c| WAITS.contains(&c.as_str())).collect(),
            end_at_shutdown,
        }
    }

    /// Events are missing.
    pub(crate) fn lose(&mut self, loss: &Loss) {
        self.queue.lose(loss);
    }

    /// Takes a fact about a downstream connection, or about a thread that may be at one.
    pub(crate) fn take(&mut self, now: &Now, fact: &Fact, work: &mut Work) {
        match *fact {
            Fact::WaitsForAnything | Fact::WaitsFor(_) if !self.woken.is_empty() => {
                self.woken.remove(&now.event.thread);
            }
            Fact::Serves(end) if self.is_accepted(end) => self.begin(now, end, work),
            Fact::Read { end, bytes } => self.read(now, end, bytes, work),
            Fact::Writes(Endpoint::DownstreamClient(client)) => self.asks(now, client, work),
            Fact::Wrote { end, bytes } => exchanges::wrote(work, end, bytes),
            Fact::ShutDown(end) if self.end_at_shutdown => {
                exchanges::end(now, work, end, EndReason::Shutdown, None);
            }
            Fact::Closing(end @ Endpoint::DownstreamServer(_)) => {
                self.close(now, (end, EndReason::Close), None, work);
            }
            Fact::Closed { end, reason, at } => self.close(now, (end, reason), at, work),
            Fact::Connects(client) => self.connects(now, client, work),
            Fact::Connected { client, ret } => {
                self.queue.connected(client, ret, now.timestamp());
            }
            Fact::NoneWaits => {
                if let Some(duration) = now.event.observed.duration_ns {
                    let name = now.event.observed.head.procname;
                    let time = now.timestamp();
                    self.queue.was_empty(name, time - duration, time);
                }
            }
            Fact::Woke(woken) => self.woke(now, &woken),
            _ => {}
        }
    }

    /// Which end of a downstream connection a socket is, if it is one.
    pub(crate) fn identify(&mut self, now: &Now, socket: Socket, work: &Work) -> Option<Endpoint> {
        match socket {
            Socket::Made { fd, local } => Some(self.client(fd, local)),
            Socket::Sends { fd } => work.of_thread(now).map(|_| self.client(fd, false)),
            Socket::AcceptedLocal { fd, from } => {
                let name = now.event.observed.head.procname;
                let time = now.timestamp();
                let connecting = self.queue.accept((name, from), time, now.scheduler)?;
                Some(self.server(fd, connecting, Matched::Socket))
            }
            Socket::Reads { fd, known } => {
                if self.woken.is_empty() {
                    return None;
                }
                let number = self.woken.remove(&now.event.thread)?;
                let client = self.clients.get(&number)?;
                if known || client.server.is_some() {
                    return None;
                }
                let connecting = Connecting {
                    client: number,
                    fd: client.fd,
                    caller: client.caller,
                };
                Some(self.server(fd, connecting, Matched::Wakeup))
            }
        }
    }

    fn client(&mut self, fd: i64, local: bool) -> Endpoint {
        let number = self.next_client;
        self.next_client += 1;
        let client = Client {
            fd,
            local,
            caller: None,
            server: None,
        };
        self.clients.insert(number, client);
        Endpoint::DownstreamClient(number)
    }

    /// `fd` is the server's end of a connection from now on, whose client's end has this number.
    fn server(&mut self, fd: i64, connecting: Connecting, matched: Matched) -> Endpoint {
        let end = Endpoint::DownstreamServer(self.next_server);
        self.next_server += 1;
        let mut caller = connecting.caller;
        if let Some(client) = self.clients.get_mut(&connecting.client) {
            client.server = Some(end);
            caller = client.caller.take().or(caller);
        }
        let server = Server {
            fd,
            client: connecting.client,
            client_fd: connecting.fd,
            matched,
            caller,
        };
        self.servers.insert(end, server);
        end
    }

    fn is_accepted(&self, end: Endpoint) -> bool {
        let server = self.servers.get(&end);
        server.is_some_and(|s| s.matched == Matched::Socket)
    }

    /// Begins to work at a server's end, if it was asked for a request.
    fn begin(&mut self, now: &Now, end: Endpoint, work: &mut Work) {
        let Some(server) = self.servers.get_mut(&end) else {
            return;
        };
        let Some(caller) = server.caller.take() else {
            return;
        };
        let serves = Serves {
            request_id: caller.request,
            depth: caller.depth,
            matched: server.matched,
            asked_tid: caller.tid,
            asked_fd: server.client_fd,
            event_ids: Vec::new(),
        };
        let done = &mut work.begin_on(now, end, Some(serves)).request;
        done.fd = Some(server.fd);
        done.wait = Some(now.timestamp() - caller.at);
        (done.read_bytes, done.written_bytes) = (Some(0), Some(0));
    }

    /// A successful read returns: it begins a piece of work, unless it is part of one that has not been answered and is
    /// for the same request.
    fn read(&mut self, now: &Now, end: Endpoint, bytes: i64, work: &mut Work) {
        let Some(server) = self.servers.get(&end) else {
            return;
        };
        let goes_on = work.on(end).is_some_and(|open| {
            let serves = open.serves.as_ref().map(|s| s.request_id);
            let caller = server.caller.map(|a| a.request);
            !open.is_marked() && (caller.is_none() || caller == serves)
        });
        if !goes_on {
            exchanges::end(now, work, end, EndReason::NoResponse, None);
            self.begin(now, end, work);
        }
        if let Some(open) = work.on(end) {
            open.read(bytes);
        }
    }

    /// A connection has ended at one of its ends.
    fn close(
        &mut self,
        now: &Now,
        (end, reason): (Endpoint, EndReason),
        at: Option<i64>,
        work: &mut Work,
    ) {
        if let Endpoint::DownstreamClient(client) = end {
            self.clients.remove(&client);
            return;
        }
        exchanges::end(now, work, end, reason, at);
        let server = self.servers.remove(&end);
        if let Some(client) = server.and_then(|s| self.clients.get_mut(&s.client)) {
            client.server = None;
        }
    }

    /// `connect` of a client's end begins.
    fn connects(&mut self, now: &Now, number: usize, work: &Work) {
        let caller = Caller::by(now, work);
        let Some(client) = self.clients.get_mut(&number) else {
            return;
        };
        client.caller = caller;
        if client.local && client.server.is_none() {
            let connecting = Connecting {
                client: number,
                fd: client.fd,
                caller,
            };
            let (thread, time) = (now.event.thread, now.timestamp());
            self.queue.connects(connecting, thread, time);
        }
    }

    /// A call that writes begins at a client's end.
    fn asks(&mut self, now: &Now, number: usize, work: &Work) {
        let caller = Caller::by(now, work);
        let Some(client) = self.clients.get_mut(&number) else {
            return;
        };
        let server = client.server.and_then(|end| self.servers.get_mut(&end));
        let place = match server {
            Some(server) => &mut server.caller,
            None => &mut client.caller,
        };
        let same = place.map(|a| a.request) == caller.map(|a| a.request);
        if !same {
            *place = caller;
        }
    }

    /// A thread of another process is woken by who connects or writes at a client's end.
    fn woke(&mut self, now: &Now, woken: &Woken) {
        if !self.waits[woken.call as usize] {
            return;
        }
        if woken.connects {
            let time = now.timestamp();
            self.queue.woke(woken.client, woken.procname, time);
            return;
        }
        let client = self.clients.get(&woken.client);
        if client.is_some_and(|c| c.server.is_none() && c.caller.is_some()) {
            self.woken.insert(woken.thread, woken.client);
        }
    }
}
