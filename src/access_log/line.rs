//! A line of the log: what it says, or what is wrong with it.

use super::escapes::{text, unescaped};
use std::net::IpAddr;
use std::str::FromStr;

/// The word that begins each line, with the version of the format.
const FORMAT: &str = "sysds1";

/// What a line says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ParsedLine {
    /// When Apache had read the request line, nanoseconds since the Unix epoch; known to the microsecond.
    pub begin: i64,
    /// The client's end of the connection; an IPv4 address that is mapped into IPv6 as IPv4.
    pub client: (IpAddr, u16),
    /// The process that served it.
    pub pid: i32,
    /// The status, where there is one.
    pub status: Option<i32>,
    /// Bytes of the response's body.
    pub bytes: i64,
    /// The request line, where it is one of HTTP.
    pub request: Option<RequestLine>,
}

/// The first line of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RequestLine {
    /// The method.
    pub method: String,
    /// The URL as the client sent it, with its query.
    pub url: String,
}

/// What is wrong with a line, and at which of its bytes, from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Malformed {
    /// In words.
    pub what: String,
    /// Where.
    pub at: usize,
}

/// Reads a line, without its end.
///
/// # Errors
/// [`Malformed`] where it is not of the [format](super::format::LOG_FORMAT).
pub(crate) fn parse(line: &[u8]) -> Result<ParsedLine, Malformed> {
    let mut words = Words { line, at: 0 };
    if words
        .next("the word of the format", |word| {
            (word == FORMAT).then_some(())
        })
        .is_err()
    {
        return Err(words.malformed(format!("it does not begin with {FORMAT}")));
    }
    let begin = words.next("when the request began", |word| {
        number::<i64>(word)?.checked_mul(1000)
    })?;
    // A clock that is set back meanwhile makes it negative.
    words.next("how long it took", |word| {
        number::<i64>(word.strip_prefix('-').unwrap_or(word))
    })?;
    let address = words.next("the client's address", address)?;
    let port = words.next("the client's port", number::<u16>)?;
    let pid = words.next("the process", number::<i32>)?;
    words.next("the requests before it", number::<u32>)?;
    let status = words.next("the status", |word| match word {
        "-" => Some(None),
        word => number::<u16>(word).filter(|s| *s < 1000).map(Some),
    })?;
    let bytes = words.next("the bytes of the response", number::<i64>)?;
    let request = words.quoted()?;
    Ok(ParsedLine {
        begin,
        client: (address, port),
        pid,
        status: status.map(i32::from),
        bytes,
        request: request_line(&request),
    })
}

/// A number of digits only.
fn number<N: FromStr>(word: &str) -> Option<N> {
    let digits = word.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| word.parse().ok())?
}

/// An address, perhaps with the zone of a link.
fn address(word: &str) -> Option<IpAddr> {
    let bare = word.split_once('%').map_or(word, |(address, _)| address);
    let address: IpAddr = bare.parse().ok()?;
    Some(address.to_canonical())
}

/// The words of a line, one after the other.
struct Words<'a> {
    line: &'a [u8],
    at: usize,
}

impl Words<'_> {
    fn malformed(&self, what: impl Into<String>) -> Malformed {
        Malformed {
            what: what.into(),
            at: self.at,
        }
    }

    /// The next word, and the space behind it.
    fn next<T>(
        &mut self,
        what: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Malformed> {
        let rest = &self.line[self.at..];
        let end = rest.iter().position(|b| *b == b' ');
        let word = end.and_then(|end| std::str::from_utf8(&rest[..end]).ok());
        let read = word.and_then(read);
        let read = read.ok_or_else(|| self.malformed(format!("{what} is expected")))?;
        self.at += end.map_or(0, |end| end + 1);
        Ok(read)
    }

    /// What stands between quotes to the end of the line, without its escapes.
    fn quoted(&mut self) -> Result<Vec<u8>, Malformed> {
        let rest = &self.line[self.at..];
        let inside = rest.strip_prefix(b"\"");
        let inside = inside.and_then(|rest| rest.strip_suffix(b"\""));
        let plain = inside.and_then(unescaped);
        plain.ok_or_else(|| self.malformed("the request line in quotes is expected"))
    }
}

/// Method and URL of a request line: `METHOD URL HTTP/…`, or without the version, as in HTTP/0.9. Clients send other things
/// than HTTP, too.
fn request_line(sent: &[u8]) -> Option<RequestLine> {
    let mut words = sent.split(|b| *b == b' ');
    let (method, url) = (words.next()?, words.next()?);
    let version = words.next();
    if words.next().is_some() || version.is_some_and(|v| !v.starts_with(b"HTTP/")) {
        return None;
    }
    let is_token = |b: &u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(b);
    let is_method = !method.is_empty() && method.iter().all(is_token);
    (is_method && !url.is_empty()).then(|| RequestLine {
        method: text(method),
        url: text(url),
    })
}
