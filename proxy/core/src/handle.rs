//! How a room hands bytes to a connection: a call that returns at once. The shell's handle is an `Arc` of what all threads
//! share of a connection; the simulator's is a small model of one.

use crate::event::LoginNumber;
use bytes::Bytes;
use std::sync::Arc;

/// The number of a connection in this proxy: one that is gone never comes back as another.
pub type ConnId = u64;

/// The number of a heartbeat on one connection, from 1 on.
pub type Beat = u64;

/// How bytes are handed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Push {
    /// They answer the client: taken in any case, as the connection stops reading where too much waits.
    Answer,
    /// As `Answer`, and something follows at once: they may share a packet.
    Begin,
    /// As `Answer`, and the client confirms it as it does messages.
    Told {
        /// As of `Live`.
        asks: bool,
    },
    /// Live frames: `Full` if the connection's limit would be passed.
    Live {
        /// The client confirms by answering heartbeats: one may follow if it is due.
        asks: bool,
    },
    /// A page of the log: `Full` unless little waits.
    Page {
        /// As of `Live`.
        asks: bool,
    },
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushed {
    /// Taken. Whoever answers the heartbeat of this number has had these bytes before it.
    Taken(Beat),
    /// Nothing was taken: the connection tells when little waits ([`Hub::low`](crate::hub::Hub::low)).
    Full,
    /// The connection is closed; its end is told by itself.
    Gone,
}

/// A connection, as a room sees it.
pub trait Handle: Clone {
    /// Hands over whole WebSocket frames.
    fn push(&self, now: u64, frames: &Bytes, how: Push) -> Pushed;
    /// The client's event of so many bytes has had its effect; each event is told once.
    fn done(&self, bytes: usize);
    /// Something was done for it that costs so much ([`work`](crate::budget::work)), beside what its events cost by
    /// themselves. Where nobody counts that, nothing.
    fn spent(&self, _work: u64) {}
    /// The room ended the seat of a login by itself: a kick, a membership that ended elsewhere, a login that failed.
    fn ended(&self, roomid: &Arc<str>, login: LoginNumber);
}
