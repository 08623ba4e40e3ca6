//! What a connection tells a room.

use crate::bans::Ban;
use crate::budget::admission::Admission;
use crate::rights::Rights;
use crate::wire::Outgoing;
use room_core::position::Position;
use serde_json::value::RawValue;
use std::sync::Arc;

/// See the top of the file.
#[derive(Debug)]
pub enum Event {
    /// The client logs in.
    Login(Box<Login>),
    /// It publishes a message that is stored.
    Publish(Outgoing),
    /// It sends an event that is not.
    Signal(Outgoing),
    /// It has processed everything up to here.
    Ack(Position),
    /// It ends its session.
    Logout,
    /// It ends its membership.
    Leave,
    /// It wants a page of the members, from a cursor on.
    Members(u64),
    /// It wants a page of what was said up to a position (where its login began, if it names none): so many messages at most.
    History(Option<Position>, u64),
    /// Another token changed what it may do. This takes effect before what the client said earlier, and is not given back.
    Renewed(Rights, Option<Arc<RawValue>>),
    /// Another token says nothing of this room: its seat ends.
    Revoked,
    /// Its uid is banned from this room: its seat ends. As of `Renewed`, before what the client said earlier.
    Banned(Ban),
}

/// The number of a login on its connection: the end of the session of one is not that of the next.
pub type LoginNumber = u32;

/// A login to one room.
#[derive(Debug)]
pub struct Login {
    /// Which of its connection.
    pub number: LoginNumber,
    /// Who.
    pub uid: Arc<str>,
    /// The name to show, as JSON.
    pub name: Option<Arc<RawValue>>,
    /// Where the client left off.
    pub since: Option<Position>,
    /// How many old messages a newcomer wants.
    pub history: u64,
    /// Whether the client confirms what it processed by `ack` events.
    pub acks: bool,
    /// It looks in without belonging to the room.
    pub guest: bool,
    /// What it may do.
    pub rights: Rights,
    /// What it is told of its token.
    pub told: Option<Told>,
    /// Whether it may make its uid a new member.
    pub admission: Admission,
}

/// How long a token is good, in Unix time (ms).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// Now.
    pub ts: u64,
    /// When it ends.
    pub expires: u64,
}
