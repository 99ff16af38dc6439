//! Texts in UTF-16 and UTF-32 (CTF2-SPEC-2.0 sections 6.4.11, 6.4.12 and 6.4.14).
//!
//! The one idea: a text is UTF-8 from here on, or none. What is ill-formed is not mended: its bytes are kept as they are,
//! marked as no text, and come out beside the column of texts.

use crate::trace::ctf::metadata::model::{ByteOrder, Encoding};

/// How many bytes come before the first code unit of zeros; `None` where there is none.
pub(super) fn before_nul(bytes: &[u8], unit: usize) -> Option<usize> {
    let mut units = bytes.chunks_exact(unit);
    let units_before = units.position(|unit| unit.iter().all(|byte| *byte == 0))?;
    Some(units_before * unit)
}

/// The text in UTF-8; `None` where it is ill-formed, or ends inside a code unit.
pub(super) fn utf8(bytes: &[u8], encoding: Encoding) -> Option<String> {
    match encoding {
        Encoding::None | Encoding::Utf8 | Encoding::Ascii => {
            std::str::from_utf8(bytes).ok().map(str::to_owned)
        }
        Encoding::Utf16(order) => {
            let (units, rest) = bytes.as_chunks::<2>();
            let units = units.iter().map(|unit| match order {
                ByteOrder::Little => u16::from_le_bytes(*unit),
                ByteOrder::Big => u16::from_be_bytes(*unit),
            });
            let text: Result<String, _> = char::decode_utf16(units).collect();
            text.ok().filter(|_| rest.is_empty())
        }
        Encoding::Utf32(order) => {
            let (units, rest) = bytes.as_chunks::<4>();
            let units = units.iter().map(|unit| match order {
                ByteOrder::Little => u32::from_le_bytes(*unit),
                ByteOrder::Big => u32::from_be_bytes(*unit),
            });
            let text: Option<String> = units.map(char::from_u32).collect();
            text.filter(|_| rest.is_empty())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "aß文😀";

    fn utf16(order: ByteOrder) -> Vec<u8> {
        let units = TEXT.encode_utf16();
        let bytes = units.map(|unit| match order {
            ByteOrder::Little => unit.to_le_bytes(),
            ByteOrder::Big => unit.to_be_bytes(),
        });
        bytes.flatten().collect()
    }

    fn utf32(order: ByteOrder) -> Vec<u8> {
        let units = TEXT.chars().map(u32::from);
        let bytes = units.map(|unit| match order {
            ByteOrder::Little => unit.to_le_bytes(),
            ByteOrder::Big => unit.to_be_bytes(),
        });
        bytes.flatten().collect()
    }

    #[test]
    fn texts_come_out_as_utf_8() {
        for order in [ByteOrder::Little, ByteOrder::Big] {
            let found = utf8(&utf16(order), Encoding::Utf16(order));
            assert_eq!(found.as_deref(), Some(TEXT));
            let found = utf8(&utf32(order), Encoding::Utf32(order));
            assert_eq!(found.as_deref(), Some(TEXT));
        }
        assert_eq!(
            utf8(b"", Encoding::Utf32(ByteOrder::Big)).as_deref(),
            Some("")
        );
    }

    #[test]
    fn what_is_ill_formed_is_no_text() {
        let little = Encoding::Utf16(ByteOrder::Little);
        for bytes in [
            &[0x00, 0xD8][..],
            &[0x00, 0xDC, 0x41, 0x00],
            &[0x41, 0x00, 0x42],
        ] {
            assert_eq!(utf8(bytes, little), None, "{bytes:x?}");
        }
        let big = Encoding::Utf32(ByteOrder::Big);
        for bytes in [&b"ABCD"[..], &[0, 0, 0xD8, 0], &[0, 0x11, 0, 0], &[0, 0, 0]] {
            assert_eq!(utf8(bytes, big), None, "{bytes:x?}");
        }
    }

    #[test]
    fn a_nul_is_a_whole_code_unit() {
        assert_eq!(before_nul(&[1, 0, 0, 1, 0, 0], 2), Some(4));
        assert_eq!(before_nul(&[1, 0, 0, 1], 2), None);
        assert_eq!(before_nul(&[1, 0, 0, 0, 0], 4), None);
    }
}
