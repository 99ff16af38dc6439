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

/// In the order in which they go before one another.
static FORMS: LazyLock<Regex> = LazyLock::new(|| {
    let forms = [
        r"(?<other>[A-Za-z][A-Za-z0-9+.-]*://[^ \t]+",
        r"[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+",
        r"~[A-Za-z_][A-Za-z0-9_.-]*",
        r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2})",
        r"(?<address>[0-9]{1,3}(?:\.[0-9]{1,3}){3}|[0-9A-Fa-f]*:[0-9A-Fa-f:]*:[0-9A-Fa-f.:]*)",
        r"(?:^|[ \t=,;:'(\[])(?<path>(?:/[A-Za-z0-9_.+-]+){2,}/?)",
    ];
    Regex::new(&forms.join("|")).expect("a pattern")
});

/// A text taken apart: the parts that have such a form, and what stands between them. All parts together are the text.
pub(super) fn parts(text: &str) -> Vec<(Option<Form>, &str)> {
    let mut parts = Vec::new();
    let mut done = 0;
    for found in FORMS.captures_iter(text) {
        let named = ["other", "address", "path"].map(|name| found.name(name));
        let (form, place) = match named {
            [Some(other), ..] => (Some(Form::Other), other),
            [_, Some(address), _] => match address.as_str().parse() {
                Ok(parsed) if !is_in_a_name(text, address.range()) => {
                    (Some(Form::Address(parsed)), address)
                }
                _ => continue,
            },
            [.., Some(path)] => (Some(Form::Path), path),
            _ => continue,
        };
        parts.push((None, &text[done..place.start()]));
        parts.push((form, place.as_str()));
        done = place.end();
    }
    parts.push((None, &text[done..]));
    parts.retain(|(_, part)| !part.is_empty());
    parts
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
        for plain in [
            "kworker/0:1-events",
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
