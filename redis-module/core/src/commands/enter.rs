//! Becoming a member: by JOIN, by INVITE, and as replicas do it.

use crate::position::Seq;
use crate::room::Room;

/// Makes `uid` (a valid one) a member at `cursor`, or a member rise to it and hold the log again. `by_itself`: nobody invited it.
/// Whether it is new.
pub(super) fn enter(room: &mut Room, uid: &[u8], cursor: Seq, ms: u64, by_itself: bool) -> bool {
    if room.admit(uid, cursor, ms, by_itself) {
        return true;
    }
    room.raise(uid, cursor, ms);
    room.set_released(uid, false);
    room.stir(uid);
    false
}

/// A member is or was here: it acted at `ms` and holds the log. Whether there is such a member.
pub(super) fn see(room: &mut Room, uid: &[u8], ms: u64) -> bool {
    room.set_released(uid, false);
    room.touch(uid, ms)
}
