//! How much memory large blocks may take, and what happens where there is none.
//!
//! A query's operators account for what they hold, but a single value does not: `repeat('x', 2000000000)` is one block of
//! two gigabytes, and so are its siblings in other functions, which no list of functions names completely. All of them
//! come out of the allocator. So the allocator of the program (see `main`) tells this module of each large block; where
//! the sum would go beyond the limit, or the system has none, the process ends with a message and its work undone,
//! instead of being killed by the system.
//!
//! Small blocks are not counted, which would cost time at each of them: a hundred million of them are a table, and tables
//! are what the operators account for.

use super::ending;
use std::sync::atomic::{AtomicUsize, Ordering};

/// From how many bytes on a block is large.
pub const LARGE: usize = 1 << 20;

static ONE: AtomicUsize = AtomicUsize::new(usize::MAX);
static ALL: AtomicUsize = AtomicUsize::new(usize::MAX);
static TAKEN: AtomicUsize = AtomicUsize::new(0);

/// Sets how many bytes one large block may have, and all of them together.
pub fn limit(one: usize, all: usize) {
    ONE.store(one, Ordering::Relaxed);
    ALL.store(all, Ordering::Relaxed);
}

/// Counts a block that is about to be allocated. Does not return where that is too much.
#[inline]
pub fn take(bytes: usize) {
    if bytes >= LARGE {
        take_large(bytes);
    }
}

/// Counts a block that is given back.
#[inline]
pub fn give(bytes: usize) {
    if bytes >= LARGE {
        TAKEN.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Has the allocator give back what is free inside of its heaps: for where work that took much memory is over, and other work
/// goes on for long.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[allow(unsafe_code)]
pub fn give_back() {
    // SAFETY: it takes a number, locks each heap while it looks at it, and touches nothing that is in use. See malloc_trim(3).
    unsafe { libc::malloc_trim(0) };
}

/// Other allocators are left as they are.
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
pub fn give_back() {}

fn take_large(bytes: usize) {
    let taken = TAKEN.fetch_add(bytes, Ordering::Relaxed);
    let too_many = taken.saturating_add(bytes) > ALL.load(Ordering::Relaxed);
    if too_many || bytes > ONE.load(Ordering::Relaxed) {
        ending::out_of_memory(bytes, true);
    }
}
