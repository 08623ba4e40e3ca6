//! Looking at a room: `ROOM.INFO`, `ROOM.PENDING`, `ROOM.WHY`, `ROOM.HEADS`.

use super::reply::{Answer, Sink};
use crate::error::RoomError;
use crate::limits::{Limit, Limits};
use crate::log::{Log, Reason};
use crate::position::{Position, Seq};
use crate::room::{Room, check_uid};
use crate::sessions::{RoomName, Sessions};

/// The reply of INFO, a map.
pub struct Info<'a> {
    room: &'a Room,
    online: u64,
    limits: Limits,
}

/// Runs INFO.
pub fn info<'a>(
    key: RoomName<'_>,
    room: Option<&'a Room>,
    sessions: &Sessions,
    defaults: &Limits,
) -> Result<Info<'a>, RoomError> {
    let room = room.ok_or(RoomError::NoRoom)?;
    Ok(Info {
        room,
        online: sessions.connected(key),
        limits: room.limits(defaults),
    })
}

impl Answer for Info<'_> {
    fn write(&self, to: &mut impl Sink) {
        let log = self.room.log();
        to.map(11);
        to.pair("members", self.room.member_count() as u64);
        to.pair("online", self.online);
        to.pair_position("head", log.head());
        to.pair("first", log.first());
        to.pair("messages", log.len());
        to.pair("bytes", log.bytes());
        to.pair("oldest-ms", log.oldest_ms().unwrap_or(0));
        to.pair("newest-ms", log.last_ms());
        to.pair("memory", self.room.heap_bytes() as u64);
        to.text("dropped");
        to.map(Reason::ALL.len());
        for reason in Reason::ALL {
            // For the room as a whole, read is read, wherever.
            let word = if reason == Reason::Read {
                "read"
            } else {
                reason.word()
            };
            to.pair(word, log.drops().count(reason));
        }
        to.text("limits");
        to.map(Limit::ALL.len());
        for limit in Limit::ALL {
            to.pair(limit.name(), self.limits.get(limit));
        }
    }
}

/// The reply of PENDING, a map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The last message it has acknowledged.
    pub cursor: Seq,
    /// The newest message.
    pub head: Position,
    /// Messages that wait.
    pub pending: u64,
    /// Their bytes, about.
    pub bytes: u64,
    /// When the first of them was published, Unix time in milliseconds; 0 if there is none.
    pub oldest_ms: u64,
    /// Messages that are gone before it has read them.
    pub lost: u64,
    /// It has a session.
    pub online: bool,
    /// When the newest message was published, Unix time in milliseconds; 0 if there was none ever.
    pub newest_ms: u64,
}

/// Runs PENDING.
pub fn pending(
    key: RoomName<'_>,
    room: Option<&Room>,
    sessions: &Sessions,
    uid: &[u8],
) -> Result<Pending, RoomError> {
    check_uid(uid)?;
    let room = room.ok_or(RoomError::NoRoom)?;
    let (log, cursor) = (room.log(), room.member_or_err(uid)?.cursor);
    let oldest = log.entries_from(cursor.saturating_add(1)).next();
    Ok(Pending {
        cursor,
        head: log.head(),
        pending: room.pending(cursor),
        bytes: log.bytes_after(cursor),
        oldest_ms: oldest.map_or(0, |entry| entry.ms),
        lost: room.lost(cursor),
        online: sessions.sessions_of(key, uid) > 0,
        newest_ms: log.last_ms(),
    })
}

impl Answer for Pending {
    fn write(&self, to: &mut impl Sink) {
        to.map(8);
        to.pair("cursor", self.cursor);
        to.pair_position("head", self.head);
        to.pair("pending", self.pending);
        to.pair("bytes", self.bytes);
        to.pair("oldest-ms", self.oldest_ms);
        to.pair("lost", self.lost);
        to.pair("online", u64::from(self.online));
        to.pair("newest-ms", self.newest_ms);
    }
}

/// The reply of WHY: what became of one message for one uid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// There is no such message yet.
    NotPublished,
    /// The uid is no member.
    NotMember,
    /// It was published before the uid became a member.
    BeforeItJoined,
    /// It is gone.
    Dropped(Reason),
    /// It was acknowledged.
    Delivered,
    /// It is in the log.
    Waiting,
}

/// Runs WHY.
pub fn why(room: Option<&Room>, uid: &[u8], seq: Seq) -> Result<Fate, RoomError> {
    check_uid(uid)?;
    let room = room.ok_or(RoomError::NoRoom)?;
    let log: &Log = room.log();
    if seq == 0 || seq > log.head().seq {
        return Ok(Fate::NotPublished);
    }
    let Some(member) = room.member(uid) else {
        return Ok(Fate::NotMember);
    };
    if seq <= member.joined_at {
        return Ok(Fate::BeforeItJoined);
    }
    // A cursor also rises over what was lost, as whoever was told of it goes on behind it.
    let dropped = (seq < log.first())
        .then(|| log.drops().reason_of(seq))
        .filter(|reason| seq > member.cursor || *reason != Reason::Read);
    Ok(match dropped {
        Some(reason) => Fate::Dropped(reason),
        None if seq <= member.cursor => Fate::Delivered,
        None => Fate::Waiting,
    })
}

impl Answer for Fate {
    fn write(&self, to: &mut impl Sink) {
        match self {
            Self::NotPublished => to.text("not published"),
            Self::NotMember => to.text("not a member"),
            Self::BeforeItJoined => to.text("before it joined"),
            Self::Dropped(reason) => to.text(&format!("dropped ({})", reason.word())),
            Self::Delivered => to.text("delivered"),
            Self::Waiting => to.text("waiting"),
        }
    }
}

/// An item of HEADS: the newest position, or null where there is no room.
pub struct HeadOf(pub Option<Position>);

impl Answer for HeadOf {
    fn write(&self, to: &mut impl Sink) {
        match self.0 {
            Some(position) => to.position(position),
            None => to.null(),
        }
    }
}
