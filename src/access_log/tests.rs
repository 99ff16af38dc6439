//! Lines of made-up logs, and the requests of small made-up traces that they belong to.

use super::line::{ParsedLine, RequestLine, parse};
use super::{AccessLog, LOG_FORMAT, MAX_LINE, Tally};
use crate::requests::Request;
use crate::requests::tests::made_up::*;
use std::io::Write;
use std::path::Path;

/// Nanoseconds between two events; a made-up trace has 10.
const MS: i64 = 1_000_000;

/// The requests of a made-up trace, with an event each millisecond.
fn requests(rule: &'static crate::requests::Rule, events: &[Event]) -> Vec<Request> {
    let mut requests = cut(rule, events);
    for r in &mut requests {
        (r.start, r.end) = (r.start / 10 * MS, r.end / 10 * MS);
    }
    requests
}

/// A line of a request that began at this time, for the URL `/URL`.
fn line(begin: i64, port: u16, pid: i32, url: &str) -> ParsedLine {
    ParsedLine {
        begin,
        client: ("192.0.2.7".parse().unwrap(), port),
        pid,
        status: Some(200),
        bytes: 6,
        request: Some(RequestLine {
            method: "GET".to_owned(),
            url: format!("/{url}"),
        }),
    }
}

/// How many lines each request gets, and the URL where it is one.
fn given(requests: &mut [Request], lines: &[ParsedLine]) -> (Vec<(i32, Option<String>)>, Tally) {
    let mut log = AccessLog::made_up(lines);
    requests.iter_mut().for_each(|r| log.give(r));
    let logged = requests.iter().map(|r| r.logged.as_ref().unwrap());
    let found = logged.map(|l| {
        let url = l.only.as_ref().map(|only| only.url.as_ref().unwrap());
        (l.lines, url.map(|url| url.to_string()))
    });
    (found.collect(), log.tally())
}

fn one(url: &str) -> (i32, Option<String>) {
    (1, Some(format!("/{url}")))
}

const NONE: (i32, Option<String>) = (0, None);

/// A connection of port 1000 with exchanges from 2 to 4 and from 6 to 8, which is closed at 10, and a second of the same
/// port, in another process, with one from 13 to 15.
const TWO_CONNECTIONS: [Event; 18] = [
    (11, ACCEPTED, &[5, AF_INET6, 1000]),
    (11, READ, &[5]),
    (11, HAS_READ, &[30]),
    (11, WRITE, &[5]),
    (11, WRITTEN, &[100]),
    (11, READ, &[5]),
    (11, HAS_READ, &[30]),
    (11, WRITE, &[5]),
    (11, WRITTEN, &[100]),
    (11, CLOSE, &[5]),
    (11, CLOSED, &[0]),
    (21, ACCEPTED, &[5, AF_INET6, 1000]),
    (21, READ, &[5]),
    (21, HAS_READ, &[30]),
    (21, WRITE, &[5]),
    (21, WRITTEN, &[100]),
    (21, CLOSE, &[5]),
    (21, CLOSED, &[0]),
];

#[test]
fn each_exchange_gets_the_line_that_began_in_it() {
    let mut all = requests(&EXCHANGE, &TWO_CONNECTIONS);
    let times: Vec<(i64, i64)> = all.iter().map(|r| (r.start / MS, r.end / MS)).collect();
    assert_eq!(times, [(2, 4), (6, 8), (13, 15)]);
    // Lines are written when a request ends, so the order of a log is another than that of the begins.
    let lines = [
        line(13 * MS + 9_000, 1000, 2, "c"),
        line(6 * MS + 40_000, 1000, 1, "b"),
        line(2 * MS, 1000, 1, "a"),
    ];
    let (found, tally) = given(&mut all, &lines);
    assert_eq!(found, [one("a"), one("b"), one("c")]);
    let expected = Tally {
        lines: 3,
        matched: 3,
        with_one: 3,
        ..Tally::default()
    };
    assert_eq!(tally, expected);
    let logged = all[1].logged.as_ref().unwrap().only.as_ref().unwrap();
    assert_eq!(
        (logged.begin, logged.status, logged.bytes),
        (6 * MS + 40_000, Some(200), 6)
    );
    assert_eq!(logged.method.as_deref(), Some("GET"));
}

