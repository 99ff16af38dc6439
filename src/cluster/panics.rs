//! Threads that ended in a panic, counted.
//!
//! What hands rows on takes the end of a thread for the end of its rows, so that a panic there would make a part of a result
//! look like all of it. So who hands rows on looks at this count before and after: where it has grown, rows may be missing,
//! and the statement fails.

use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

static COUNT: AtomicU64 = AtomicU64::new(0);

/// Begins to count; whoever is told of panics is still.
pub(super) fn watch() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let others = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            COUNT.fetch_add(1, Ordering::SeqCst);
            others(panic);
        }));
    });
}

/// How many there were.
pub(super) fn count() -> u64 {
    COUNT.load(Ordering::SeqCst)
}
