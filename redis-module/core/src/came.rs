//! Since when, and how, a room is on this node, and whether it was looked through there: notes for whoever runs it, no parts of the room.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// When and how a room came to be on this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Came {
    /// Monotonic milliseconds of this node; below 2^63.
    pub at: u64,
    /// Loaded, restored, imported, copied or renamed; false: born here by a command.
    pub arrived: bool,
}

impl Default for Came {
    /// What is not known to be born here arrived, at the very start.
    fn default() -> Self {
        Self {
            at: 0,
            arrived: true,
        }
    }
}

/// A [`Came`] in one number: the time, then one bit. It is changed through a shared reference, because Redis gives the
/// callbacks that learn of a key's coming and going only a shared pointer; the order of such changes matters to nobody.
#[derive(Debug)]
pub(crate) struct CameCell(AtomicU64);

impl CameCell {
    pub(crate) fn get(&self) -> Came {
        let packed = self.0.load(Ordering::Relaxed);
        Came {
            at: packed >> 1,
            arrived: packed & 1 == 1,
        }
    }

    pub(crate) fn set(&self, came: Came) {
        let packed = came.at << 1 | u64::from(came.arrived);
        self.0.store(packed, Ordering::Relaxed);
    }
}

impl Default for CameCell {
    fn default() -> Self {
        let cell = Self(AtomicU64::new(0));
        cell.set(Came::default());
        cell
    }
}

/// A copy of a room came by itself.
impl Clone for CameCell {
    fn clone(&self) -> Self {
        Self::default()
    }
}

/// In which of the node's times the room was looked through for waiting mail; 0: not yet. A copy was not.
#[derive(Debug, Default)]
pub(crate) struct FoundCell(AtomicU32);

impl FoundCell {
    pub(crate) fn get(&self) -> u32 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, generation: u32) {
        self.0.store(generation, Ordering::Relaxed);
    }
}

impl Clone for FoundCell {
    fn clone(&self) -> Self {
        Self::default()
    }
}
