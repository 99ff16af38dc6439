//! What the process owes its user whatever happens: words on stderr that cannot fail, an end within a second of Ctrl-C,
//! nothing left behind, memory within its limit, and an error instead of a panic where a thread cannot be had.
//!
//! All of it is about the one process, so its state is static; everything may use it, and it uses nothing.

pub mod ending;
pub mod machine;
pub mod memory;
pub(crate) mod owner;
mod stderr;
pub(crate) mod stop;
pub mod threads;

pub use stderr::{be_quiet, warn_once, write_line};

/// Says a line on stderr, as `crate::say!` would, but never panics: where stderr cannot be written (a full disk, a reader
/// that has gone away), the words are lost and the work goes on.
#[macro_export]
macro_rules! say {
    ($($words:tt)*) => {
        $crate::process::write_line(format_args!($($words)*))
    };
}
