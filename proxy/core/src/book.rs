//! Which uids this proxy has in a room, what they have confirmed, and what of it Redis has answered.
//!
//! What was sent counts as reported only when Redis said so: until then it is *asked*, and if there was no answer, or a
//! refusal that passes, it is asked again (`report`).

use crate::handle::ConnId;
use crate::table::{Keyed, Table};
use room_core::position::{Position, Seq};
use smallvec::SmallVec;
use std::collections::VecDeque;
use std::sync::Arc;

mod report;

/// Departures of a room that Redis has not heard of yet; beyond that the oldest are forgotten.
const MOST_AWAY: usize = 100_000;

/// How a seat ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// By a word: a logout, the end of the membership, a kick.
    Told,
    /// The device went without one, and may come back for what it has not confirmed.
    Away,
}

#[derive(Debug)]
struct Uid {
    uid: Arc<str>,
    /// What its seats here have confirmed.
    seats: SmallVec<[(ConnId, Position); 1]>,
    /// What the last seat had confirmed, when all are gone.
    last: Option<Box<Position>>,
    /// Joins under way: nothing of the uid is sent meanwhile.
    joining: u16,
    /// `ROOM.AWAY`s under way: no acknowledgement may overtake them.
    away: u16,
    /// What Redis knows of this proxy's session; `None` if it may have none.
    known: Option<Seq>,
    /// An acknowledgement is under way.
    asked: bool,
    /// A `ROOM.DETACH` is under way.
    detaching: bool,
    /// A join was asked for since: what it begins is to be ended anew, if nobody stays.
    joined_since: bool,
    /// It stands in the list of those to be looked at.
    marked: bool,
    kicks: u64,
}

impl Keyed for Uid {
    type Key = str;
    fn key(&self) -> &str {
        &self.uid
    }
}

impl Uid {
    fn lowest(&self) -> Option<Position> {
        let here = self.seats.iter().map(|seat| seat.1);
        here.min_by_key(|at| at.seq)
            .or(self.last.as_deref().copied())
    }

    /// What Redis does not know yet.
    fn news(&self) -> Option<Position> {
        let known = self.known?;
        self.lowest().filter(|lowest| lowest.seq > known)
    }

    /// Nobody is here or about to be, and nothing is under way.
    fn is_idle(&self) -> bool {
        self.seats.is_empty()
            && self.joining == 0
            && self.away == 0
            && !self.asked
            && !self.detaching
    }
}

/// See the top of the file.
#[derive(Debug, Default)]
pub(crate) struct Book {
    uids: Table<Uid>,
    /// Most of the time there is nothing.
    news: Option<Box<News>>,
}

/// What may be to say.
#[derive(Debug, Default)]
struct News {
    /// About whom.
    marked: Vec<Arc<str>>,
    /// What seats that went without a logout had confirmed.
    away: VecDeque<(Arc<str>, Position)>,
    /// Somebody may have ended since all was said.
    ends: bool,
}

impl News {
    fn is_empty(&self) -> bool {
        self.marked.is_empty() && self.away.is_empty()
    }
}

impl Book {
    /// A join begins.
    pub(crate) fn begin(&mut self, uid: &Arc<str>) {
        if self.uids.find(uid).is_none() {
            self.uids.push(Uid {
                uid: uid.clone(),
                seats: SmallVec::new(),
                last: None,
                joining: 0,
                away: 0,
                known: None,
                asked: false,
                detaching: false,
                joined_since: false,
                marked: false,
                kicks: 0,
            });
        }
        if let Some(row) = self.uids.get_mut(uid) {
            row.joining += 1;
            row.joined_since |= row.detaching;
        }
    }

    /// The join is done: the seat has everything up to `at`; the uid was kicked so often before.
    pub(crate) fn enter(&mut self, uid: &str, conn: ConnId, at: Position, kicks: u64) {
        let Some(row) = self.uids.get_mut(uid) else {
            return;
        };
        row.joining = row.joining.saturating_sub(1);
        row.seats.retain(|seat| seat.0 != conn);
        // A kick that was missed is meant for the seats that were here.
        let here = !row.seats.is_empty();
        row.kicks = if here { row.kicks.min(kicks) } else { kicks };
        row.seats.push((conn, at));
        row.last = None;
        // Redis keeps the lower of what the session had and where this join starts.
        row.known = Some(row.known.map_or(at.seq, |known| known.min(at.seq)));
        if row.news().is_some() {
            self.mark(uid);
        }
    }

    /// The join failed. Whether Redis has a session of the uid is not known: it is ended, unless somebody is here.
    pub(crate) fn abort(&mut self, uid: &str) {
        self.news.get_or_insert_default().ends = true;
        if let Some(row) = self.uids.get_mut(uid) {
            row.joining = row.joining.saturating_sub(1);
        }
        self.mark(uid);
    }

