//! How Parquet files are compressed, as a user writes it: `zstd`, `zstd:LEVEL`, `snappy` or `none`.

use parquet::basic::{Compression, ZstdLevel};
use std::fmt;
use std::str::FromStr;

/// A codec with its level. The default, for datasets, releases and results of queries, is [`LEVEL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Codec(Compression);

/// The level of Zstandard where none is named: the one that its authors chose.
const LEVEL: i32 = zstd::DEFAULT_COMPRESSION_LEVEL;

impl Codec {
    /// As the crate parquet has it.
    pub fn compression(self) -> Compression {
        self.0
    }
}

impl Default for Codec {
    fn default() -> Self {
        let level = ZstdLevel::try_new(LEVEL).expect("the default is a level");
        Codec(Compression::ZSTD(level))
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self.0 {
            Compression::ZSTD(level) => write!(f, "zstd:{}", level.compression_level()),
            Compression::SNAPPY => f.write_str("snappy"),
            _ => f.write_str("none"),
        }
    }
}

impl FromStr for Codec {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let levels = zstd::compression_level_range();
        match text.split_once(':') {
            None if text == "none" => Ok(Codec(Compression::UNCOMPRESSED)),
            None if text == "snappy" => Ok(Codec(Compression::SNAPPY)),
            None if text == "zstd" => Ok(Codec::default()),
            Some(("zstd", level)) => {
                let level = level.parse().ok().and_then(|l| ZstdLevel::try_new(l).ok());
                let level = level.map(|level| Codec(Compression::ZSTD(level)));
                level.ok_or_else(|| format!("zstd has the levels 1 to {}", levels.end()))
            }
            _ => Err("one of zstd, zstd:LEVEL, snappy, none".to_owned()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_codec_is_written_as_it_is_read() {
        for text in ["zstd:3", "zstd:1", "zstd:22", "snappy", "none"] {
            assert_eq!(text.parse::<Codec>().unwrap().to_string(), text);
        }
        assert_eq!("zstd".parse(), Ok(Codec::default()));
        assert_eq!(Codec::default().to_string(), "zstd:3");
        for wrong in ["", "zstd:", "zstd:0", "zstd:23", "gzip", "snappy:1", "ZSTD"] {
            assert!(wrong.parse::<Codec>().is_err(), "{wrong}");
        }
    }
}
