//! `ROOM.LEAVE`: memberships end, and the queues with them.

use super::effect::{Effect, Piece};
use super::env::{Env, Place};
use super::many::{MOST_LEAVING, check_uids};
use super::outcome::{Announcement, Counter, KeyFate, Outcome, settle};
use crate::error::RoomError;

/// Runs it: how many were members.
pub fn leave<'a>(
    place: Place<'_>,
    uids: &[&'a [u8]],
    env: &Env<'_>,
) -> Result<Outcome<'a, u64>, RoomError> {
    check_uids(uids, env.settings.max_uids.min(MOST_LEAVING))?;
    let Some(room) = place.room else {
        return Ok(Outcome::of(0));
    };
    let gone: Vec<&'a [u8]> = uids
        .iter()
        .copied()
        .filter(|uid| room.remove(uid))
        .collect();
    let mut outcome = Outcome::of(gone.len() as u64);
    if gone.is_empty() {
        return Ok(outcome);
    }
    for uid in &gone {
        place.sessions.remove_uid(place.key, uid);
        let online = place.sessions.online(place.key);
        outcome
            .tell
            .push(Announcement::left(room, online, env.times.wall, uid));
    }
    let mut effect = Effect::new(
        "leave",
        env.times.steady,
        gone.into_iter().map(Piece::Bytes),
    );
    if room.member_count() > 0 {
        let (drops, dropped) = settle(room, env);
        effect.drops = drops;
        outcome.count(Counter::Dropped, dropped.unread);
    }
    outcome.effect(effect);
    let empty = room.member_count() == 0;
    outcome = outcome.changed(None, c"room.leave");
    if empty {
        outcome.key = KeyFate::Gone;
    }
    Ok(outcome)
}