    /// The join was never asked for: there is nothing to end, and a uid that it alone was for is forgotten.
    pub(crate) fn withdraw(&mut self, uid: &str) {
        let Some(place) = self.uids.find(uid) else {
            return;
        };
        if let Some(row) = self.uids.at(place) {
            row.joining = row.joining.saturating_sub(1);
            if row.is_idle() && row.known.is_none() && !row.marked {
                self.uids.remove(place);
                return;
            }
        }
        self.mark(uid);
    }

    fn mark(&mut self, uid: &str) {
        if let Some(row) = self.uids.get_mut(uid)
            && !row.marked
        {
            row.marked = true;
            let news = self.news.get_or_insert_default();
            news.marked.push(row.uid.clone());
        }
    }

    /// The client of a seat confirmed everything up to a position. Whether that is something to report.
    pub(crate) fn confirm(&mut self, uid: &str, conn: ConnId, to: Position) -> bool {
        let Some(row) = self.uids.get_mut(uid) else {
            return false;
        };
        let seat = row.seats.iter_mut().find(|seat| seat.0 == conn);
        match seat {
            Some(seat) if to.seq > seat.1.seq => seat.1 = to,
            _ => return false,
        }
        let news = row.news().is_some();
        if news {
            self.mark(uid);
        }
        news
    }

    /// What the client of a seat has confirmed.
    pub(crate) fn confirmed(&self, uid: &str, conn: ConnId) -> Option<Position> {
        let row = self.uids.get(uid)?;
        let seat = row.seats.iter().find(|seat| seat.0 == conn);
        seat.map(|seat| seat.1)
    }

    /// A seat is gone. Whether there was one.
    pub(crate) fn exit(&mut self, uid: &str, conn: ConnId, how: Leave) -> bool {
        let Some(row) = self.uids.get_mut(uid) else {
            return false;
        };
        let lowest = row.lowest();
        let Some(place) = row.seats.iter().position(|seat| seat.0 == conn) else {
            return false;
        };
        let (_, at) = row.seats.remove(place);
        if row.seats.is_empty() {
            row.last = lowest.map(Box::new);
        }
        let news = self.news.get_or_insert_default();
        news.ends = true;
        if how == Leave::Away {
            let away = &mut news.away;
            away.push_back((row.uid.clone(), at));
            if away.len() > MOST_AWAY {
                away.pop_front();
            }
        }
        self.mark(uid);
        true
    }

    /// How often the seats of a uid know that it was kicked.
    pub(crate) fn kicks(&self, uid: &str) -> u64 {
        self.uids.get(uid).map_or(0, |row| row.kicks)
    }

    /// Everybody who is here.
    pub(crate) fn here(&self) -> Vec<Arc<str>> {
        let here = self.uids.rows().iter().filter(|row| !row.seats.is_empty());
        here.map(|row| row.uid.clone()).collect()
    }

    /// Who is here and has a session, as Redis has answered.
    pub(crate) fn online(&self) -> impl Iterator<Item = &Arc<str>> {
        let rows = self.uids.rows().iter();
        let online = rows.filter(|row| !row.seats.is_empty() && row.known.is_some());
        online.map(|row| &row.uid)
    }

    pub(crate) fn is_here(&self, uid: &str) -> bool {
        self.uids.get(uid).is_some_and(|row| !row.seats.is_empty())
    }

    /// Whether there is something to say, now or when an answer comes.
    pub(crate) fn is_due(&self) -> bool {
        self.news.as_ref().is_some_and(|news| !news.is_empty())
    }

    /// Whether some of it is about ends, which are told soon.
    pub(crate) fn has_ends(&self) -> bool {
        self.news.as_ref().is_some_and(|news| news.ends)
    }

    /// Whether nothing is known of anybody.
    pub(crate) fn is_empty(&self) -> bool {
        self.uids.is_empty() && self.news.as_ref().is_none_or(|news| news.away.is_empty())
    }

    /// How many uids it has.
    pub(crate) fn len(&self) -> usize {
        self.uids.len()
    }

    /// The link is gone, and all sessions with it. What was asked has failed by itself before.
    pub(crate) fn down(&mut self) {
        let mut place = 0;
        while let Some(row) = self.uids.at(place) {
            row.known = None;
            if row.is_idle() {
                self.uids.remove(place);
            } else {
                place += 1;
            }
        }
    }

    /// Redis ended the sessions of this link, but for those that it began since: how far it knows anybody is not known. Ends
    /// that are still to be reported are.
    pub(crate) fn doubt(&mut self) {
        for row in self.uids.rows_mut() {
            row.known = None;
        }
    }

    /// These have sessions again; how far Redis knows them is not known.
    pub(crate) fn attached(&mut self, uids: &[Arc<str>]) {
        for uid in uids {
            if let Some(row) = self.uids.get_mut(uid) {
                row.known = Some(0);
            }
            self.mark(uid);
        }
    }
}
