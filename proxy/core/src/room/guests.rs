//! Guests: they are in the room without belonging to it. Where a member joins, a guest looks; what it sees is taken as a
//! join's answer, and from there on its seat is like any other. Redis knows nothing of it: it has no session and no cursor,
//! and nothing waits for it.

use super::Room;
use super::refusals::unreadable;
use crate::ask::{Answer, Ask, Attached, Fault, Joined};
use crate::book::Leave;
use crate::cx::{Cx, Purpose};
use crate::event::LoginNumber;
use crate::events;
use crate::handle::{ConnId, Handle};
use crate::rights::Right;
use crate::seat::Why;
use crate::visit::{May, Seen, Step, Visit};
use room_core::position::Position;

impl<H: Handle> Room<H> {
    /// Begins to look for a guest, whose seat waits for it.
    pub(super) fn visit(
        &mut self,
        (conn, login): (ConnId, LoginNumber),
        since: Option<Position>,
        history: u64,
        cx: &mut Cx<'_, H>,
    ) {
        let visit = Box::new(Visit {
            conn,
            login,
            since,
            history,
            counts: self.counts.asked(),
            dedupe: None,
            step: Step::Room,
        });
        // Nobody is announced by it.
        self.ask(cx, Ask::Attach(Vec::new()), Purpose::Visited(visit));
    }

    /// Redis answered.
    pub(super) fn visited(
        &mut self,
        mut visit: Box<Visit>,
        answer: Result<Answer, Fault>,
        cx: &mut Cx<'_, H>,
    ) {
        let Some(may) = self.waits_for(&visit) else {
            return;
        };
        let seen = match (visit.step, answer) {
            (Step::Room, Ok(Answer::Attached(attached))) => match attached {
                Attached {
                    head: Some(head),
                    counts: Some((total, num)),
                    dedupe,
                    ..
                } => {
                    visit.dedupe = dedupe;
                    self.counts.answered(visit.counts, total, num);
                    Ok(visit.room(head))
                }
                _ => Err(unreadable()),
            },
            (Step::Log(from), Ok(Answer::Range(range))) => Ok(visit.log(from, &range, may)),
            (Step::AllOfLog, Ok(Answer::Range(range))) => {
                Ok(Seen::Begin(Visit::all_of_log(&range)))
            }
            (_, Err(fault)) if fault.is("NOROOM") => {
                self.counts.answered(visit.counts, 0, 0);
                Ok(Seen::Begin(visit.no_room()))
            }
            (_, Ok(_)) => Err(unreadable()),
            (_, Err(fault)) => Err(fault),
        };
        match seen {
            Ok(Seen::Look(step)) => self.look(visit, step, cx),
            Ok(Seen::Begin(joined)) => {
                let joined = Joined {
                    members: self.counts.total,
                    online: self.counts.online,
                    dedupe: visit.dedupe,
                    ..joined
                };
                self.entered(visit.conn, &joined, cx);
            }
            Err(fault) => self.login_failed(visit.conn, &fault, cx),
        }
    }

    /// The room went to another server meanwhile: a guest that comes is looked for there.
    pub(super) fn visit_moved(&mut self, visit: &Visit, cx: &mut Cx<'_, H>) {
        if self.waits_for(visit).is_none() {
            return;
        }
        let waiting = self.seats.get_mut(&visit.conn);
        let waiting = waiting.and_then(|seat| seat.waiting.as_mut());
        let waiting = waiting.map(|waiting| {
            waiting.gone = false;
            &mut waiting.why
        });
        match waiting {
            Some(Why::Login { asked, .. }) => *asked = false,
            _ => self.login_failed(visit.conn, &Fault::Down, cx),
        }
    }

    /// What the guest may be sent of what was said; `None` if its seat has ended meanwhile. Who was here while it was said
    /// may have it.
    fn waits_for(&self, visit: &Visit) -> Option<May> {
        let seat = self.seats.get(&visit.conn)?;
        let (was_here, rights) = match &seat.waiting.as_ref()?.why {
            Why::Login { login, .. } => (false, login.rights),
            Why::Again { .. } | Why::Leave => (true, seat.rights),
        };
        let all = rights.has(Right::History);
        let may = May {
            on: was_here || all,
            all,
        };
        (self.comes_as_guest(visit.conn) && self.waits_with(visit.conn, visit.login)).then_some(may)
    }

    /// Whether a seat waits for Redis, with this login or since it.
    pub(super) fn waits_with(&self, conn: ConnId, login: LoginNumber) -> bool {
        let seat = self.seats.get(&conn);
        seat.is_some_and(|seat| seat.waiting.is_some() && seat.number == login)
    }

    /// Whether a seat waits for a look and not for a join.
    pub(super) fn comes_as_guest(&self, conn: ConnId) -> bool {
        let Some(seat) = self.seats.get(&conn) else {
            return false;
        };
        match seat.waiting.as_ref().map(|waiting| &waiting.why) {
            Some(Why::Login { login, .. }) => login.guest,
            Some(Why::Again { .. }) => seat.guest,
            Some(Why::Leave) | None => false,
        }
    }

    fn look(&mut self, mut visit: Box<Visit>, step: Step, cx: &mut Cx<'_, H>) {
        let from = match step {
            Step::Log(from) => from,
            Step::Room | Step::AllOfLog => 1,
        };
        visit.step = step;
        cx.figures.ranges += 1;
        let ask = Ask::Range {
            from,
            count: 1,
            bytes: 1,
        };
        self.ask(cx, ask, Purpose::Visited(visit));
    }

    /// A guest was kicked while its login was under way: Redis counts no kicks of guests, so this one is meant for it.
    pub(super) fn kicked_early(&mut self, conn: ConnId, reason: &str, cx: &mut Cx<'_, H>) {
        let Some(seat) = self.seats.get(&conn) else {
            return;
        };
        let event = events::kicked(&self.roomid, &seat.uid, reason, None);
        self.end_seat(conn, Leave::Told, Some(&event), cx);
    }

    pub(super) fn has_guests(&self) -> bool {
        self.seats.rows().iter().any(|seat| seat.guest)
    }
}
