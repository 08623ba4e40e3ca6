//! `ROOM.JOIN`: membership, and a session on this connection.

use super::effect::{Effect, Piece};
use super::enter::enter;
use super::env::{Env, Place};
use super::outcome::{Counter, Outcome, settle};
use super::reply::{Answer, Sink};
use crate::dedupe::DedupePolicy;
use crate::error::RoomError;
use crate::log::MAX_SEQ;
use crate::members::Member;
use crate::position::{Position, Seq};
use crate::reading::Start;
use crate::room::{Room, check_uid};
use crate::sessions::{Ghost, RoomName, Sessions};

/// Its arguments.
#[derive(Clone, Copy, Debug)]
pub struct Join<'a> {
    /// Who.
    pub uid: &'a [u8],
    /// What this device has.
    pub since: Option<Position>,
    /// How many earlier messages a newcomer wants.
    pub history: u64,
    /// Only what came since the uid became a member.
    pub own: bool,
    /// Only if it is a member already: an error instead of making it one.
    pub only_member: bool,
}

/// Its reply, a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Joined {
    /// Where the session starts to read.
    pub start: Start,
    /// The newest message.
    pub head: Position,
    /// Messages between the two.
    pub pending: u64,
    /// It was no member before.
    pub new: bool,
    /// Members.
    pub members: u64,
    /// Uids that the others take for online.
    pub online: u64,
    /// How often it was kicked.
    pub kicks: u16,
    /// The server's Unix time in milliseconds.
    pub now: u64,
    /// Publish ids that are remembered.
    pub dedupe: DedupePolicy,
}

impl Answer for Joined {
    fn write(&self, to: &mut impl Sink) {
        to.map(13);
        to.pair_position("position", self.start.position);
        to.pair_position("head", self.head);
        to.pair("pending", self.pending);
        to.pair_lost(self.start.lost);
        to.pair("resumed", u64::from(self.start.resumed));
        to.pair("reset", u64::from(self.start.reset));
        to.pair("new", u64::from(self.new));
        to.pair("members", self.members);
        to.pair("online", self.online);
        to.pair("kicks", u64::from(self.kicks));
        to.pair("now", self.now);
        to.pair("dedupe-count", self.dedupe.count);
        to.pair("dedupe-age", self.dedupe.age_ms);
    }
}

/// What will be done, all of it checked.
struct Plan {
    start: Start,
    /// Where the member's cursor will be.
    cursor: Seq,
    new: bool,
    kicks: u16,
    /// The room changes.
    changes: bool,
    /// The device that comes back.
    ghost: Option<Ghost>,
    /// Until when cursors stand still.
    held: Option<u64>,
}

