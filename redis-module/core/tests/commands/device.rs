//! A person's device, as this test's world knows it, and what is kept for it while it is away.

use room_core::position::{Position, Seq};
use room_core::sessions::Ghost;

/// What holds messages for a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kept {
    /// Nothing: it is away for longer than the grace, or logged out.
    No,
    Live,
    /// It went without a logout: until then, in milliseconds of the machine's monotonic clock.
    Ghost(u64),
    /// The server started or was promoted: nothing rises until then.
    Hold(u64),
}

#[derive(Clone, Debug)]
pub(crate) struct Device {
    pub(crate) uid: &'static str,
    /// The proxy that it is connected to.
    pub(crate) seat: Option<usize>,
    /// All up to here was processed; `None` while it was never in this room.
    pub(crate) has: Option<Position>,
    /// It was told what is gone up to here, and has not read that yet.
    pub(crate) untold: Option<Position>,
    /// Up to here nothing was promised to it: the cursor was there already when it came.
    pub(crate) given_up: Seq,
    pub(crate) kept: Kept,
    /// Its ghost stands for other tabs of its connection too.
    pub(crate) shared: bool,
    /// Another device may have taken its ghost.
    pub(crate) taken: bool,
}

impl Device {
    pub(crate) fn new(uid: &'static str) -> Self {
        Self {
            uid,
            seat: None,
            has: None,
            untold: None,
            given_up: 0,
            kept: Kept::No,
            shared: false,
            taken: false,
        }
    }

    /// Whether a ghost holds for it as much as it needs for as long as it was promised.
    pub(crate) fn is_held_by(&self, ghost: &Ghost, ahead: u64) -> bool {
        let has = self.has.map_or(0, |has| has.seq).max(self.given_up);
        matches!(self.kept, Kept::Ghost(until) if ghost.at <= has && ghost.until + ahead >= until)
    }

    /// It went without a logout.
    pub(crate) fn goes(&mut self, ghost: Kept, shared: bool) {
        self.kept = ghost;
        self.shared = shared;
        self.taken = false;
    }
}
