//! Writing what is in the ring to all live seats, in slices of time: each from its own place, so that what happens between
//! two slices neither repeats nor skips anything.

use super::{NEVER, Room};
use crate::cx::Cx;
use crate::events;
use crate::handle::Handle;
use crate::rights::Right;
use crate::seat::{State, Synced};
use bytes::BytesMut;
use smallvec::SmallVec;

/// Seats between two looks at the time.
const STRIDE: usize = 16;
/// What a room keeps of frames that all live seats have, in bytes …
const KEPT: usize = 64 * 1024;
/// … and for how long after the last one.
pub(super) const KEPT_MS: u64 = 5_000;
/// Counters of a large room are told at most so often.
const COUNTERS_MS: u64 = 1_000;

/// The last counters that a large room was told, and newer ones that it is to be told.
#[derive(Debug, Default)]
pub(super) struct Counters {
    told: u64,
    /// The time that they are of, Unix time in milliseconds.
    waiting: Option<u64>,
}

impl<H: Handle> Room<H> {
    /// Something came into the ring: all seats are to be looked at.
    pub(super) fn wake(&mut self, cx: &mut Cx<'_, H>) {
        self.left = self.seats.len() as u32;
        self.times.shrink = self.times.shrink.min(cx.now + KEPT_MS);
    }

    /// Whether somebody may be to be served.
    pub(crate) const fn is_behind(&self) -> bool {
        self.left > 0
    }

    /// Serves seats while there is time. Whether all are served.
    pub(crate) fn serve(&mut self, more: &mut dyn FnMut() -> bool, cx: &mut Cx<'_, H>) -> bool {
        self.ring.seal();
        let (mut stride, mut looked_at) = (0, 0);
        while self.left > 0 {
            if stride == STRIDE {
                stride = 0;
                looked_at += STRIDE as u32;
                if !more() {
                    self.count_served(looked_at, cx);
                    return false;
                }
            }
            stride += 1;
            self.left -= 1;
            self.turn += 1;
            if self.turn as usize >= self.seats.len() {
                self.turn = 0;
            }
            self.serve_seat(self.turn as usize, cx);
        }
        self.count_served(u32::MAX, cx);
        self.advance_all(cx);
        let most = if self.apart > 0 || self.gather.is_some() {
            cx.settings.ring
        } else {
            KEPT
        };
        if self.ring.size() > most {
            self.ring.shrink(self.ring.end(), most / 2);
        }
        self.left == 0
    }

    /// So many more seats were looked at.
    fn count_served(&mut self, seats: u32, cx: &mut Cx<'_, H>) {
        if let Some(ms) = self.ring.served(seats) {
            cx.served.add(ms);
        }
    }

    /// Brings a live seat to the ring's end.
    pub(super) fn serve_seat(&mut self, place: usize, cx: &mut Cx<'_, H>) {
        let end = self.ring.end();
        loop {
            let Some(seat) = self
                .seats
                .at(place)
                .filter(|seat| seat.state == State::Live)
            else {
                return;
            };
            if seat.next >= end {
                break;
            }
            let Some(chunk) = self.ring.chunk(seat.next) else {
                // What it had not got yet was dropped: it is in the log.
                seat.state = State::Ahead;
                self.apart += 1;
                return;
            };
            if chunk.passes(
                &seat.uid,
                seat.owes_synced.is_some(),
                seat.may(Right::Members),
            ) {
                seat.next += 1;
                continue;
            }
            let (bytes, to) = (chunk.bytes.clone(), chunk.end());
            if !self.hand(place, &bytes, to, false, cx) {
                return;
            }
            cx.figures.deliveries += 1;
            if let Some(seat) = self.seats.at(place) {
                seat.next += 1;
            }
        }
        self.tell_synced(place, cx);
    }

