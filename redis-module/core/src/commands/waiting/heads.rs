//! How old a message is at least, whatever its stamp says: a room's head was seen then, and all before it had come.

use crate::position::Seq;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Head {
    seq: Seq,
    /// When it was seen: monotonic milliseconds.
    at: u64,
}

/// Two of them: one that is old enough to say who waits, and one that will be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heads {
    old: Option<Head>,
    young: Option<Head>,
}

impl Heads {
    /// A room's head is seen.
    pub(super) fn note(&mut self, seq: Seq, at: u64, delay: u64) {
        let is_before = |head: &Head| head.seq > seq;
        if self.young.as_ref().is_some_and(is_before) {
            // It is another room.
            *self = Self::default();
        }
        match self.young {
            Some(young) if at < young.at.saturating_add(delay) => {}
            before => {
                self.old = before;
                self.young = Some(Head { seq, at });
            }
        }
    }

    /// In how many milliseconds this message is `age` old for sure.
    pub(super) fn old_in(&self, seq: Seq, now: u64, age: u64) -> u64 {
        let heads = [self.old, self.young];
        let known = heads.iter().flatten().find(|head| seq <= head.seq);
        known.map_or(u64::MAX, |head| {
            head.at.saturating_add(age).saturating_sub(now)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_as_old_as_the_first_head_behind_it() {
        let mut heads = Heads::default();
        assert_eq!(heads.old_in(1, 5, 100), u64::MAX);
        heads.note(3, 10, 100);
        heads.note(5, 60, 100);
        assert_eq!(
            (heads.old_in(3, 60, 100), heads.old_in(4, 60, 100)),
            (50, u64::MAX)
        );
        heads.note(7, 110, 100);
        assert_eq!(
            (heads.old_in(3, 110, 100), heads.old_in(4, 110, 100)),
            (0, 100)
        );
        heads.note(9, 210, 100);
        assert_eq!(
            (heads.old_in(7, 210, 100), heads.old_in(8, 210, 100)),
            (0, 100)
        );
    }

    #[test]
    fn a_room_with_less_is_another_one() {
        let mut heads = Heads::default();
        heads.note(9, 10, 100);
        heads.note(2, 500, 100);
        assert_eq!(heads.old_in(2, 500, 100), 100);
    }
}
