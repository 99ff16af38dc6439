//! Tiny traces, written byte by byte: what one tracer does otherwise than others, and nothing else.

use std::fs;
use std::path::Path;

/// Types, before everything else.
pub const TYPES: &str = "/* CTF 1.8 */
typealias integer { size = 8; align = 8; signed = false; } := u8;
typealias integer { size = 16; align = 8; signed = false; } := u16;
typealias integer { size = 32; align = 8; signed = false; } := u32;
typealias integer { size = 64; align = 8; signed = false; } := u64;
typealias integer { size = 32; align = 8; signed = true; } := i32;
typealias integer { size = 64; align = 8; signed = true; } := i64;
typealias integer { size = 8; align = 8; signed = false; encoding = UTF8; } := letter;
";

/// A clock that counts nanoseconds from [`BEGIN`], and the times that it tells.
pub const CLOCK: &str =
    "clock { name = mono; freq = 1000000000; offset_s = 1700000000; absolute = true; };
typealias integer { size = 64; align = 8; signed = false; map = clock.mono.value; } := t64;
typealias integer { size = 32; align = 8; signed = false; map = clock.mono.value; } := t32;
";

/// Nanoseconds since 1970 at the clock's value 0.
pub const BEGIN: i64 = 1_700_000_000_000_000_000;

/// The trace block, with a magic number before the members `header`.
pub fn trace(header: &str) -> String {
    format!(
        "trace {{ major = 1; minor = 8; byte_order = le; packet.header := struct {{ u32 magic; {header}}}; }};\n"
    )
}

/// The same with a UUID, which packets repeat.
pub fn trace_of(uuid: [u8; 16], header: &str) -> String {
    let hex: String = uuid.iter().map(|b| format!("{b:02x}")).collect();
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|r| &hex[r]);
    let uuid = format!("trace {{ uuid = \"{}\"; ", parts.join("-"));
    trace(&format!("u8 uuid[16]; {header}")).replacen("trace { ", &uuid, 1)
}

/// Bytes in the making, little-endian.
#[derive(Debug, Clone, Default)]
pub struct Bytes(pub Vec<u8>);

/// An integer that can be written.
pub trait Integer {
    fn bytes(self) -> Vec<u8>;
}

macro_rules! integers {
    ($($ty:ty)*) => {
        $(impl Integer for $ty {
            fn bytes(self) -> Vec<u8> {
                self.to_le_bytes().to_vec()
            }
        })*
    };
}
integers!(u8 u16 u32 u64 i32 i64);

impl Bytes {
    /// None.
    pub fn new() -> Self {
        Bytes::default()
    }

    /// A packet's begin.
    pub fn magic() -> Self {
        Bytes::new().put(0xC1FC_1FC1_u32)
    }

    /// An integer more.
    pub fn put(mut self, n: impl Integer) -> Self {
        self.0.extend(n.bytes());
        self
    }

    /// Characters more; a NUL only where they have one.
    pub fn text(mut self, text: &str) -> Self {
        self.0.extend(text.as_bytes());
        self
    }

    /// Others behind these.
    pub fn then(mut self, other: Bytes) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Bits of these, and of so many bytes more.
    pub fn bits(&self, more: usize) -> u64 {
        (self.0.len() + more) as u64 * 8
    }
}

/// Writes a trace to the folder `dir`, which is made.
pub fn write(dir: &Path, metadata: &str, streams: &[(&str, Bytes)]) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("metadata"), metadata).unwrap();
    for (name, bytes) in streams {
        fs::write(dir.join(name), &bytes.0).unwrap();
    }
}
