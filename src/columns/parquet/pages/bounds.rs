//! The least and the greatest value of a page or a column: what readers skip by.
//!
//! The rules are those of the format (parquet.thrift, `ColumnOrder` and `Statistics`): NaN is not compared, a zero stands for
//! both zeros, texts may be cut where that keeps them bounds.

use parquet::data_type::ByteArray;
use parquet::file::statistics::{Statistics, ValueStatistics};

/// Bytes of a text that are told.
const LONGEST: usize = 64;

/// The least and the greatest of some values.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Bounds {
    Bool(bool, bool),
    Int(i32, i32),
    Long(i64, i64),
    /// Numbers whose type is unsigned.
    Unsigned(u64, u64),
    Double(f64, f64),
    Bytes(Vec<u8>, Vec<u8>),
}

/// What texts are: it decides where they may be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Texts {
    Utf8,
    Binary,
}

impl Bounds {
    /// Widens them to those of more values.
    pub(super) fn widen(&mut self, other: &Bounds) {
        match (self, other) {
            (Bounds::Bool(a, b), Bounds::Bool(c, d)) => (*a, *b) = ((*a).min(*c), (*b).max(*d)),
            (Bounds::Int(a, b), Bounds::Int(c, d)) => (*a, *b) = ((*a).min(*c), (*b).max(*d)),
            (Bounds::Long(a, b), Bounds::Long(c, d)) => (*a, *b) = ((*a).min(*c), (*b).max(*d)),
            (Bounds::Unsigned(a, b), Bounds::Unsigned(c, d)) => {
                (*a, *b) = ((*a).min(*c), (*b).max(*d));
            }
            (Bounds::Double(a, b), Bounds::Double(c, d)) => (*a, *b) = (a.min(*c), b.max(*d)),
            (Bounds::Bytes(a, b), Bounds::Bytes(c, d)) => {
                if c < a {
                    a.clone_from(c);
                }
                if d > b {
                    b.clone_from(d);
                }
            }
            _ => unreachable!("a column has one type"),
        }
    }

    /// Whether neither bound is below that of `before`.
    pub(super) fn not_below(&self, before: &Bounds) -> bool {
        match (self, before) {
            (Bounds::Bool(a, b), Bounds::Bool(c, d)) => a >= c && b >= d,
            (Bounds::Int(a, b), Bounds::Int(c, d)) => a >= c && b >= d,
            (Bounds::Long(a, b), Bounds::Long(c, d)) => a >= c && b >= d,
            (Bounds::Unsigned(a, b), Bounds::Unsigned(c, d)) => a >= c && b >= d,
            (Bounds::Double(a, b), Bounds::Double(c, d)) => a >= c && b >= d,
            (Bounds::Bytes(a, b), Bounds::Bytes(c, d)) => a >= c && b >= d,
            _ => unreachable!("a column has one type"),
        }
    }

    /// As readers are told them: long texts are cut.
    pub(super) fn told(&self, texts: Texts) -> Bounds {
        match self {
            Bounds::Bytes(a, b) => Bounds::Bytes(lower(a, texts).0, upper(b, texts).0),
            numbers => numbers.clone(),
        }
    }

    /// As the page index has them.
    pub(super) fn encoded(&self) -> (Vec<u8>, Vec<u8>) {
        match self {
            Bounds::Bool(a, b) => (vec![u8::from(*a)], vec![u8::from(*b)]),
            Bounds::Int(a, b) => (a.to_le_bytes().to_vec(), b.to_le_bytes().to_vec()),
            Bounds::Long(a, b) => (a.to_le_bytes().to_vec(), b.to_le_bytes().to_vec()),
            Bounds::Unsigned(a, b) => (a.to_le_bytes().to_vec(), b.to_le_bytes().to_vec()),
            Bounds::Double(a, b) => (a.to_le_bytes().to_vec(), b.to_le_bytes().to_vec()),
            Bounds::Bytes(a, b) => (a.clone(), b.clone()),
        }
    }
}

/// The statistics of a column chunk whose values have these bounds, for values like `kind`.
pub(super) fn statistics(
    kind: Kind,
    bounds: Option<&Bounds>,
    nulls: u64,
    texts: Texts,
) -> Statistics {
    let nulls = Some(nulls);
    match (kind, bounds) {
        (Kind::Bool, Some(Bounds::Bool(a, b))) => {
            ValueStatistics::new(Some(*a), Some(*b), None, nulls, false).into()
        }
        (Kind::Bool, _) => ValueStatistics::<bool>::new(None, None, None, nulls, false).into(),
        (Kind::Int, Some(Bounds::Int(a, b))) => signed(Some(*a), Some(*b), nulls),
        (Kind::Int, _) => signed::<i32>(None, None, nulls),
        (Kind::Long, Some(Bounds::Long(a, b))) => signed(Some(*a), Some(*b), nulls),
        (Kind::Long, _) => signed::<i64>(None, None, nulls),
        (Kind::Unsigned, Some(Bounds::Unsigned(a, b))) => {
            let (a, b) = (Some(*a as i64), Some(*b as i64));
            ValueStatistics::new(a, b, None, nulls, false).into()
        }
        (Kind::Unsigned, _) => ValueStatistics::<i64>::new(None, None, None, nulls, false).into(),
        (Kind::Double, Some(Bounds::Double(a, b))) => signed(Some(*a), Some(*b), nulls),
        (Kind::Double, _) => signed::<f64>(None, None, nulls),
        (Kind::Bytes, Some(Bounds::Bytes(a, b))) => {
            let ((a, a_exact), (b, b_exact)) = (lower(a, texts), upper(b, texts));
            let bounds = [a, b].map(|text| Some(ByteArray::from(text)));
            let [a, b] = bounds;
            ValueStatistics::new(a, b, None, nulls, false)
                .with_min_is_exact(a_exact)
                .with_max_is_exact(b_exact)
                .into()
        }
        (Kind::Bytes, _) => {
            ValueStatistics::<ByteArray>::new(None, None, None, nulls, false).into()
        }
    }
}

