//! What clients say, as values.

use super::pieces::without_name;
use crate::json::is_plain;
use crate::pass::Token;
use room_core::position::Position;
use serde_json::Value;
use serde_json::value::RawValue;

/// What a client wants.
#[derive(Debug)]
pub enum ClientEvent {
    /// Join rooms.
    Login(Login),
    /// Go on with another token.
    Refresh(Token),
    /// Store a message and send it to everybody.
    Message(Outgoing),
    /// Send an event to those online, without storing it.
    Other(Outgoing),
    /// The answer to the server's heartbeat.
    Pong,
    /// A heartbeat of its own: a sign of life.
    Heartbeat {
        /// It is a ping, which some clients are answered.
        asks: bool,
    },
    /// Everything up to the position was processed.
    Ack {
        /// The room; the first one if not given.
        roomid: Option<String>,
        /// Up to here.
        position: Position,
    },
    /// End the session.
    Logout(Option<String>),
    /// End the membership.
    Leave(Option<String>),
    /// List the members.
    Members {
        /// The room; the first one if not given.
        roomid: Option<String>,
        /// Where the last page ended.
        cursor: u64,
    },
    /// Read what was said before.
    History {
        /// The room; the first one if not given.
        roomid: Option<String>,
        /// The last message that is wanted; where the login began if not given.
        until: Option<Position>,
        /// How many at most: 1 to [`MOST`](crate::history::MOST).
        limit: u64,
    },
}

impl ClientEvent {
    /// What an error says it answers.
    pub fn about(&self) -> About {
        let (event, roomid, id) = match self {
            Self::Login(login) => return login.about(),
            Self::Refresh(_) => ("refresh", None, None),
            Self::Message(out) | Self::Other(out) => {
                (out.event.as_str(), out.roomid.as_ref(), out.id.as_ref())
            }
            Self::Pong | Self::Heartbeat { .. } => ("heartbeat", None, None),
            Self::Ack { roomid, .. } => ("ack", roomid.as_ref(), None),
            Self::Logout(roomid) => ("logout", roomid.as_ref(), None),
            Self::Leave(roomid) => ("leave", roomid.as_ref(), None),
            Self::Members { roomid, .. } => ("members", roomid.as_ref(), None),
            Self::History { roomid, .. } => ("history", roomid.as_ref(), None),
        };
        About {
            event: Some(event.to_owned()),
            roomid: roomid.cloned(),
            id: id.cloned(),
        }
    }
}

/// A `login` event.
#[derive(Debug)]
pub struct Login {
    /// Who, in NFC; where a token says that it may be left out.
    pub uid: Option<String>,
    /// What proves it.
    pub token: Option<Token>,
    /// The name to show, as JSON.
    pub name: Option<Box<RawValue>>,
    /// Whether the client confirms what it processed by `ack` events.
    pub acks: bool,
    /// The rooms: 1 to [`MAX_ROOMS`](super::parse::MAX_ROOMS), none twice.
    pub rooms: Vec<Entry>,
}

impl Login {
    /// What an error about all of it says that it answers.
    pub fn about(&self) -> About {
        let roomid = match self.rooms.as_slice() {
            [entry] => Some(entry.roomid.clone()),
            _ => None,
        };
        About {
            event: Some("login".to_owned()),
            roomid,
            id: None,
        }
    }
}

/// A room of a login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The room.
    pub roomid: String,
    /// Where the client left off.
    pub since: Option<Position>,
    /// How many old messages a newcomer wants.
    pub history: u64,
    /// As what, where the client says so.
    pub role: Option<Role>,
}

/// As what somebody is in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It belongs to the room: what is said while it is away waits for it.
    Member,
    /// It only looks in.
    Guest,
}

/// An event for others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The room; the first one if not given.
    pub roomid: Option<String>,
    /// The client's own name for it.
    pub id: Option<String>,
    /// Its event name.
    pub event: String,
    /// What else it carries, without the server's fields: `,"message":"hi","id":"1"`.
    pub fields: String,
    /// One of the fields is `name`.
    pub has_name: bool,
}

impl Outgoing {
    /// Takes the client's `name` away.
    pub fn drop_name(&mut self) {
        if std::mem::take(&mut self.has_name) {
            self.fields = without_name(&self.fields);
        }
    }

    /// What is stored and announced: the client's object, with its name from the login where it gives none. The id stays
    /// in, so that the sender's other tabs recognise it.
    pub fn payload(self, name: Option<&RawValue>) -> String {
        let name = name.filter(|_| !self.has_name).map(RawValue::get);
        let size = self.event.len() + self.fields.len() + name.map_or(0, str::len) + 32;
        let mut out = String::with_capacity(size);
        out.push_str("{\"event\":");
        if is_plain(&self.event) {
            out.push('"');
            out.push_str(&self.event);
            out.push('"');
        } else {
            out.push_str(&Value::from(self.event).to_string());
        }
        out.push_str(&self.fields);
        if let Some(name) = name {
            out.push_str(",\"name\":");
            out.push_str(name);
        }
        out.push('}');
        out
    }
}

/// What a backend says for somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Who, in NFC.
    pub uid: String,
    /// What.
    pub message: Outgoing,
}

/// An answer to bad input: a stable code and a sentence.
#[derive(Debug, PartialEq, Eq)]
pub struct Bad {
    /// Stable, upper case.
    pub code: &'static str,
    /// What was wrong, and what to do.
    pub message: String,
    /// The event, room and id it answers, where they could be read.
    pub about: About,
}

/// What an error answers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// The event's name.
    pub event: Option<String>,
    /// The room.
    pub roomid: Option<String>,
    /// The message's id.
    pub id: Option<String>,
}
