//! What each room's history is and was: every message that was ever stored, and which of them are of the history that holds.

use room_core::position::Position;
use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::rc::Rc;
use std::sync::Arc;

/// The histories that hold, of each room.
pub(crate) type Holds = HashMap<Arc<str>, Vec<Position>>;

/// All servers tell it.
pub(crate) type SharedTruth = Rc<RefCell<Truth>>;

/// See the top of the file.
#[derive(Default)]
pub(crate) struct Truth {
    rooms: HashMap<Arc<str>, Life>,
    /// What a server goes on with that is the primary no more and does not know it.
    aside: Holds,
    /// Of what was stored before, a retry may be stored again.
    ids_since: u64,
}

/// So long after a change of history people may still be told of the one before (ms).
const FRESH: u64 = 10_000;

/// A stored message.
pub(crate) struct Said {
    pub(crate) uid: String,
    pub(crate) text: String,
    pub(crate) before: Position,
    /// When it was stored.
    pub(crate) at: u64,
}

/// The history of one room.
#[derive(Default)]
pub(crate) struct Life {
    /// Everything that was ever stored under this key.
    pub(crate) said: HashMap<Position, Said>,
    /// Position 0 and then each message of the history that holds.
    pub(crate) holds: Vec<Position>,
    /// Where its log began at some time: there a newcomer begins who brings a position of another history.
    pub(crate) starts: HashSet<Position>,
    /// When it was last replaced or rolled back; 0: never.
    pub(crate) changed: u64,
    /// When a server that was the primary no more ended to take what it was given; 0: never.
    pub(crate) split: u64,
}

impl Life {
    /// Whether a position is in the history that holds.
    pub(crate) fn has(&self, position: Position) -> bool {
        self.holds.get(position.seq as usize) == Some(&position)
    }

    /// Whether it changed lately, or people may have heard of another one until lately.
    pub(crate) const fn is_fresh(&self, now: u64) -> bool {
        now < self.changed.saturating_add(FRESH) || now < self.split.saturating_add(FRESH)
    }

    pub(crate) fn head(&self) -> Option<Position> {
        self.holds.last().copied()
    }
}

impl Truth {
    pub(crate) fn room(&self, key: &str) -> Option<&Life> {
        self.rooms.get(key)
    }

    /// `aside`: at a server that is the primary no more. The history that holds is another one.
    pub(crate) fn born(&mut self, key: &Arc<str>, start: Position, aside: bool) {
        let life = self.rooms.entry(key.clone()).or_default();
        if aside {
            life.starts.insert(start);
            life.split = u64::MAX;
            // Whoever hears of this one is told of another one later.
            life.changed = life.changed.max(1);
            self.aside.insert(key.clone(), vec![start]);
            return;
        }
        life.holds = vec![start];
        life.starts.clear();
    }

    /// The log begins here now.
    pub(crate) fn begins(&mut self, key: &str, start: Position) {
        if let Some(life) = self.rooms.get_mut(key) {
            life.starts.insert(start);
        }
    }

    pub(crate) fn stored(
        &mut self,
        key: &Arc<str>,
        position: Position,
        uid: &str,
        payload: &[u8],
        (now, aside): (u64, bool),
    ) {
        let Some(life) = self.rooms.get_mut(key) else {
            return;
        };
        let holds = match aside {
            true => self.aside.entry(key.clone()).or_default(),
            false => &mut life.holds,
        };
        let before = holds.last().copied().unwrap_or_default();
        assert_eq!(position.seq, before.seq + 1, "the numbers have no holes");
        holds.push(position);
        let text = text_of(payload);
        life.said.insert(
            position,
            Said {
                uid: uid.to_owned(),
                text,
                before,
                at: now,
            },
        );
    }

    pub(crate) fn holds(&self) -> Holds {
        let rooms = self.rooms.iter();
        rooms
            .map(|(key, life)| (key.clone(), life.holds.clone()))
            .collect()
    }

    /// The server that holds it is the primary no more: from now on what it takes is not of the history that holds.
    pub(crate) fn set_aside(&mut self) {
        self.aside = self.holds();
        self.rooms
            .values_mut()
            .for_each(|life| life.split = u64::MAX);
    }

    /// It knows that now.
    pub(crate) fn aside_ends(&mut self, now: u64) {
        self.aside.clear();
        self.rooms.values_mut().for_each(|life| life.split = now);
    }

    pub(crate) fn gone(&mut self, key: &Arc<str>, now: u64, aside: bool) {
        if aside {
            self.aside.remove(key);
            return;
        }
        if let Some(life) = self.rooms.get_mut(key) {
            life.holds.clear();
            life.changed = now;
        }
    }

    /// The history of these rooms is that of an earlier moment again. Whether that changes anything.
    pub(crate) fn roll_back(
        &mut self,
        keys: &BTreeSet<Arc<str>>,
        earlier: &Holds,
        now: u64,
    ) -> bool {
        let mut lost = false;
        let rooms = self.rooms.iter_mut();
        for (key, life) in rooms.filter(|(key, _)| keys.contains(*key)) {
            let holds = earlier.get(key).cloned().unwrap_or_default();
            // Also where no message went: members and kicks may have.
            life.changed = now;
            lost |= holds.len() < life.holds.len();
            life.holds = holds;
        }
        lost
    }

    /// Publish ids are no longer remembered, as if long ago.
    pub(crate) fn forget_ids(&mut self, now: u64) {
        self.ids_since = now;
    }

    /// How often each text is in the history that holds, of those whose ids are remembered since.
    pub(crate) fn texts(&self, key: &str) -> HashMap<&str, u64> {
        let mut texts = HashMap::new();
        if let Some(life) = self.rooms.get(key) {
            let stored = life.holds.iter().filter_map(|at| life.said.get(at));
            for said in stored.filter(|said| said.at >= self.ids_since) {
                *texts.entry(said.text.as_str()).or_default() += 1;
            }
        }
        texts
    }
}

/// What a client wrote: between `"message":"` and the next quote.
fn text_of(payload: &[u8]) -> String {
    let payload = String::from_utf8_lossy(payload);
    let rest = payload
        .split_once("\"message\":\"")
        .map_or("", |parts| parts.1);
    rest.split('"').next().unwrap_or_default().into()
}