    pub(super) fn tell_synced(&mut self, place: usize, cx: &mut Cx<'_, H>) {
        let (roomid, total, num) = (&self.roomid, self.counts.total, self.counts.online);
        if let Some(seat) = self.seats.at(place)
            && let Some(Synced { promised, came }) = seat.owes_synced.as_deref()
            && (seat.sent.seq >= *promised || seat.state == State::Mute)
        {
            cx.figures.caught_up.took(cx.now.saturating_sub(*came));
            seat.owes_synced = None;
            let event = events::synced(roomid, seat.sent, total, num);
            seat.handle
                .push(cx.now, &event, crate::handle::Push::Answer);
        }
    }

    /// Names went into the ring: those who may not know them are told the counters.
    pub(super) fn names_changed(&mut self, ms: u64, cx: &mut Cx<'_, H>) {
        if !self.all_know_names() {
            self.counters_changed(ms, cx);
        }
    }

    /// Whether everybody here may know who the others are.
    pub(super) fn all_know_names(&self) -> bool {
        let mut seats = self.seats.rows().iter();
        seats.all(|seat| seat.may(Right::Members))
    }

    /// Only the counters of a large room changed.
    pub(super) fn counters_changed(&mut self, ms: u64, cx: &mut Cx<'_, H>) {
        let counters = self.counters.get_or_insert_default();
        counters.waiting = Some(ms);
        let due = counters.told + COUNTERS_MS;
        if cx.now >= due {
            self.tell_counters(cx);
        } else {
            self.times.counters = due;
        }
    }

    pub(super) fn tell_counters(&mut self, cx: &mut Cx<'_, H>) {
        self.times.counters = NEVER;
        let Some(counters) = &mut self.counters else {
            return;
        };
        counters.told = cx.now;
        if let Some(ms) = counters.waiting.take() {
            let (roomid, total, num) = (&self.roomid, self.counts.total, self.counts.online);
            self.ring.push_counters(|out: &mut BytesMut| {
                events::put_counters(out, roomid, ms, total, num);
            });
            self.wake(cx);
        }
    }

    /// Forgets what nobody has needed for a while.
    pub(super) fn forget(&mut self, cx: &mut Cx<'_, H>) {
        let waits = self.apart > 0 || self.gather.is_some() || self.left > 0;
        let read = self
            .pages
            .as_ref()
            .is_some_and(|pages| cx.now < pages.used + KEPT_MS);
        let settled = self.forget_voices(cx);
        if waits || read || !settled {
            self.times.shrink = cx.now + KEPT_MS;
            self.advance_all(cx);
        }
        if !waits {
            self.ring.shrink(self.ring.end(), 0);
        }
        if !read {
            self.pages = None;
        }
        if self
            .counters
            .as_ref()
            .is_some_and(|counters| counters.waiting.is_none())
        {
            self.counters = None;
        }
    }

    /// Ends all seats of a uid that was kicked (with a reason) or left (with a word for it).
    pub(super) fn end_uid(
        &mut self,
        uid: &str,
        kicked: Option<&str>,
        left: &str,
        cx: &mut Cx<'_, H>,
    ) {
        self.ring.seal();
        // A guest has no membership that may end.
        let of_uid = |seat: &&crate::seat::Seat<H>| {
            let ends = kicked.is_some() || !seat.guest || seat.waiting.is_some();
            &*seat.uid == uid && ends || seat.comes_as(uid, kicked.is_some())
        };
        let conns: SmallVec<[_; 2]> = self
            .seats
            .rows()
            .iter()
            .filter(of_uid)
            .map(|seat| seat.conn)
            .collect();
        for conn in conns {
            if self.hear_end(conn, kicked) {
                continue;
            }
            let Some(place) = self.seats.find(&conn) else {
                continue;
            };
            self.serve_seat(place, cx);
            let event = match kicked {
                Some(reason) => events::kicked(&self.roomid, uid, reason, None),
                None => events::logout(&self.roomid, uid, Some(left)),
            };
            self.end_seat(conn, crate::book::Leave::Told, Some(&event), cx);
        }
    }
}
