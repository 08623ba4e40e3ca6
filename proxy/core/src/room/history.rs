//! Pages of history: what was said up to a position, for a client that reads back. Each is one long read, which waits for its
//! turn and moves nothing. A seat has one question open at a time. Its answer is handed over when little waits for the
//! connection; it is not kept until then, but asked for again.

use super::Room;
use super::refusals::refusal;
use crate::ask::{Answer, Ask, Fault};
use crate::budget::too_fast::TooFast;
use crate::budget::work;
use crate::cx::{Cx, Purpose};
use crate::event::LoginNumber;
use crate::events;
use crate::handle::{ConnId, Handle, Push, Pushed};
use crate::history::{Page, page};
use crate::holder::may;
use crate::rights::Right;
use crate::seat::{ReadsBack, Seat};
use room_core::position::{Position, Seq};
use std::sync::Arc;

/// Why there is no page: a code and a sentence.
type Refused = (&'static str, String);

impl<H: Handle> Room<H> {
    /// A client wants so many messages up to a position.
    pub(super) fn history(
        &mut self,
        conn: ConnId,
        (until, limit): (Option<Position>, u64),
        bytes: usize,
        cx: &mut Cx<'_, H>,
    ) {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return;
        };
        if seat.reads_back.is_some() {
            let handle = seat.handle.clone();
            let what =
                "one page of history at a time: wait for it, then ask for the next".to_owned();
            return self.refuse_history(&handle, bytes, (TooFast::CODE, what), cx);
        }
        seat.reads_back = Some(Box::new(ReadsBack {
            until: until.unwrap_or(seat.began()),
            limit,
            login: seat.number,
            all: seat.may(Right::History),
            bytes,
            asked: false,
        }));
        self.read_back(conn, cx);
    }

    /// Asks for the page that a seat waits for, unless that is done.
    pub(super) fn read_back(&mut self, conn: ConnId, cx: &mut Cx<'_, H>) {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return;
        };
        let Some(reads) = seat.reads_back.as_mut().filter(|reads| !reads.asked) else {
            return;
        };
        reads.asked = true;
        let (until, count, login, bytes) = (reads.until, reads.limit, reads.login, reads.bytes);
        let (from, own) = begins(seat);
        let handle = seat.handle.clone();
        if until.seq == 0 {
            // There is nothing before the beginning; a guest may know it of a room that was not there yet.
            seat.reads_back = None;
            let page = Page {
                messages: Vec::new(),
                after: until,
                more: false,
                gone: 0,
            };
            let event = events::history(&self.roomid, &page);
            handle.push(cx.now, &event, Push::Answer);
            return handle.done(bytes);
        }
        handle.spent(work::HISTORY);
        cx.figures.ranges += 1;
        let ask = Ask::Back {
            from,
            to: until.seq,
            count,
            bytes: cx.settings.history,
            own,
        };
        let purpose = Purpose::History {
            conn,
            login,
            handle,
            bytes,
        };
        self.ask_client(ask, purpose, cx);
    }

    /// Redis answered.
    pub(super) fn read_back_answered(
        &mut self,
        (conn, login): (ConnId, LoginNumber),
        handle: &H,
        bytes: usize,
        answer: Result<Answer, Fault>,
        cx: &mut Cx<'_, H>,
    ) {
        let seat = self.seats.get_mut(&conn);
        let waits = |seat: &&mut Seat<H>| {
            let reads = seat.reads_back.as_ref();
            reads.is_some_and(|reads| reads.login == login && reads.asked)
        };
        let Some(seat) = seat.filter(waits) else {
            let refused = self.login_has_ended();
            return self.refuse_history(handle, bytes, refused, cx);
        };
        let Some(mut reads) = seat.reads_back.take() else {
            return;
        };
        let rights = seat.rights;
        let allowed = may(rights, Some(Right::Read), &self.roomid);
        let needed = reads.all.then_some(Right::History);
        let allowed = allowed.and_then(|()| may(rights, needed, &self.roomid));
        let refused = match (allowed, answer) {
            (Err(denied), _) => denied,
            (Ok(()), Ok(Answer::Back(back))) => {
                let (roomid, counts) = (&self.roomid, (self.counts.total, self.counts.online));
                let found = page(&back, reads.until, cx.settings.history, |at, row, out| {
                    events::put_stored_event(out, roomid, at, row, counts);
                });
                match found {
                    Some(page) => {
                        if self.hand_page(handle, &page, cx) {
                            handle.done(bytes);
                        } else if let Some(seat) = self.seats.get_mut(&conn) {
                            reads.asked = false;
                            seat.reads_back = Some(reads);
                        }
                        return;
                    }
                    None => not_of_here(reads.until),
                }
            }
            (Ok(()), Err(fault)) if fault.is("NOROOM") => not_of_here(reads.until),
            (Ok(()), Err(fault)) if fault.is_unknown_option("REV") => {
                let what =
                    "the server's Redis module is too old to be asked for history: update it";
                ("UNSUPPORTED", what.to_owned())
            }
            (Ok(()), Err(fault)) => {
                let event = refusal(&fault, &self.about("history"));
                handle.push(cx.now, &event, Push::Answer);
                return handle.done(bytes);
            }
            (Ok(()), Ok(_)) => {
                let event = refusal(&super::refusals::unreadable(), &self.about("history"));
                handle.push(cx.now, &event, Push::Answer);
                return handle.done(bytes);
            }
        };
        self.refuse_history(handle, bytes, refused, cx);
    }

    /// Hands a page over; false: the connection is full, and says when it is not.
    fn hand_page(&self, handle: &H, page: &Page, cx: &mut Cx<'_, H>) -> bool {
        let event = events::history(&self.roomid, page);
        // Redis has read it, whatever becomes of it.
        handle.spent(work::page(event.len()));
        match handle.push(cx.now, &event, Push::Page { asks: false }) {
            Pushed::Full => false,
            Pushed::Taken(_) | Pushed::Gone => {
                cx.figures.histories += 1;
                true
            }
        }
    }

    /// The login that asked has ended: a page that waits for its connection comes to nothing, and one that Redis is asked for
    /// when it is answered.
    pub(super) fn stop_reading_back(&mut self, conn: ConnId, cx: &Cx<'_, H>) {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return;
        };
        if let Some(reads) = seat.reads_back.take().filter(|reads| !reads.asked) {
            let (handle, refused) = (seat.handle.clone(), self.login_has_ended());
            self.refuse_history(&handle, reads.bytes, refused, cx);
        }
    }

    fn login_has_ended(&self) -> Refused {
        let what = format!(
            "the login to room '{}' that asked for it has ended: log in, then ask again",
            self.roomid
        );
        ("NOLOGIN", what)
    }

    fn refuse_history(&self, handle: &H, bytes: usize, (code, what): Refused, cx: &Cx<'_, H>) {
        let event = events::error(code, &what, &self.about("history"));
        handle.push(cx.now, &event, Push::Answer);
        handle.done(bytes);
    }
}

/// The first message that a seat may read; and for whose membership Redis is to look, which knows where it began.
fn begins<H: Handle>(seat: &Seat<H>) -> (Seq, Option<Arc<str>>) {
    match (seat.may(Right::History), seat.guest) {
        (true, _) => (1, None),
        (false, true) => (seat.began().seq.saturating_add(1), None),
        (false, false) => (1, Some(seat.uid.clone())),
    }
}

fn not_of_here(until: Position) -> Refused {
    let what = format!(
        "'{until}' is not of this room's history: forget the pages that were read, and ask without 'until'"
    );
    ("BADPOS", what)
}
