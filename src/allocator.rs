//! The system's allocator, which tells `sysds::process::memory` of large blocks and ends the process where there is no
//! memory, with words and without leftovers (by itself, Rust aborts).

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use sysds::process::{ending, memory};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

struct Counting;

// SAFETY: every block comes from `System` and goes back to it with the layout that it came with; what is done besides
// allocates nothing, does not unwind, and either returns or never comes back.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        memory::take(layout.size());
        // SAFETY: as the caller promises.
        given(unsafe { System.alloc(layout) }, layout.size())
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        memory::take(layout.size());
        // SAFETY: as the caller promises.
        given(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        memory::give(layout.size());
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        memory::give(layout.size());
        memory::take(size);
        // SAFETY: as the caller promises.
        given(unsafe { System.realloc(block, layout, size) }, size)
    }
}

#[inline]
fn given(block: *mut u8, size: usize) -> *mut u8 {
    if block.is_null() {
        ending::out_of_memory(size, false);
    }
    block
}
