//! What is to be done about a client's event, and what that costs.

use super::Look;
use crate::budget::work;
use crate::close::Close;
use crate::event::Event;
use bytes::Bytes;
use std::sync::Arc;

/// What is to be done about an event.
#[derive(Debug)]
pub enum Act {
    /// It is for this room; so many bytes are under way until the room has given them back ([`Client::done`](super::Client::done)).
    Room(Arc<str>, Event, usize),
    /// It is refused: the client is sent this.
    Say(Bytes),
    /// It is answered: the client is sent this.
    Tell(Bytes),
    /// It answers a heartbeat.
    Answered,
    /// A token is to be looked at before anything else of the client is; the answer goes to [`Client::looked`](super::Client::looked).
    Look(Look),
    /// The connection is closed.
    Close(Close),
}

impl Act {
    /// What it costs, beside what its event did.
    pub fn work(&self) -> u64 {
        match self {
            Self::Room(_, Event::Login(login), _) => work::login(login.since.is_some()),
            _ => 0,
        }
    }
}
