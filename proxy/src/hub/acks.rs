//! Which uids this proxy has in a room, what they have confirmed but Redis does not know yet, which devices went without a
//! logout, and how often the uids had been kicked when they came. Pure.

use room_core::position::{Position, Seq};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

/// A seat's number, unique in this proxy.
pub(crate) type SeatId = u64;

#[derive(Debug, Default)]
struct Uid {
    seats: Vec<(SeatId, Position)>,
    /// Joins under way: the uid must not be detached meanwhile.
    joining: usize,
    /// What Redis knows of this proxy's session; `None` before there is one.
    reported: Option<Seq>,
    dirty: bool,
    kicks: u64,
}

/// Departures of a room that Redis has not heard of yet; beyond that the oldest are forgotten. While Redis is away nobody
/// logs in, so that more are there only if a room has more seats.
const MOST_AWAY: usize = 100_000;

/// How a seat ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// By a word: a logout, the end of the membership, a kick.
    Told,
    /// The device went without one, and may come back for what it has not confirmed.
    Away,
}

/// Uids by position, the lowest first.
pub(crate) type Groups = Vec<(Position, Vec<String>)>;

/// What is to be sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// `ROOM.ACK`s.
    pub(crate) acks: Groups,
    /// `ROOM.DETACH`, after them.
    pub(crate) detach: Vec<String>,
}

/// See the top of the file.
#[derive(Debug, Default)]
pub(crate) struct Acks {
    uids: HashMap<Arc<str>, Uid>,
    dirty: Vec<Arc<str>>,
    /// Confirmations of seats that are gone.
    last: Vec<(Arc<str>, Position)>,
    /// What seats that went without a logout had confirmed. Redis must know it before anything else is reported.
    away: VecDeque<(Arc<str>, Position)>,
    /// Redis was away when it was to be told of them.
    held_up: bool,
    leaving: Vec<Arc<str>>,
}

impl Acks {
    /// A join begins. What the uid has confirmed so far must reach Redis before.
    pub(crate) fn begin(&mut self, uid: &str) -> Groups {
        let entry = self.uids.entry(uid.into()).or_default();
        entry.joining += 1;
        let mut first = BTreeMap::new();
        self.last.retain(|(known, position)| {
            let own = &**known == uid;
            if own {
                put(&mut first, *position, known);
            }
            !own
        });
        if let Some((known, entry)) = self.uids.get_key_value(uid)
            && entry.dirty
            && let Some(lowest) = entry.lowest()
        {
            put(&mut first, lowest, known);
        }
        in_order(first)
    }

    /// The join is done: the seat has everything up to `at`; the uid was kicked so often before.
    pub(crate) fn enter(&mut self, uid: &str, seat: SeatId, at: Position, kicks: u64) {
        let entry = self.uids.entry(uid.into()).or_default();
        entry.joining = entry.joining.saturating_sub(1);
        // A kick that the hub missed is meant for the seats that were here.
        let here = !entry.seats.is_empty();
        entry.kicks = if here { entry.kicks.min(kicks) } else { kicks };
        entry.seats.push((seat, at));
        // Redis keeps the lower of what the session had and where this join starts.
        let known = entry.reported.map_or(at.seq, |known| known.min(at.seq));
        entry.reported = Some(known);
        self.mark(uid);
    }

    /// Notes that there is something to report about a uid, if there is. True if it is the first since the last round.
    fn mark(&mut self, uid: &str) -> bool {
        let Some((name, _)) = self.uids.get_key_value(uid) else {
            return false;
        };
        let name = name.clone();
        match self.uids.get_mut(uid) {
            Some(entry) if !entry.dirty && entry.news().is_some() => entry.dirty = true,
            _ => return false,
        }
        self.dirty.push(name);
        self.dirty.len() == 1
    }

    /// The kicks that the seats of a uid know of.
    pub(crate) fn kicks(&self, uid: &str) -> u64 {
        self.uids.get(uid).map_or(0, |entry| entry.kicks)
    }

    /// A seat joined again: in a room that was born again the count began anew.
    pub(crate) fn recount(&mut self, uid: &str, kicks: u64) {
        if let Some(entry) = self.uids.get_mut(uid) {
            entry.kicks = entry.kicks.min(kicks);
        }
    }

    /// The join failed. Whether Redis has a session of the uid, from before or from this join, is not known: it is
    /// ended in the next round, unless somebody comes.
    pub(crate) fn abort(&mut self, uid: &str) {
        let Some((name, _)) = self.uids.get_key_value(uid) else {
            return;
        };
        let name = name.clone();
        if let Some(entry) = self.uids.get_mut(uid) {
            entry.joining = entry.joining.saturating_sub(1);
            if entry.is_idle() {
                self.leaving.push(name);
            }
        }
    }

    /// The client of a seat confirmed. True if this is the first thing to report since the last round.
    pub(crate) fn confirm(&mut self, uid: &str, seat: SeatId, to: Position) -> bool {
        if let Some(entry) = self.uids.get_mut(uid)
            && let Some((_, at)) = entry.seats.iter_mut().find(|(id, _)| *id == seat)
            && to.seq > at.seq
        {
            *at = to;
        }
        self.mark(uid)
    }

