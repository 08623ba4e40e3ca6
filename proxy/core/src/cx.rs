//! What a room needs while it handles one thing: the time, the limits, and where questions go.

use crate::ask::{Ask, Generation, NOWHERE, Question, Request};
use crate::budget::admission::Admission;
use crate::counts::CountsAsked;
use crate::event::LoginNumber;
use crate::figures::Figures;
use crate::handle::ConnId;
use crate::moves::Moves;
use crate::pace::Pace;
use crate::rights::Rights;
use crate::served::Served;
use crate::settings::{Broken, Settings};
use crate::turns::Turns;
use crate::visit::Visit;
use room_core::position::{Position, Seq};
use std::collections::HashMap;
use std::sync::Arc;

/// What a hub asks, in the order in which it is to be sent.
pub type Asks = Vec<Question>;

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
    /// A page for a seat that reads back, since this login.
    History {
        conn: ConnId,
        login: LoginNumber,
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
            Self::History { .. } => Some(&mut reads.histories),
            _ => None,
        }
    }

    /// Whether a client waits for the answer to what it asked, which is asked once and not again behind its back.
    pub(crate) const fn is_of_client(&self) -> bool {
        matches!(
            self,
            Self::Published { .. }
                | Self::Signalled { .. }
                | Self::Left { .. }
                | Self::Members { .. }
                | Self::History { .. }
        )
    }
}

/// A question without an answer.
#[derive(Debug)]
pub(crate) struct Waits<H> {
    pub(crate) place: u32,
    /// Which pair is asked; nobody yet if it waits for what was asked before a room moved.
    pub(crate) to: Generation,
    /// It came back once from a server that the room is not on any more.
    pub(crate) returned: bool,
    pub(crate) purpose: Purpose<H>,
}

/// Long reads, each kind with turns of its own: who asks who is there, or reads back, holds up nobody who catches up.
#[derive(Debug, Default)]
pub(crate) struct Reads {
    pages: Turns,
    members: Turns,
    histories: Turns,
}

/// What a list of open questions keeps place for when there are none.
const KEPT: usize = 1024;

/// Questions without an answer, of all rooms of a hub.
#[derive(Debug)]
pub(crate) struct Open<H> {
    pub(crate) list: HashMap<Request, Waits<H>>,
    /// Those of them that wait for their turn, and those that wait for what a room left behind.
    reads: Reads,
    pub(crate) moves: Moves,
    last: Request,
}

impl<H> Default for Open<H> {
    fn default() -> Self {
        Self {
            list: HashMap::new(),
            reads: Reads::default(),
            moves: Moves::default(),
            last: 0,
        }
    }
}

impl<H> Open<H> {
    /// A question was answered: what it was. One that waited for that is asked now.
    pub(crate) fn take(&mut self, request: Request, asks: &mut Asks) -> Option<Waits<H>> {
        let taken = self.list.remove(&request);
        // One that was held back has no turn to give.
        if let Some(waits) = taken.as_ref().filter(|waits| waits.to != NOWHERE) {
            let turns = waits.purpose.turns(&mut self.reads);
            asks.extend(turns.and_then(Turns::answered));
        }
        self.shrink();
        taken
    }

    /// Takes out what comes to nothing, also where it was not sent yet, in the order in which it was asked.
    pub(crate) fn withdraw(
        &mut self,
        which: impl Fn(&Waits<H>) -> bool,
        asks: &mut Asks,
    ) -> Vec<(Request, Waits<H>)> {
        let some = self.list.iter().filter(|(_, waits)| which(waits));
        let mut some: Vec<Request> = some.map(|(request, _)| *request).collect();
        some.sort_unstable();
        asks.retain(|question| some.binary_search(&question.request).is_err());
        let mut asked = Vec::new();
        let mut taken = Vec::with_capacity(some.len());
        for request in some {
            let Some(waits) = self.list.remove(&request) else {
                continue;
            };
            let turns = waits.purpose.turns(&mut self.reads);
            if turns.is_some_and(|turns| !turns.withdraw(waits.place, request)) {
                asked.push(taken.len());
            }
            taken.push((request, waits));
        }
        // Nobody has the turn of one that is withdrawn too.
        for (_, waits) in asked.into_iter().filter_map(|at| taken.get(at)) {
            let turns = waits.purpose.turns(&mut self.reads);
            asks.extend(turns.and_then(Turns::answered));
        }
        self.shrink();
        taken
    }

    fn shrink(&mut self) {
        if self.list.is_empty() && self.list.capacity() > 2 * KEPT {
            // All had come at once, perhaps.
            self.list.shrink_to(KEPT);
        }
    }
}

/// See the top of the file.
pub(crate) struct Cx<'a, H> {
    pub(crate) now: u64,
    pub(crate) settings: &'a Settings,
    pub(crate) figures: &'a mut Figures,
    pub(crate) served: &'a mut Served,
    pub(crate) pace: &'a mut Pace,
    pub(crate) asks: &'a mut Asks,
    pub(crate) open: &'a mut Open<H>,
    /// The room's place in the hub.
    pub(crate) place: u32,
    /// Which pair the room is on, if any …
    pub(crate) on: Generation,
    /// … and whether that server has to be asked to answer for it.
    pub(crate) asking: bool,
}

impl<H> Cx<'_, H> {
    /// Whether there is a link.
    pub(crate) const fn is_up(&self) -> bool {
        self.on != NOWHERE
    }

    /// Asks about a room, and notes what for. Its key is made anew: a room at rest does not keep it.
    pub(crate) fn ask(&mut self, roomid: &str, ask: Ask, purpose: Purpose<H>) {
        self.open.last += 1;
        let request = self.open.last;
        let mut to = self.on;
        let hasty = self.settings.broken == Some(Broken::Hasty);
        if purpose.is_of_client() && self.open.moves.holds(self.place) && !hasty {
            self.open.moves.hold(self.place, request, ask);
            to = NOWHERE;
        } else {
            self.send(roomid, request, ask, &purpose);
        }
        let waits = Waits {
            place: self.place,
            to,
            returned: false,
            purpose,
        };
        self.open.list.insert(request, waits);
    }

    /// Asks it now, or when its turn comes.
    pub(crate) fn send(&mut self, roomid: &str, request: Request, ask: Ask, of: &Purpose<H>) {
        let question = Question {
            request,
            to: self.on,
            asking: self.asking,
            key: [&self.settings.key_prefix, roomid].concat().into(),
            ask,
        };
        let most = match of {
            Purpose::Members { .. } => self.settings.member_lists,
            Purpose::History { .. } => self.settings.histories,
            _ => self.settings.catch_ups,
        };
        let now = match of.turns(&mut self.open.reads) {
            Some(turns) => turns.take(self.place, question, most),
            None => Some(question),
        };
        self.figures.waited += u64::from(now.is_none());
        self.asks.extend(now);
    }
}
