//! What holds for all rules, on small made-up traces.

use super::made_up::*;
use crate::requests::*;
use crate::trace::event::{Loss, bare_names};

#[test]
fn time_goes_to_what_the_scheduler_did() {
    let r = one(&[
        (11, ACCEPTED, &[5, AF_INET, 1]),
        (11, READ, &[5]),
        (11, SWITCH, &[11, 1, 0]),
        (0, SWITCH, &[0, 0, 77]),
        (77, WAKING, &[11]),
        (77, SWITCH, &[77, 1, 11]),
        (11, HAS_READ, &[9]),
        (11, SWITCH, &[11, 256, 77]),
        (77, SWITCH, &[77, 1, 11]),
        (11, SWITCH, &[11, 2, 0]),
        (0, WAKING, &[11]),
        (0, SWITCH, &[0, 0, 11]),
        (11, CLOSE, &[5]),
        (11, CLOSED, &[0]),
    ]);
    let t = r.times.unwrap();
    assert_eq!((t.on_cpu, t.runnable), (20 + 20 + 10 + 20, 10 + 10 + 10));
    assert_eq!((t.blocked, t.unattended), (20 + 10, 0));
    let names = bare_names(&classes()).0;
    let by_call: Vec<_> = t
        .by_call
        .iter()
        .map(|(c, ns)| (c.map(|c| names[c as usize].as_str()), *ns))
        .collect();
    assert_eq!(by_call, [(Some("read"), 20), (None, 10)]);
}

#[test]
fn a_loss_marks_the_requests_whose_time_it_overlaps() {
    let events: [Event; 9] = [
        (11, ACCEPTED, &[5, AF_INET, 1]),
        (11, CLOSE, &[5]),
        (11, CLOSED, &[0]),
        (21, ACCEPTED, &[5, AF_INET, 1]),
        (21, CLOSE, &[5]),
        (21, CLOSED, &[0]),
        (31, ACCEPTED, &[5, AF_INET, 1]),
        (31, CLOSE, &[5]),
        (31, CLOSED, &[0]),
    ];
    let marks = |end| -> Vec<(u64, bool)> {
        let loss = Loss {
            stream: String::new(),
            cpu: None,
            begin: Some(30),
            end,
            events: Some(9),
            packets: None,
        };
        let requests = cut_with(options(&CONNECTION), &events, &[loss]);
        let marks = requests.iter().map(|r| (r.lost_events, r.complete()));
        marks.collect()
    };
    let (whole, touched) = ((0, true), (9, false));
    assert_eq!(marks(Some(40)), [whole, touched, whole]);
    assert_eq!(marks(None), [whole, touched, touched]);
}

#[test]
fn a_request_carries_so_many_events_and_counts_the_rest() {
    let mut events: Vec<Event> = vec![(11, ACCEPTED, &[5, AF_INET, 1])];
    events.extend([(11, WAKING, &[1i64][..]); 9]);
    let nested = |max_nested, max_bytes| {
        let few = RuleOptions {
            max_nested,
            max_bytes,
            ..options(&CONNECTION)
        };
        let requests = cut_with(few, &events, &[]);
        (requests[0].nested.len(), requests[0].n_events)
    };
    assert_eq!(nested(3, 1 << 20), (3, 10));
    assert_eq!(nested(100, 10), (0, 10));
}

/// Whatever happens, in whatever order: parts add up, and no event is in two requests.
#[test]
fn random_traces_keep_the_properties() {
    let mut seed = 1u64;
    let mut random = move |n: usize| {
        seed = seed
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        (seed >> 33) as usize % n
    };
    let (mut connections, mut exchanges) = (0, 0);
    for _ in 0..500 {
        let mut args: Vec<(i32, &str, Vec<i64>)> = Vec::new();
        let mut within = std::collections::HashMap::new();
        for _ in 0..200 {
            let tid = [11, 12, 21, 22][random(4)];
            // Mostly what has begun goes on to its end.
            let class = match within.remove(&tid) {
                Some(entry) if random(5) > 0 => entry + 1,
                _ => random(CLASSES.len()),
            };
            let (name, fields) = CLASSES[class];
            let next = CLASSES.get(class + 1).map_or("", |c| c.0);
            if name.replace("_entry_", "_exit_") == next {
                within.insert(tid, class);
            }
            let values = fields.iter().map(|f| match *f {
                "prev_tid" => i64::from(tid),
                "tid" | "next_tid" => [11, 12, 21, 22][random(4)],
                "family" => [1, AF_INET][random(2)],
                "type" => 1,
                "flags" => [0, 0x400, 0x10000, 0o2_000_000, 6][random(5)],
                "cmd" => [0, 2, 1030][random(3)],
                "max_fd" => 100,
                _ => random(8) as i64 - 1,
            });
            args.push((tid, name, values.collect()));
        }
        let events: Vec<Event> = args.iter().map(|(t, n, a)| (*t, *n, &a[..])).collect();
        connections += cut(&CONNECTION, &events).len();
        exchanges += cut(&EXCHANGE, &events).len();
        cut(&HTTPD, &events);
        cut(&FIRST_CLOSE, &events);
    }
    assert!(
        connections > 1000 && exchanges > 30,
        "{connections} {exchanges}"
    );
}