    /// After a reset the seat counts from `at` in another history.
    pub(crate) fn restart(&mut self, uid: &str, seat: SeatId, at: Position) {
        if let Some(entry) = self.uids.get_mut(uid) {
            if let Some((_, known)) = entry.seats.iter_mut().find(|(id, _)| *id == seat) {
                *known = at;
            }
            entry.reported = entry.reported.map(|known| known.min(at.seq));
        }
        self.mark(uid);
    }

    /// What was reported may have been lost with the link: it is reported again.
    pub(crate) fn report_again(&mut self) {
        self.held_up = false;
        for (uid, entry) in &mut self.uids {
            entry.reported = entry.reported.map(|_| 0);
            if !entry.dirty && entry.news().is_some() {
                entry.dirty = true;
                self.dirty.push(uid.clone());
            }
        }
    }

    /// A seat is gone. True if there is something to report.
    pub(crate) fn exit(&mut self, uid: &str, seat: SeatId, how: Leave) -> bool {
        let Some((name, entry)) = self.uids.get_key_value(uid) else {
            return false;
        };
        let Some((_, at)) = entry.seats.iter().find(|(id, _)| *id == seat) else {
            return false;
        };
        let name = name.clone();
        if how == Leave::Away {
            self.away.push_back((name.clone(), *at));
            if self.away.len() > MOST_AWAY {
                self.away.pop_front();
            }
        }
        if entry.dirty
            && let Some(lowest) = entry.lowest()
        {
            self.last.push((name.clone(), lowest));
        }
        if let Some(entry) = self.uids.get_mut(uid) {
            entry.seats.retain(|(id, _)| *id != seat);
            if entry.seats.is_empty() {
                self.leaving.push(name);
            }
        }
        // It may have held back what the other seats have confirmed.
        self.mark(uid);
        true
    }

    /// Whether there is something to send.
    pub(crate) fn is_due(&self) -> bool {
        let nothing = self.dirty.is_empty() && self.last.is_empty() && self.leaving.is_empty();
        !(nothing && self.away.is_empty())
    }

    /// Whether departures wait because Redis is away.
    pub(crate) fn is_held_up(&self) -> bool {
        self.held_up
    }

    /// `ROOM.AWAY`s that go before what [`begin`](Self::begin) and [`take`](Self::take) give.
    pub(crate) fn take_away(&mut self) -> Groups {
        self.held_up = false;
        let mut by_position = BTreeMap::new();
        for (uid, position) in std::mem::take(&mut self.away) {
            put(&mut by_position, position, &uid);
        }
        in_order(by_position)
    }

    /// Redis was away before it answered: these are to be sent again.
    pub(crate) fn keep_away(&mut self, groups: Groups) {
        self.held_up = true;
        for (position, uids) in groups {
            let again = uids.into_iter().map(|uid| (uid.into(), position));
            self.away.extend(again);
        }
    }

    /// Takes what is to be sent.
    pub(crate) fn take(&mut self) -> Due {
        let mut by_position = BTreeMap::new();
        for (uid, position) in std::mem::take(&mut self.last) {
            put(&mut by_position, position, &uid);
        }
        for uid in std::mem::take(&mut self.dirty) {
            let Some(entry) = self.uids.get_mut(&uid) else {
                continue;
            };
            // A seat that is about to come may be behind those that are here.
            if entry.joining > 0 {
                self.dirty.push(uid);
                continue;
            }
            entry.dirty = false;
            if let Some(lowest) = entry.news() {
                entry.reported = Some(lowest.seq);
                put(&mut by_position, lowest, &uid);
            }
        }
        let mut detach = Vec::new();
        for uid in std::mem::take(&mut self.leaving) {
            if self.uids.get(&uid).is_some_and(Uid::is_idle) {
                self.uids.remove(&uid);
                detach.push(uid.to_string());
            }
        }
        Due {
            acks: in_order(by_position),
            detach,
        }
    }

    /// Everybody who is here or about to be.
    pub(crate) fn uids(&self) -> Vec<String> {
        let here = self
            .uids
            .iter()
            .filter(|(_, entry)| !entry.seats.is_empty());
        here.map(|(uid, _)| uid.to_string()).collect()
    }
}

impl Uid {
    fn lowest(&self) -> Option<Position> {
        self.seats.iter().map(|(_, at)| *at).min_by_key(|at| at.seq)
    }

    /// What Redis does not know yet.
    fn news(&self) -> Option<Position> {
        let known = self.reported.unwrap_or(0);
        self.lowest().filter(|lowest| lowest.seq > known)
    }

    fn is_idle(&self) -> bool {
        self.seats.is_empty() && self.joining == 0
    }
}

type ByPosition = BTreeMap<(Seq, u32), (Position, Vec<String>)>;

fn put(by_position: &mut ByPosition, position: Position, uid: &str) {
    let entry = by_position.entry((position.seq, position.tag.0));
    entry
        .or_insert_with(|| (position, Vec::new()))
        .1
        .push(uid.to_owned());
}

fn in_order(by_position: ByPosition) -> Groups {
    by_position.into_values().collect()
}

#[cfg(test)]
mod tests;
