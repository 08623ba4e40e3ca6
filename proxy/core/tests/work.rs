//! The work of encoding follows an event's bytes, not its fields: counted at the allocator, as time is no measure on a busy
//! machine.

use bytes::BytesMut;
use hub_core::ask::Row;
use hub_core::events::put_stored;
use room_core::position::{Position, Tag};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

thread_local! {
    /// Blocks that this thread allocated or grew, and bytes in them: the test's runner allocates too.
    static COUNTED: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

struct Counting;

fn count(size: usize) {
    // A thread that ends may allocate when this is gone already.
    let _ = COUNTED.try_with(|counted| {
        let (blocks, bytes) = counted.get();
        counted.set((blocks + 1, bytes + size as u64));
    });
}

// SAFETY: all is done by the system's allocator, to which each call is passed on as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size());
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from the system's allocator.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        count(size);
        // SAFETY: the block came from the system's allocator, and the caller keeps the contract of `realloc`.
        unsafe { System.realloc(block, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Blocks and bytes that encoding a payload allocates, and the length of what comes out.
fn cost(payload: &str) -> (u64, u64, usize) {
    let row = Row {
        seq: 7,
        ms: 9,
        uid: "alice".into(),
        payload: payload.into(),
    };
    let at = Position::new(7, Tag(1));
    let before = COUNTED.get();
    let mut out = BytesMut::new();
    put_stored(&mut out, "lobby", at, &row, 3, 2);
    let after = COUNTED.get();
    (after.0 - before.0, after.1 - before.1, out.len())
}

#[test]
fn seven_thousand_fields_cost_what_one_string_does() {
    let fields: String = (0..7000).map(|i| format!(r#","field{i}":{i}"#)).collect();
    let fields = format!(r#"{{"event":"message"{fields}}}"#);
    let string = "x".repeat(fields.len() - r#"{"event":"message","x":""}"#.len());
    let string = format!(r#"{{"event":"message","x":"{string}"}}"#);
    assert_eq!(fields.len(), string.len());
    let ((blocks, bytes, len), one) = (cost(&fields), cost(&string));
    assert_eq!(len, one.2, "both come out whole");
    assert!(one.0 >= 1 && one.1 >= len as u64, "the counting works");
    assert!(blocks <= 2 * one.0, "{blocks} blocks against {}", one.0);
    assert!(bytes <= 2 * one.1, "{bytes} bytes against {}", one.1);

    // The worst for a list of what is kept: every other field is the server's.
    let torn: String = (0..3500).map(|i| format!(r#","seq":1,"f{i}":1"#)).collect();
    let torn = format!(r#"{{"event":"message"{torn}}}"#);
    let (blocks, bytes, _) = cost(&torn);
    assert!(blocks <= 20, "{blocks} blocks");
    assert!(bytes <= 8 * torn.len() as u64, "{bytes} bytes");
}
