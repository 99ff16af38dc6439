//! What is cut out of a recording: requests, and the work of other processes for them.
//!
//! Plain data. It leaves this folder for the columns, and knows nothing of how it came about.

use super::nested::Nested;
use std::net::IpAddr;
use std::sync::Arc;

/// Why a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// `close` of the connection returned.
    Close,
    /// `shutdown` of the connection returned.
    Shutdown,
    /// The last process that had it executed another program or exited.
    Exit,
    /// An exchange was answered.
    Response,
    /// The connection of an exchange was closed before a write.
    NoResponse,
    /// The event handler was left.
    HandlerExit,
    /// Its number was given to the next connection, or its thread began the next request, so its end is missing.
    NextAccept,
    /// Its number was given to something else, so its close is missing.
    Reused,
    /// It was open when the trace ended. Stays the last.
    TraceEnd,
}

impl EndReason {
    /// All reasons, in the order of their numbers.
    pub const ALL: [EndReason; EndReason::TraceEnd as usize + 1] = [
        EndReason::Close,
        EndReason::Shutdown,
        EndReason::Exit,
        EndReason::Response,
        EndReason::NoResponse,
        EndReason::HandlerExit,
        EndReason::NextAccept,
        EndReason::Reused,
        EndReason::TraceEnd,
    ];

    /// The word for it in the column `end_reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            EndReason::Close => "close",
            EndReason::Shutdown => "shutdown",
            EndReason::Exit => "exit",
            EndReason::Response => "response",
            EndReason::NoResponse => "no_response",
            EndReason::HandlerExit => "handler_exit",
            EndReason::NextAccept => "next_accept",
            EndReason::Reused => "reused",
            EndReason::TraceEnd => "trace_end",
        }
    }

    /// Whether the request's own end was seen.
    fn is_end(self) -> bool {
        use EndReason::*;
        matches!(self, Close | Shutdown | Exit | Response | HandlerExit)
    }
}

/// Where the time of a request went, in nanoseconds; the first four add up to its duration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Times {
    /// A thread of it was on a CPU.
    pub on_cpu: i64,
    /// A thread of it waited for a CPU, and none was on one.
    pub runnable: i64,
    /// Its threads were blocked.
    pub blocked: i64,
    /// No thread worked on it.
    pub unattended: i64,
    /// Blocked time by the number of the system call's bare name ([`bare_names`](crate::trace::event::bare_names)), `None`
    /// outside of one; in the order of their first blocking.
    pub by_call: Vec<(Option<u32>, i64)>,
}

/// A client's address and port, as far as the trace tells them.
pub type Client = (Option<IpAddr>, Option<i32>);

/// What the server's access log says of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Logged {
    /// How many lines belong to it.
    pub lines: i32,
    /// What the line says, where there is one and no other.
    pub only: Option<LoggedLine>,
}

/// What a line of an access log says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedLine {
    /// When the server had read the request line, nanoseconds since the Unix epoch.
    pub begin: i64,
    /// The method, where the request line was one of HTTP.
    pub method: Option<Arc<str>>,
    /// The URL as the client sent it, where the request line was one of HTTP.
    pub url: Option<Arc<str>>,
    /// The status, where there is one.
    pub status: Option<i32>,
    /// Bytes of the response's body.
    pub bytes: i64,
}

/// A request, as far as it has been followed. Times are nanoseconds since the Unix epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Position in the order of starts.
    pub id: i64,
    /// Name of the thread that accepted the connection.
    pub procname: Option<Arc<str>>,
    /// Process, or [`UNKNOWN`](crate::trace::event::UNKNOWN).
    pub pid: i32,
    /// Thread.
    pub tid: i32,
    /// Descriptor of the connection, where the rule knows one.
    pub fd: Option<i64>,
    /// The client.
    pub client: Client,
    /// Number of the connection in the order of accepts, and of the request on it.
    pub connection: Option<(i64, i64)>,
    /// Whether the trace holds the accept of the connection, where the rule knows one.
    pub accept_seen: Option<bool>,
    /// When the accept was entered.
    pub accept_entry: Option<i64>,
    /// When the request began, by its rule.
    pub start: i64,
    /// How long the connection waited for it: since the exchange before, or the accept.
    pub wait: Option<i64>,
    /// Time of its last event so far; of its end once it has ended.
    pub end: i64,
    /// Its events so far.
    pub n_events: i64,
    /// `event_id` of the first.
    pub first_event: i64,
    /// `event_id` of the last so far.
    pub last_event: i64,
    /// System-call events of the whole system from the first to the last.
    pub window_syscalls: i64,
    /// Bytes read from the connection.
    pub read_bytes: Option<i64>,
    /// Bytes written to it.
    pub written_bytes: Option<i64>,
    /// Where its time went, once it has ended; `None` without the scheduler's events.
    pub times: Option<Times>,
    /// Why it ended, once it has.
    pub end_reason: EndReason,
    /// Events that the tracer discarded in its time.
    pub lost_events: u64,
    /// Whether anything was lost in its time (events, or packets with an unknown number of events).
    pub touched_by_loss: bool,
    /// What the server's access log says of it, where there is one.
    pub logged: Option<Box<Logged>>,
    /// Its own events.
    pub nested: Nested,
}

/// How it was concluded which two sockets are the ends of one connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Matched {
    /// By the order of connects and accepts.
    Socket,
    /// By whom a write woke.
    Wakeup,
}

impl Matched {
    /// All, in the order of their numbers.
    pub const ALL: [Matched; 2] = [Matched::Socket, Matched::Wakeup];

    /// The word for it in the column `matched_by`.
    pub fn as_str(self) -> &'static str {
        match self {
            Matched::Socket => "socket",
            Matched::Wakeup => "wakeup",
        }
    }
}

/// For whom a process serves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Serves {
    /// The request that it is done for.
    pub request_id: i64,
    /// 1 where the request's own threads asked for it, one more where it is done for who serves the request.
    pub depth: i32,
    /// How the two ends were matched.
    pub matched: Matched,
    /// The thread that asked.
    pub asked_tid: i32,
    /// Its end of the connection.
    pub asked_fd: i64,
    /// `event_id` of its events, in order.
    pub event_ids: Vec<i64>,
}

/// What another process did for a request: one answer, or one message without.
#[derive(Debug, Clone, PartialEq)]
pub struct Service {
    /// For whom.
    pub of: Serves,
    /// What: its `id` counts services, `fd` is the serving end, `wait` the time since it was asked for.
    pub work: Request,
}

impl Service {
    /// Whether it began and ended in the trace, answered or not, without a loss.
    pub fn complete(&self) -> bool {
        let seen = self.work.end_reason.is_end() || self.work.end_reason == EndReason::NoResponse;
        seen && !self.work.touched_by_loss
    }
}

impl Request {
    /// Whether it began and ended in the trace, without a loss.
    pub fn complete(&self) -> bool {
        self.end_reason.is_end() && !self.touched_by_loss && self.accept_seen != Some(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reason_stands_at_its_number() {
        for (number, reason) in EndReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number, "{}", reason.as_str());
        }
    }
}
