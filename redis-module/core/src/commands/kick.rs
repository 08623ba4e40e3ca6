//! `ROOM.KICK`: ends a uid's sessions everywhere; it stays a member.

use super::effect::{Effect, Piece};
use super::env::{Env, Place};
use super::outcome::{Announcement, Outcome};
use crate::announce::{Kind, control};
use crate::error::RoomError;
use crate::room::check_uid;
use std::borrow::Cow;

/// The longest reason, in bytes.
pub const MOST_REASON: usize = 1024;

/// Runs it: how many sessions ended on this node. A uid that is no member may have a seat all the same: a proxy hears of it too.
pub fn kick<'a>(
    place: Place<'_>,
    uid: &'a [u8],
    reason: &[u8],
    env: &Env<'_>,
) -> Result<Outcome<'a, u64>, RoomError> {
    check_uid(uid)?;
    if reason.len() > MOST_REASON {
        return Err(RoomError::TooBig(reason.len(), MOST_REASON as u64));
    }
    let room = place.room.ok_or(RoomError::NoRoom)?;
    let kicked = place.sessions.kick(place.key, uid, env.ghost_until());
    let is_member = room.add_kick(uid);
    let online = place.sessions.online(place.key);
    let mut outcome = Outcome::of(kicked.sessions as u64);
    let mut word = control::KICKED.as_bytes().to_vec();
    if !reason.is_empty() {
        word.push(b' ');
        word.extend_from_slice(reason);
    }
    let mut told = Announcement::at_head(Kind::Control, room, online, env.times.wall, uid);
    told.payload = Cow::Owned(word);
    outcome.tell.push(told);
    if kicked.told {
        let mut went = Announcement::at_head(Kind::Presence, room, online, env.times.wall, b"-");
        if online <= env.settings.presence_names {
            went.payload = Cow::Owned([b"-", uid].concat());
        }
        outcome.tell.push(went);
    }
    if !is_member {
        return Ok(outcome);
    }
    // It is not told of by a tick that it went.
    outcome.wakes(room, env);
    let rest = [Piece::Bytes(b"kick"), Piece::Bytes(uid)];
    outcome.effect(Effect::new("mark", env.times.steady, rest));
    Ok(outcome.changed(None, c"room.kick"))
}
