//! One room: who is here, where it is in its history, what is under way with Redis.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | its state; answers by what they are for |
//! | `enter` | logins, and what Redis answers to joins |
//! | `again` | joining again |
//! | `guests` | the same for guests, who do not join |
//! | `heard` | ends that are heard while a join is unanswered |
//! | `talk` | what a client's other events do, and how seats end |
//! | `history` | what a client reads back |
//! | `follow` | announcements: what follows, what does not |
//! | `missed` | what the room itself reads from the log |
//! | `catch_up` | a seat's way from the log to the ring |
//! | `serve` | writing to all seats, in slices |
//! | `report` | departures, acknowledgements, ends of sessions |
//! | `refusals` | what a client is told where Redis' answer is none |
//! | `rights` | what another token changes |
//! | `voice` | how much is said |
//! | `whereabouts` | who is online, asked while others come and go |
//! | `link` | subscribing, attaching, and what a reconnect tells |

mod again;
mod catch_up;
mod enter;
mod follow;
mod guests;
mod heard;
mod history;
mod link;
mod missed;
mod refusals;
mod report;
mod rights;
mod serve;
mod talk;
mod voice;
mod whereabouts;

use crate::ask::{Answer, Fault};
use crate::book::Book;
use crate::budget::voices::Voices;
use crate::counts::Counts;
use crate::cx::{Cx, Purpose};
use crate::handle::Handle;
use crate::pages::Pages;
use crate::ring::Ring;
use crate::seat::Seat;
use crate::table::Table;
use follow::Gather;
pub(crate) use link::Link;
use link::Relink;
use room_core::position::Position;
use serve::Counters;
use std::sync::Arc;
use whereabouts::Whereabouts;

/// See the top of the file.
#[derive(Debug)]
pub(crate) struct Room<H> {
    pub(crate) roomid: Arc<str>,
    pub(crate) link: Link,
    /// Whether the room knows where it is: the ring's end.
    knows: bool,
    /// The proxy stops: what is left to report is, one thing right behind the other.
    stops: bool,
    ring: Ring,
    seats: Table<Seat<H>>,
    /// Seats that are not live: only then is it worth looking for them.
    apart: u32,
    book: Book,
    pages: Option<Box<Pages>>,
    gather: Option<Box<Gather>>,
    /// The chain of announcements that are older than the room's position.
    trail: Option<Box<Position>>,
    relink: Option<Box<Relink>>,
    counters: Option<Box<Counters>>,
    whereabouts: Option<Box<Whereabouts>>,
    /// What was said of late, until it is paid off.
    voices: Option<Box<Voices>>,
    counts: Counts,
    /// Questions without an answer.
    open: u32,
    /// Serving: the next seat, and how many are still to be looked at.
    turn: u32,
    left: u32,
    times: Times,
}

/// When something is to be done; `u64::MAX` for never.
#[derive(Clone, Copy, Debug)]
struct Times {
    /// Reporting.
    flush: u64,
    /// Asking again what was refused, or looking for what does not come.
    again: u64,
    /// Forgetting frames and pages that nobody needs; or the whole room, if nobody is in it.
    shrink: u64,
    /// Telling the counters.
    counters: u64,
}

/// No time.
pub(crate) const NEVER: u64 = u64::MAX;

impl<H: Handle> Room<H> {
    pub(crate) fn new(roomid: Arc<str>) -> Self {
        Self {
            roomid,
            link: Link::None,
            knows: false,
            stops: false,
            ring: Ring::new(Position::default(), 0),
            seats: Table::default(),
            apart: 0,
            book: Book::default(),
            pages: None,
            gather: None,
            trail: None,
            relink: None,
            counters: None,
            whereabouts: None,
            voices: None,
            counts: Counts::default(),
            open: 0,
            turn: 0,
            left: 0,
            times: Times {
                flush: NEVER,
                again: NEVER,
                shrink: NEVER,
                counters: NEVER,
            },
        }
    }

    /// Something was said a moment ago.
    pub(crate) const fn is_talked_in(&self) -> bool {
        self.ring.is_warm()
    }

    fn at(&self) -> Option<Position> {
        self.knows.then(|| self.ring.at())
    }

