//! The rule `connection`: from the return of `accept4` or `accept` on an internet socket to the return of `close` (or
//! `shutdown`) of that very descriptor, on the thread that accepted it.
//!
//! The wait in `accept` before a connection comes is no part of the request, and a `close` of any other descriptor does
//! not end it. What the trace leaves open is kept and marked: a request whose thread accepts the next connection first
//! (its `close` was lost, or another thread closed it) ends with its last event before that, and one that is open at
//! the end of the trace ends there.

use super::{Client, EndReason, Nested, NestedEvent, Observed, Request};
use crate::calls::TidHash;
use crate::trace::event::{EventClass, FieldType, Loss, NO_NAME, Phase, UNKNOWN};
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// Address families, `sys/socket.h`.
const AF_INET: i64 = 2;
const AF_INET6: i64 = 10;
/// The kernel keeps so many bytes of a thread's name, `prctl(2)`.
const NAME_BYTES: usize = 15;

/// Settings of the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Whether `shutdown` of the descriptor ends a request, too.
    pub end_at_shutdown: bool,
    /// Only requests of threads of this name; the kernel knows 15 bytes of it.
    pub server: Option<String>,
    /// How many events a request carries at most.
    pub max_nested: usize,
    /// How many bytes all open requests carry at most.
    pub max_bytes: usize,
}

/// What a class means to the rule.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Role {
    Other,
    /// `accept` or `accept4` returns.
    Accepted(Accept),
    /// `close` or `shutdown` of a descriptor begins.
    Ends(EndReason, usize),
    /// It returns.
    Ended(EndReason),
}

/// Fields of an accept's exit.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Accept {
    ret: usize,
    family: Option<usize>,
    port: Option<usize>,
    v4: Option<usize>,
    v6: Option<usize>,
}

/// Cuts the requests of one recording.
pub struct Cutter {
    options: Options,
    classes: Arc<Vec<EventClass>>,
    roles: Vec<Role>,
    procnames: Vec<Arc<str>>,
    open: HashMap<i32, Open, TidHash>,
    losses: VecDeque<Loss>,
    next_id: i64,
    bytes: usize,
    ended: Vec<Request>,
}

struct Open {
    request: Request,
    /// The call on the descriptor that the thread is in, which ends the request when it returns.
    ending: Option<EndReason>,
}

impl Cutter {
    /// No requests yet, for events of `classes`.
    pub fn new(classes: Arc<Vec<EventClass>>, options: Options) -> Self {
        Cutter {
            roles: classes
                .iter()
                .map(|c| role(c, options.end_at_shutdown))
                .collect(),
            options,
            classes,
            procnames: Vec::new(),
            open: HashMap::default(),
            losses: VecDeque::new(),
            next_id: 0,
            bytes: 0,
            ended: Vec::new(),
        }
    }

    /// Takes in process names in the order of their numbers.
    pub fn name(&mut self, names: &[String]) {
        self.procnames
            .extend(names.iter().map(|n| Arc::from(n.as_str())));
    }

    /// Takes in a loss, which must come before the events that follow its beginning.
    pub fn lose(&mut self, loss: &Loss) {
        if loss.begin.is_some() || loss.end.is_some() {
            self.losses.push_back(loss.clone());
            return;
        }
        // Nobody knows when: whatever is open may be touched.
        for open in self.open.values_mut() {
            open.request.touched_by_loss = true;
            open.request.lost_events += loss.events.unwrap_or(0);
        }
    }

    /// Takes in the next event.
    pub fn observe(&mut self, event: Observed) {
        let role = &self.roles[event.head.class as usize];
        let class = &self.classes[event.head.class as usize];
        let accepted = match role {
            Role::Accepted(accept) => connection(accept, class, event.values),
            _ => None,
        };
        if event.head.tid == UNKNOWN {
            return;
        }
        if let Some(open) = self.open.get_mut(&event.head.tid) {
            if accepted.is_some() {
                self.end(event.head.tid, EndReason::NextAccept);
            } else {
                let room = self.options.max_bytes.saturating_sub(self.bytes);
                self.bytes += open.add(&event, self.options.max_nested, room);
                match role {
                    Role::Ends(reason, fd) => {
                        let same = class.integer(event.values, *fd) == Some(open.request.fd);
                        open.ending = same.then_some(*reason).or(open.ending);
                    }
                    Role::Ended(reason) if open.ending == Some(*reason) => {
                        self.end(event.head.tid, *reason);
                    }
                    _ => {}
                }
            }
        }
        if let Some((fd, client)) = accepted {
            self.begin(event, fd, client);
        }
    }

    /// Requests that have ended since the last call, in the order in which they ended.
    pub fn take_ended(&mut self) -> Vec<Request> {
        self.forget_losses();
        std::mem::take(&mut self.ended)
    }

    /// Ends what is open, with the trace, whose last event was at `timestamp`.
    pub fn finish(&mut self, timestamp: i64) -> Vec<Request> {
        let mut open: Vec<(i64, i32)> = self
            .open
            .iter()
            .map(|(tid, o)| (o.request.id, *tid))
            .collect();
        open.sort_unstable();
        for (_, tid) in open {
            if let Some(open) = self.open.get_mut(&tid) {
                open.request.end = timestamp;
            }
            self.end(tid, EndReason::TraceEnd);
        }
        std::mem::take(&mut self.ended)
    }

