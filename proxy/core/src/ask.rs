//! What Redis is asked about one room, and what it answers. The words of the protocol are the shell's.

use bytes::Bytes;
use room_core::position::{Position, Seq, Tag};
use serde_json::Value;
use std::fmt;
use std::sync::Arc;

/// The number of a question, unlike any other of this hub; its answer carries it.
pub type Request = u64;

/// The number of a pair of connections to one server, unlike any other of this process. Pairs are never made anew: what
/// connects again has another number.
pub type Generation = u64;

/// No pair.
pub const NOWHERE: Generation = 0;

/// What a hub asks. Those for one pair are sent in the order in which the hub gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// Its number.
    pub request: Request,
    /// Which pair is asked.
    pub to: Generation,
    /// The server owns the room's slot only in part yet: `ASKING` goes first.
    pub asking: bool,
    /// The room's key.
    pub key: Arc<str>,
    /// What is asked.
    pub ask: Ask,
}

/// A question's words. Those of one hub are sent in the order in which it gives them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ask {
    /// Hear the room's announcements.
    Subscribe,
    /// Hear them no longer.
    Unsubscribe,
    /// `ROOM.JOIN`.
    Join {
        /// Who.
        uid: Arc<str>,
        /// Where the client left off.
        since: Option<Position>,
        /// How many old messages a newcomer wants.
        history: u64,
        /// Nothing from before its membership, whatever `since` says.
        own: bool,
        /// Nothing is begun for a stranger.
        only_member: bool,
    },
    /// `ROOM.ATTACH`.
    Attach(Vec<Arc<str>>),
    /// `ROOM.DETACH`.
    Detach(Vec<Arc<str>>),
    /// `ROOM.LEAVE`.
    Leave(Arc<str>),
    /// `ROOM.ACK`.
    Ack(Position, Vec<Arc<str>>),
    /// `ROOM.AWAY`: devices of these uids went without a logout, and had confirmed everything up to the position.
    Away(Position, Vec<Arc<str>>),
    /// `ROOM.PUBLISH`.
    Publish {
        /// Who.
        uid: Arc<str>,
        /// The stored object.
        payload: Bytes,
        /// The client's own name for it.
        id: Option<String>,
        /// Only where there is a room: none is made for it.
        only_existing: bool,
    },
    /// `ROOM.PUBLISH … EPHEMERAL`.
    Signal(Arc<str>, Bytes),
    /// `ROOM.RANGE from + COUNT BYTES`.
    Range {
        /// The first message that is wanted.
        from: Seq,
        /// How many at most.
        count: u64,
        /// How many bytes of payload about.
        bytes: usize,
    },
    /// `ROOM.RANGE from to COUNT BYTES REV OWN`: the last messages up to one, in their order.
    Back {
        /// The first message that may be read.
        from: Seq,
        /// The last one.
        to: Seq,
        /// How many at most.
        count: u64,
        /// How many bytes of payload about.
        bytes: usize,
        /// Nothing from before the membership of this uid.
        own: Option<Arc<str>>,
    },
    /// `ROOM.MEMBERS`, a page of 100 from a cursor on.
    Members(u64),
    /// What a backend asks, and no room.
    Call(Call),
}

/// A command as it is, but for its key, which stands first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub command: &'static str,
    /// What stands behind the key.
    pub words: Vec<Bytes>,
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done: subscribe, unsubscribe, detach, leave, ack, away, signal.
    Done,
    /// Of `ROOM.JOIN`.
    Joined(Joined),
    /// Of `ROOM.ATTACH`.
    Attached(Attached),
    /// Of `ROOM.PUBLISH`.
    Published(Published),
    /// Of `ROOM.RANGE`.
    Range(Range),
    /// Of `ROOM.RANGE … REV`.
    Back(Back),
    /// Of `ROOM.MEMBERS`: where the next page begins ("0": nowhere), and some members.
    Members(String, Vec<Member>),
    /// Of a call: maps and arrays as JSON has them.
    Called(Value),
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Redis is away, or went away before it answered: it may have been done or not.
    Down,
    /// Redis says no.
    Refused {
        /// Its code.
        code: String,
        /// Its sentence.
        message: String,
    },
}

impl Fault {
    /// Nobody does it for now, since the room is moving to another server.
    pub fn try_again() -> Self {
        Self::Refused {
            code: "TRYAGAIN".into(),
            message: "the room is moving to another server: try again".into(),
        }
    }

    /// Whether Redis refused with this code.
    pub fn is(&self, wanted: &str) -> bool {
        matches!(self, Self::Refused { code, .. } if code == wanted)
    }

