//! All lines of a log in memory, and the requests that they belong to.
//!
//! Apache says when it had read the request line, which is right after a request began by every rule but before it ended. So
//! a line belongs to a request where
//!
//! - the client's address and port are the same, and the process is; or, where the trace does not tell the client, the
//!   process is, and it serves with its first thread, so that it has one connection at a time; and
//! - its begin is not after the request's end, and not more than [`CLOCKS`] before the request's start.
//!
//! Requests on a connection follow each other, and come here in that order. So at most one request is meant, and a line that
//! was given away is not given again. A line takes about 100 bytes, and each different URL its length.

use super::format::{MAX_LINE, remedy};
use super::line::{ParsedLine, RequestLine, parse};
use crate::error::{Error, Place, Result};
use crate::requests::{Logged, LoggedLine, Request};
use crate::trace::event::UNKNOWN;
use std::collections::HashSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::net::IpAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

/// Nanoseconds by which the clock of the log may be behind that of the trace: Apache cuts to microseconds, and LTTng measures
/// once what lies between its clock and the system's. A begin is never after a response that was waited for, so nothing is
/// needed the other way.
const CLOCKS: i64 = 100_000;

/// What a line says, in few bytes.
struct Line {
    client: (IpAddr, u16),
    pid: i32,
    begin: i64,
    status: Option<i32>,
    bytes: i64,
    request: Option<(Arc<str>, Arc<str>)>,
    /// Whether it has been given to a request.
    given: bool,
}

/// A log, and what of it has been given to requests.
pub(crate) struct AccessLog {
    /// By client and time.
    lines: Vec<Line>,
    /// Their places by process and time.
    by_process: Vec<u32>,
    tally: Tally,
}

/// How lines and requests went together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Lines of the log.
    pub lines: u64,
    /// Whether its last line was cut off, which is not one of them.
    pub cut_off: bool,
    /// Lines that belong to a request.
    pub matched: u64,
    /// Requests with one line.
    pub with_one: u64,
    /// Requests with several lines.
    pub with_several: u64,
    /// Requests without one.
    pub with_none: u64,
}

impl AccessLog {
    /// Reads the log `file`, which errors call `path`. A last line without an end has been cut off, and is counted.
    ///
    /// # Errors
    /// [`Error::Input`] with the line that is of another format, [`Error::Io`].
    pub(crate) fn read(file: File, path: &Path) -> Result<Self> {
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let (mut lines, mut tally) = (Vec::new(), Tally::default());
        let (mut texts, mut line) = (HashSet::new(), Vec::new());
        loop {
            line.clear();
            let mut limited = (&mut reader).take(MAX_LINE as u64 + 1);
            let read = limited.read_until(b'\n', &mut line);
            read.map_err(Error::io("read", path))?;
            if line.pop_if(|last| *last == b'\n').is_none() {
                if line.len() > MAX_LINE {
                    let what = format!("a line of more than {MAX_LINE} bytes");
                    return Err(wrong(path, (tally.lines, MAX_LINE), &what));
                }
                tally.cut_off = !line.is_empty();
                break;
            }
            let parsed = parse(&line).map_err(|e| wrong(path, (tally.lines, e.at), &e.what))?;
            lines.push(Line::new(parsed, &mut texts));
            tally.lines += 1;
        }
        if u32::try_from(lines.len()).is_err() {
            let what = format!("{} lines, more than {}", lines.len(), u32::MAX);
            let remedy = "Record for a shorter time.";
            return Err(Error::input(what, Place::file(path), remedy));
        }
        Ok(AccessLog::of(lines, tally))
    }

    fn of(mut lines: Vec<Line>, tally: Tally) -> Self {
        lines.sort_by_key(|line| (line.client, line.begin));
        let mut by_process: Vec<u32> = (0..lines.len() as u32).collect();
        by_process.sort_by_key(|at| lines[*at as usize].by_process());
        AccessLog {
            lines,
            by_process,
            tally,
        }
    }

    /// How lines and requests went together so far.
    pub(crate) fn tally(&self) -> Tally {
        self.tally
    }

