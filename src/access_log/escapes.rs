//! Apache's escapes (`ap_escape_logitem`), undone: what stands between the quotes of a line is what the client sent.

/// The bytes that `text`, which stands between quotes, was written for; `None` where it has an escape that Apache does not
/// write, or a quote of its own.
pub(super) fn unescaped(text: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, after @ ..] = rest {
        rest = after;
        match first {
            b'"' => return None,
            b'\\' => {
                let (byte, after) = escape(rest)?;
                plain.push(byte);
                rest = after;
            }
            byte => plain.push(*byte),
        }
    }
    Some(plain)
}

/// The byte that an escape stands for, after its backslash, and what follows.
fn escape(text: &[u8]) -> Option<(u8, &[u8])> {
    let (kind, rest) = text.split_first()?;
    let byte = match kind {
        b'\\' | b'"' => *kind,
        b'b' => 0x08,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 0x0b,
        b'x' => {
            let (digits, rest) = rest.split_at_checked(2)?;
            let value = |digit: u8| (digit as char).to_digit(16);
            let byte = value(digits[0])? * 16 + value(digits[1])?;
            return Some((byte as u8, rest));
        }
        _ => return None,
    };
    Some((byte, rest))
}

/// Bytes as a text: those that are not UTF-8 become `%XX`, which is how a URL has them.
pub(super) fn text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        for byte in chunk.invalid() {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_comes_back() {
        // What Apache 2.4 wrote for a line with these bytes.
        let written = br#"GET /a\"\\x\xc3\xb6\t\x01?q=\"1\" HTTP/1.1"#;
        let sent = b"GET /a\"\\x\xc3\xb6\t\x01?q=\"1\" HTTP/1.1";
        assert_eq!(unescaped(written).as_deref(), Some(&sent[..]));
        for wrong in [&b"a\"b"[..], b"\\", b"\\q", b"\\x1", b"\\xgg", b"\\x"] {
            assert_eq!(unescaped(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn what_is_no_utf_8_is_as_in_a_url() {
        assert_eq!(text(b"/n\xc3\xb6\xff\xc3"), "/n\u{f6}%FF%C3");
    }
}
