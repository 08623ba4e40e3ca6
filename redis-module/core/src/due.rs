//! What a room's limits drop.

use crate::limits::{Limit, Limits};
use crate::log::Reason;
use crate::position::Seq;
use crate::room::{Drop, Room};

/// Up to this many members are looked at one by one; above, the log's own count has to do.
const FEW_MEMBERS: usize = 32;

/// Drops that one look at the limits may find.
pub const MOST_DROPS: usize = 5;

impl Room {
    /// What the limits drop now, in the order in which it is to be done; `None` ends the list. `is_old` says of a message's
    /// time whether it is older than `maxage`; it is asked only where that limit is set.
    pub fn due(&self, is_old: impl Fn(u64) -> bool, limits: &Limits) -> [Option<Drop>; MOST_DROPS] {
        let first = self.log.first();
        let head = self.log.head().seq;
        let mut reached = first;
        // A limit never drops the newest message: what was just published is stored, however small the limit.
        let mut step = |wanted: Seq, reason: Reason| {
            (wanted > reached).then(|| {
                reached = wanted;
                Drop {
                    first: wanted,
                    reason,
                }
            })
        };
        let keep_from = (head + 1).saturating_sub(limits.get(Limit::Keep)).max(1);
        let (mut read, mut ttl) = (None, None);
        if keep_from > first {
            let to = self.first_awaited(keep_from, false).min(keep_from);
            // What a member still waits for who was absent for too long is lost to it, not read.
            if to > first {
                read = step(self.first_awaited(to, true).min(to), Reason::Read);
                ttl = step(to, Reason::MemberTtl);
            }
        }
        let maxlen = limits.get(Limit::MaxLen);
        let len = if maxlen > 0 && self.log.len() > maxlen {
            step((head + 1).saturating_sub(maxlen), Reason::MaxLen)
        } else {
            None
        };
        let maxbytes = limits.get(Limit::MaxBytes);
        let bytes = if maxbytes > 0 && self.log.bytes() > maxbytes {
            step(
                self.log.first_within_bytes(maxbytes).min(head),
                Reason::MaxBytes,
            )
        } else {
            None
        };
        let too_old = limits.get(Limit::MaxAge) > 0 && self.log.oldest_ms().is_some_and(&is_old);
        let age = if too_old {
            step(self.log.first_not(is_old), Reason::MaxAge)
        } else {
            None
        };
        [read, ttl, len, bytes, age]
    }

    /// The first message that a member who holds the log back (or is released from that) may still wait for: exact in a
    /// small room, else to one segment of the log.
    fn first_awaited(&self, limit: Seq, released: bool) -> Seq {
        let coarse = self.log.first_awaited(limit, released);
        if coarse >= limit || self.members.len() > FEW_MEMBERS {
            return coarse;
        }
        let lowest = self.members.lowest_cursor(released);
        lowest.map_or(coarse, |cursor| cursor.saturating_add(1).max(coarse))
    }
}
