//! What a room needs while it handles one thing: the time, the limits, and where questions go.

use crate::ask::{Ask, Request};
use crate::budget::admission::Admission;
use crate::counts::CountsAsked;
use crate::event::LoginNumber;
use crate::figures::Figures;
use crate::handle::ConnId;
use crate::rights::Rights;
use crate::settings::Settings;
use crate::turns::Turns;
use crate::visit::Visit;
use room_core::position::{Position, Seq};
use std::collections::HashMap;
use std::sync::Arc;

/// What a hub asks: number, key, question, in the order in which they are to be sent.
pub type Asks = Vec<(Request, Arc<str>, Ask)>;

/// A join that Redis was asked for.
#[derive(Debug)]
pub(crate) struct Joining {
    pub(crate) conn: ConnId,
    /// The login that its seat waits with, or came by.
    pub(crate) login: LoginNumber,
    pub(crate) uid: Arc<str>,
    pub(crate) counts: CountsAsked,
    pub(crate) admission: Admission,
}

/// What an answer is for.
#[derive(Debug)]
pub(crate) enum Purpose<H> {
    Subscribed,
    Unsubscribed,
    /// A login with what it paid, or the room's own join of a seat.
    Joined(Joining),
    /// The same for a guest, who looks and does not join.
    Visited(Box<Visit>),
    /// Sessions of the whole room after a reconnect or a lost history.
    Attached(Vec<Arc<str>>),
    /// Whether a uid whose end was heard during its join still belongs to the room.
    Heard(Arc<str>),
    /// Who is here, for a seat that was away from the ring.
    Here(H, Rights, u64, CountsAsked),
    Acked(Position, Vec<Arc<str>>),
    Went(Position, Vec<Arc<str>>),
    Detached(Vec<Arc<str>>),
    Published {
        conn: ConnId,
        handle: H,
        id: Option<String>,
        bytes: usize,
        /// Where the room was: the message is further on, if the history is the same.
        after: Seq,
    },
    Signalled {
        handle: H,
        id: Option<String>,
        event: String,
        bytes: usize,
    },
    Left {
        conn: ConnId,
        handle: H,
        bytes: usize,
    },
    Members {
        handle: H,
        bytes: usize,
    },
    /// What the room itself missed.
    Missed,
    /// What is before a message that is older than the room's position.
    Verified(Seq),
    /// A page for those who catch up.
    Page(Seq),
    /// Whether a position is of this history.
    Checked(Position),
}

impl<H> Purpose<H> {
    /// The turns that the question takes, if it is a long read: people's questions, not what a room needs to go on.
    const fn turns<'a>(&self, reads: &'a mut Reads) -> Option<&'a mut Turns> {
        match self {
            Self::Page(_) => Some(&mut reads.pages),
            Self::Members { .. } => Some(&mut reads.members),
            _ => None,
        }
    }
}

/// Long reads, each kind with turns of its own: who asks who is there holds up nobody who catches up.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    pages: Turns,
    members: Turns,
}

/// What a list of open questions keeps place for when there are none.
const KEPT: usize = 1024;

/// Questions without an answer, of all rooms of a hub.
#[derive(Debug)]
pub(crate) struct Open<H> {
    pub(crate) list: HashMap<Request, (u32, Purpose<H>)>,
    /// Those of them that wait.
    pub(crate) reads: Reads,
    last: Request,
}

impl<H> Default for Open<H> {
    fn default() -> Self {
        Self {
            list: HashMap::new(),
            reads: Reads::default(),
            last: 0,
        }
    }
}

impl<H> Open<H> {
    /// A question was answered: which room's it was, and what it was for. One that waited for that is asked now.
    pub(crate) fn take(&mut self, request: Request, asks: &mut Asks) -> Option<(u32, Purpose<H>)> {
        let taken = self.list.remove(&request);
        if let Some((_, purpose)) = &taken {
            let turns = purpose.turns(&mut self.reads);
            asks.extend(turns.and_then(Turns::answered));
        }
        if self.list.is_empty() && self.list.capacity() > 2 * KEPT {
            // All had come at once, perhaps.
            self.list.shrink_to(KEPT);
        }
        taken
    }
}

/// See the top of the file.
pub(crate) struct Cx<'a, H> {
    pub(crate) now: u64,
    pub(crate) settings: &'a Settings,
    pub(crate) figures: &'a mut Figures,
    pub(crate) asks: &'a mut Asks,
    pub(crate) open: &'a mut Open<H>,
    /// The room's place in the hub.
    pub(crate) place: u32,
    /// Whether there is a link.
    pub(crate) up: bool,
}

impl<H> Cx<'_, H> {
    /// Asks about a room, and notes what for. Its key is made anew: a room at rest does not keep it.
    pub(crate) fn ask(&mut self, roomid: &str, ask: Ask, purpose: Purpose<H>) {
        let key = [&self.settings.key_prefix, roomid].concat().into();
        self.open.last += 1;
        let request = self.open.last;
        let question = (request, key, ask);
        let most = match &purpose {
            Purpose::Members { .. } => self.settings.member_lists,
            _ => self.settings.catch_ups,
        };
        let now = match purpose.turns(&mut self.open.reads) {
            Some(turns) => turns.take(self.place, question, most),
            None => Some(question),
        };
        self.figures.waited += u64::from(now.is_none());
        self.asks.extend(now);
        self.open.list.insert(request, (self.place, purpose));
    }
}