impl<'a> Join<'a> {
    /// Runs it.
    pub fn run(&self, place: Place<'_>, env: &Env<'_>) -> Result<Outcome<'a, Joined>, RoomError> {
        check_uid(self.uid)?;
        let Place {
            key,
            room,
            sessions,
        } = place;
        let mut born = None;
        if self.only_member && room.is_none() {
            return Err(RoomError::NoRoom);
        }
        let room = match room {
            Some(room) => room,
            None => &mut **born.insert(env.new_room()),
        };
        let plan = self.plan(room, key, sessions, env)?;
        let mut effect = None;
        let mut unread = 0;
        if plan.changes {
            enter(room, self.uid, plan.cursor, env.times.steady, plan.new);
            let (drops, dropped) = settle(room, env);
            unread = dropped.unread;
            effect = Some(Effect {
                drops,
                ..self.effect(room, &plan, env)
            });
        }
        let began = u64::from(env.counts);
        if env.counts {
            self.begin(key, sessions, &plan, env);
        }
        let mut outcome = Outcome::of(reply(room, &plan, sessions.online(key), env));
        if let Some(effect) = effect {
            outcome.effect(effect);
            outcome = outcome.changed(born, c"room.join");
        }
        outcome.count(Counter::Dropped, unread);
        outcome.count(Counter::Joined, began);
        outcome.count(Counter::Lost, u64::from(plan.start.lost.is_some()));
        outcome.count(Counter::Reset, u64::from(plan.start.reset));
        Ok(outcome)
    }

    fn effect(&self, room: &Room, plan: &Plan, env: &Env<'_>) -> Effect<'a> {
        let verb = if plan.new { "come" } else { "join" };
        let birth = Piece::Number(u64::from(room.birth().0));
        let rest = [birth, Piece::Number(plan.cursor), Piece::Bytes(self.uid)];
        Effect::new(verb, env.times.steady, rest)
    }

    fn begin(&self, key: RoomName<'_>, sessions: &mut Sessions, plan: &Plan, env: &Env<'_>) {
        let at = plan.start.acknowledged();
        sessions.join(env.client, key, self.uid, at, plan.ghost);
        if let Some(until) = plan.held {
            sessions.hold(key, until);
            if plan.start.resumed {
                // What it has moves the cursor when the others have had their time to come.
                sessions.rise_later(key, self.uid);
            }
        }
    }

    fn plan(
        &self,
        room: &Room,
        key: RoomName<'_>,
        sessions: &Sessions,
        env: &Env<'_>,
    ) -> Result<Plan, RoomError> {
        let member = room.member(self.uid);
        if member.is_none() {
            if self.only_member {
                return Err(RoomError::NoMember(self.uid.into()));
            }
            room.check_admit(self.uid, env.settings.max_members)?;
            if env.full {
                return Err(RoomError::OutOfMemory);
            }
        }
        let of_here = self
            .since
            .filter(|since| room.verify(*since) != Some(false));
        let since = of_here.map(|since| since.seq);
        let takeover = || sessions.takeover(env.client, key, self.uid, since);
        let ghost = env.counts.then(takeover).flatten();
        let start = self.start(room, member, ghost.as_ref());
        let held = env.held_until(room.came());
        // Only a position that matches says what this uid has seen; and what one device has seen, a slower one that is
        // here, or went a moment ago, still waits for.
        let others = sessions.floor(key, self.uid, ghost.as_ref());
        let seen = start.position.seq.min(others.unwrap_or(MAX_SEQ));
        let cursor = match member {
            None => start.acknowledged(),
            Some(member) if start.resumed && held.is_none() => member.cursor.max(seen),
            Some(member) => member.cursor,
        };
        Ok(Plan {
            start,
            cursor,
            new: member.is_none(),
            kicks: member.map_or(0, |member| member.kicks),
            changes: member.is_none_or(|member| member.cursor < cursor || member.released)
                || room.telling(self.uid).is_some_and(|telling| telling.quiet),
            ghost,
            held,
        })
    }

    fn newcomer_cursor(&self, room: &Room) -> Seq {
        match (self.own, self.since) {
            (true, _) => room.log().head().seq,
            (false, None) => room.newcomer_cursor(self.history),
            (false, Some(_)) => room.log().start().seq,
        }
    }

    /// Where the session starts to read.
    fn start(&self, room: &Room, member: Option<Member<'_>>, ghost: Option<&Ghost>) -> Start {
        let cursor = match member {
            // Without a position it is taken for the device that is furthest behind of those who went.
            Some(member) => ghost.map_or(member.cursor, |ghost| ghost.at.max(member.cursor)),
            None => self.newcomer_cursor(room),
        };
        let plain = |at: Seq, reset: bool| {
            let (position, lost) = room.start_at(at);
            Start {
                position,
                lost,
                resumed: false,
                reset,
            }
        };
        let Some(since) = self.since else {
            return plain(cursor, false);
        };
        if !self.own {
            return room.resume(since, cursor);
        }
        let reset = room.verify(since) == Some(false);
        match member {
            None => plain(cursor, reset),
            Some(member) if !reset && since.seq < member.joined_at => {
                plain(member.joined_at, false)
            }
            Some(_) => room.resume(since, cursor),
        }
    }
}

fn reply(room: &Room, plan: &Plan, online: u64, env: &Env<'_>) -> Joined {
    Joined {
        start: plan.start,
        head: room.log().head(),
        pending: room.pending(plan.start.position.seq),
        new: plan.new,
        members: room.member_count() as u64,
        online,
        kicks: plan.kicks,
        now: env.times.wall,
        dedupe: env.settings.dedupe,
    }
}