    /// Whether a module that is older than an option of a command refused it.
    pub fn is_unknown_option(&self, option: &str) -> bool {
        let Self::Refused { code, message } = self else {
            return false;
        };
        code == "ERR" && message.ends_with(&format!("syntax error near '{option}'"))
    }

    /// Whether the same question may be answered later: Redis is away, full, busy or waits for replicas.
    pub fn passes(&self) -> bool {
        match self {
            Self::Down => true,
            Self::Refused { code, .. } => matches!(
                code.as_str(),
                "BUSY"
                    | "CLUSTERDOWN"
                    | "LOADING"
                    | "MASTERDOWN"
                    | "MISCONF"
                    | "NOREPLICAS"
                    | "OOM"
                    | "READONLY"
                    | "TRYAGAIN"
            ),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Down => f.write_str("Redis is away"),
            Self::Refused { code, message } => write!(f, "{code} {message}"),
        }
    }
}

/// What `ROOM.JOIN` answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Joined {
    /// Where the session starts to read: behind what is gone.
    pub position: Position,
    /// The newest message.
    pub head: Position,
    /// Messages between the two.
    pub pending: u64,
    /// Messages that are gone.
    pub lost: Option<Lost>,
    /// `since` is of this history.
    pub resumed: bool,
    /// `since` is of another history.
    pub reset: bool,
    /// The uid was no member before.
    pub new: bool,
    /// Uids.
    pub members: u64,
    /// Uids with a session.
    pub online: u64,
    /// How often the uid was kicked.
    pub kicks: u64,
    /// Which ids of publishes are remembered; `None` from a module that does not tell.
    pub dedupe: Option<Dedupe>,
}

impl Joined {
    /// What whoever begins there counts as having: what lies before a loss, until its client confirms something behind it. Of
    /// that place Redis knows the number only; its tag may be known here, to whoever is at one of the places `known`.
    pub(crate) fn confirmed(&self, known: &[Position]) -> Position {
        let Some(lost) = &self.lost else {
            return self.position;
        };
        let seq = lost.from.saturating_sub(1);
        // What is told to be of another history is no place in this one.
        let mut same = known.iter().filter(|at| at.seq == seq && !self.reset);
        let unknown = Position::new(seq, Tag::default());
        same.next().copied().unwrap_or(unknown)
    }
}

/// Which ids of publishes the module remembers: what is said again with one of them is not stored again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dedupe {
    /// The server's Unix time when it said so (ms).
    pub now: u64,
    /// Of each uid so many, the newest ones …
    pub count: u64,
    /// … and none that is older (ms).
    pub age: u64,
}

/// What `ROOM.ATTACH` answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attached {
    /// The newest message; `None` from a module that does not tell.
    pub head: Option<Position>,
    /// Those who are no members.
    pub gone: Vec<String>,
    /// How often those were kicked who ever were.
    pub kicks: Vec<(String, u64)>,
    /// Uids, and those with a session; `None` from a module that does not tell.
    pub counts: Option<(u64, u64)>,
    /// Who is online, in rooms that are small enough to name them.
    pub online: Option<Vec<String>>,
    /// As in [`Joined`].
    pub dedupe: Option<Dedupe>,
}

/// What `ROOM.PUBLISH` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its number.
    pub seq: Seq,
    /// It was stored before.
    pub duplicate: bool,
    /// Its position; `None` if it was freed already.
    pub position: Option<Position>,
}

/// What `ROOM.RANGE` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// The newest message.
    pub head: Position,
    /// What the first row follows.
    pub before: Position,
    /// The messages.
    pub rows: Vec<Row>,
}

/// What `ROOM.RANGE … REV` answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Back {
    /// The messages, which end with the last one that was asked for.
    pub range: Range,
    /// There are more before them.
    pub more: bool,
    /// How many of those that were asked for are not stored any more.
    pub gone: u64,
}

/// One stored message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its number.
    pub seq: Seq,
    /// When it was published, Unix time in milliseconds.
    pub ms: u64,
    /// Who published it.
    pub uid: String,
    /// As it was published.
    pub payload: Vec<u8>,
}

/// Messages that are gone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// The first one.
    pub from: Seq,
    /// The last one.
    pub to: Seq,
    /// Why, as the module says it.
    pub reason: String,
}

/// A row of `ROOM.MEMBERS`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// Who.
    pub uid: String,
    /// Messages that wait.
    pub pending: u64,
    /// Whether there is a session.
    pub online: bool,
}