    /// Gives a request that has ended the lines that belong to it. Requests come in the order in which they ended.
    pub(crate) fn give(&mut self, request: &mut Request) {
        let found = self.of_request(request);
        let count = found.len();
        let mut only = None;
        for at in found {
            let line = &mut self.lines[at];
            line.given = true;
            only = (count == 1).then(|| line.logged());
        }
        self.tally.matched += count as u64;
        match count {
            0 => self.tally.with_none += 1,
            1 => self.tally.with_one += 1,
            _ => self.tally.with_several += 1,
        }
        request.logged = Some(Box::new(Logged {
            lines: i32::try_from(count).unwrap_or(i32::MAX),
            only,
        }));
    }

    /// The places of the lines that belong to a request and have not been given away.
    fn of_request(&self, request: &Request) -> Vec<usize> {
        let time = request.start.saturating_sub(CLOCKS)..=request.end;
        let (first, last) = (*time.start(), *time.end());
        let pid = request.pid;
        match request.client {
            (Some(address), Some(port)) => {
                let Ok(port) = u16::try_from(port) else {
                    return Vec::new();
                };
                let client = (address, port);
                let key = |line: &Line| (line.client, line.begin);
                let range = within(&self.lines, key, (client, first), (client, last));
                let same = |at: &usize| pid == UNKNOWN || self.lines[*at].pid == pid;
                range.filter(same).filter(|at| self.is_left(*at)).collect()
            }
            _ if pid != UNKNOWN && pid == request.tid => {
                let key = |at: &u32| self.lines[*at as usize].by_process();
                let range = within(&self.by_process, key, (pid, first), (pid, last));
                let places = self.by_process[range].iter().map(|at| *at as usize);
                places.filter(|at| self.is_left(*at)).collect()
            }
            _ => Vec::new(),
        }
    }

    fn is_left(&self, at: usize) -> bool {
        !self.lines[at].given
    }
}

impl Line {
    fn new(parsed: ParsedLine, texts: &mut HashSet<Arc<str>>) -> Self {
        let mut kept = |text: String| match texts.get(text.as_str()) {
            Some(kept) => Arc::clone(kept),
            None => {
                let kept: Arc<str> = text.into();
                texts.insert(Arc::clone(&kept));
                kept
            }
        };
        let request = parsed.request;
        Line {
            client: parsed.client,
            pid: parsed.pid,
            begin: parsed.begin,
            status: parsed.status,
            bytes: parsed.bytes,
            request: request.map(|RequestLine { method, url }| (kept(method), kept(url))),
            given: false,
        }
    }

    fn by_process(&self) -> (i32, i64) {
        (self.pid, self.begin)
    }

    fn logged(&self) -> LoggedLine {
        let (method, url) = self.request.clone().unzip();
        LoggedLine {
            begin: self.begin,
            method,
            url,
            status: self.status,
            bytes: self.bytes,
        }
    }
}

/// Where in what is sorted by `key` lies what is from `first` to `last`.
fn within<T, K: Ord>(sorted: &[T], key: impl Fn(&T) -> K, first: K, last: K) -> Range<usize> {
    let begin = sorted.partition_point(|item| key(item) < first);
    let behind = sorted[begin..].partition_point(|item| key(item) <= last);
    begin..begin + behind
}

/// The error of a line that is of another format; lines and bytes are counted from 0.
fn wrong(path: &Path, (line, at): (u64, usize), what: &str) -> Error {
    Error::input(
        format!("not a line of the log format that sysds reads: {what}"),
        Place::line(path, line + 1, at as u64 + 1),
        remedy(),
    )
}

#[cfg(test)]
impl AccessLog {
    /// A log of these lines.
    pub(super) fn made_up(lines: &[ParsedLine]) -> Self {
        let mut texts = HashSet::new();
        let lines: Vec<Line> = lines
            .iter()
            .map(|line| Line::new(line.clone(), &mut texts))
            .collect();
        let tally = Tally {
            lines: lines.len() as u64,
            ..Tally::default()
        };
        AccessLog::of(lines, tally)
    }
}
