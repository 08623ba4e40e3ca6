//! What a session costs, counted at the allocator: a million sessions of uids of 16 bytes in 100,000 rooms.
//!
//! The only test of this file, so that nothing else allocates beside it.

use room_core::sessions::{RoomKey, Sessions};
use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes that are allocated now.
static USED: AtomicUsize = AtomicUsize::new(0);

struct Counting;

/// What a block costs: like glibc, 8 bytes beside it, all rounded up to 16, and not below 32.
fn cost(size: usize) -> usize {
    (size + 8).next_multiple_of(16).max(32)
}

// SAFETY: all is done by the system's allocator, to which each call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        USED.fetch_add(cost(layout.size()), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        USED.fetch_sub(cost(layout.size()), Ordering::Relaxed);
        // SAFETY: the block came from `alloc` above, which is the system's.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SESSIONS: usize = 1_000_000;
const ROOMS: usize = 100_000;
const MOST: usize = 200;

#[test]
fn a_session_costs_at_most_200_bytes() {
    let keys: Vec<RoomKey> = (0..ROOMS)
        .map(|i| RoomKey::new(0, format!("room:{i:011}").as_bytes()))
        .collect();
    let mut uid = *b"user-00000000000";
    let before = USED.load(Ordering::Relaxed);
    let each = |before: usize| USED.load(Ordering::Relaxed).saturating_sub(before) / SESSIONS;

    let mut sessions = Sessions::default();
    for (i, key) in (0..SESSIONS).zip(keys.iter().cycle()) {
        let digits = format!("{i:011}");
        uid[5..].copy_from_slice(digits.as_bytes());
        sessions.join(1, key.as_name(), &uid, 0, None);
    }
    assert_eq!(sessions.totals().sessions, SESSIONS as u64);
    let untold = each(before);
    while !sessions.flush(0, 1000, 1000).is_empty() {}
    let told = each(before);
    sessions.client_gone(1, 0, 60_000);
    while sessions.chores(0, 1000) > 0 {}
    assert_eq!(sessions.totals().ghosts, SESSIONS as u64);
    let ghosts = each(before);
    println!("bytes: {untold} before it is told, {told} then, {ghosts} as a ghost");
    assert!(untold.max(told) <= MOST, "{untold} {told}");
    assert!(ghosts <= MOST, "{ghosts}");

    while !sessions.flush(2000, 1000, 1000).is_empty() {}
    while sessions.chores(60_000, 1000) > 0 {}
    assert_eq!(each(before), 0, "all is given back");
}
