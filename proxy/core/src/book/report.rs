//! What of the book Redis is to be told, and what it answered.

use super::{Book, Uid};
use crate::ask::{Ask, Fault};
use crate::groups::Groups;
use room_core::position::Position;
use std::collections::VecDeque;
use std::sync::Arc;

/// Uids of one command.
const CHUNK: usize = 500;

impl Book {
    /// What is to be said, in this order: departures, acknowledgements, ends. With `of`, only about that uid, whose join
    /// follows: then it is said at once.
    pub(crate) fn due(&mut self, of: Option<&str>) -> Vec<Ask> {
        let mut asks = Vec::new();
        let Some(mut news) = self.news.take() else {
            return asks;
        };
        self.due_away(of, &mut news.away, &mut asks);
        self.due_marked(of, &mut news.marked, &mut asks);
        news.ends &= !news.marked.is_empty() || !news.away.is_empty();
        self.news = (!news.is_empty()).then_some(news);
        asks
    }

    fn due_marked(&mut self, of: Option<&str>, marked: &mut Vec<Arc<str>>, asks: &mut Vec<Ask>) {
        let (mut acks, mut detach) = (Groups::default(), Vec::new());
        let mut later = Vec::new();
        // Of most who come there is nothing to say: when all come at once the list is not walked for each.
        let nothing = |of| !self.uids.get(of).is_some_and(|row: &Uid| row.marked);
        if of.is_some_and(nothing) {
            return;
        }
        for uid in std::mem::take(marked) {
            if of.is_some_and(|of| of != &*uid) {
                later.push(uid);
                continue;
            }
            let Some(row) = self.uids.get_mut(&uid) else {
                continue;
            };
            let news = row.news();
            // A seat that is about to come may be behind those that are here; but what was confirmed before its join is asked
            // goes first.
            // A join that is about to be asked is one of those that are under way.
            let wait = match of {
                None => row.joining > 0 || row.away > 0 || row.asked,
                Some(_) => row.joining > 1,
            };
            if wait && (news.is_some() || row.seats.is_empty()) {
                later.push(uid);
                continue;
            }
            row.marked = false;
            if let Some(lowest) = news {
                row.asked = true;
                acks.put(lowest, &uid);
                // Its end comes when this was answered.
                continue;
            }
            if of.is_none() && row.is_idle() {
                row.detaching = true;
                row.joined_since = false;
                detach.push(uid);
            }
        }
        *marked = later;
        for (position, uids) in acks.in_order() {
            asks.extend(
                uids.chunks(CHUNK)
                    .map(|some| Ask::Ack(position, some.to_vec())),
            );
        }
        asks.extend(detach.chunks(CHUNK).map(|some| Ask::Detach(some.to_vec())));
    }

    fn due_away(
        &mut self,
        of: Option<&str>,
        away: &mut VecDeque<(Arc<str>, Position)>,
        asks: &mut Vec<Ask>,
    ) {
        if away.is_empty() {
            return;
        }
        let mut groups = Groups::default();
        let mut later = VecDeque::new();
        for (uid, position) in std::mem::take(away) {
            if of.is_some_and(|of| of != &*uid) {
                later.push_back((uid, position));
                continue;
            }
            if let Some(row) = self.uids.get_mut(&uid) {
                row.away += 1;
            }
            groups.put(position, &uid);
        }
        *away = later;
        for (position, uids) in groups.in_order() {
            asks.extend(
                uids.chunks(CHUNK)
                    .map(|some| Ask::Away(position, some.to_vec())),
            );
        }
    }

    /// Redis answered an acknowledgement. True if it is to be asked again after a while.
    pub(crate) fn acked(&mut self, to: Position, uids: &[Arc<str>], fault: Option<&Fault>) -> bool {
        let again = fault.is_some_and(Fault::passes);
        for uid in uids {
            if let Some(row) = self.uids.get_mut(uid) {
                row.asked = false;
                if !again {
                    row.known = row.known.map(|known| known.max(to.seq));
                }
            }
            self.mark(uid);
        }
        again
    }

    /// Redis answered a departure. True if it is to be asked again after a while.
    pub(crate) fn went(&mut self, at: Position, uids: &[Arc<str>], fault: Option<&Fault>) -> bool {
        let again = fault.is_some_and(Fault::passes);
        for uid in uids {
            if let Some(row) = self.uids.get_mut(uid) {
                row.away = row.away.saturating_sub(1);
            }
            if again {
                self.news
                    .get_or_insert_default()
                    .away
                    .push_back((uid.clone(), at));
            }
            self.mark(uid);
        }
        again
    }

    /// Redis answered the end of sessions. True if it is to be asked again after a while.
    pub(crate) fn detached(&mut self, uids: &[Arc<str>], fault: Option<&Fault>) -> bool {
        // If Redis is away, so are the sessions.
        let again = fault.is_some_and(|fault| fault.passes() && *fault != Fault::Down);
        for uid in uids {
            let Some(place) = self.uids.find(uid) else {
                continue;
            };
            if let Some(row) = self.uids.at(place) {
                row.detaching = false;
                if row.is_idle() && !again && !row.joined_since {
                    self.uids.remove(place);
                    continue;
                }
            }
            self.mark(uid);
        }
        again
    }
}
