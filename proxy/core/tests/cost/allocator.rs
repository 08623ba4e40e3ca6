//! The system's allocator, which counts for each thread: the test's runner allocates too.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

/// What this thread allocated.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counted {
    /// Blocks that were allocated or grew.
    pub(crate) blocks: u64,
    /// Bytes in them, as asked for.
    pub(crate) bytes: u64,
    /// What it has now, with what glibc's allocator adds.
    pub(crate) live: i64,
}

thread_local! {
    static COUNTED: Cell<Counted> = const { Cell::new(Counted { blocks: 0, bytes: 0, live: 0 }) };
}

struct Counting;

/// glibc keeps 8 bytes before a block, and gives multiples of 16, at least 32.
fn taken(size: usize) -> i64 {
    ((size + 8).next_multiple_of(16)).max(32) as i64
}

fn count(asked: usize, live: i64) {
    // A thread that ends may allocate when this is gone already.
    let _ = COUNTED.try_with(|counted| {
        let mut now = counted.get();
        now.blocks += u64::from(asked > 0);
        now.bytes += asked as u64;
        now.live += live;
        counted.set(now);
    });
}

/// What this thread allocated so far.
pub(crate) fn counted() -> Counted {
    COUNTED.get()
}

// SAFETY: all is done by the system's allocator, to which each call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size(), taken(layout.size()));
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(0, -taken(layout.size()));
        // SAFETY: the block came from the system's allocator.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size, taken(size) - taken(layout.size()));
        // SAFETY: the block came from the system's allocator, and the caller keeps the contract of `realloc`.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
