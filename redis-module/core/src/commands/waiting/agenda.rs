//! Rooms in which somebody may wait, by when they are to be looked at, and who is leased to somebody that tells. All of it is of
//! this node only: after a start or a promotion the rooms are found anew, and what was leased is told once more.

use super::scan::{Leases, Row, Scan};
use crate::sessions::{RoomKey, RoomName};
use hashbrown::HashMap;
use std::collections::BTreeSet;

/// Members that are leased at the same time, in all rooms together.
pub const MOST_LEASES: usize = 100_000;

#[derive(Debug, Default)]
struct Due {
    at: u64,
    scan: Scan,
    leases: Leases,
}

/// See the top of the file.
#[derive(Debug)]
pub struct Agenda {
    rooms: HashMap<RoomKey, Due>,
    /// The rooms of each database, by when.
    times: HashMap<i32, BTreeSet<(u64, RoomKey)>>,
    leases: usize,
    generation: u32,
}

impl Default for Agenda {
    fn default() -> Self {
        Self {
            rooms: HashMap::new(),
            times: HashMap::new(),
            leases: 0,
            // Rooms that were not found yet have 0.
            generation: 1,
        }
    }
}

impl Agenda {
    /// A room is to be looked at from `at` on (monotonic milliseconds), or before.
    pub fn put(&mut self, key: RoomName<'_>, at: u64) {
        let Some(due) = self.rooms.get_mut(&key) else {
            let due = Due {
                at,
                ..Due::default()
            };
            let key = RoomKey::from(key);
            self.rooms.insert(key.clone(), due);
            self.times.entry(key.db).or_default().insert((at, key));
            return;
        };
        if due.scan.is_begun() {
            // Rows that were looked at are looked at again.
            due.scan.wake = due.scan.wake.min(at);
        } else if at < due.at {
            self.set(&RoomKey::from(key), at);
        }
    }

    fn set(&mut self, key: &RoomKey, at: u64) {
        let (Some(due), Some(times)) = (self.rooms.get_mut(key), self.times.get_mut(&key.db))
        else {
            return;
        };
        let before = std::mem::replace(&mut due.at, at);
        times.remove(&(before, key.clone()));
        times.insert((at, key.clone()));
    }

    /// A room of this database that is due, if any: the one that has waited for longest.
    pub fn first(&self, db: i32, now: u64) -> Option<RoomKey> {
        let (at, key) = self.times.get(&db)?.first()?;
        (*at <= now).then(|| key.clone())
    }

    /// How far a room was looked through, and who is leased there.
    pub fn scan(&self, key: &RoomKey) -> Option<(Scan, &Leases)> {
        self.rooms
            .get(key)
            .map(|due| (due.scan.clone(), &due.leases))
    }

    /// How many more may be leased.
    pub const fn free(&self) -> usize {
        MOST_LEASES.saturating_sub(self.leases)
    }

    /// A room was looked at, to its end or not; those who were found are leased `until` then.
    pub fn looked(
        &mut self,
        key: &RoomKey,
        (scan, over): (Scan, bool),
        found: &[Row],
        (now, until): (u64, u64),
    ) {
        let Some(due) = self.rooms.get_mut(key) else {
            return;
        };
        self.leases -= due.leases.len();
        for row in found {
            due.leases.insert(row.uid.clone(), until);
        }
        due.leases.retain(|_, until| now < *until);
        self.leases += due.leases.len();
        let at = match over {
            false => now,
            true => {
                let lapses = due.leases.values().copied().min().unwrap_or(u64::MAX);
                scan.wake.min(lapses)
            }
        };
        due.scan = if over { Scan::default() } else { scan };
        match at {
            u64::MAX => self.forget(key),
            at => self.set(key, at),
        }
    }

    /// A room is not looked at now, but later.
    pub fn later(&mut self, key: &RoomKey, at: u64) {
        self.set(key, at);
    }

    /// Somebody was told of: nobody else waits for that.
    pub fn told(&mut self, key: RoomName<'_>, uid: &[u8]) {
        let leases = self.rooms.get_mut(&key).map(|due| &mut due.leases);
        if leases.is_some_and(|leases| leases.remove(uid).is_some()) {
            self.leases -= 1;
        }
    }

    /// There is no such room any more.
    pub fn forget(&mut self, key: &RoomKey) {
        let Some(due) = self.rooms.remove(key) else {
            return;
        };
        self.leases -= due.leases.len();
        if let Some(times) = self.times.get_mut(&key.db) {
            times.remove(&(due.at, key.clone()));
        }
    }

    /// Nothing of what was known holds: all rooms are to be found again.
    pub fn begin_anew(&mut self) {
        *self = Self {
            generation: self.generation.checked_add(1).unwrap_or(1),
            ..Self::default()
        };
    }

    /// Which of these times that was: a room that was found in another one, or never, is to be found.
    pub const fn generation(&self) -> u32 {
        self.generation
    }

    /// Rooms that are to be looked at.
    pub fn rooms(&self) -> usize {
        self.rooms.len()
    }

    /// Members who are leased, those whose lease has run out among them until their room is looked at.
    pub const fn leased(&self) -> usize {
        self.leases
    }
}