#[test]
fn other_times_ports_and_processes_are_of_other_requests() {
    for wrong in [
        line(5 * MS, 1000, 1, "between"),
        line(6 * MS - 100_001, 1000, 1, "too early"),
        line(8 * MS + 1, 1000, 1, "after the response"),
        line(7 * MS, 1001, 1, "another port"),
        line(7 * MS, 1000, 2, "another process"),
    ] {
        let mut all = requests(&EXCHANGE, &TWO_CONNECTIONS);
        let (found, tally) = given(&mut all, std::slice::from_ref(&wrong));
        assert_eq!(found, [NONE, NONE, NONE], "{wrong:?}");
        assert_eq!((tally.lines, tally.matched, tally.with_none), (1, 0, 3));
    }
    // The clock of the log may be a little behind.
    let mut all = requests(&EXCHANGE, &TWO_CONNECTIONS);
    let (found, _) = given(&mut all, &[line(6 * MS - 100_000, 1000, 1, "b")]);
    assert_eq!(found, [NONE, one("b"), NONE]);
}

#[test]
fn several_lines_are_counted_and_none_is_chosen() {
    let lines = [
        line(2 * MS, 1000, 1, "a"),
        line(3 * MS, 1000, 1, "b"),
        line(7 * MS, 1000, 1, "c"),
    ];
    // A client that sends the next request before it has the response to the one before.
    let mut all = requests(&EXCHANGE, &TWO_CONNECTIONS);
    let (found, tally) = given(&mut all, &lines);
    assert_eq!(found, [(2, None), one("c"), NONE]);
    let of_requests = (tally.with_one, tally.with_several, tally.with_none);
    assert_eq!((tally.matched, of_requests), (3, (1, 1, 1)));
    // A request that is a whole connection.
    let mut all = requests(&CONNECTION, &TWO_CONNECTIONS);
    assert_eq!(given(&mut all, &lines).0, [(3, None), NONE]);
    let mut all = requests(&CONNECTION, &TWO_CONNECTIONS);
    assert_eq!(given(&mut all, &lines[1..2]).0, [one("b"), NONE]);
}

#[test]
fn a_line_is_given_once() {
    // Less than the tolerance lies between these two, of the same connection.
    let mut all = requests(&EXCHANGE, &TWO_CONNECTIONS);
    all[1].start = all[0].end + 50_000;
    let in_both = line(4 * MS - 10_000, 1000, 1, "a");
    let (found, tally) = given(&mut all, &[in_both]);
    assert_eq!((found, tally.matched), (vec![one("a"), NONE, NONE], 1));
}

/// A connection whose accept does not tell the client, in a process whose first thread serves, or another.
fn unknown_client(first_thread: bool) -> Vec<Request> {
    let mut all = requests(&EXCHANGE, &TWO_CONNECTIONS);
    for r in &mut all {
        r.client = (None, None);
        r.pid = r.tid + i32::from(!first_thread);
    }
    all
}

#[test]
fn without_a_client_a_process_that_serves_one_connection_at_a_time_will_do() {
    let lines = [
        line(3 * MS, 1000, 11, "a"),
        line(7 * MS, 1001, 22, "of another process"),
        line(14 * MS, 1002, 21, "c"),
    ];
    let (found, _) = given(&mut unknown_client(true), &lines);
    assert_eq!(found, [one("a"), NONE, one("c")]);
    let (found, _) = given(&mut unknown_client(false), &lines);
    assert_eq!(found, [NONE, NONE, NONE]);
}

