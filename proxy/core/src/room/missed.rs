//! What the room itself reads from the log, and what becomes of a history that is not the one it had.

use super::Room;
use crate::ask::{Answer, Ask, Fault, Range};
use crate::cx::{Cx, Purpose};
use crate::events;
use crate::handle::{ConnId, Handle, Push};
use crate::seat::State;
use room_core::position::{Position, Seq};

/// Messages of one read.
const PAGE: u64 = 1024;
/// A page grows to what came during the last answer, up to here.
const LARGEST_PAGE: usize = 1024 * 1024;
/// After so long something that was refused is asked again, or something that did not come is looked for.
pub(super) const AGAIN_MS: u64 = 500;

impl<H: Handle> Room<H> {
    /// Reads what follows the room's position, unless that is under way. Announcements are kept meanwhile.
    pub(super) fn read_missed(&mut self, cx: &mut Cx<'_, H>) {
        let Some(at) = self.at() else { return };
        if !self.is_linked() {
            return;
        }
        let gather = self.gather.get_or_insert_default();
        if gather.asked {
            return;
        }
        gather.asked = true;
        gather.early = gather.frames.len();
        let page = cx.settings.page.max(gather.grown.min(LARGEST_PAGE));
        gather.grown = 0;
        cx.figures.ranges += 1;
        let ask = Ask::Range {
            from: at.seq.saturating_add(1),
            count: PAGE,
            bytes: page,
        };
        self.ask(cx, ask, Purpose::Missed);
    }

    /// Asks what is before an announced message that is older than the room's position.
    pub(super) fn verify(&mut self, seq: Seq, cx: &mut Cx<'_, H>) {
        let gather = self.gather.get_or_insert_default();
        if std::mem::replace(&mut gather.asked, true) {
            return;
        }
        cx.figures.ranges += 1;
        let ask = Ask::Range {
            from: seq,
            count: 1,
            bytes: 1,
        };
        self.ask(cx, ask, Purpose::Verified(seq));
    }

    pub(super) fn verified(&mut self, seq: Seq, answer: Result<Answer, Fault>, cx: &mut Cx<'_, H>) {
        let Some(range) = self.range(answer, cx) else {
            return;
        };
        self.answered();
        if self.at().is_some_and(|at| range.head.seq < at.seq) {
            // Nothing was judged meanwhile: the room has more than there is. Where nobody has a session (guests have none) Redis
            // does not say that a key went.
            return self.lose_history(cx);
        }
        if range.before.seq.saturating_add(1) != seq {
            // It was freed: whether this is the same history the room's own position tells.
            return self.read_missed(cx);
        }
        // If the message does not follow even this, it is of a history that is no more: the own position is looked at.
        if self.trail.as_deref() == Some(&range.before) {
            self.trail = None;
            return self.read_missed(cx);
        }
        self.trail = Some(Box::new(range.before));
        self.replay(cx);
    }

    fn answered(&mut self) -> bool {
        match &mut self.gather {
            Some(gather) => {
                gather.asked = false;
                !std::mem::take(&mut gather.stale)
            }
            None => false,
        }
    }

    /// The range, or what its failure means for the room.
    fn range(&mut self, answer: Result<Answer, Fault>, cx: &mut Cx<'_, H>) -> Option<Range> {
        match answer {
            Ok(Answer::Range(range)) if self.knows => Some(range),
            Err(fault) if fault.is("NOROOM") => {
                self.answered();
                self.lose_history(cx);
                None
            }
            // The next link looks by itself; what was refused is asked again.
            _ => {
                self.answered();
                self.times.again = self.times.again.min(cx.now + AGAIN_MS);
                None
            }
        }
    }