    fn ask(&mut self, cx: &mut Cx<'_, H>, ask: crate::ask::Ask, purpose: Purpose<H>) {
        self.open += 1;
        cx.ask(&self.roomid, ask, purpose);
    }

    /// Whether it has questions without an answer.
    pub(crate) const fn waits(&self) -> bool {
        self.open > 0
    }

    /// When it wants to be looked at.
    pub(crate) fn due(&self) -> u64 {
        let Times {
            flush,
            again,
            shrink,
            counters,
        } = self.times;
        flush.min(again).min(shrink).min(counters)
    }

    /// Looks at the clock.
    pub(crate) fn tick(&mut self, cx: &mut Cx<'_, H>) {
        let now = cx.now;
        let due = |time: &mut u64| now >= *time && std::mem::replace(time, NEVER) != NEVER;
        if due(&mut self.times.flush) {
            self.flush(cx);
        }
        if due(&mut self.times.counters) {
            self.tell_counters(cx);
        }
        if due(&mut self.times.again) {
            self.look_again(cx);
        }
        if due(&mut self.times.shrink) {
            self.forget(cx);
        }
    }

    /// Whether nobody is in it and nothing is under way.
    pub(crate) fn is_empty(&self) -> bool {
        self.seats.is_empty() && self.book.is_empty() && self.open == 0
    }

    /// The room went to another server, and this question is of no meaning any more: a login is asked for there.
    pub(crate) fn left_behind(&mut self, purpose: Purpose<H>, cx: &mut Cx<'_, H>) {
        match purpose {
            Purpose::Joined(joining) => {
                self.open = self.open.saturating_sub(1);
                self.join_moved(joining, cx);
            }
            Purpose::Visited(visit) => {
                self.open = self.open.saturating_sub(1);
                self.visit_moved(&visit, cx);
            }
            // Whether it was done is not known: the sessions may be there still, and are ended where the room is then.
            purpose @ Purpose::Detached(_) => {
                self.answer(purpose, Err(Fault::try_again()), cx);
            }
            purpose => self.answer(purpose, Err(Fault::Down), cx),
        }
    }

    /// Redis answered, or never will.
    pub(crate) fn answer(
        &mut self,
        purpose: Purpose<H>,
        answer: Result<Answer, Fault>,
        cx: &mut Cx<'_, H>,
    ) {
        self.open = self.open.saturating_sub(1);
        match purpose {
            Purpose::Subscribed => self.subscribed(answer.err(), cx),
            Purpose::Unsubscribed => {}
            Purpose::Joined(joining) => self.joined(joining, answer, cx),
            Purpose::Visited(visit) => self.visited(visit, answer, cx),
            Purpose::Attached(uids) => self.attached(&uids, answer, cx),
            Purpose::Heard(uid) => self.heard(&uid, answer, cx),
            Purpose::Here(handle, rights, asked, counts) => {
                self.here((&handle, rights), asked, counts, answer, cx);
            }
            Purpose::Acked(to, uids) => self.acked(to, &uids, answer.err(), cx),
            Purpose::Went(at, uids) => self.went(at, &uids, answer.err(), cx),
            Purpose::Detached(uids) => self.detached(&uids, answer.err(), cx),
            Purpose::Published {
                conn,
                handle,
                id,
                bytes,
                after,
            } => self.published((conn, after), &handle, id, bytes, answer, cx),
            Purpose::Signalled {
                handle,
                id,
                event,
                bytes,
            } => self.signalled(&handle, id, event, bytes, answer.err(), cx),
            Purpose::Left {
                conn,
                handle,
                bytes,
            } => self.left(conn, &handle, bytes, answer.err(), cx),
            Purpose::Members { handle, bytes } => self.members(&handle, bytes, answer, cx),
            Purpose::History {
                conn,
                login,
                handle,
                bytes,
            } => self.read_back_answered((conn, login), &handle, bytes, answer, cx),
            Purpose::Missed => self.missed(answer, cx),
            Purpose::Verified(seq) => self.verified(seq, answer, cx),
            Purpose::Page(from) => self.page(from, answer, cx),
            Purpose::Checked(at) => self.checked(at, answer, cx),
        }
    }
}
