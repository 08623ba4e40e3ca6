//! A seat's way from the log to the ring: page by page at its own speed, until what it has is in the ring.

use super::Room;
use super::missed::AGAIN_MS;
use crate::ask::{Answer, Ask, Attached, Fault};
use crate::budget::work;
use crate::counts::CountsAsked;
use crate::cx::{Cx, Purpose};
use crate::events;
use crate::handle::{ConnId, Handle, Push, Pushed};
use crate::pages::Found;
use crate::rights::{Right, Rights};
use crate::seat::State;
use bytes::Bytes;
use room_core::position::{Position, Seq};

/// In a room with more of our own nobody is added to a list of names: it is larger than rooms of which names are told.
const MOST_NAMES: usize = 1000;

impl<H: Handle> Room<H> {
    /// Lets all seats go on that wait for the room.
    pub(super) fn advance_all(&mut self, cx: &mut Cx<'_, H>) {
        if self.apart == 0 || !self.is_linked() {
            return;
        }
        self.ring.seal();
        let mut place = 0;
        while place < self.seats.len() {
            if self
                .seats
                .rows()
                .get(place)
                .is_some_and(|seat| seat.state == State::Ahead)
            {
                self.advance(place, None, cx);
            }
            place += 1;
        }
        let apart = |seat: &&crate::seat::Seat<H>| !matches!(seat.state, State::Live | State::Mute);
        self.apart = self.seats.rows().iter().filter(apart).count() as u32;
    }

    /// Lets one seat go on.
    pub(super) fn advance_one(&mut self, conn: ConnId, cx: &mut Cx<'_, H>) {
        if let Some(place) = self.seats.find(&conn) {
            self.ring.seal();
            self.put(conn, State::Ahead);
            self.apart += 1;
            self.advance(place, None, cx);
        }
    }

    /// The seat's connection has room again.
    pub(crate) fn low(&mut self, conn: ConnId, cx: &mut Cx<'_, H>) {
        self.read_back(conn, cx);
        let Some(place) = self.seats.find(&conn) else {
            return;
        };
        let Some(seat) = self
            .seats
            .at(place)
            .filter(|seat| seat.state == State::Full)
        else {
            return;
        };
        // Where it stopped is still here: it goes on there, and misses no event that is not stored.
        if !seat.strayed && self.ring.chunk(seat.next).is_some() {
            seat.state = State::Live;
            return self.serve_seat(place, cx);
        }
        self.advance_one(conn, cx);
    }

    /// One seat goes on: into the ring, to the next page, or it waits. `fresh` is a page that was just read for it.
    fn advance(&mut self, place: usize, fresh: Option<Seq>, cx: &mut Cx<'_, H>) {
        loop {
            let linked = self.is_linked();
            let Some(at) = self.at().filter(|_| linked) else {
                return;
            };
            let Some(seat) = self
                .seats
                .at(place)
                .filter(|seat| seat.state == State::Ahead)
            else {
                return;
            };
            if !seat.may(Right::Read) {
                seat.state = State::Mute;
                seat.strayed = true;
                return self.tell_synced(place, cx);
            }
            if let Some((rest, next)) = self.ring.find(seat.sent) {
                return self.step_into_ring(place, at, (rest, next), cx);
            }
            if seat.sent.seq > at.seq {
                self.times.again = self.times.again.min(cx.now + AGAIN_MS);
                return;
            }
            let sent = seat.sent;
            let pages = self.pages.get_or_insert_default();
            pages.used = cx.now;
            self.times.shrink = self.times.shrink.min(cx.now + super::serve::KEPT_MS);
            match pages.after(sent, fresh) {
                Found::Bytes(frames, to) => {
                    cx.figures.pages_shared += 1;
                    if !self.hand(place, &frames, to, true, cx) {
                        return;
                    }
                }
                Found::Asked(from) => {
                    seat.state = State::Page(from);
                    return;
                }
                Found::Ask(from, count) => {
                    seat.state = State::Page(from);
                    pages.asked(from);
                    cx.figures.ranges += 1;
                    let bytes = cx.settings.page;
                    self.ask(cx, Ask::Range { from, count, bytes }, Purpose::Page(from));
                    return;
                }
                Found::Broken => {
                    seat.doubt();
                    return self.attach(cx);
                }
            }
        }
    }

    /// What a seat has is in the ring: it is handed the rest of that chunk, and is live from the `next` one on. `at` is the
    /// ring's end.
    fn step_into_ring(
        &mut self,
        place: usize,
        at: Position,
        (rest, next): (Option<Bytes>, u64),
        cx: &mut Cx<'_, H>,
    ) {
        let Some(seat) = self.seats.at(place) else {
            return;
        };
        // Who came and went while it read the log it was not told.
        let strayed = std::mem::take(&mut seat.strayed) && seat.owes_synced.is_none();
        let missed = strayed.then(|| {
            let member = (!seat.guest).then(|| seat.uid.clone());
            (Vec::from_iter(member), seat.handle.clone(), seat.rights)
        });
        seat.state = State::Live;
        seat.next = next;
        cx.figures.stepped += 1;
        if let Some(rest) = rest {
            let before = self.ring.chunk(next.saturating_sub(1));
            let to = before.map_or(at, crate::ring::Chunk::end);
            if !self.hand(place, &rest, to, false, cx) {
                // The next chunk is not what follows for it: it is to look for its place again.
                if let Some(seat) = self.seats.at(place) {
                    seat.strayed = true;
                }
                return;
            }
        }
        self.serve_seat(place, cx);
        if let Some((uids, handle, rights)) = missed {
            let asked = self.whereabouts.get_or_insert_default().asked();
            let counts = self.counts.asked();
            self.ask(
                cx,
                Ask::Attach(uids),
                Purpose::Here(handle, rights, asked, counts),
            );
        }
    }

