//! A connection's place in a room.

use crate::event::{Event, Login, LoginNumber};
use crate::handle::{Beat, ConnId, Handle};
use crate::table::Keyed;
use room_core::position::{Position, Seq};
use serde_json::value::RawValue;
use std::collections::VecDeque;
use std::sync::Arc;

/// Heartbeats without an answer whose reach is remembered; with more, one covers what two did.
const MOST_NOTES: usize = 32;

/// Where a seat takes its frames from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// Nowhere: its login is under way.
    Out,
    /// The ring.
    Live,
    /// It waits until its connection has room.
    Full,
    /// It has all that the room has, or more, and waits for the room.
    Ahead,
    /// It waits for the page of the log that begins with this number.
    Page(Seq),
    /// Redis is asked whether its past is this history's.
    Check,
    /// That is still to be asked.
    Doubt,
    /// Its connection is gone, and will say so.
    Gone,
}

/// What the seat's next events wait for.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) why: Why,
    /// What came meanwhile, with its bytes.
    pub(crate) queue: Vec<(Event, usize)>,
}

/// See [`Waiting`].
#[derive(Debug)]
pub(crate) enum Why {
    /// A login; not asked yet if the room is not subscribed.
    Login {
        login: Box<Login>,
        bytes: usize,
        asked: bool,
        heard: Option<Heard>,
    },
    /// The room joins again by itself, with this position.
    Again {
        since: Position,
        heard: Option<Heard>,
    },
    /// The end of the membership.
    Leave,
}

/// A kick or the end of the membership that was heard while a join was unanswered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    /// Why it was kicked.
    pub(crate) kicked: Option<String>,
}

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Seat<H> {
    pub(crate) conn: ConnId,
    pub(crate) handle: H,
    /// The client's last login here.
    pub(crate) number: LoginNumber,
    pub(crate) uid: Arc<str>,
    pub(crate) name: Option<Arc<RawValue>>,
    /// The client sends `ack` events.
    pub(crate) acks: bool,
    pub(crate) owes_synced: bool,
    pub(crate) state: State,
    /// It was handed everything up to here.
    pub(crate) sent: Position,
    /// Live: the number of the next chunk.
    pub(crate) next: u64,
    /// Where the room was when it came: `synced` comes not before.
    pub(crate) promised: Seq,
    /// What the answers to heartbeats will confirm.
    notes: VecDeque<(Beat, Position)>,
    pub(crate) waiting: Option<Box<Waiting>>,
}

impl<H> Keyed for Seat<H> {
    type Key = ConnId;
    fn key(&self) -> &ConnId {
        &self.conn
    }
}

impl<H: Handle> Seat<H> {
    /// One whose login begins.
    pub(crate) fn new(conn: ConnId, handle: H, login: &Login) -> Self {
        Self {
            conn,
            handle,
            number: login.number,
            uid: login.uid.clone(),
            name: login.name.clone(),
            acks: login.acks,
            owes_synced: true,
            state: State::Out,
            sent: Position::default(),
            next: 0,
            promised: 0,
            notes: VecDeque::new(),
            waiting: None,
        }
    }

    /// It begins, or begins anew, with everything up to `at`.
    pub(crate) fn restart(&mut self, at: Position) {
        self.sent = at;
        self.notes = VecDeque::new();
    }

    /// It was handed everything up to `sent`; the answer to heartbeat `beat` confirms that.
    pub(crate) fn handed(&mut self, sent: Position, beat: Beat) {
        self.sent = sent;
        if self.acks {
            return;
        }
        let full = self.notes.len() >= MOST_NOTES;
        match self.notes.back_mut() {
            Some(last) if full || last.0 == beat => *last = (beat, sent),
            _ => self.notes.push_back((beat, sent)),
        }
    }

    /// The client answered a heartbeat: what that confirms.
    pub(crate) fn answered(&mut self, beat: Beat) -> Option<Position> {
        let many = self.notes.partition_point(|note| note.0 <= beat);
        let to = self.notes.drain(..many).next_back().map(|note| note.1);
        if self.notes.is_empty() {
            // A connection at rest keeps no memory for it.
            self.notes = VecDeque::new();
        }
        to
    }

    /// Whether the client can have processed everything up to here.
    pub(crate) fn was_sent(&self, to: Position) -> bool {
        to.seq < self.sent.seq || to == self.sent
    }

    /// Whether frames go to it: not while its own login is under way.
    pub(crate) fn is_seated(&self) -> bool {
        !matches!(self.state, State::Out | State::Gone)
    }
}
