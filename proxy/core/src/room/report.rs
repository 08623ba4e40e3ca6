//! Telling Redis who went, what was confirmed, and who is gone for good.

use super::{Link, NEVER, Room};
use crate::ask::{Ask, Fault};
use crate::cx::{Cx, Purpose};
use crate::handle::{Beat, ConnId, Handle};
use room_core::position::Position;
use std::sync::Arc;

/// Reporting comes less often in rooms with many uids, by so many microseconds for each …
const PER_UID_US: u64 = 200;
/// … but at least so often.
const LONGEST_MS: u64 = 500;

impl<H: Handle> Room<H> {
    pub(super) const fn is_linked(&self) -> bool {
        matches!(self.link, Link::Linked)
    }

    /// Reports soon, if there is something; what was only confirmed when enough of it may have been gathered.
    pub(super) fn report_soon(&mut self, cx: &mut Cx<'_, H>) {
        if self.stops {
            self.times.flush = cx.now;
        } else if self.book.is_due() && self.is_linked() {
            let least = cx.settings.ack_interval;
            let grown = least + self.book.len() as u64 * PER_UID_US / 1000;
            let mut wait = grown.min(LONGEST_MS.max(least));
            if !self.book.has_ends() {
                let paced = cx.pace.interval(cx.now, cx.settings);
                cx.figures.gathered += u64::from(paced > wait && self.times.flush == NEVER);
                wait = wait.max(paced);
            }
            self.times.flush = self.times.flush.min(cx.now + wait);
        }
    }

    fn report_later(&mut self, cx: &mut Cx<'_, H>) {
        if self.book.is_due() && self.is_linked() {
            self.times.flush = self.times.flush.min(cx.now + LONGEST_MS);
        }
    }

    /// Reports now.
    pub(crate) fn flush(&mut self, cx: &mut Cx<'_, H>) {
        if self.is_linked() {
            let asks = self.book.due(None);
            self.say(asks, cx);
        }
    }

    pub(super) fn say(&mut self, asks: Vec<Ask>, cx: &mut Cx<'_, H>) {
        for ask in asks {
            let purpose = match &ask {
                Ask::Away(at, uids) => Purpose::Went(*at, uids.clone()),
                Ask::Ack(to, uids) => {
                    cx.pace.asked(cx.now, cx.settings);
                    Purpose::Acked(*to, uids.clone())
                }
                Ask::Detach(uids) => Purpose::Detached(uids.clone()),
                _ => continue,
            };
            self.ask(cx, ask, purpose);
        }
    }

    /// The client of a seat confirmed everything up to a position.
    pub(super) fn confirmed(
        &mut self,
        uid: &Arc<str>,
        conn: ConnId,
        to: Position,
        cx: &mut Cx<'_, H>,
    ) {
        if self.book.confirm(uid, conn, to) {
            self.report_soon(cx);
        }
    }

    /// A connection answered a heartbeat.
    pub(crate) fn answered_beat(&mut self, conn: ConnId, beat: Beat, cx: &mut Cx<'_, H>) {
        if let Some(seat) = self.seats.get_mut(&conn)
            && let Some(to) = seat.answered(beat)
        {
            let uid = seat.uid.clone();
            self.confirmed(&uid, conn, to, cx);
        }
    }

    pub(super) fn acked(
        &mut self,
        to: Position,
        uids: &[Arc<str>],
        fault: Option<Fault>,
        cx: &mut Cx<'_, H>,
    ) {
        if self.book.acked(to, uids, fault.as_ref()) {
            cx.figures.asked_again += uids.len() as u64;
            self.report_later(cx);
        } else {
            cx.figures.acked += uids.len() as u64;
            self.report_soon(cx);
        }
    }

    pub(super) fn went(
        &mut self,
        at: Position,
        uids: &[Arc<str>],
        fault: Option<Fault>,
        cx: &mut Cx<'_, H>,
    ) {
        if self.book.went(at, uids, fault.as_ref()) {
            self.report_later(cx);
        } else {
            self.report_soon(cx);
        }
    }

    pub(super) fn detached(&mut self, uids: &[Arc<str>], fault: Option<Fault>, cx: &mut Cx<'_, H>) {
        if self.book.detached(uids, fault.as_ref()) {
            self.report_later(cx);
        } else {
            self.report_soon(cx);
        }
    }
}