    /// Who is here, for a seat that missed who came and went.
    pub(super) fn here(
        &mut self,
        (handle, rights): (&H, Rights),
        asked: u64,
        counts: CountsAsked,
        answer: Result<Answer, Fault>,
        cx: &mut Cx<'_, H>,
    ) {
        let attached = match answer {
            Ok(Answer::Attached(attached)) => attached,
            _ => Attached::default(),
        };
        let online = self.who(asked, attached.online);
        if let Some((total, num)) = attached.counts {
            self.counts.answered(counts, total, num);
        }
        self.counts.named(online.as_deref());
        let (total, num) = (self.counts.total, self.counts.online);
        let named = online.filter(|_| rights.has(Right::Members));
        let event = events::presence(&self.roomid, total, num, named.as_deref());
        handle.push(cx.now, &event, Push::Answer);
    }

    /// Who is online, by an answer and by what was announced since its question.
    pub(super) fn who(&mut self, asked: u64, online: Option<Vec<String>>) -> Option<Vec<String>> {
        let online = match &mut self.whereabouts {
            Some(whereabouts) => whereabouts.answered(asked, online),
            None => online,
        };
        online.map(|mut online| {
            self.add_own(&mut online);
            online
        })
    }

    /// Who has a session here is online, also where the list is from before that: it was announced on another connection than
    /// the one that answered.
    pub(super) fn add_own(&self, online: &mut Vec<String>) {
        if self.book.len() > MOST_NAMES {
            return;
        }
        for uid in self.book.online() {
            if !online.iter().any(|known| **known == **uid) {
                online.push(uid.to_string());
            }
        }
    }

    /// Hands frames up to `to` to a seat; whether it took them.
    pub(super) fn hand(
        &mut self,
        place: usize,
        frames: &bytes::Bytes,
        to: room_core::position::Position,
        page: bool,
        cx: &mut Cx<'_, H>,
    ) -> bool {
        let Some(seat) = self.seats.at(place) else {
            return false;
        };
        let asks = !seat.acks;
        let how = if page {
            Push::Page { asks }
        } else {
            Push::Live { asks }
        };
        // Also where it is not taken: its place in the ring is not where it stopped.
        seat.strayed |= page;
        match seat.handle.push(cx.now, frames, how) {
            Pushed::Taken(beat) => {
                seat.handed(to, beat);
                if page {
                    // Nobody else pays for it: a login alone, again and again, would be sent the whole log each time.
                    seat.handle.spent(work::page(frames.len()));
                }
                if cx.settings.broken == Some(crate::settings::Broken::AckEarly) {
                    let (uid, conn) = (seat.uid.clone(), seat.conn);
                    self.confirmed(&uid, conn, to, cx);
                }
                return true;
            }
            Pushed::Full => {
                cx.figures.slow += u64::from(!page);
                seat.state = State::Full;
            }
            Pushed::Gone => seat.state = State::Gone,
        }
        self.apart += 1;
        false
    }

    /// A page came, or did not.
    pub(super) fn page(&mut self, from: Seq, answer: Result<Answer, Fault>, cx: &mut Cx<'_, H>) {
        let concerned = |seat: &&crate::seat::Seat<H>| seat.state == State::Page(from);
        let conns: Vec<ConnId> = self
            .seats
            .rows()
            .iter()
            .filter(concerned)
            .map(|seat| seat.conn)
            .collect();
        match answer {
            // It waits for what follows, as the room is further on; but there is nothing: that is another history.
            Ok(Answer::Range(range)) if self.is_behind_any(&conns, range.head.seq) => {
                self.pages.get_or_insert_default().failed(from);
                return self.lose_history(cx);
            }
            Ok(Answer::Range(range)) => {
                let (roomid, total, num) = (&self.roomid, self.counts.total, self.counts.online);
                let pages = self.pages.get_or_insert_default();
                pages.answered(from, &range, |at, row, out| {
                    events::put_stored(out, roomid, at, row, total, num);
                });
            }
            Err(fault) if fault.is("NOROOM") => {
                self.pages.get_or_insert_default().failed(from);
                for conn in conns {
                    self.doubt(conn);
                }
                return self.attach(cx);
            }
            _ => {
                self.pages.get_or_insert_default().failed(from);
                for conn in conns {
                    self.put(conn, State::Ahead);
                }
                self.times.again = self.times.again.min(cx.now + AGAIN_MS);
                return;
            }
        }
        self.ring.seal();
        for conn in conns {
            self.put(conn, State::Ahead);
            if let Some(place) = self.seats.find(&conn) {
                self.advance(place, Some(from), cx);
            }
        }
    }

    /// Whether the log ends where one of these seats is, or before.
    fn is_behind_any(&self, conns: &[ConnId], head: Seq) -> bool {
        let of = |seat: &&crate::seat::Seat<H>| conns.contains(&seat.conn);
        let mut seats = self.seats.rows().iter().filter(of);
        seats.any(|seat| head <= seat.sent.seq)
    }
}
