//! Any text is metadata or an error with a place.
#![no_main]

use std::path::Path;

libfuzzer_sys::fuzz_target!(|text: &str| {
    if let Err(e) = sysds_fuzz::trace::ctf::metadata::parse(text, Path::new("metadata")) {
        assert!(e.to_string().starts_with("metadata"), "{e}");
        assert!(!e.remedy().is_empty());
    }
});
