//! A tick's part: what time alone brings about in a room where nobody does anything. [`look`] only looks, so that most
//! rooms are never opened to be changed; [`sweep`] does what it found.

use super::effect::{Effect, Piece};
use super::env::Env;
use super::outcome::{Announcement, Counter, KeyFate, Outcome, Replicate, settle};
use super::presence::{mark, stale_before};
use crate::limits::{Limit, Limits};
use crate::members::Member;
use crate::room::Room;
use crate::sessions::{RoomName, Sessions};

/// Members that one look looks at; the next one looks at the next ones.
pub const ROWS: usize = 2048;

/// What is to be done in a room.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Work {
    /// A limit drops messages.
    drops: bool,
    /// Publish ids are older than they are remembered.
    ids: bool,
    /// Nothing happened for so long that the room goes.
    idle: bool,
    /// Members online who did not act for long: their time must not look old when they go.
    seen: Vec<Box<[u8]>>,
    /// Members who are away for longer than their time and still hold the log.
    away: Vec<Box<[u8]>>,
    /// Members whose membership ends, as they are away for too long.
    forgotten: Vec<Box<[u8]>>,
}

impl Work {
    /// Members that it changes.
    pub fn members(&self) -> usize {
        self.seen.len() + self.away.len() + self.forgotten.len()
    }

    fn is_some(&self) -> bool {
        self.drops || self.ids || self.idle || self.members() > 0
    }
}

/// What is to be done in this room, if anything. `turn` counts the looks at it.
pub fn look(
    key: RoomName<'_>,
    room: &Room,
    sessions: &Sessions,
    turn: usize,
    env: &Env<'_>,
) -> Option<Work> {
    let limits = room.limits(&env.settings.limits);
    let mut work = Work {
        drops: room
            .due(env.is_old(room, limits.get(Limit::MaxAge)), &limits)
            .iter()
            .any(Option::is_some),
        ids: env.ids_end() > room.oldest_id_ms().unwrap_or(u64::MAX),
        idle: is_idle(key, room, sessions, env),
        ..Work::default()
    };
    if !work.idle {
        look_at_members(key, room, sessions, &limits, turn, env, &mut work);
    }
    work.is_some().then_some(work)
}

fn is_idle(key: RoomName<'_>, room: &Room, sessions: &Sessions, env: &Env<'_>) -> bool {
    let ttl = env.settings.idle_ttl;
    ttl > 0
        && env.all_are_back(room.came())
        && room.acted_ms() < env.times.steady.saturating_sub(ttl)
        && env.is_old(room, ttl)(room.log().last_ms())
        && !sessions.anybody(key)
}

/// Which times matter for members.
struct Horizons {
    /// Who is online and acted before is marked as seen.
    stale: u64,
    /// Who is away and acted before no longer holds the log.
    away: u64,
    /// Newcomers who acted before go.
    newcomer: u64,
    /// Anybody who acted before goes.
    anybody: u64,
}

impl Horizons {
    fn of(room: &Room, limits: &Limits, env: &Env<'_>) -> Self {
        let now = env.times.steady;
        // The shortest of the times that end something for a member who is away: whoever is here must not come near it.
        let settings = env.settings;
        let ttl = limits.get(Limit::MemberTtl);
        let ends = [ttl, settings.newcomer_ttl, settings.forget_after];
        let shortest = ends.into_iter().filter(|ttl| *ttl > 0).min().unwrap_or(0);
        let stale = stale_before(now, shortest);
        // Whoever was here when the server died may have a time that is wrong by what is stale.
        let all_are_back = env.all_are_back(room.came());
        let before = |ttl: u64| match ttl > 0 && all_are_back {
            true => stale.saturating_sub(ttl),
            false => 0,
        };
        // A room that holds no more than it would keep anyway has nothing to win from releasing members.
        let holds = room.log().len() > limits.get(Limit::Keep);
        Self {
            stale,
            away: if holds { before(ttl) } else { 0 },
            newcomer: before(settings.newcomer_ttl),
            anybody: before(settings.forget_after),
        }
    }
}

