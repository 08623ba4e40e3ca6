//! `ROOM.LIMITS`: a room's own limits. `ROOM.TRIM`: drops old messages by hand.

use super::effect::{Drops, Effect, Piece};
use super::env::{Env, Place};
use super::outcome::{Counter, Outcome, apply_drops, settle};
use super::reply::Done;
use crate::error::RoomError;
use crate::limits::Limit;
use crate::log::Reason;
use crate::position::Seq;
use crate::room::Drop;

/// Runs LIMITS.
pub fn set_limits(
    place: Place<'_>,
    changes: &[(Limit, Option<u64>)],
    env: &Env<'_>,
) -> Result<Outcome<'static, Done>, RoomError> {
    let room = place.room.ok_or(RoomError::NoRoom)?;
    let before = room.own_limits();
    let mut rest = Vec::new();
    for (limit, value) in changes {
        room.set_limit(*limit, *value);
        rest.push(Piece::Bytes(limit.name().as_bytes()));
        rest.push(value.map_or(Piece::Bytes(b"default"), Piece::Number));
    }
    let (drops, dropped) = settle(room, env);
    let mut outcome = Outcome::of(Done);
    if room.own_limits() == before && drops.is_empty() {
        return Ok(outcome);
    }
    outcome.effect(Effect {
        drops,
        ..Effect::new("limits", env.times.steady, rest)
    });
    outcome.count(Counter::Dropped, dropped.unread);
    outcome.wakes(room, env);
    Ok(outcome.changed(None, c"room.limits"))
}

/// How much TRIM leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trim {
    /// So many messages.
    MaxLen(u64),
    /// This one and those after it.
    Before(Seq),
}

/// Runs TRIM: how many messages went.
pub fn trim(
    place: Place<'_>,
    what: Trim,
    env: &Env<'_>,
) -> Result<Outcome<'static, u64>, RoomError> {
    let room = place.room.ok_or(RoomError::NoRoom)?;
    let end = room.log().head().seq.saturating_add(1);
    let first = match what {
        Trim::MaxLen(most) => end.saturating_sub(most),
        Trim::Before(seq) => seq.min(end),
    };
    if first <= room.log().first() {
        return Ok(Outcome::of(0));
    }
    let drops = Drops::one(Drop {
        first,
        reason: Reason::Trim,
    });
    let gone = apply_drops(room, &drops);
    let mut outcome = Outcome::of(gone.all);
    outcome.effect(Effect {
        drops,
        ..Effect::new("drop", env.times.steady, [])
    });
    outcome.count(Counter::Dropped, gone.unread);
    Ok(outcome.changed(None, c"room.trim"))
}