    fn begin(&mut self, event: Observed, fd: i64, client: Client) {
        let head = event.head;
        let procname =
            (head.procname != NO_NAME).then(|| Arc::clone(&self.procnames[head.procname as usize]));
        if let Some(server) = &self.options.server
            && procname.as_deref() != Some(truncated(server))
        {
            return;
        }
        let request = Request {
            id: self.next_id,
            procname,
            pid: head.pid,
            tid: head.tid,
            fd,
            client,
            accept_entry: event.duration_ns.map(|d| head.timestamp - d),
            start: head.timestamp,
            end: head.timestamp,
            n_events: 0,
            first_event: event.event_id,
            last_event: event.event_id,
            end_reason: EndReason::TraceEnd,
            lost_events: 0,
            touched_by_loss: false,
            nested: Nested::default(),
        };
        self.next_id += 1;
        let mut open = Open {
            request,
            ending: None,
        };
        let room = self.options.max_bytes.saturating_sub(self.bytes);
        self.bytes += open.add(&event, self.options.max_nested, room);
        self.open.insert(head.tid, open);
    }

    fn end(&mut self, tid: i32, reason: EndReason) {
        let Some(Open { mut request, .. }) = self.open.remove(&tid) else {
            return;
        };
        request.end_reason = reason;
        for loss in &self.losses {
            let (begin, end) = (loss.begin.unwrap_or(i64::MIN), loss.end.unwrap_or(i64::MAX));
            if begin <= request.end && end >= request.start {
                request.touched_by_loss = true;
                request.lost_events += loss.events.unwrap_or(0);
            }
        }
        self.bytes -= request.nested.size();
        self.ended.push(request);
    }

    /// Forgets losses that lie before all open requests.
    fn forget_losses(&mut self) {
        let Some(last) = self.losses.back().and_then(|l| l.begin) else {
            return;
        };
        let oldest = self
            .open
            .values()
            .map(|o| o.request.start)
            .min()
            .unwrap_or(last);
        self.losses
            .retain(|l| l.end.is_none_or(|end| end >= oldest));
    }
}

impl Open {
    /// Adds an event of the thread, and returns how many bytes that took. Beyond `max` events or `room` bytes it is
    /// counted but not carried.
    fn add(&mut self, event: &Observed, max: usize, room: usize) -> usize {
        let request = &mut self.request;
        request.n_events += 1;
        request.last_event = event.event_id;
        request.end = event.head.timestamp;
        let whole_so_far = request.nested.len() as i64 == request.n_events - 1;
        if !whole_so_far || request.nested.len() >= max || room < event.values.len() {
            return 0;
        }
        let before = request.nested.size();
        request.nested.push(NestedEvent {
            class: event.head.class,
            tid: event.head.tid,
            event_id: event.event_id,
            offset_ns: event.head.timestamp - request.start,
            duration_ns: event.duration_ns,
            values: event.values,
        });
        request.nested.size() - before
    }
}

fn role(class: &EventClass, shutdown: bool) -> Role {
    let integer = |name: &str| {
        class.field(name).filter(|i| {
            matches!(
                class.payload[*i].ty,
                FieldType::Signed(..) | FieldType::Unsigned(..)
            )
        })
    };
    let list = |name: &str| {
        class
            .field(name)
            .filter(|i| matches!(class.payload[*i].ty, FieldType::List(..)))
    };
    let reason = match class.name.as_str() {
        "close" => Some(EndReason::Close),
        "shutdown" if shutdown => Some(EndReason::Shutdown),
        _ => None,
    };
    match (class.phase, class.name.as_str(), reason) {
        (Phase::Exit, "accept" | "accept4", _) => integer("ret").map_or(Role::Other, |ret| {
            Role::Accepted(Accept {
                ret,
                family: integer("family"),
                port: integer("sport"),
                v4: list("v4addr"),
                v6: list("v6addr"),
            })
        }),
        (Phase::Entry, _, Some(reason)) => {
            integer("fd").map_or(Role::Other, |fd| Role::Ends(reason, fd))
        }
        (Phase::Exit, _, Some(reason)) => Role::Ended(reason),
        _ => Role::Other,
    }
}

/// Descriptor and client of an accept that gave a connection over the internet protocols.
fn connection(accept: &Accept, class: &EventClass, values: &[u8]) -> Option<(i64, Client)> {
    let integer = |i: Option<usize>| i.and_then(|i| class.integer(values, i));
    let fd = integer(Some(accept.ret)).filter(|ret| *ret >= 0)?;
    let address = match integer(accept.family)? {
        AF_INET => accept.v4.and_then(|i| v4(&bytes(class, values, i))),
        AF_INET6 => accept.v6.and_then(|i| v6(&bytes(class, values, i))),
        _ => return None,
    };
    let port = integer(accept.port).and_then(|p| i32::try_from(p).ok());
    Some((fd, (address, port)))
}

/// A list of small integers, as bytes.
fn bytes(class: &EventClass, values: &[u8], index: usize) -> Vec<u8> {
    let mut cursor = class.seek(values, index);
    (0..cursor.count())
        .map(|_| cursor.integer() as u8)
        .collect()
}

fn v4(bytes: &[u8]) -> Option<IpAddr> {
    <[u8; 4]>::try_from(bytes)
        .ok()
        .map(|b| Ipv4Addr::from(b).into())
}

/// An IPv6 address; one that maps an IPv4 address (RFC 4291, 2.5.5.2) as IPv4.
fn v6(bytes: &[u8]) -> Option<IpAddr> {
    let address = Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?);
    Some(
        address
            .to_ipv4_mapped()
            .map_or(IpAddr::from(address), IpAddr::from),
    )
}

/// What the kernel keeps of a thread's name.
fn truncated(name: &str) -> &str {
    let mut end = name.len().min(NAME_BYTES);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}
