//! What callers give and get.

use super::keys::{ClientId, RoomKey};
use crate::position::Seq;
use std::sync::Arc;

/// The position of a device that went without a logout: until its end it holds back its uid's cursor. Two that are equal
/// may stand for each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ghost {
    /// What the device had acknowledged.
    pub at: Seq,
    /// When it ends, in monotonic milliseconds.
    pub until: u64,
    /// The number of the name of the proxy whose connection died; 0 if none died or it had no name.
    pub(super) of: u32,
    /// It stands for one device: the proxy said so, or it was the session of one JOIN. Otherwise it may stand for several,
    /// at the lowest of their positions, and no position says which of them comes back.
    pub(super) single: bool,
}

/// What a HELLO says.
#[derive(Clone, Copy, Debug)]
pub struct Hello<'a> {
    /// The connection.
    pub client: ClientId,
    /// The name that the proxy wants.
    pub name: &'a [u8],
    /// The ACL user of the connection.
    pub user: &'a [u8],
    /// What tells one process from another of the same name.
    pub id: Option<&'a [u8]>,
    /// How long the sessions live without another HELLO, in milliseconds.
    pub lease_ms: u64,
}

/// The answer to a HELLO.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// The lease goes on.
    Ok,
    /// The lease begins: this connection's sessions must be announced (again).
    Announce,
    /// Another process took the name: this one must take another.
    Superseded,
}

/// The name belongs to another ACL user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NameTaken;

/// What a kick ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Kicked {
    /// Live sessions.
    pub sessions: usize,
    /// Others had been told that the uid is here, and not that it went.
    pub told: bool,
}

/// A cursor that is to rise, as nothing holds it back any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risen {
    /// The room.
    pub key: RoomKey,
    /// Who.
    pub uid: Arc<[u8]>,
    /// What its sessions and ghosts have acknowledged.
    pub to: Seq,
}

/// What the others in a room are to be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Uids whose first session came.
    pub came: Vec<Arc<[u8]>>,
    /// Uids whose last session went, longer ago than the grace period.
    pub went: Vec<Arc<[u8]>>,
    /// Uids who came and went before anybody was told by name: no news, but they were here.
    pub passed: Vec<Arc<[u8]>>,
    /// All are told who is here: some passed, and were counted meanwhile; or some came whom the others know from before this
    /// server started, which is no news, but a proxy that asked earlier was told that they are not here.
    pub again: bool,
}

/// All rooms together. Like [`Sessions::connected`](super::Sessions::connected), what a dead connection leaves behind is counted
/// until it is cleared away.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Uids with sessions, room by room.
    pub online: u64,
    /// Rooms with uids online.
    pub rooms_online: u64,
    /// Sessions.
    pub sessions: u64,
    /// Ghosts.
    pub ghosts: u64,
    /// Connections that hold a proxy's name.
    pub proxies: u64,
    /// Rows of dead connections, rooms and databases that wait to be cleared away.
    pub chores: u64,
}
