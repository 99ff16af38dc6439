//! What in a text has the form of something that tells of a person or a machine, whatever the text is for: addresses,
//! mail addresses, URLs, home directories, file names.

use regex::Regex;
use std::net::IpAddr;
use std::ops::Range;
use std::sync::LazyLock;

/// What a part of a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// An address of the internet protocols.
    Address(IpAddr),
    /// The name of a file, with a directory.
    Path,
    /// A URL, a mail address, `~user`, an address of a network card.
    Other,
}

/// In the order in which they go before one another. What stands before a file name is no part of it; a file name may have
/// letters of any script. Windows' names are those that Wine's programs have.
static FORMS: LazyLock<Regex> = LazyLock::new(|| {
    let forms = [
        r"(?<other>[A-Za-z][A-Za-z0-9+.-]*://\S+",
        r"[\p{L}\p{M}\p{N}._%+-]+@[\p{L}\p{M}\p{N}.-]+",
        r"~[\p{L}_][\p{L}\p{M}\p{N}_.-]*",
        r"(?:[0-9A-Fa-f]{1,2}[:-]){5,}[0-9A-Fa-f]{1,2}",
        r"[0-9A-Fa-f]{4}(?:\.[0-9A-Fa-f]{4}){2,}",
        r"(?i:(?-u:\b)ip-)[0-9]{1,3}(?:-[0-9]{1,3}){3}",
        r#"[A-Za-z]:\\[^\s"']+|\\\\[^\s\\"']+\\[^\s"']+)"#,
        r"|(?<numbers>[0-9]+(?:\.[0-9]+){3,})",
        r"|(?<address>(?:[0-9A-Fa-f]{0,4}:){2,7}(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]{0,4}))",
        r#"|(?:^|[^\p{L}\p{M}\p{N}_./-])(?<path>(?:/+[^\s/"'`<>()\[\]{}|,;:=&?*\\]+){2,}/?)"#,
    ];
    let [other @ .., numbers, address, path] = &forms;
    let other = other.join("|");
    Regex::new(&format!("{other}{numbers}{address}{path}")).expect("a pattern")
});

/// A text taken apart: the parts that have such a form, and what stands between them. All parts together are the text.
pub(super) fn parts(text: &str) -> Vec<(Option<Form>, &str)> {
    let mut parts = Vec::new();
    let (mut done, mut from) = (0, 0);
    while let Some(found) = FORMS.captures_at(text, from) {
        let named = ["other", "numbers", "address", "path"].map(|name| found.name(name));
        let (form, place) = match named {
            [Some(other), ..] => (Some(Form::Other), other),
            [_, Some(numbers), ..] => (numbers_as(numbers.as_str()), numbers),
            [_, _, Some(address), _] => {
                let parsed = address.as_str().parse().ok();
                let parsed = parsed.filter(|_| !is_in_a_name(text, address.range()));
                (parsed.map(Form::Address), address)
            }
            [.., Some(path)] => (Some(Form::Path), path),
            _ => break,
        };
        if form.is_none() {
            // Something may begin within what is none: an address behind `x:1:`. All that can fail begins with ASCII.
            from = match named {
                [_, Some(numbers), ..] => numbers.end(),
                _ => place.start() + 1,
            };
            continue;
        }
        parts.push((None, &text[done..place.start()]));
        parts.push((form, place.as_str()));
        (done, from) = (place.end(), place.end());
    }
    parts.push((None, &text[done..]));
    parts.retain(|(_, part)| !part.is_empty());
    parts
}

/// What numbers with dots between them are: four that each fit a byte, with zeros before them or not, are an address. Of
/// more numbers nobody knows which four would be.
fn numbers_as(text: &str) -> Option<Form> {
    let all: Vec<Option<u8>> = text.split('.').map(|n| n.parse().ok()).collect();
    let bytes: Option<Vec<u8>> = all.iter().copied().collect();
    match bytes.and_then(|bytes| <[u8; 4]>::try_from(bytes).ok()) {
        Some(bytes) => Some(Form::Address(IpAddr::from(bytes))),
        None => {
            let is_address = |four: &[Option<u8>]| four.iter().all(Option::is_some);
            let found = all.windows(4).any(is_address);
            found.then_some(Form::Other)
        }
    }
}

/// Whether what could be an address is the middle of a name in code: `d::` in `mysqld::main`. With a digit in it, it is
/// taken for an address.
fn is_in_a_name(text: &str, place: Range<usize>) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let before = text[..place.start].chars().next_back();
    let after = text[place.end..].chars().next();
    let digits = text[place].contains(|c: char| c.is_ascii_digit());
    !digits && (is_word(before) || is_word(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<&str> {
        let parts = parts(text);
        let whole: String = parts.iter().map(|(_, part)| *part).collect();
        assert_eq!(whole, text);
        let found = parts.into_iter().filter(|(form, _)| form.is_some());
        found.map(|(_, part)| part).collect()
    }

    #[test]
    fn what_tells_of_persons_and_machines_is_found_in_any_text() {
        assert_eq!(
            found("GET http://shop/alice?x=1 HTTP"),
            ["http://shop/alice?x=1"]
        );
        assert_eq!(found("to alice@example.org now"), ["alice@example.org"]);
        assert_eq!(found("cd ~alice/x"), ["~alice"]);
        assert_eq!(
            found("from 10.1.2.3:80 and fe80::1"),
            ["10.1.2.3", "fe80::1"]
        );
        assert_eq!(found("mac 52:54:00:12:34:56"), ["52:54:00:12:34:56"]);
        assert_eq!(found("log=/srv/alice/log"), ["/srv/alice/log"]);
        for (text, expected) in [
            ("web01:1:10.0.0.5", &["10.0.0.5"][..]),
            ("fpm:1:10.0.0.5", &["10.0.0.5"]),
            ("db:0:10.1.2.3", &["10.1.2.3"]),
            ("1:10.20.30.40:2:3", &["10.20.30.40"]),
            ("at 010.001.002.3", &["010.001.002.3"]),
            ("from 1.10.2.3.4", &["1.10.2.3.4"]),
            ("::ffff:10.9.8.7x", &["::ffff:10.9.8.7"]),
            ("ip-10-0-0-5", &["ip-10-0-0-5"]),
            ("/srv/ünal/x", &["/srv/ünal/x"]),
            (r#"{"f":"/srv/al/x"}"#, &["/srv/al/x"]),
            ("<`/srv/al/x`>", &["/srv/al/x"]),
            ("to ünal@bücher.example", &["ünal@bücher.example"]),
            ("~ünal", &["~ünal"]),
            ("EUI 00:11:22:33:44:55:66:77", &["00:11:22:33:44:55:66:77"]),
            ("0:11:22:3:44:5", &["0:11:22:3:44:5"]),
            ("0011.2233.4455", &["0011.2233.4455"]),
            (r"C:\Users\alice", &[r"C:\Users\alice"]),
            (r"\\srv\alice", &[r"\\srv\alice"]),
        ] {
            assert_eq!(found(text), expected, "{text}");
        }
        // What is none is looked at once more behind its first letter, but only so far.
        assert!(found(&":".repeat(50_000)).len() < 2);
        for plain in [
            "kworker/0:1-events",
            "12:34:56",
            "2.13.9",
            "300.400.500.600",
            "apache2",
            "ksoftirqd/1",
            "mysqld::main",
            "6.1.0-50-amd64",
            "rcu_sched",
        ] {
            assert!(found(plain).is_empty(), "{plain}");
        }
    }
}
