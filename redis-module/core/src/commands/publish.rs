//! `ROOM.PUBLISH`: stores a message once and announces it, in one step.

use super::effect::{Drops, Effect, Given, Piece};
use super::env::{Env, Place};
use super::outcome::{Announcement, Counter, Outcome, settle};
use super::reply::{Answer, Sink};
use crate::announce::Kind;
use crate::clock::DRIFT;
use crate::error::RoomError;
use crate::limits::Limit;
use crate::log::Log;
use crate::position::{Position, Seq};
use crate::room::{Room, check_id, check_uid};
use smallvec::SmallVec;
use std::borrow::Cow;

/// Its arguments.
#[derive(Clone, Copy, Debug)]
pub struct Publish<'a> {
    /// Who publishes; need not be a member.
    pub uid: Given<'a>,
    /// Any bytes.
    pub payload: Given<'a>,
    /// A retry with the same id is stored once.
    pub id: Option<Given<'a>>,
    /// The same, whoever publishes.
    pub room_id: Option<Given<'a>>,
    /// Announce it, but do not store it.
    pub ephemeral: bool,
    /// An error where there is no room, instead of making one.
    pub only_existing: bool,
}

/// Its reply: seq (0 if it was not stored), members online, members offline, whether it was stored before (1 or 0), and the
/// position (null if it was not stored, or was stored before and is freed already). With `ROOMID` two more: for how long its
/// id is remembered (ms), and how many such ids at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// The message's number.
    pub seq: Seq,
    /// Uids online.
    pub online: u64,
    /// Members.
    pub members: u64,
    /// It was stored by an earlier try.
    pub duplicate: bool,
    /// Where it is.
    pub position: Option<Position>,
    /// For how long, and how many ids are remembered, of a message with one of the room's.
    pub remembered: Option<(u64, u64)>,
}

impl Answer for Published {
    fn write(&self, to: &mut impl Sink) {
        to.array(if self.remembered.is_some() { 7 } else { 5 });
        to.int(self.seq);
        to.int(self.online);
        to.int(self.members.saturating_sub(self.online));
        to.int(u64::from(self.duplicate));
        match self.position {
            Some(position) => to.position(position),
            None => to.null(),
        }
        if let Some((age, many)) = self.remembered {
            to.int(age);
            to.int(many);
        }
    }
}

