//! Pages of history: what was said up to a position, for a client that reads back. Each is one long read, which waits for its
//! turn and moves nothing. A seat has one question open at a time. Its answer is handed over when little waits for the
//! connection; it is not kept until then, but asked for again.

use super::Room;
use super::refusals::{refusal, unreadable};
use crate::ask::{Answer, Ask, Fault};
use crate::budget::too_fast::TooFast;
use crate::budget::work;
use crate::cx::{Cx, Purpose};
use crate::event::LoginNumber;
use crate::events;
use crate::handle::{ConnId, Handle, Push, Pushed};
use crate::history::{Page, ReadsBack, page};
use crate::holder::may;
use crate::rights::{Right, Rights};
use crate::seat::Seat;
use room_core::position::{Position, Seq};
use std::sync::Arc;

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
            let what = "one page of history at a time: wait for it, then ask for the next";
            return self.refuse_history(&handle, bytes, &refused(TooFast::CODE, what), cx);
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
            let event = events::history(&self.roomid, &Page::nothing(until));
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
        let waits = |reads: &mut Box<ReadsBack>| reads.login == login && reads.asked;
        let seat = self.seats.get_mut(&conn);
        let taken = seat.and_then(|seat| Some((seat.reads_back.take_if(waits)?, seat.rights)));
        let Some((mut reads, rights)) = taken else {
            let fault = self.login_has_ended();
            return self.refuse_history(handle, bytes, &fault, cx);
        };
        match self.page_of(&reads, rights, answer, cx) {
            Ok(page) if self.hand_page(handle, &page, cx) => handle.done(bytes),
            Ok(_) => {
                reads.asked = false;
                if let Some(seat) = self.seats.get_mut(&conn) {
                    seat.reads_back = Some(reads);
                }
            }
            Err(fault) => self.refuse_history(handle, bytes, &fault, cx),
        }
    }

    /// The page that was asked for, if whoever asked may still have it.
    fn page_of(
        &self,
        reads: &ReadsBack,
        rights: Rights,
        answer: Result<Answer, Fault>,
        cx: &Cx<'_, H>,
    ) -> Result<Page, Fault> {
        let needed = [Some(Right::Read), reads.all.then_some(Right::History)];
        for right in needed {
            may(rights, right, &self.roomid).map_err(|(code, what)| refused(code, &what))?;
        }
        let (roomid, counts) = (&self.roomid, (self.counts.total, self.counts.online));
        match answer {
            Ok(Answer::Back(back)) => {
                page(&back, reads.until, cx.settings.history, |at, row, out| {
                    events::put_stored_event(out, roomid, at, row, counts);
                })
                .ok_or_else(|| not_of_here(reads.until))
            }
            Ok(_) => Err(unreadable()),
            Err(fault) if fault.is("NOROOM") => Err(not_of_here(reads.until)),
            Err(fault) if fault.is_unknown_option("REV") => Err(refused(
                "UNSUPPORTED",
                "the server's Redis module is too old to be asked for history: update it",
            )),
            Err(fault) => Err(fault),
        }
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
            let (handle, fault) = (seat.handle.clone(), self.login_has_ended());
            self.refuse_history(&handle, reads.bytes, &fault, cx);
        }
    }

    fn login_has_ended(&self) -> Fault {
        let what = format!(
            "the login to room '{}' that asked for it has ended: log in, then ask again",
            self.roomid
        );
        refused("NOLOGIN", &what)
    }

    fn refuse_history(&self, handle: &H, bytes: usize, fault: &Fault, cx: &Cx<'_, H>) {
        let event = refusal(fault, &self.about("history"));
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

fn refused(code: &str, what: &str) -> Fault {
    Fault::Refused {
        code: code.to_owned(),
        message: what.to_owned(),
    }
}

fn not_of_here(until: Position) -> Fault {
    let what = format!(
        "'{until}' is not of this room's history: forget the pages that were read, and ask without 'until'"
    );
    refused("BADPOS", &what)
}
