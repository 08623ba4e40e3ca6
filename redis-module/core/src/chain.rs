//! The running hash over a room's history.
//!
//! `tag(0)` is the room's random birth nonce; `tag(n)` is made of `tag(n-1)` and message n: its lengths, time, uid and
//! payload. Two histories that differ anywhere before n therefore (but for one case in 2^32) differ in `tag(n)`, which a
//! bare number cannot show after a failover that lost a tail or a key that was deleted and born again.
//!
//! The hash is XXH3-64 (twice, chained through its seed), folded to 32 bits: it detects accidents, it is no signature.

use crate::position::{Position, Tag};
use twox_hash::XxHash3_64;

/// The tag of the message that follows `before`. `ms` is Unix time in milliseconds.
pub fn next_tag(before: Tag, ms: u64, uid: &[u8], payload: &[u8]) -> Tag {
    // XXH3 takes the input's length into its result, so "ab"+"c" and "a"+"bc" differ.
    let seed = (u64::from(before.0) << 32) ^ ms;
    let of_uid = XxHash3_64::oneshot_with_seed(seed, uid);
    let of_both = XxHash3_64::oneshot_with_seed(of_uid, payload);
    Tag((of_both ^ (of_both >> 32)) as u32)
}

impl Position {
    /// The position after one more message.
    pub fn next(self, ms: u64, uid: &[u8], payload: &[u8]) -> Self {
        Self::new(
            self.seq.saturating_add(1),
            next_tag(self.tag, ms, uid, payload),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_is_fixed_for_ever() {
        // It is stored in snapshots and held by clients: a change of the hash would be a change of the format.
        let first = Position::new(0, Tag(0x0102_0304)).next(1_790_000_000_000, b"alice", b"hello");
        let second = first.next(1_790_000_000_001, b"bob", b"");
        assert_eq!((first.seq, second.seq), (1, 2));
        assert_eq!(
            (
                first.tag.to_string().as_str(),
                second.tag.to_string().as_str()
            ),
            FIXED
        );
    }

    const FIXED: (&str, &str) = ("bce07b0e", "31baa9ce");

    #[test]
    fn every_part_counts() {
        let base = next_tag(Tag(1), 5, b"ab", b"c");
        for other in [
            next_tag(Tag(2), 5, b"ab", b"c"),
            next_tag(Tag(1), 6, b"ab", b"c"),
            next_tag(Tag(1), 5, b"a", b"bc"),
            next_tag(Tag(1), 5, b"ab", b"d"),
            next_tag(Tag(1), 5, b"abc", b""),
        ] {
            assert_ne!(base, other);
        }
    }
}