impl<'a> Publish<'a> {
    /// Runs it.
    pub fn run(
        &self,
        place: Place<'_>,
        env: &Env<'_>,
    ) -> Result<Outcome<'a, Published>, RoomError> {
        check_uid(self.uid.bytes)?;
        for id in self.id.iter().chain(&self.room_id) {
            check_id(id.bytes)?;
        }
        let (size, most) = (self.payload.bytes.len(), env.settings.max_payload);
        if size as u64 > most {
            return Err(RoomError::TooBig(size, most));
        }
        if self.only_existing && place.room.is_none() {
            return Err(RoomError::NoRoom);
        }
        let online = place.sessions.online(place.key);
        if self.ephemeral {
            return Ok(self.announce_only(place.room.as_deref(), online, env));
        }
        let mut forgets = false;
        if let Some(room) = place.room.as_deref() {
            if let Some(first) = self.stored_before(room, env) {
                return Ok(self.duplicate(room, first, online, env));
            }
            room.check_append()?;
            if self.room_id(env).is_some() {
                forgets = room.check_room_id(env.settings.room_ids, env.ids_end())?;
            }
        }
        if env.full {
            return Err(RoomError::OutOfMemory);
        }
        self.store(place.room, forgets, online, env)
    }

    fn announce_only(
        &self,
        room: Option<&Room>,
        online: u64,
        env: &Env<'_>,
    ) -> Outcome<'a, Published> {
        let members = room.map_or(0, Room::member_count) as u64;
        let head = room.map_or_else(Position::default, |room| room.log().head());
        let mut outcome = Outcome::of(Published {
            seq: 0,
            online,
            members,
            duplicate: false,
            position: None,
            remembered: None,
        });
        let head = Position::new(0, head.tag);
        outcome.tell.push(self.announcement(
            Kind::Ephemeral,
            head,
            env.times.wall,
            (online, members),
        ));
        outcome.count(Counter::Ephemeral, 1);
        outcome
    }

    fn announcement(
        &self,
        kind: Kind,
        position: Position,
        ms: u64,
        counts: (u64, u64),
    ) -> Announcement<'a> {
        Announcement {
            kind,
            position,
            ms,
            online: counts.0,
            members: counts.1,
            uid: Cow::Borrowed(self.uid.bytes),
            payload: Cow::Borrowed(self.payload.bytes),
        }
    }

    fn stored_before(&self, room: &Room, env: &Env<'_>) -> Option<Seq> {
        let policy = &env.settings.dedupe;
        let of_uid = || {
            let id = self.id.filter(|_| !policy.is_off())?;
            room.seen_before(self.uid.bytes, id.bytes)
        };
        let (seq, at) = match self.room_id(env) {
            Some(id) => room.seen_here(id.bytes)?,
            None => of_uid()?,
        };
        (env.times.steady.saturating_sub(at) <= policy.age_ms).then_some(seq)
    }

    /// The room's id, where such are remembered at all.
    fn room_id(&self, env: &Env<'_>) -> Option<Given<'a>> {
        self.room_id.filter(|_| env.settings.dedupe.age_ms > 0)
    }

    fn remembered(&self, env: &Env<'_>) -> Option<(u64, u64)> {
        let settings = env.settings;
        let both = (settings.dedupe.age_ms, settings.room_ids);
        self.room_id.is_some().then_some(both)
    }

    /// When its id is said to have been seen: with the message, unless the wall clock, which stamps that, was set.
    fn seen_at(&self, ms: u64, env: &Env<'_>) -> u64 {
        match ms.abs_diff(env.times.steady) <= DRIFT {
            true => ms,
            false => env.times.steady,
        }
    }

    fn store(
        &self,
        room: Option<&mut Room>,
        forgets: bool,
        online: u64,
        env: &Env<'_>,
    ) -> Result<Outcome<'a, Published>, RoomError> {
        let mut born = None;
        let room = match room {
            Some(room) => room,
            None => &mut **born.insert(env.new_room()),
        };
        if forgets {
            room.forget_ids_before(env.ids_end());
        }
        let ms = room.log().time_of_next(env.times.wall);
        let position = room.append(ms, self.uid.bytes, self.payload.bytes);
        room.set_said(env.times.steady);
        let birth = room.birth();
        if let Some(id) = self.id {
            room.remember(
                self.uid.bytes,
                id.bytes,
                position.seq,
                self.seen_at(ms, env),
                &env.settings.dedupe,
            );
        }
        if let Some(id) = self.room_id(env) {
            room.remember_here(id.bytes, position.seq, self.seen_at(ms, env));
        }
        let (drops, dropped) = settle(room, env);
        let delay = room.limits(&env.settings.limits).get(Limit::WaitingDelay);
        let wake = (delay > 0).then(|| env.times.mono.saturating_add(delay));
        let members = room.member_count() as u64;
        let mut outcome = Outcome::of(Published {
            seq: position.seq,
            online,
            members,
            duplicate: false,
            position: Some(position),
            remembered: self.remembered(env),
        });
        if forgets {
            outcome.effect(Effect::new("ids", env.ids_end(), []));
        }
        outcome
            .tell
            .push(self.announcement(Kind::Message, position, ms, (online, members)));
        let birth = born.is_some().then_some(u64::from(birth.0));
        outcome.effect(self.effect(ms, birth, drops, env));
        outcome.count(Counter::Published, 1);
        outcome.count(Counter::Dropped, dropped.unread);
        outcome.wake = wake;
        outcome.has_changed(born, c"room.publish");
        Ok(outcome)
    }

    fn effect(&self, ms: u64, birth: Option<u64>, drops: Drops, env: &Env<'_>) -> Effect<'a> {
        let mut rest: SmallVec<[_; 8]> = SmallVec::new();
        rest.push(Piece::Given(self.uid));
        rest.push(Piece::Given(self.payload));
        if let Some(birth) = birth {
            rest.extend([Piece::Bytes(b"BIRTH"), Piece::Number(birth)]);
        }
        if let Some(id) = self.id {
            let policy = env.settings.dedupe;
            rest.extend([
                Piece::Bytes(b"ID"),
                Piece::Given(id),
                Piece::Number(policy.count),
                Piece::Number(policy.age_ms),
            ]);
        }
        if let Some(id) = self.room_id(env) {
            rest.extend([Piece::Bytes(b"ROOMID"), Piece::Given(id)]);
        }
        if self.id.is_some() || self.room_id(env).is_some() {
            let at = self.seen_at(ms, env);
            if at != ms {
                rest.extend([Piece::Bytes(b"AT"), Piece::Number(at)]);
            }
        }
        Effect {
            verb: "append",
            ms,
            drops,
            rest,
        }
    }

    /// The reply to a retry.
    fn duplicate(
        &self,
        room: &Room,
        seq: Seq,
        online: u64,
        env: &Env<'_>,
    ) -> Outcome<'a, Published> {
        let mut outcome = Outcome::of(Published {
            seq,
            online,
            members: room.member_count() as u64,
            duplicate: true,
            position: stored_at(room.log(), seq),
            remembered: self.remembered(env),
        });
        outcome.count(Counter::Duplicates, 1);
        outcome
    }
}

/// The position of a message that is still stored.
fn stored_at(log: &Log, seq: Seq) -> Option<Position> {
    if seq < log.first() {
        return None;
    }
    log.position_at(seq)
}
