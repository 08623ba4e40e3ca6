//! Redis' allocator as Rust's, so that rooms count in `used_memory`.
//!
//! Source: RM_Alloc, RM_Calloc, RM_Realloc and RM_Free of Redis' module API.

use super::api::rm;
use std::alloc::{GlobalAlloc, Layout};
use std::ptr::null_mut;

/// See the top of the file.
#[cfg_attr(test, allow(dead_code))]
struct RedisAllocator;

// Unit tests of this crate run outside of Redis, where its allocator does not exist.
#[cfg(not(test))]
#[global_allocator]
static ALLOCATOR: RedisAllocator = RedisAllocator;

/// What every build of Redis aligns to. Redis and Valkey build their own jemalloc with `--with-lg-quantum=3`: its size
/// classes 8, 24, 40 and 56 are aligned to 8 bytes only. libc and Debian's jemalloc align to 16, which hides it.
const SURE: usize = 8;
/// The largest alignment that is served: jemalloc aligns each size class to its largest power of two, up to a page.
const MOST: usize = 4096;

/// How many bytes to ask for so that the block is aligned as the layout wants; `None` where that cannot be had.
///
/// A multiple of 16 lies in a class that is aligned to 16 (and so on), whatever the quantum: 16, 32, 48, 64, 80 …
const fn size_to_ask(size: usize, align: usize) -> Option<usize> {
    if align <= SURE {
        return Some(size);
    }
    if align > MOST {
        return None;
    }
    size.checked_next_multiple_of(align)
}

// SAFETY: RM_Alloc and its kin are malloc and its kin: thread-safe, never returning less than asked for, aborting the
// server when memory is out. The size is rounded up so that the block is aligned as the layout wants. A layout that
// cannot be served is refused with null, which the contract allows.
unsafe impl GlobalAlloc for RedisAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match size_to_ask(layout.size(), layout.align()) {
            Some(size) => rm!(RedisModule_Alloc(size)).cast(),
            None => null_mut(),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match size_to_ask(layout.size(), layout.align()) {
            Some(size) => rm!(RedisModule_Calloc(1, size)).cast(),
            None => null_mut(),
        }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, _: Layout) {
        rm!(RedisModule_Free(ptr.cast()));
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        match size_to_ask(new_size, layout.align()) {
            Some(size) => rm!(RedisModule_Realloc(ptr.cast(), size)).cast(),
            None => null_mut(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size class of Redis' own jemalloc (quantum 8) for small sizes: four classes for each doubling.
    fn class(size: usize) -> usize {
        if size <= 8 {
            return 8;
        }
        if size <= 64 {
            return size.next_multiple_of(8);
        }
        let step = size.next_power_of_two() / 8;
        size.next_multiple_of(step)
    }

    /// jemalloc packs blocks of a class behind each other from the start of a page on.
    fn is_aligned(size: usize, align: usize) -> bool {
        class(size).is_multiple_of(align)
    }

    #[test]
    fn a_block_is_aligned_as_asked_whatever_the_server_aligns_to() {
        assert!(!is_aligned(24, 16) && !is_aligned(40, 16) && !is_aligned(56, 16));
        for size in 0..=4096 {
            for align in [1, 2, 4, 8, 16, 32, 64] {
                let asked = size_to_ask(size, align).expect("small alignments are served");
                assert!(asked >= size && asked < size + align.max(2));
                if align > SURE && size > 0 {
                    assert!(is_aligned(asked, align), "{size} bytes aligned to {align}");
                }
            }
        }
    }

    #[test]
    fn what_needs_no_rounding_is_not_rounded() {
        assert_eq!(size_to_ask(24, 8), Some(24));
        assert_eq!(size_to_ask(32, 16), Some(32));
    }

    #[test]
    fn what_cannot_be_had_is_refused() {
        assert_eq!(size_to_ask(8, 2 * MOST), None);
        assert_eq!(size_to_ask(usize::MAX - 3, 16), None);
    }
}
