//! What the static babeltrace2 of `babeltrace2-sys` leaves to its user at link time.
//!
//! - glib's regular expressions live in PCRE 2, which the crate does not name.
//! - babeltrace registers its built-in plugins in linker sections that only `__start_…`/`__stop_…` symbols refer to;
//!   rust-lld drops such sections unless told not to.
//!
//! Without the feature `babeltrace2` there is nothing to link.
fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if std::env::var_os("CARGO_FEATURE_BABELTRACE2").is_some() {
        println!("cargo:rustc-link-lib=pcre2-8");
        println!("cargo:rustc-link-arg=-Wl,-z,nostart-stop-gc");
    }
}