#[test]
fn lines_say_what_apache_was_asked() {
    // As Apache 2.4.71 wrote them in this format.
    let all = [
        (
            r#"sysds1 1795987674968892 391 127.0.0.1 42574 22289 0 200 6 "GET /a.html?x=1&y=%22q%20 HTTP/1.1""#,
            Some(("GET", "/a.html?x=1&y=%22q%20")),
        ),
        (
            r#"sysds1 1795987830439982 242 127.0.0.1 38210 5074 0 404 236 "GET /a\"\\x\xc3\xb6?q=\"1\" HTTP/1.1""#,
            Some(("GET", "/a\"\\x\u{f6}?q=\"1\"")),
        ),
        (
            r#"sysds1 1795987830440632 101 127.0.0.1 38232 5073 0 200 6 "GET /a.html""#,
            Some(("GET", "/a.html")),
        ),
        (
            r#"sysds1 1795987833487651 23 127.0.0.1 38328 5072 0 200 0 "OPTIONS * HTTP/1.1""#,
            Some(("OPTIONS", "*")),
        ),
        (
            r#"sysds1 1795987830440388 76 127.0.0.1 38226 5075 0 400 266 "GET /a b""#,
            None,
        ),
        (
            r#"sysds1 1795987830439136 264 127.0.0.1 38188 5071 0 400 266 "GARB\"\\\x01AGE""#,
            None,
        ),
        (
            r#"sysds1 1795987830440978 18 127.0.0.1 38254 5071 0 400 266 "\x16\x03\x01""#,
            None,
        ),
        (
            r#"sysds1 1795987830440978 -18 ::1 38254 5071 3 - 0 "-""#,
            None,
        ),
    ];
    for (text, said) in all {
        let line = parse(text.as_bytes()).unwrap();
        let request = line.request.as_ref();
        let request = request.map(|r| (r.method.as_str(), r.url.as_str()));
        assert_eq!(request, said, "{text}");
    }
    let line = parse(all[0].0.as_bytes()).unwrap();
    assert_eq!(line.begin, 1_795_987_674_968_892_000);
    assert_eq!(line.client, ("127.0.0.1".parse().unwrap(), 42574));
    assert_eq!((line.pid, line.status, line.bytes), (22289, Some(200), 6));
    assert_eq!(parse(all[7].0.as_bytes()).unwrap().status, None);
    // A client of the local link, and one that comes by IPv4 to a socket of IPv6.
    let from = |address: &str| {
        let text = all[0].0.replace("127.0.0.1", address);
        parse(text.as_bytes()).map(|line| line.client.0.to_string())
    };
    assert_eq!(from("fe80::1%eth0").as_deref(), Ok("fe80::1"));
    assert_eq!(from("::ffff:192.0.2.7").as_deref(), Ok("192.0.2.7"));
    assert!(from("web01").is_err());
}

#[test]
fn what_is_of_another_format_is_named_with_its_place() {
    let good = r#"sysds1 1795987674968892 391 127.0.0.1 42574 22289 0 200 6 "GET / HTTP/1.1""#;
    assert!(parse(good.as_bytes()).is_ok());
    for (from, to, at) in [
        ("sysds1", "sysds2", 0),
        ("sysds1 ", "", 0),
        (" 1795987674968892", " 1795987674968892.5", 7),
        (" 1795987674968892", " +795987674968892", 7),
        (" 1795987674968892", " 9223372036854775807", 7),
        (" 42574", " 65536", 38),
        (" 22289", " ", 44),
        (" 200", " 2000", 52),
        (" 6 ", " - ", 56),
        ("\"GET", "GET", 58),
        ("1.1\"", "1.1\" \"curl/7.88\"", 58),
        ("1.1\"", "1.1", 58),
        ("GET", "G\\ET", 58),
    ] {
        let text = good.replace(from, to);
        let wrong = parse(text.as_bytes()).unwrap_err();
        assert_eq!(wrong.at, at, "{text}: {}", wrong.what);
    }
}

fn read(text: &[u8]) -> crate::error::Result<AccessLog> {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text).unwrap();
    std::io::Seek::rewind(&mut file).unwrap();
    AccessLog::read(file, Path::new("r/access.log"))
}

#[test]
fn a_log_is_read_up_to_a_line_that_was_cut_off() {
    let good = "sysds1 1795987674968892 391 127.0.0.1 42574 22289 0 200 6 \"GET / HTTP/1.1\"\n";
    let tally = |text: String| {
        let tally = read(text.as_bytes()).unwrap().tally();
        (tally.lines, tally.cut_off)
    };
    assert_eq!(tally(String::new()), (0, false));
    assert_eq!(tally(good.repeat(3)), (3, false));
    assert_eq!(tally(format!("{good}{}", &good[..30])), (1, true));
    let e = read(format!("{good}GET / HTTP/1.1\n").as_bytes())
        .err()
        .unwrap();
    assert!(e.to_string().starts_with("r/access.log, line 2"), "{e}");
    assert!(e.remedy().contains(LOG_FORMAT), "{}", e.remedy());
    let e = read(&vec![b'x'; MAX_LINE + 1]).err().unwrap();
    assert!(e.to_string().contains("a line of more than"), "{e}");
    assert!(read(&[good.as_bytes(), b"\xff\n"].concat()).is_err());
}

#[test]
fn the_format_is_documented_as_it_is_read() {
    assert!(include_str!("../../docs/guide/record.md").contains(LOG_FORMAT));
}