/// The types of values, as far as they compare differently.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Bool,
    Int,
    Long,
    Unsigned,
    Double,
    Bytes,
}

/// Signed values compare as readers of the first format thought of all.
fn signed<T>(least: Option<T>, greatest: Option<T>, nulls: Option<u64>) -> Statistics
where
    Statistics: From<ValueStatistics<T>>,
    T: parquet::data_type::AsBytes + Signed,
{
    T::statistics(least, greatest, nulls)
}

trait Signed: Sized {
    fn statistics(least: Option<Self>, greatest: Option<Self>, nulls: Option<u64>) -> Statistics;
}

macro_rules! signed {
    ($($ty:ty),*) => {$(
        impl Signed for $ty {
            fn statistics(a: Option<Self>, b: Option<Self>, nulls: Option<u64>) -> Statistics {
                ValueStatistics::new(a, b, None, nulls, false)
                    .with_backwards_compatible_min_max(true)
                    .into()
            }
        }
    )*};
}
signed!(i32, i64, f64);

/// A bound that is not above `text`, short enough to be told, and whether it is `text` itself.
fn lower(text: &[u8], texts: Texts) -> (Vec<u8>, bool) {
    let cut = match text.len() > LONGEST {
        true => start(text, texts),
        false => None,
    };
    match cut {
        Some(cut) => (cut.to_vec(), false),
        None => (text.to_vec(), true),
    }
}

/// A bound that is not below `text`, short enough to be told where there is one, and whether it is `text` itself.
fn upper(text: &[u8], texts: Texts) -> (Vec<u8>, bool) {
    let cut = match text.len() > LONGEST {
        true => start(text, texts).and_then(|cut| above(cut, texts)),
        false => None,
    };
    match cut {
        Some(cut) => (cut, false),
        None => (text.to_vec(), true),
    }
}

/// The first bytes of a long text; whole characters of one that is UTF-8.
fn start(text: &[u8], texts: Texts) -> Option<&[u8]> {
    match (texts, std::str::from_utf8(text)) {
        (Texts::Utf8, Ok(utf8)) => {
            let end = (1..=LONGEST).rfind(|end| utf8.is_char_boundary(*end))?;
            Some(&text[..end])
        }
        _ => Some(&text[..LONGEST]),
    }
}

/// The least text of at most this length that is above all that begin with `text`.
fn above(text: &[u8], texts: Texts) -> Option<Vec<u8>> {
    match (texts, std::str::from_utf8(text)) {
        (Texts::Utf8, Ok(utf8)) => utf8.char_indices().rev().find_map(|(at, char)| {
            let next = char::from_u32(char as u32 + 1)?;
            let fits = next.len_utf8() == char.len_utf8();
            fits.then(|| [&text[..at], next.to_string().as_bytes()].concat())
        }),
        _ => {
            let last = text.iter().rposition(|byte| *byte < u8::MAX)?;
            let mut above = text[..=last].to_vec();
            above[last] += 1;
            Some(above)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_to_bounds() {
        let long = "é".repeat(40);
        let (cut, exact) = lower(long.as_bytes(), Texts::Utf8);
        assert_eq!((cut.as_slice(), exact), ("é".repeat(32).as_bytes(), false));
        let (cut, exact) = upper(long.as_bytes(), Texts::Utf8);
        let expected = format!("{}ê", "é".repeat(31));
        assert_eq!((cut.as_slice(), exact), (expected.as_bytes(), false));
        // A character across the cut is left out.
        let odd = format!("a{long}");
        assert_eq!(lower(odd.as_bytes(), Texts::Utf8).0.len(), 63);
    }

    #[test]
    fn what_has_nothing_above_it_stays_whole() {
        let greatest = vec![u8::MAX; 70];
        assert_eq!(upper(&greatest, Texts::Binary), (greatest.clone(), true));
        let mut almost = greatest.clone();
        almost[10] = 7;
        let (cut, _) = upper(&almost, Texts::Binary);
        assert_eq!(cut, [[u8::MAX; 10].as_slice(), &[8]].concat());
        let last = "\u{10ffff}".repeat(20);
        assert_eq!(
            upper(last.as_bytes(), Texts::Utf8),
            (last.clone().into_bytes(), true)
        );
    }

    #[test]
    fn short_texts_are_told_as_they_are() {
        for texts in [Texts::Utf8, Texts::Binary] {
            assert_eq!(
                lower(b"/etc/passwd", texts),
                (b"/etc/passwd".to_vec(), true)
            );
            assert_eq!(upper(&[b'x'; 64], texts), (vec![b'x'; 64], true));
        }
    }
}
