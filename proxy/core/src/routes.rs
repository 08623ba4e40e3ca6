//! Which pair of connections the rooms of a slot are on: one for all where there is one server, in a cluster those of the
//! slot's owner.

use crate::ask::{Generation, NOWHERE};
use room_core::slots::{SLOTS, slot_of};
use std::ops::RangeInclusive;

/// Slots from one to another one, both included.
pub type Range = RangeInclusive<u16>;

/// All slots there are.
pub const ALL: Range = 0..=(SLOTS as u16 - 1);

/// See the top of the file.
#[derive(Debug)]
pub(crate) enum Routes {
    One(Generation),
    /// By slot.
    Many(Vec<Generation>),
}

impl Default for Routes {
    fn default() -> Self {
        Self::One(NOWHERE)
    }
}

impl Routes {
    /// The slot of a key. Where all are on one pair, which one it is does not matter: it is not worked out.
    pub(crate) fn slot(&self, key: impl FnOnce() -> String) -> u16 {
        match self {
            Self::One(_) => 0,
            Self::Many(_) => slot_of(key().as_bytes()),
        }
    }

    /// Where the rooms of a slot are.
    pub(crate) fn of(&self, slot: u16) -> Generation {
        match self {
            Self::One(of) => *of,
            Self::Many(of) => of.get(usize::from(slot)).copied().unwrap_or(NOWHERE),
        }
    }

    /// All pairs that some slots are on, each once.
    pub(crate) fn all(&self) -> Vec<Generation> {
        let mut all = match self {
            Self::One(of) => vec![*of],
            Self::Many(of) => of.clone(),
        };
        all.sort_unstable();
        all.dedup();
        all.retain(|of| *of != NOWHERE);
        all
    }

    /// Some slots are there now. True: slots matter from now on, and did not before.
    pub(crate) fn set(&mut self, slots: &[Range], to: Generation) -> bool {
        if slots == [ALL]
            && let Self::One(of) = self
        {
            *of = to;
            return false;
        }
        let begins = match self {
            Self::One(of) => {
                *self = Self::Many(vec![*of; SLOTS]);
                true
            }
            Self::Many(_) => false,
        };
        if let Self::Many(of) = self {
            for range in slots {
                let range = usize::from(*range.start())..usize::from(*range.end()) + 1;
                let some = of.get_mut(range).unwrap_or_default();
                some.fill(to);
            }
        }
        begins
    }

    /// A pair is gone: its slots are nowhere.
    pub(crate) fn forget(&mut self, gone: Generation) {
        let of = match self {
            Self::One(of) => std::slice::from_mut(of),
            Self::Many(of) => of,
        };
        for of in of.iter_mut().filter(|of| **of == gone) {
            *of = NOWHERE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_go_where_they_are_sent() {
        let mut routes = Routes::default();
        assert_eq!(routes.all(), [0_u64; 0]);
        assert!(!routes.set(&[ALL], 1));
        assert_eq!(routes.all(), [1]);
        assert_eq!((routes.of(0), routes.of(16_383)), (1, 1));
        assert!(routes.set(&[0..=99, 200..=16_383], 2));
        assert!(!routes.set(&[5..=5], 3));
        for (slot, on) in [(0, 2), (5, 3), (99, 2), (100, 1), (199, 1), (16_383, 2)] {
            assert_eq!(routes.of(slot), on, "{slot}");
        }
        assert_eq!(routes.all(), [1, 2, 3]);
        routes.forget(2);
        assert_eq!(routes.all(), [1, 3]);
        assert_eq!((routes.of(0), routes.of(5)), (NOWHERE, 3));
        // What is no slot goes nowhere.
        assert!(!routes.set(&[16_000..=u16::MAX], 4));
        assert_eq!(routes.of(u16::MAX), NOWHERE);
    }
}
