//! A tick's part: telling a room who came and who went.

use super::effect::{Effect, Piece};
use super::enter::see;
use super::env::Env;
use super::outcome::{Announcement, Outcome};
use crate::announce::Kind;
use crate::limits::Limit;
use crate::members::Member;
use crate::room::Room;
use crate::sessions::Change;
use smallvec::smallvec;
use std::borrow::Cow;

/// Uids in one effect: a replica is to do it in a moment.
const PER_EFFECT: usize = 1000;

/// One frame for all that came and went, and one that says who is here where somebody came whom the others know from before;
/// `who` are these, unless they are too many to be named. And they were seen, which ends or begins their absence.
pub fn presence<'a>(
    room: &mut Room,
    (online, who): (u64, Option<&[Box<[u8]>]>),
    change: &'a Change,
    env: &Env<'_>,
) -> Outcome<'a, ()> {
    let mut outcome = Outcome::of(());
    if !(change.came.is_empty() && change.went.is_empty()) {
        let mut told = Announcement::at_head(Kind::Presence, room, online, env.times.wall, b"-");
        told.payload = Cow::Owned(names(online, change, env.settings.presence_names));
        outcome.tell = smallvec![told];
    }
    if change.again {
        let mut told = Announcement::at_head(Kind::Presence, room, online, env.times.wall, b"-");
        let mut lines = Vec::new();
        who.unwrap_or_default()
            .iter()
            .for_each(|uid| put_line(&mut lines, b'=', uid));
        told.payload = Cow::Owned(lines);
        outcome.tell.push(told);
    }
    let seen = to_be_seen(room, change, env);
    if !(change.went.is_empty() && change.passed.is_empty()) {
        outcome.wakes(room, env);
    }
    mark(room, "seen", &seen, env, outcome)
}

/// Lines `+uid` and `-uid`; nothing where more than `most` are online, or changed: the names of n who join must not go
/// to n others.
fn names(online: u64, change: &Change, most: u64) -> Vec<u8> {
    let mut lines = Vec::new();
    if online.max((change.came.len() + change.went.len()) as u64) > most {
        return lines;
    }
    for (sign, uids) in [(b'+', &change.came), (b'-', &change.went)] {
        for uid in uids {
            put_line(&mut lines, sign, uid);
        }
    }
    lines
}

fn put_line(lines: &mut Vec<u8>, sign: u8, uid: &[u8]) {
    if !lines.is_empty() {
        lines.push(b'\n');
    }
    lines.push(sign);
    lines.extend_from_slice(uid);
}

/// Members who went, and those who came and would be taken for absent; but for those whom that would not change.
fn to_be_seen<'a>(room: &Room, change: &'a Change, env: &Env<'_>) -> Vec<&'a [u8]> {
    let limits = room.limits(&env.settings.limits);
    let now = env.times.steady;
    let stale = stale_before(now, limits.get(Limit::MemberTtl));
    let acted_before = |uid: &[u8], ms: u64| {
        let earlier = |member: Member<'_>| member.released || member.acted_ms < ms;
        room.member(uid).is_some_and(earlier)
    };
    let came = change.came.iter().filter(|uid| acted_before(uid, stale));
    let went = change.went.iter().chain(&change.passed);
    let went = went.filter(|uid| acted_before(uid, now));
    came.chain(went).map(|uid| &**uid).collect()
}

/// Before when a member who is online must have acted to be marked as seen again. `acted_ms` is refreshed every eighth of
/// the time to live, so that a server which dies and tells no departure leaves times that are wrong by no more.
pub(super) fn stale_before(now: u64, ttl: u64) -> u64 {
    match ttl {
        0 => 0,
        ttl => now.saturating_sub(ttl / 8),
    }
}

/// Marks members as `seen` or `release`d, and says so to replicas.
pub(super) fn mark<'a>(
    room: &mut Room,
    what: &'static str,
    uids: &[&'a [u8]],
    env: &Env<'_>,
    mut outcome: Outcome<'a, ()>,
) -> Outcome<'a, ()> {
    for some in uids.chunks(PER_EFFECT) {
        for uid in some {
            if what == "release" {
                room.set_released(uid, true);
            } else {
                see(room, uid, env.times.steady);
            }
        }
        let rest = [Piece::Bytes(what.as_bytes())].into_iter();
        let rest = rest.chain(some.iter().map(|uid| Piece::Bytes(uid)));
        outcome.effect(Effect::new("mark", env.times.steady, rest));
        outcome.key = super::outcome::KeyFate::Changed;
    }
    outcome
}
