//! `ROOM.ACK`: everything up to a position was processed.

use super::env::{Env, Place};
use super::many::check_uids;
use super::outcome::{Counter, Outcome};
use super::rise::raise;
use crate::error::RoomError;
use crate::position::Position;
use crate::room::Room;

/// Runs it: how many cursors moved.
pub fn ack<'a>(
    place: Place<'_>,
    position: Position,
    uids: &[&'a [u8]],
    env: &Env<'_>,
) -> Result<Outcome<'a, u64>, RoomError> {
    check_uids(uids, env.settings.max_uids)?;
    let Place {
        key,
        room,
        sessions,
    } = place;
    let room = room.ok_or(RoomError::NoRoom)?;
    if !is_known(room, position)? {
        return Ok(Outcome::of(0));
    }
    let held = env.held_until(room.came());
    let wishes = uids.iter().filter_map(|uid| {
        let to = sessions.ack(env.client, key, uid, position.seq, held)?;
        Some((*uid, to))
    });
    let (moved, mut outcome) = raise(room, wishes, env);
    outcome.count(Counter::Held, held.map_or(0, |_| uids.len() as u64));
    Ok(outcome.replying(moved as u64))
}

/// Whether a position can be checked; an error if it is of another history. One that is older than the log cannot be
/// checked, and whoever sends it is about to be told what is lost.
pub(super) fn is_known(room: &Room, position: Position) -> Result<bool, RoomError> {
    match room.verify(position) {
        Some(true) => Ok(true),
        Some(false) => Err(RoomError::BadPosition(
            position.to_string().into_bytes().into(),
        )),
        None => Ok(false),
    }
}
