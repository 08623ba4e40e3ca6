//! `ROOM.INVITE`: members without a session, so that a backend can enrol people who are away.

use super::effect::{Effect, Piece};
use super::enter::enter;
use super::env::{Env, Place};
use super::many::check_uids;
use super::outcome::Outcome;
use crate::error::RoomError;
use crate::room::Room;

/// Runs it: how many became members.
pub fn invite<'a>(
    place: Place<'_>,
    uids: &[&'a [u8]],
    env: &Env<'_>,
) -> Result<Outcome<'a, u64>, RoomError> {
    check_uids(uids, env.settings.max_uids)?;
    let mut born = None;
    let room = match place.room {
        Some(room) => room,
        None => &mut **born.insert(env.new_room()),
    };
    let (new, came) = sorted_out(room, uids);
    room.check_admit_all(new.iter().copied(), env.settings.max_members)?;
    if env.full && !new.is_empty() {
        return Err(RoomError::OutOfMemory);
    }
    let mut outcome = Outcome::of(new.len() as u64);
    if new.is_empty() && came.is_empty() {
        return Ok(outcome);
    }
    let now = env.times.steady;
    let (birth, cursor) = (u64::from(room.birth().0), room.log().head().seq);
    for uid in &new {
        enter(room, uid, cursor, now, false);
    }
    for uid in &came {
        room.set_invited(uid);
    }
    let names = |uids: Vec<&'a [u8]>| uids.into_iter().map(Piece::Bytes);
    if !new.is_empty() {
        let head = [Piece::Number(birth), Piece::Number(cursor)];
        outcome.effect(Effect::new("join", now, head.into_iter().chain(names(new))));
    }
    if !came.is_empty() {
        let head = [Piece::Bytes(b"invited")];
        outcome.effect(Effect::new(
            "mark",
            now,
            head.into_iter().chain(names(came)),
        ));
    }
    outcome.wakes(room, env);
    Ok(outcome.changed(born, c"room.invite"))
}

/// Those who are no members, each once, and those who are but came uninvited.
fn sorted_out<'a>(room: &Room, uids: &[&'a [u8]]) -> (Vec<&'a [u8]>, Vec<&'a [u8]>) {
    let mut uids = uids.to_vec();
    uids.sort_unstable();
    uids.dedup();
    let new = uids.iter().filter(|uid| room.member(uid).is_none());
    let newcomer = |uid: &&&[u8]| room.member(uid).is_some_and(|member| member.newcomer);
    let came = uids.iter().filter(newcomer);
    (new.copied().collect(), came.copied().collect())
}
