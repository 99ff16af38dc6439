//! Sizes as users write them, for every option that takes one.
//!
//! `K`, `M`, `G` and `T` alone are powers of 1024, as in dd(1), sort(1) and LTTng; so are `KiB`, `MiB`, `GiB`, `TiB`. `KB`, `MB`,
//! `GB`, `TB` are powers of 1000. The case does not matter, and fractions may be written where whole bytes come out.

/// Digits behind the point that are read.
const DIGITS: usize = 12;

/// A number of bytes, at least one.
pub(super) fn bytes(text: &str) -> Result<u64, String> {
    match parsed(text).map(u64::try_from) {
        Some(Ok(bytes)) if bytes > 0 => Ok(bytes),
        Some(Err(_)) => Err("too large: more than 16,777,215T".to_owned()),
        _ => Err(
            "write a whole number of bytes: 65536, 512M or 512MiB (powers of 1024), 500MB (of 1000)"
                .to_owned(),
        ),
    }
}

/// A number of bytes of memory.
pub(super) fn memory(text: &str) -> Result<usize, String> {
    usize::try_from(bytes(text)?).map_err(|e| e.to_string())
}

/// The bytes, or more than 64 bits have where it is more.
fn parsed(text: &str) -> Option<u128> {
    let end = text.find(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let (number, unit) = text.split_at(end.unwrap_or(text.len()));
    let unit = unit_of(unit.trim_start())?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > DIGITS {
        return None;
    }
    let scale = 10u128.pow(fraction.len() as u32);
    let parts = u128::from(fraction.parse::<u64>().ok()?) * u128::from(unit);
    let most = u128::from(u64::MAX);
    let whole = whole.parse::<u64>().map_or(most + 1, u128::from);
    let whole = whole.saturating_mul(u128::from(unit));
    (parts % scale == 0).then(|| whole.saturating_add(parts / scale))
}

fn unit_of(text: &str) -> Option<u64> {
    let text = text.to_ascii_lowercase();
    let power = |base: u64, letter: &str| {
        let exponent = ["", "k", "m", "g", "t"].iter().position(|l| *l == letter)?;
        base.checked_pow(exponent as u32)
    };
    match text.strip_suffix('b') {
        Some("") => Some(1),
        Some(prefix) => match prefix.strip_suffix('i') {
            Some(letter) => power(1024, letter).filter(|_| !letter.is_empty()),
            None => power(1000, prefix),
        },
        None => power(1024, text.strip_suffix('i').unwrap_or(&text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        for (text, expected) in [
            ("17", 17),
            ("17B", 17),
            ("4096", 4096),
            ("512k", 512 << 10),
            ("4M", 4 << 20),
            ("2G", 2 << 30),
            ("1T", 1 << 40),
            ("4MiB", 4 << 20),
            ("4Mi", 4 << 20),
            ("500MB", 500_000_000),
            ("1.5 GB", 1_500_000_000),
            ("1.5K", 1536),
            ("0.5kb", 500),
        ] {
            assert_eq!(bytes(text), Ok(expected), "{text}");
        }
        for wrong in [
            "",
            "0",
            "MB",
            "5 parsecs",
            "-1",
            "99999999999G",
            "1.0001K",
            "many",
            ".5K",
            "1.K",
            "iB",
            "1 iB",
            "1e3",
            "1.5",
            "+1",
        ] {
            assert!(bytes(wrong).is_err(), "{wrong}");
        }
        for large in [
            "99999999999G",
            "18446744073709551616",
            "99999999999999999999999T",
        ] {
            let e = bytes(large).unwrap_err();
            assert!(e.starts_with("too large"), "{large}: {e}");
        }
        assert_eq!(bytes("18446744073709551615"), Ok(u64::MAX));
        assert_eq!(memory("512MB"), Ok(512_000_000));
    }
}
