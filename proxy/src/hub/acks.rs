//! Which uids this proxy has in a room, what they have confirmed but Redis does not know yet, and how often they had been
//! kicked when they came. Pure.

use room_core::position::{Position, Seq};
use std::collections::{BTreeMap, HashMap};
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

/// What is to be sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Due {
    /// `ROOM.ACK`s, by position.
    pub(crate) acks: Vec<(Position, Vec<String>)>,
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
    leaving: Vec<Arc<str>>,
}

impl Acks {
    /// A join begins. What the uid has confirmed so far must reach Redis before.
    pub(crate) fn begin(&mut self, uid: &str) -> Vec<(Position, Vec<String>)> {
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
        for (uid, entry) in &mut self.uids {
            entry.reported = entry.reported.map(|_| 0);
            if !entry.dirty && entry.news().is_some() {
                entry.dirty = true;
                self.dirty.push(uid.clone());
            }
        }
    }

    /// A seat is gone. True if there is something to report.
    pub(crate) fn exit(&mut self, uid: &str, seat: SeatId) -> bool {
        let Some((name, entry)) = self.uids.get_key_value(uid) else {
            return false;
        };
        if !entry.seats.iter().any(|(id, _)| *id == seat) {
            return false;
        }
        let name = name.clone();
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
        !(self.dirty.is_empty() && self.last.is_empty() && self.leaving.is_empty())
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

    /// Which of these are here or about to be.
    pub(crate) fn present(&self, uids: &[String]) -> Vec<String> {
        let is_present = |uid: &&String| self.uids.contains_key(uid.as_str());
        uids.iter().filter(is_present).cloned().collect()
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

fn in_order(by_position: ByPosition) -> Vec<(Position, Vec<String>)> {
    by_position.into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use room_core::position::Tag;

    fn at(seq: u64) -> Position {
        Position::new(seq, Tag(1))
    }

    fn acks(due: &Due) -> Vec<(u64, Vec<&str>)> {
        due.acks
            .iter()
            .map(|(at, uids)| (at.seq, uids.iter().map(String::as_str).collect()))
            .collect()
    }

    #[test]
    fn the_lowest_tab_is_reported() {
        let mut book = Acks::default();
        for (seat, start) in [(1, 0), (2, 0)] {
            assert!(book.begin("a").is_empty());
            book.enter("a", seat, at(start), 0);
        }
        assert!(!book.confirm("a", 1, at(5)), "the other tab is at 0");
        assert!(book.confirm("a", 2, at(3)));
        assert_eq!(acks(&book.take()), [(3, vec!["a"])]);
        assert!(book.confirm("a", 2, at(9)));
        assert_eq!(acks(&book.take()), [(5, vec!["a"])]);
        assert_eq!(book.take(), Due::default());
    }

    #[test]
    fn who_goes_is_acknowledged_then_detached_unless_it_comes_back() {
        let mut book = Acks::default();
        book.begin("a");
        book.enter("a", 1, at(0), 0);
        book.confirm("a", 1, at(4));
        assert!(book.exit("a", 1));
        assert_eq!(
            book.begin("a"),
            [(at(4), vec!["a".to_owned()])],
            "before the next join"
        );
        assert!(book.take().detach.is_empty(), "a join is under way");
        book.enter("a", 2, at(4), 0);
        assert!(!book.exit("a", 1), "it is gone already");
        assert!(book.exit("a", 2));
        assert_eq!(book.take().detach, ["a"]);
        assert!(book.uids().is_empty());
    }

    #[test]
    fn a_tab_that_starts_ahead_hides_nothing_of_the_lower_one() {
        let mut book = Acks::default();
        book.begin("a");
        book.enter("a", 1, at(2), 0);
        book.begin("a");
        assert!(!book.confirm("a", 3, at(9)), "no such seat");
        book.confirm("a", 1, at(4));
        assert_eq!(book.take(), Due::default(), "a join is under way");
        book.enter("a", 2, at(9), 0);
        assert_eq!(acks(&book.take()), [(4, vec!["a"])]);
        book.exit("a", 2);
        book.confirm("a", 1, at(6));
        assert_eq!(acks(&book.take()), [(6, vec!["a"])]);
        // The session is still there when the next tab comes: Redis has it at 6.
        book.exit("a", 1);
        book.begin("a");
        book.enter("a", 3, at(8), 0);
        assert_eq!(acks(&book.take()), [(8, vec!["a"])]);
    }

    #[test]
    fn what_the_slowest_tab_held_back_is_reported_when_it_goes() {
        let mut book = Acks::default();
        for (seat, start) in [(1, 0), (2, 0), (3, 0)] {
            book.begin("a");
            book.enter("a", seat, at(start), 0);
        }
        book.confirm("a", 1, at(5));
        book.confirm("a", 2, at(5));
        assert_eq!(book.take(), Due::default());
        book.exit("a", 3);
        assert_eq!(acks(&book.take()), [(5, vec!["a"])]);
        book.exit("a", 2);
        assert_eq!(book.take(), Due::default(), "nothing new");
    }

    #[test]
    fn a_new_link_is_told_again() {
        let mut book = Acks::default();
        for (uid, start) in [("a", 0), ("b", 3), ("c", 3)] {
            book.begin(uid);
            book.enter(uid, 1, at(start), 0);
        }
        book.report_again();
        let due = book.take();
        assert_eq!(due.acks.len(), 1);
        assert_eq!(
            due.acks[0].1.len(),
            2,
            "who confirmed nothing has nothing to say"
        );
        assert_eq!(book.take(), Due::default());
    }

    #[test]
    fn a_missed_kick_is_known_by_its_count() {
        let mut book = Acks::default();
        book.begin("a");
        book.enter("a", 1, at(0), 3);
        book.begin("a");
        book.enter("a", 2, at(0), 4);
        assert_eq!(
            book.kicks("a"),
            3,
            "the first seat has not heard of the fourth"
        );
        book.recount("a", 0);
        assert_eq!(book.kicks("a"), 0);
        book.exit("a", 1);
        book.exit("a", 2);
        book.begin("a");
        book.enter("a", 3, at(0), 4);
        assert_eq!((book.kicks("a"), book.kicks("b")), (4, 0));
    }

    #[test]
    fn a_failed_join_leaves_nothing() {
        let mut book = Acks::default();
        book.begin("a");
        book.abort("a");
        assert_eq!(book.take().detach, ["a"], "whatever Redis has of it");
        assert!(book.uids.is_empty());
    }
}