    pub(super) fn missed(&mut self, answer: Result<Answer, Fault>, cx: &mut Cx<'_, H>) {
        let Some(range) = self.range(answer, cx) else {
            return;
        };
        let fresh = self.answered();
        let Some(at) = self.at() else { return };
        if range.before != at {
            return self.lose_history(cx);
        }
        if !range.rows.is_empty() {
            cx.figures.gaps += 1;
            self.append(at, &range, cx.settings.page);
            self.wake(cx);
        }
        self.history_is_true(cx);
        if fresh && let Some(gather) = &mut self.gather {
            let bound = *gather.bound.get_or_insert(range.head.seq);
            let (head, mut early) = (range.head.seq, std::mem::take(&mut gather.early));
            gather.frames.retain(|frame| {
                let most = if early > 0 { head } else { Seq::MAX };
                early = early.saturating_sub(1);
                let news = |seq: Seq| seq > bound && seq <= most;
                room_core::announce::parse(frame).is_some_and(|(header, _)| news(header.seq))
            });
            if self.ring.at().seq >= bound || range.rows.is_empty() {
                return self.replay(cx);
            }
        }
        self.read_missed(cx);
    }

    fn append(&mut self, before: Position, range: &Range, most: usize) {
        let mut at = before;
        let (roomid, total, num) = (&self.roomid, self.counts.total, self.counts.online);
        for row in &range.rows {
            at = at.next(row.ms, row.uid.as_bytes(), &row.payload);
            self.ring.push(at, most, |out| {
                events::put_stored(out, roomid, at, row, total, num)
            });
        }
    }

    /// The room's history is another one: every seat asks what of its past is true, after the sessions were announced.
    pub(super) fn lose_history(&mut self, cx: &mut Cx<'_, H>) {
        self.knows = false;
        self.trail = None;
        self.gather = None;
        self.ring.start(self.ring.at());
        if let Some(pages) = &mut self.pages {
            pages.clear();
        }
        for seat in self.seats.rows_mut() {
            if matches!(
                seat.state,
                State::Live
                    | State::Full
                    | State::Ahead
                    | State::Mute
                    | State::Page(_)
                    | State::Check(..)
            ) {
                seat.doubt();
            }
        }
        self.apart = self.seats.len() as u32;
        if self.link != super::Link::Subscribing {
            self.attach(cx);
        }
    }

    /// The sessions could not be announced: seats wait in doubt until they are.
    pub(super) fn knows_nothing(&mut self) {
        self.knows = false;
        // What was read may be of a tail that is lost.
        if let Some(pages) = &mut self.pages {
            pages.clear();
        }
        for seat in self.seats.rows_mut() {
            if seat.is_seated() {
                seat.doubt();
            }
        }
        self.apart = self.seats.len() as u32;
    }

    /// There is no room: everybody joins again, and is told.
    pub(super) fn room_is_gone(&mut self, cx: &mut Cx<'_, H>) {
        self.knows_nothing();
        let seats = self
            .seats
            .rows()
            .iter()
            .filter(|seat| seat.state == State::Doubt);
        // It may be there after all, and what a member was handed its client has not confirmed by that.
        let since = |seat: &crate::seat::Seat<H>| {
            let confirmed = self.book.confirmed(&seat.uid, seat.conn);
            (seat.conn, confirmed.unwrap_or(seat.past()))
        };
        let conns: Vec<_> = seats.map(since).collect();
        for (conn, since) in conns {
            self.join_again(conn, since, cx);
        }
    }

    /// Doubts that were not answered for the seats are put to Redis.
    pub(super) fn ask_doubts(&mut self, cx: &mut Cx<'_, H>) {
        let mut asked: Vec<Position> = Vec::new();
        for seat in self.seats.rows_mut() {
            if seat.state == State::Doubt && seat.waiting.is_none() {
                seat.state = State::check(seat.sent);
                if !asked.contains(&seat.sent) {
                    asked.push(seat.sent);
                }
            }
        }
        asked.into_iter().for_each(|at| self.check(at, cx));
    }

