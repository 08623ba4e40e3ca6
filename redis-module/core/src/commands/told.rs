//! `ROOM.TOLD`: somebody told members of the mail that waits for them.

use super::ack::is_known;
use super::effect::{Effect, Piece};
use super::env::{Env, Place};
use super::many::check_uids;
use super::outcome::{Counter, Outcome};
use super::waiting::Leases;
use crate::error::RoomError;
use crate::members::Member;
use crate::position::Position;
use crate::room::Room;

/// Runs it: of how many that was news. Who is here, or was since it was leased, is told of what comes later; who was not stays quiet
/// until it does something.
pub fn told<'a>(
    place: Place<'_>,
    leases: Option<&Leases>,
    position: Position,
    uids: &[&'a [u8]],
    env: &Env<'_>,
) -> Result<Outcome<'a, u64>, RoomError> {
    check_uids(uids, env.settings.max_uids)?;
    let room = place.room.ok_or(RoomError::NoRoom)?;
    // One that is older than the log cannot be checked, and tells of what is gone.
    is_known(room, position)?;
    let now = env.times.steady;
    let mut rest = vec![Piece::Number(position.seq)];
    for uid in uids {
        if !is_news(room, uid, position, env) {
            continue;
        }
        let lease = leases.and_then(|leases| leases.get(*uid));
        // Who acknowledged all of that meanwhile did something.
        let waits = |member: Member<'_>| {
            let same = lease.is_none_or(|lease| lease.acted == member.acted_ms);
            same && member.cursor < position.seq
        };
        let waits = room.member(uid).is_some_and(waits);
        let quiet = waits && !place.sessions.is_online(place.key, uid);
        room.tell(uid, position.seq, now, quiet);
        rest.extend([Piece::Number(u64::from(quiet)), Piece::Bytes(uid)]);
    }
    let many = (rest.len() / 2) as u64;
    let mut outcome = Outcome::of(many);
    if many > 0 {
        outcome.effect(Effect::new("told", now, rest));
        outcome.count(Counter::Told, many);
        // It may be told once more, or of what came meanwhile.
        outcome.wakes(room, env);
        outcome.has_changed(None, c"room.told");
    }
    Ok(outcome)
}

/// A repeat is none, unless it is time to tell once more.
fn is_news(room: &Room, uid: &[u8], position: Position, env: &Env<'_>) -> bool {
    if room.member(uid).is_none() {
        return false;
    }
    let again = env.settings.waiting_again;
    room.telling(uid).is_none_or(|telling| {
        let over = telling.at.saturating_add(again) <= env.times.steady;
        telling.seq < position.seq || (again > 0 && over)
    })
}