fn look_at_members(
    key: RoomName<'_>,
    room: &Room,
    sessions: &Sessions,
    limits: &Limits,
    turn: usize,
    env: &Env<'_>,
    work: &mut Work,
) {
    let horizons = Horizons::of(room, limits, env);
    let absent = horizons.away.max(horizons.newcomer).max(horizons.anybody);
    let somebody = sessions.anybody(key);
    if absent == 0 && !somebody {
        return;
    }
    let rows = room.member_count();
    let from = turn % rows.div_ceil(ROWS).max(1) * ROWS;
    for at in from..rows.min(from + ROWS) {
        let Some(member) = room.member_at(at) else {
            continue;
        };
        let returned = somebody && member.released;
        if member.acted_ms >= horizons.stale.max(absent) && !returned {
            continue;
        }
        if somebody && sessions.is_here(key, member.uid) {
            // Who was released and comes back is marked when its arrival is told; shortly after a start it is not told.
            if member.acted_ms < horizons.stale || member.released {
                work.seen.push(member.uid.into());
            }
        } else if is_forgotten(room, &member, &horizons) {
            work.forgotten.push(member.uid.into());
        } else if member.acted_ms < horizons.away && !member.released {
            work.away.push(member.uid.into());
        }
    }
}

fn is_forgotten(room: &Room, member: &Member<'_>, horizons: &Horizons) -> bool {
    let never_read = member.newcomer && room.log().head().seq > member.cursor;
    member.acted_ms < horizons.anybody || (never_read && member.acted_ms < horizons.newcomer)
}

/// Does what [`look`] found, a moment ago and in the same tick.
pub fn sweep<'a>(
    key: RoomName<'_>,
    room: &mut Room,
    sessions: &mut Sessions,
    work: &'a Work,
    env: &Env<'_>,
) -> Outcome<'a, ()> {
    let mut outcome = Outcome::of(());
    if work.idle {
        outcome.key = KeyFate::Gone;
        outcome.replicate = Replicate::Unlink;
        outcome.event = Some(c"room.idle");
        outcome.count(Counter::Idle, 1);
        return outcome;
    }
    let names = |uids: &'a [Box<[u8]>]| uids.iter().map(|uid| &**uid).collect::<Vec<&'a [u8]>>();
    outcome = mark(room, "seen", &names(&work.seen), env, outcome);
    outcome = mark(room, "release", &names(&work.away), env, outcome);
    outcome.count(Counter::Released, work.away.len() as u64);
    if work.ids {
        let before = env.ids_end();
        room.forget_ids_before(before);
        outcome.effect(Effect::new("ids", before, []));
        outcome.key = KeyFate::Changed;
    }
    forget(
        key,
        room,
        sessions,
        &names(&work.forgotten),
        env,
        &mut outcome,
    );
    if room.member_count() == 0 && !work.forgotten.is_empty() {
        outcome.key = KeyFate::Gone;
        return outcome;
    }
    let (drops, dropped) = settle(room, env);
    if !drops.is_empty() {
        outcome.effect(Effect {
            drops,
            ..Effect::new("drop", env.times.steady, [])
        });
        outcome.count(Counter::Dropped, dropped.unread);
        outcome.key = KeyFate::Changed;
    }
    outcome
}

/// Ends memberships, as LEAVE does.
fn forget<'a>(
    key: RoomName<'_>,
    room: &mut Room,
    sessions: &mut Sessions,
    uids: &[&'a [u8]],
    env: &Env<'_>,
    outcome: &mut Outcome<'a, ()>,
) {
    if uids.is_empty() {
        return;
    }
    for uid in uids {
        room.remove(uid);
        sessions.remove_uid(key, uid);
        let left = Announcement::left(room, sessions.online(key), env.times.wall, uid);
        outcome.tell.push(left);
    }
    let rest = uids.iter().map(|uid| Piece::Bytes(uid));
    outcome.effect(Effect::new("leave", env.times.steady, rest));
    outcome.count(Counter::Forgotten, uids.len() as u64);
    outcome.key = KeyFate::Changed;
    outcome.event = Some(c"room.leave");
}
