//! Joining again: a seat whose past is not this history's, or whose membership went with a tail that was lost.

use super::Room;
use crate::ask::{Ask, Joined};
use crate::budget::admission::Admission;
use crate::cx::{Cx, Joining, Purpose};
use crate::handle::{ConnId, Handle};
use crate::rights::Right;
use crate::seat::{State, Waiting, Why};
use room_core::position::Position;

impl<H: Handle> Room<H> {
    /// The seat's past is not this history's, or its membership went with a tail that was lost.
    pub(super) fn join_again(&mut self, conn: ConnId, since: Position, cx: &mut Cx<'_, H>) {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return;
        };
        // A login that is under way does it.
        if seat.waiting.is_some() {
            return;
        }
        seat.doubt();
        seat.waiting = Some(Box::new(Waiting {
            why: Why::Again { heard: None },
            queue: Vec::new(),
            gone: false,
        }));
        if seat.guest {
            let number = seat.number;
            return self.visit((conn, number), Some(since), 0, cx);
        }
        let (login, uid) = (seat.number, seat.uid.clone());
        self.book.begin(&uid);
        let ask = Ask::Join {
            uid: uid.clone(),
            since: Some(since),
            history: 0,
            // It was here up to that, which no client says of itself.
            own: false,
            only_member: false,
        };
        let joining = Joining {
            conn,
            login,
            uid,
            counts: self.counts.asked(),
            admission: Admission::Free,
        };
        self.ask(cx, ask, Purpose::Joined(joining));
    }

    /// The seat goes on from where Redis says. If its client was handed or told of more than that, this may be of a tail that
    /// is lost, or only not confirmed before the membership ended: that is asked, and the seat goes on behind it if it holds.
    /// Whether its uid was kicked meanwhile: nobody left the seat since, so more kicks than it knew of are meant for it.
    pub(super) fn go_on(&mut self, conn: ConnId, joined: &Joined, cx: &mut Cx<'_, H>) -> bool {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return false;
        };
        let missed_kick = !seat.guest && joined.kicks > self.book.kicks(&seat.uid);
        if seat.guest && seat.sent.seq == 0 && joined.position.seq == 0 {
            // It was here before the room was: of the beginning there is nothing that it may have seen otherwise.
            seat.sent = joined.position;
        }
        let (past, sent, newer) = (seat.past(), seat.sent, seat.newer_word());
        if let Some(synced) = &mut seat.owes_synced {
            synced.promised = joined.head.seq;
        }
        seat.gone = false;
        self.enter_again(conn, joined, (sent, past), cx);
        let Some(seat) = self.seats.get_mut(&conn) else {
            return missed_kick;
        };
        let at_head;
        let mut joined = joined;
        if joined.new && joined.reset && !seat.may(Right::History) {
            // Its membership went with its history: what of this one was said before it came nobody can tell.
            let head = joined.head;
            at_head = Joined {
                position: head,
                pending: 0,
                lost: None,
                ..joined.clone()
            };
            joined = &at_head;
            self.book.confirm(&seat.uid, conn, head);
        }
        let is_beyond = past.seq > joined.position.seq && !joined.reset;
        if is_beyond && sent.seq >= joined.position.seq {
            seat.state = State::check(sent);
            self.check(sent, cx);
            return missed_kick;
        }
        if joined.reset {
            seat.restart(joined.position);
            seat.set_began(joined.position);
        } else {
            seat.skip_to(joined.position);
        }
        if is_beyond {
            // What is between is gone, and what it was told of its own message may hold: that is asked before it goes on.
            seat.was_told(past);
        }
        if let Some(newer) = newer {
            seat.vouch(newer, false);
        }
        if is_beyond {
            self.tell_start(conn, None, joined, cx);
            self.start(joined.head, cx);
            self.put(conn, State::check(past));
            self.check(past, cx);
        } else {
            self.begin(conn, Some(past), joined, cx);
        }
        missed_kick
    }

    /// A member has what its client confirmed, and not all that it was handed or told of.
    fn enter_again(
        &mut self,
        conn: ConnId,
        joined: &Joined,
        (sent, past): (Position, Position),
        cx: &Cx<'_, H>,
    ) {
        let Some(seat) = self.seats.get(&conn).filter(|seat| !seat.guest) else {
            return;
        };
        let uid = &seat.uid;
        let confirmed = self.book.confirmed(uid, conn);
        let known = [sent, past, confirmed.unwrap_or(sent)];
        let has = Self::counts_as_having(joined, &known, cx);
        let less = confirmed.filter(|at| at.seq < has.seq && !joined.reset);
        let has = less.unwrap_or(has);
        self.book.enter(uid, conn, has, joined.kicks);
    }
}
