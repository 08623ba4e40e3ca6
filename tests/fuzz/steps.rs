//! What may happen to a hub.

use crate::desk::uid;
use crate::forge::Number;
use arbitrary::Arbitrary;
use room_core::position::{Position, Tag};

/// One thing. Connections, rooms and uids are few: a number stands for one of them.
#[derive(Arbitrary, Debug)]
pub(crate) enum Step<'a> {
    Login {
        conn: u8,
        room: u8,
        /// Above 127 it comes as a guest.
        uid: u8,
        since: Option<At>,
        history: u8,
        acks: bool,
        rights: u8,
    },
    Publish {
        conn: u8,
        room: u8,
        id: bool,
        size: u16,
    },
    Signal {
        conn: u8,
        room: u8,
        size: u16,
    },
    Ack(u8, u8, At),
    Logout(u8, u8),
    Leave(u8, u8),
    /// Or a page of history (a room above 127).
    Members(u8, u8, Number),
    Renewed(u8, u8, u8),
    /// Its token says nothing of the room any more, or its uid is banned there (a room above 127).
    Revoked(u8, u8),
    /// A connection's end is told to the rooms; before that it may take nothing any more.
    Gone(u8),
    Dies(u8),
    Full(u8, bool),
    Low(u8),
    /// A heartbeat goes out, or one of those that did is answered.
    Beat(u8),
    Answered(u8, u8),
    /// Somebody else publishes; whether that is announced.
    Said {
        room: u8,
        uid: u8,
        size: u16,
        heard: bool,
    },
    /// Any announcement.
    Told {
        room: u8,
        kind: u8,
        db: bool,
        at: At,
        counts: (Number, Number),
        uid: u8,
        what: Word<'a>,
    },
    Raw(u8, &'a [u8]),
    Answer(u8, How<'a>),
    AnswerAll,
    /// An answer comes that is of no question, or of a link that is gone.
    Stray(Number, u8),
    Up,
    Down,
    Announce,
    Pass(u16),
    Serve(u8),
    /// The room's key is made anew, or the log's beginning goes.
    Born(u8, u32),
    Trim(u8, u8),
}

/// A position.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum At {
    /// So far behind the room's head.
    Known(u8),
    Strange(Number, u32),
}

impl At {
    pub(crate) fn of(self, known: impl Fn(u64) -> Position) -> Position {
        match self {
            Self::Known(back) => known(back.into()),
            Self::Strange(seq, tag) => Position::new(seq.0, Tag(tag)),
        }
    }
}

/// What an announcement says.
#[derive(Arbitrary, Debug)]
pub(crate) enum Word<'a> {
    Left,
    Kicked,
    Gone,
    Moved,
    Came(u8),
    Went(u8),
    Here(u8, u8),
    Text(&'a [u8]),
    Long(u16),
}

/// How a question is answered.
#[derive(Arbitrary, Debug)]
pub(crate) enum How<'a> {
    /// As a server would.
    Well,
    Refused(u8),
    /// Another question's answer.
    Oddly(u8),
    Joined {
        position: At,
        head: At,
        pending: Number,
        lost: Option<(Number, Number)>,
        marks: u8,
        kicks: Number,
    },
    Attached {
        head: Option<At>,
        gone: u8,
        kicks: Option<(u8, Number)>,
        counts: Option<(Number, Number)>,
        online: Option<u8>,
    },
    Published {
        seq: Number,
        duplicate: bool,
        position: Option<At>,
    },
    Range {
        head: At,
        before: At,
        rows: Vec<(Number, u8, &'a [u8])>,
    },
    Members(&'a str, Vec<(u8, Number)>),
}

impl Word<'_> {
    /// Its payload.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Left => b"left".to_vec(),
            Self::Kicked => b"kicked for a reason".to_vec(),
            Self::Gone => b"gone".to_vec(),
            Self::Moved => b"moved".to_vec(),
            Self::Came(who) => format!("+{}", uid(*who)).into_bytes(),
            Self::Went(who) => format!("-{}", uid(*who)).into_bytes(),
            Self::Here(one, two) => format!("={}\n={}", uid(*one), uid(*two)).into_bytes(),
            Self::Text(text) => text.to_vec(),
            Self::Long(size) => vec![b'z'; usize::from(*size % 8192)],
        }
    }
}
