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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::event::{Field, Head};

    const ACCEPTED: u32 = 0;
    const CLOSE: u32 = 1;
    const CLOSED: u32 = 2;
    const OTHER: u32 = 3;

    fn classes() -> Arc<Vec<EventClass>> {
        let field = |name: &str, ty| Field {
            name: name.to_owned(),
            ty,
            index: 0,
        };
        let int = |name: &str| field(name, FieldType::Signed(64, vec![]));
        let list = |name: &str| {
            field(
                name,
                FieldType::List(Box::new(FieldType::Unsigned(8, vec![])), None),
            )
        };
        let accepted = vec![
            int("ret"),
            int("family"),
            int("sport"),
            list("v4addr"),
            list("v6addr"),
        ];
        Arc::new(vec![
            EventClass::new("syscall_exit_accept4", vec![], accepted),
            EventClass::new("syscall_entry_close", vec![], vec![int("fd")]),
            EventClass::new("syscall_exit_close", vec![], vec![int("ret")]),
            EventClass::new("sched_switch", vec![], vec![]),
        ])
    }

    /// Values of an accept that returned `ret`, from an IPv4 client mapped into IPv6.
    fn accepted(ret: i64, family: i64) -> Vec<u8> {
        let mut values: Vec<u8> = [ret, family, 1234]
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect();
        values.extend(0u32.to_le_bytes());
        values.extend(16u32.to_le_bytes());
        let address = "::ffff:192.0.2.7".parse::<Ipv6Addr>().unwrap();
        values.extend(
            address
                .octets()
                .iter()
                .flat_map(|b| u64::from(*b).to_le_bytes()),
        );
        values
    }

    /// The requests of a trace of (time and ID, thread, class, values), with a loss at some time.
    fn cut(
        options: Options,
        events: &[(i64, i32, u32, Vec<u8>)],
        loss: Option<Loss>,
    ) -> Vec<Request> {
        let mut cutter = Cutter::new(classes(), options);
        cutter.name(&["apache2".to_owned()]);
        for (time, tid, class, values) in events {
            if let Some(loss) = loss.as_ref().filter(|l| l.begin == Some(*time)) {
                cutter.lose(loss);
            }
            let head = Head {
                timestamp: *time,
                class: *class,
                values: 0,
                cpu: 0,
                pid: 1,
                tid: *tid,
                procname: 0,
            };
            cutter.observe(Observed {
                event_id: *time,
                head: &head,
                values,
                duration_ns: (*class == ACCEPTED).then_some(4),
            });
        }
        let mut requests = cutter.take_ended();
        requests.extend(cutter.finish(events.last().unwrap().0));
        requests
    }

    fn options() -> Options {
        Options {
            end_at_shutdown: false,
            server: None,
            max_nested: 100,
            max_bytes: 1 << 20,
        }
    }

    fn fd(n: i64) -> Vec<u8> {
        n.to_le_bytes().to_vec()
    }

    #[test]
    fn a_request_goes_from_accept_to_the_close_of_that_descriptor() {
        let events = [
            (10, 7, ACCEPTED, accepted(5, AF_INET6)),
            (11, 7, CLOSE, fd(4)),
            (12, 7, CLOSED, fd(0)),
            (13, 8, OTHER, vec![]),
            (14, 7, CLOSE, fd(5)),
            (15, 7, OTHER, vec![]),
            (16, 7, CLOSED, fd(0)),
            (17, 7, OTHER, vec![]),
        ];
        let requests = cut(options(), &events, None);
        let [r] = &requests[..] else {
            panic!("{requests:?}")
        };
        assert_eq!((r.start, r.end, r.accept_entry), (10, 16, Some(6)));
        assert_eq!((r.n_events, r.first_event, r.last_event), (6, 10, 16));
        assert_eq!(r.client, (Some("192.0.2.7".parse().unwrap()), Some(1234)));
        assert_eq!(
            (r.fd, r.end_reason, r.complete()),
            (5, EndReason::Close, true)
        );
        let ids: Vec<i64> = r.nested.iter().map(|e| e.event_id).collect();
        assert_eq!(ids, [10, 11, 12, 14, 15, 16]);
    }

    #[test]
    fn only_connections_over_the_internet_protocols_count() {
        let events = [
            (10, 7, ACCEPTED, accepted(5, 1)),
            (11, 7, ACCEPTED, accepted(-11, AF_INET6)),
        ];
        assert!(cut(options(), &events, None).is_empty());
        let server = |name: &str| Options {
            server: Some(name.to_owned()),
            ..options()
        };
        let events = [(10, 7, ACCEPTED, accepted(5, AF_INET))];
        assert!(cut(server("nginx"), &events, None).is_empty());
        let kept = cut(server("apache2"), &events, None);
        assert_eq!(
            kept[0].client,
            (None, Some(1234)),
            "an accept without the IPv4 bytes"
        );
        assert_eq!(truncated("a-name-of-more-than-15"), "a-name-of-more-");
    }

    #[test]
    fn what_the_trace_leaves_open_is_kept_and_marked() {
        let events = [
            (10, 7, ACCEPTED, accepted(5, AF_INET6)),
            (11, 7, OTHER, vec![]),
            (12, 7, ACCEPTED, accepted(5, AF_INET6)),
            (13, 8, OTHER, vec![]),
        ];
        let requests = cut(options(), &events, None);
        let ends: Vec<_> = requests
            .iter()
            .map(|r| (r.id, r.end_reason, r.end, r.n_events))
            .collect();
        let expected = [
            (0, EndReason::NextAccept, 11, 2),
            (1, EndReason::TraceEnd, 13, 1),
        ];
        assert_eq!(ends, expected);
        assert!(requests.iter().all(|r| !r.complete()));
    }

    #[test]
    fn a_loss_marks_the_requests_whose_time_it_overlaps() {
        let request = |start: i64, tid: i32| {
            [
                (start, tid, ACCEPTED, accepted(5, AF_INET6)),
                (start + 1, tid, CLOSE, fd(5)),
                (start + 2, tid, CLOSED, fd(0)),
            ]
        };
        let mut events = [request(10, 7), request(20, 8), request(30, 9)].concat();
        events.insert(3, (15, 1, OTHER, vec![]));
        let loss = |end| {
            Some(Loss {
                stream: String::new(),
                cpu: None,
                begin: Some(15),
                end,
                events: Some(9),
                packets: None,
            })
        };
        let marks = |requests: Vec<Request>| -> Vec<(u64, bool)> {
            requests
                .iter()
                .map(|r| (r.lost_events, r.complete()))
                .collect()
        };
        let (whole, touched) = ((0, true), (9, false));
        assert_eq!(
            marks(cut(options(), &events, loss(Some(20)))),
            [whole, touched, whole]
        );
        assert_eq!(
            marks(cut(options(), &events, loss(None))),
            [whole, touched, touched]
        );
    }

    #[test]
    fn a_request_carries_so_many_events_and_counts_the_rest() {
        let mut events = vec![(0, 7, ACCEPTED, accepted(5, AF_INET6))];
        events.extend((1..10).map(|t| (t, 7, OTHER, vec![])));
        let few = Options {
            max_nested: 3,
            ..options()
        };
        let requests = cut(few, &events, None);
        assert_eq!((requests[0].nested.len(), requests[0].n_events), (3, 10));
        let small = Options {
            max_bytes: 10,
            ..options()
        };
        let requests = cut(small, &events, None);
        assert_eq!((requests[0].nested.len(), requests[0].n_events), (0, 10));
    }
}
