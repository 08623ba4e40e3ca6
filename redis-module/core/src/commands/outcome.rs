//! What came of a command: its reply, what is told and to whom, and what became of the key.

use super::effect::{Dropped, Drops, Effect};
use super::env::Env;
use crate::announce::{Header, Kind, control};
use crate::limits::{Limit, Limits};
use crate::position::Position;
use crate::room::Room;
use smallvec::SmallVec;
use std::borrow::Cow;
use std::ffi::CStr;

/// See the top of the file. The caller does it in this order: a room that is born is put under its key, announcements,
/// effects, a key that goes, WATCH, the keyspace event, counters, the reply.
pub struct Outcome<'a, R> {
    /// For whoever asked.
    pub reply: R,
    /// For whoever listens to the room.
    pub tell: SmallVec<[Announcement<'a>; 1]>,
    /// What replicas and the AOF get.
    pub replicate: Replicate,
    /// For those of them that get effects.
    pub effects: SmallVec<[Effect<'a>; 1]>,
    /// What became of the key.
    pub key: KeyFate,
    /// For whoever watches keyspace events: its name.
    pub event: Option<&'static CStr>,
    /// From when on (monotonic milliseconds) somebody in this room may be waiting who is to be told of.
    pub wake: Option<u64>,
    /// What is counted.
    pub counts: SmallVec<[(Counter, u64); 2]>,
}

/// What is sent to replicas and the AOF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replicate {
    /// The outcome's effects (or nothing, if there are none).
    Effects,
    /// The command as it came.
    Verbatim,
    /// That the key was removed.
    Unlink,
}

/// What became of a key.
pub enum KeyFate {
    /// Nothing.
    Same,
    /// Its room changed.
    Changed,
    /// This room is to be put under it.
    Born(Box<Room>),
    /// It goes.
    Gone,
}

/// Something that those in a room are to hear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement<'a> {
    /// What.
    pub kind: Kind,
    /// Where in the room's history.
    pub position: Position,
    /// When: Unix time in milliseconds.
    pub ms: u64,
    /// Uids online, after it.
    pub online: u64,
    /// Members, after it.
    pub members: u64,
    /// Who, or whom it concerns; `-` for all.
    pub uid: Cow<'a, [u8]>,
    /// What was said.
    pub payload: Cow<'a, [u8]>,
}

/// What `INFO room` counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counter {
    /// Messages stored.
    Published,
    /// Retries that an id recognised.
    Duplicates,
    /// Events that were announced only.
    Ephemeral,
    /// Cursors that moved.
    Acked,
    /// Sessions that began, by JOIN or ATTACH.
    Joined,
    /// Messages dropped by a limit or by hand.
    Dropped,
    /// Joins that were told of lost messages.
    Lost,
    /// Joins with a position of another history.
    Reset,
    /// Keys with sessions that went or were replaced.
    Gone,
    /// Rooms with sessions whose slot went to another node.
    Moved,
    /// Connections whose lease ran out.
    LeasesExpired,
    /// Members who no longer hold the log back.
    Released,
    /// Devices that went without a logout.
    Away,
    /// Acknowledgements that wait because the room came to this node a moment ago.
    Held,
    /// Members who were removed because they were away for too long.
    Forgotten,
    /// Rooms that were removed because nothing happened in them.
    Idle,
    /// Commands refused because they named too many.
    TooMany,
    /// Publishes refused because the room remembers as many ids as it may.
    IdsFull,
    /// Members leased to somebody who tells of them.
    Leased,
    /// Members who were told of.
    Told,
}

