//! What can be wrong with a call: a stable code, then a sentence with the value and what to do.

use crate::log::MAX_SEQ;
use crate::uid::MAX_UID;
use std::fmt;

/// See the top of the file; `Display` gives the reply's text, code first, without line breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RoomError {
    /// There is no room under this key.
    NoRoom,
    /// The uid is no member.
    NoMember(Box<[u8]>),
    /// No uid: see [`crate::uid::valid_uid`].
    BadUid(Box<[u8]>),
    /// Text that is no position, or a position that is not in this room's history.
    BadPosition(Box<[u8]>),
    /// No publish id: see [`crate::dedupe::valid_id`].
    BadId(Box<[u8]>),
    /// An unknown limit or a value that it cannot take.
    BadLimit(Box<[u8]>),
    /// A payload or a reason above the limit: its size, the limit, in bytes.
    TooBig(usize, u64),
    /// Too many of these in one call: how many, how many are allowed.
    TooMany(&'static str, usize, u64),
    /// Redis is full.
    OutOfMemory,
    /// A proxy's name that another user holds.
    NameTaken(Box<[u8]>),
    /// What is no effect of a primary.
    BadEffect(Box<[u8]>),
    /// The room is full: of what, how many are allowed.
    Limit(&'static str, u64),
    /// The room remembers as many ids of `ROOMID` as it may.
    IdsFull(u64),
    /// Saved bytes that are no room: what was wrong.
    Corrupt(&'static str),
}

impl RoomError {
    /// The first word of the reply.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NoRoom => "NOROOM",
            Self::NoMember(_) => "NOMEMBER",
            Self::BadUid(_) => "BADUID",
            Self::BadPosition(_) => "BADPOS",
            Self::BadId(_) => "BADID",
            Self::BadLimit(_) => "BADLIMIT",
            Self::TooBig(..) => "TOOBIG",
            Self::TooMany(..) => "TOOMANY",
            Self::OutOfMemory => "OOM",
            Self::NameTaken(_) => "NOPERM",
            Self::BadEffect(_) => "ERR",
            Self::Limit(..) | Self::IdsFull(_) => "LIMIT",
            Self::Corrupt(_) => "CORRUPT",
        }
    }
}

impl fmt::Display for RoomError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.code())?;
        match self {
            Self::NoRoom => f.write_str(
                "there is no room under this key; ROOM.JOIN, ROOM.INVITE or ROOM.PUBLISH makes one",
            ),
            Self::NoMember(uid) => write!(
                f,
                "'{}' is no member of this room; ROOM.JOIN or ROOM.INVITE makes it one",
                Shown(uid)
            ),
            Self::BadUid(uid) => write!(
                f,
                "'{}' is no uid: 1 to {MAX_UID} bytes of UTF-8 without spaces or control characters, for a new member also without those that turn the direction of writing round",
                Shown(uid)
            ),
            Self::BadPosition(text) => write!(
                f,
                "'{}' is not a position of this room; one looks like 42-9f3c01aa and comes from a reply or a frame",
                Shown(text)
            ),
            Self::BadId(id) => write!(
                f,
                "'{}' is no publish id: 1 to {} bytes",
                Shown(id),
                crate::dedupe::MAX_ID
            ),
            Self::BadLimit(what) => write!(
                f,
                "'{}' cannot be set: maxlen, maxbytes, maxage, keep or member-ttl, and a number from 0 to {MAX_SEQ}, a size (64mb), a time (30d) or 'default'",
                Shown(what)
            ),
            Self::TooBig(size, max) => write!(
                f,
                "the payload or reason has {size} bytes, {max} are allowed (room.max-payload)"
            ),
            Self::TooMany(what, given, max) => write!(
                f,
                "{given} {what} in one call, {max} are allowed (room.max-uids); call again with the rest"
            ),
            Self::OutOfMemory => f.write_str("command not allowed when used memory > 'maxmemory'."),
            Self::NameTaken(name) => write!(
                f,
                "another user's connection is called '{}'; take another name, or wait for the end of its lease",
                Shown(name)
            ),
            Self::BadEffect(what) => write!(f, "'{}' is no effect of a primary", Shown(what)),
            Self::Limit(what, max) => write!(
                f,
                "the room has its {max} {what}, the most that are allowed"
            ),
            Self::IdsFull(max) => write!(
                f,
                "the room remembers {max} ids of ROOMID, the most that are allowed (room.room-ids), and each for room.dedupe-age: try again when the oldest is over"
            ),
            Self::Corrupt(what) => write!(f, "these bytes are no saved room: {what}"),
        }
    }
}

impl std::error::Error for RoomError {}

/// Bytes of a caller as they may stand in a reply: escaped, and cut where they are long.
pub struct Shown<'a>(pub &'a [u8]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 64;
        let cut = self.0.get(..MOST).unwrap_or(self.0);
        write!(
            f,
            "{}{}",
            cut.escape_ascii(),
            if self.0.len() > MOST { "…" } else { "" }
        )
    }
}