    /// Asks whether a position is of this history.
    pub(super) fn check(&mut self, at: Position, cx: &mut Cx<'_, H>) {
        cx.figures.ranges += 1;
        let ask = Ask::Range {
            from: at.seq.saturating_add(1),
            count: 1,
            bytes: 1,
        };
        self.ask(cx, ask, Purpose::Checked(at));
    }

    pub(super) fn checked(
        &mut self,
        at: Position,
        answer: Result<Answer, Fault>,
        cx: &mut Cx<'_, H>,
    ) {
        let concerned = |seat: &crate::seat::Seat<H>| seat.state == State::check(at);
        let conns: Vec<_> = self
            .seats
            .rows()
            .iter()
            .filter(|seat| concerned(seat))
            .map(|seat| seat.conn)
            .collect();
        let (head, before) = match answer {
            Ok(Answer::Range(range)) => (Some(range.head), range.before),
            Err(fault) if fault.is("NOROOM") => (None, Position::default()),
            Ok(_) => (None, Position::default()),
            Err(_) => {
                for conn in conns {
                    self.doubt(conn);
                }
                self.times.again = self.times.again.min(cx.now + AGAIN_MS);
                return;
            }
        };
        let mut any = false;
        for conn in conns {
            let true_so_far = head.is_some() && (before == at || self.deny(conn, at, cx));
            any |= true_so_far;
            match true_so_far {
                true => self.believe(conn, at, cx),
                false => self.join_again(conn, at, cx),
            }
        }
        if let Some(head) = head.filter(|_| any) {
            self.start(head, cx);
            self.advance_all(cx);
        }
    }

    /// Tells a client that its own message, said to be at `at`, is not of this history, where what it was handed is: it goes
    /// on there. Whether that is so.
    fn deny(&mut self, conn: ConnId, at: Position, cx: &mut Cx<'_, H>) -> bool {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return false;
        };
        if !seat.settle_strange(at) {
            return false;
        }
        cx.figures.resets += 1;
        let event = events::reset(&self.roomid, at, seat.sent);
        seat.handle.push(cx.now, &event, Push::Answer);
        true
    }

    /// What a seat was handed is true up to `at`; so may be what its client was told of its own message beyond that.
    fn believe(&mut self, conn: ConnId, at: Position, cx: &mut Cx<'_, H>) {
        let Some(seat) = self.seats.get_mut(&conn) else {
            return;
        };
        let next = match at == seat.sent {
            true => seat.vouched(),
            false => seat.next_word(at),
        };
        match next {
            None => {
                seat.state = State::Ahead;
                seat.set_believed(true);
                if std::mem::take(&mut seat.gone) {
                    // Its uid left, unless it joined again since.
                    let uid = seat.uid.clone();
                    self.ask(cx, Ask::Attach(vec![uid.clone()]), Purpose::Heard(uid));
                }
            }
            Some(own) => {
                seat.state = State::check(own);
                self.check(own, cx);
            }
        }
    }

    /// What was refused is asked again, and what did not come is looked for.
    pub(super) fn look_again(&mut self, cx: &mut Cx<'_, H>) {
        match self.link {
            super::Link::Linked => {}
            super::Link::None if cx.is_up() && !self.is_empty() => return self.relink(cx),
            _ => return,
        }
        let doubts = self
            .seats
            .rows()
            .iter()
            .any(|seat| seat.state == State::Doubt);
        if doubts {
            return self.attach(cx);
        }
        let ahead = self
            .seats
            .rows()
            .iter()
            .any(|seat| seat.state == State::Ahead);
        if self.gather.is_some() || ahead {
            self.read_missed(cx);
        }
        self.advance_all(cx);
    }

    pub(super) fn doubt(&mut self, conn: crate::handle::ConnId) {
        if let Some(seat) = self.seats.get_mut(&conn) {
            seat.doubt();
        }
    }

    pub(super) fn put(&mut self, conn: ConnId, state: State) {
        if let Some(seat) = self.seats.get_mut(&conn) {
            seat.state = state;
        }
    }
}
