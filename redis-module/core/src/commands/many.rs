//! Lists of uids: how long they may be, so that no command holds Redis up.

use crate::error::RoomError;
use crate::room::check_uid;

/// Uids that one LEAVE may name: each is announced.
pub const MOST_LEAVING: u64 = 1_000;

/// Checks each uid, and that there are at most `most`.
pub(super) fn check_uids(uids: &[&[u8]], most: u64) -> Result<(), RoomError> {
    if uids.len() as u64 > most {
        return Err(RoomError::TooMany("uids", uids.len(), most));
    }
    uids.iter().try_for_each(|uid| check_uid(uid))
}