impl Counter {
    /// All of them with their names in `INFO room`.
    pub const NAMES: [(Self, &'static str); 20] = [
        (Self::Published, "published"),
        (Self::Duplicates, "duplicates"),
        (Self::Ephemeral, "ephemeral"),
        (Self::Acked, "acked"),
        (Self::Joined, "joined"),
        (Self::Dropped, "dropped_messages"),
        (Self::Lost, "joins_lost"),
        (Self::Reset, "joins_reset"),
        (Self::Gone, "keys_gone"),
        (Self::Moved, "keys_moved"),
        (Self::LeasesExpired, "leases_expired"),
        (Self::Released, "members_released"),
        (Self::Away, "devices_away"),
        (Self::Held, "acks_held"),
        (Self::Forgotten, "members_forgotten"),
        (Self::Idle, "rooms_idle"),
        (Self::TooMany, "too_many"),
        (Self::IdsFull, "room_ids_full"),
        (Self::Leased, "waiting_leased"),
        (Self::Told, "waiting_told"),
    ];
}

impl<'a, R> Outcome<'a, R> {
    /// Only a reply.
    pub fn of(reply: R) -> Self {
        Self {
            reply,
            tell: SmallVec::new(),
            replicate: Replicate::Effects,
            effects: SmallVec::new(),
            key: KeyFate::Same,
            event: None,
            wake: None,
            counts: SmallVec::new(),
        }
    }

    /// The same with another reply.
    pub fn replying<T>(self, reply: T) -> Outcome<'a, T> {
        Outcome {
            reply,
            tell: self.tell,
            replicate: self.replicate,
            effects: self.effects,
            key: self.key,
            event: self.event,
            wake: self.wake,
            counts: self.counts,
        }
    }

    /// The room changed, or (if `born`) was made.
    pub fn changed(mut self, born: Option<Box<Room>>, event: &'static CStr) -> Self {
        self.has_changed(born, event);
        self
    }

    /// The same in place, as each move of an outcome copies some hundred bytes.
    pub fn has_changed(&mut self, born: Option<Box<Room>>, event: &'static CStr) {
        self.key = born.map_or(KeyFate::Changed, KeyFate::Born);
        self.event = Some(event);
    }

    /// One more effect.
    pub fn effect(&mut self, effect: Effect<'a>) {
        self.effects.push(effect);
    }

    /// Somebody may be waiting now who is to be told of.
    pub fn wakes(&mut self, room: &Room, env: &Env<'_>) {
        if room.limits(&env.settings.limits).get(Limit::WaitingDelay) > 0 {
            self.wake = Some(env.times.mono);
        }
    }

    /// Counts something, if there was any of it.
    pub fn count(&mut self, counter: Counter, more: u64) {
        if more > 0 {
            self.counts.push((counter, more));
        }
    }
}

impl<'a> Announcement<'a> {
    /// One at the room's head.
    pub fn at_head(kind: Kind, room: &Room, online: u64, ms: u64, uid: &'a [u8]) -> Self {
        Self {
            kind,
            position: room.log().head(),
            ms,
            online,
            members: room.member_count() as u64,
            uid: Cow::Borrowed(uid),
            payload: Cow::Borrowed(b""),
        }
    }

    /// The room of this key is not there any more, or not here (`moved`).
    pub fn of_no_room(word: &'static str, ms: u64) -> Announcement<'static> {
        Announcement {
            kind: Kind::Control,
            position: Position::default(),
            ms,
            online: 0,
            members: 0,
            uid: Cow::Borrowed(b"-"),
            payload: Cow::Borrowed(word.as_bytes()),
        }
    }

    /// A membership ended.
    pub fn left(room: &Room, online: u64, ms: u64, uid: &'a [u8]) -> Self {
        let mut left = Self::at_head(Kind::Control, room, online, ms, uid);
        left.payload = Cow::Borrowed(control::LEFT.as_bytes());
        left
    }

    /// Its header line, for a room of database `db`.
    pub fn header(&self, db: i32) -> Header<'_> {
        Header {
            kind: self.kind,
            db,
            seq: self.position.seq,
            tag: self.position.tag,
            ms: self.ms,
            online: self.online,
            members: self.members,
            uid: std::str::from_utf8(&self.uid).unwrap_or("-"),
        }
    }
}

/// Drops what the room's limits want dropped now.
pub fn settle(room: &mut Room, env: &Env<'_>) -> (Drops, Dropped) {
    let limits: Limits = room.limits(&env.settings.limits);
    let drops = Drops(room.due(env.is_old(room, limits.get(Limit::MaxAge)), &limits));
    (drops, apply_drops(room, &drops))
}

/// Does each drop.
pub fn apply_drops(room: &mut Room, drops: &Drops) -> Dropped {
    let mut dropped = Dropped::default();
    for drop in drops.iter() {
        dropped.add(drop.reason, room.drop_messages(drop));
    }
    dropped
}
