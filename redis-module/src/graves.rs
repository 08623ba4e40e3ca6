//! Rooms that went with their database: freeing 100,000 of them in one command would hold Redis, so FLUSHALL only takes
//! them aside, and ticks free them a piece at a time. (What is deleted, evicted or freed in the background is freed at once:
//! Redis waits for that memory.)

use room_core::room::Room;
use std::cell::RefCell;

#[derive(Default)]
struct Graves {
    /// A database is being emptied, on this thread.
    open: bool,
    rooms: Vec<Box<Room>>,
}

thread_local! {
    /// Of Redis' own thread; on a background thread it is never open.
    static GRAVES: RefCell<Graves> = RefCell::new(Graves::default());
}

/// A database begins to be emptied, or is empty.
pub(crate) fn open(open: bool) {
    GRAVES.with_borrow_mut(|graves| graves.open = open);
}

/// Redis gave this room up.
pub(crate) fn bury(room: Box<Room>) {
    GRAVES.with_borrow_mut(|graves| {
        if graves.open {
            graves.rooms.push(room);
        }
        // Else it is freed here.
    });
}

/// Frees up to `most` rooms; how many wait still.
pub(crate) fn clear(most: usize) -> usize {
    GRAVES.with_borrow_mut(|graves| {
        let left = graves.rooms.len().saturating_sub(most);
        graves.rooms.truncate(left);
        if left == 0 {
            graves.rooms = Vec::new();
        }
        left
    })
}

/// Rooms that wait.
pub(crate) fn waiting() -> u64 {
    GRAVES.with_borrow(|graves| graves.rooms.len() as u64)
}
