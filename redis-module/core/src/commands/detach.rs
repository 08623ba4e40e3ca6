//! `ROOM.DETACH`: sessions of this connection end, as by a logout. `ROOM.AWAY`: a device went without one.

use super::ack::is_known;
use super::env::{Env, Place};
use super::many::check_uids;
use super::outcome::{Counter, Outcome};
use crate::error::RoomError;
use crate::position::Position;

/// Runs DETACH: how many sessions ended. Sessions are this node's, so the room is not looked at, and may be gone.
pub fn detach(
    place: Place<'_>,
    uids: &[&[u8]],
    env: &Env<'_>,
) -> Result<Outcome<'static, u64>, RoomError> {
    check_uids(uids, env.settings.max_uids)?;
    if !env.counts {
        return Ok(Outcome::of(0));
    }
    let mut ended = 0;
    for uid in uids {
        let had = place
            .sessions
            .detach(env.client, place.key, uid, env.times.mono);
        ended += u64::from(had);
    }
    Ok(Outcome::of(ended))
}

/// Runs AWAY: for how many members the position is kept until `room.device-grace` is over, or the device is back.
pub fn away(
    place: Place<'_>,
    position: Position,
    uids: &[&[u8]],
    env: &Env<'_>,
) -> Result<Outcome<'static, u64>, RoomError> {
    check_uids(uids, env.settings.max_uids)?;
    let room = place.room.ok_or(RoomError::NoRoom)?;
    // One that is older than the log is kept by its number: so it is of who was told of a loss and did not read that.
    is_known(room, position)?;
    if !env.counts || env.settings.device_grace == 0 {
        return Ok(Outcome::of(0));
    }
    let (until, held) = (env.ghost_until(), env.held_until(room.came()));
    let mut kept = 0;
    for uid in uids {
        let Some(member) = room.member(uid) else {
            continue;
        };
        place.sessions.away(place.key, uid, position.seq, until);
        kept += 1;
        if position.seq > member.cursor {
            // It confirmed more than Redis was told, or was told while other devices had to be waited for.
            if let Some(held) = held {
                place.sessions.hold(place.key, held);
            }
            place.sessions.rise_later(place.key, uid);
        }
    }
    let mut outcome = Outcome::of(kept);
    outcome.count(Counter::Away, kept);
    Ok(outcome)
}
