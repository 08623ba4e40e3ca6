//! Rooms in which somebody may wait, by when they are to be looked at, and who is leased to somebody that tells. All of it is of
//! this node only: after a start or a promotion the rooms are found anew, and what was leased is told once more.

use super::scan::{Lease, Leases, Row, Scan};
use crate::sessions::{RoomKey, RoomName};
use hashbrown::HashMap;
use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};

/// Members that are leased at the same time, in all rooms together.
pub const MOST_LEASES: usize = 100_000;
/// Workers that are remembered where they go on.
const MOST_RESUMES: usize = 64;

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
    /// Rooms by when some lease of theirs ends.
    lapses: BTreeSet<(u64, RoomKey)>,
    /// Where workers go on whose time was up among rooms that are none of theirs.
    resumes: HashMap<Box<[u8]>, (u64, RoomKey)>,
    /// The settings under which rooms were found.
    found_by: (u64, u64),
    generation: u32,
}

impl Default for Agenda {
    fn default() -> Self {
        Self {
            rooms: HashMap::new(),
            times: HashMap::new(),
            leases: 0,
            lapses: BTreeSet::new(),
            resumes: HashMap::new(),
            found_by: (0, 0),
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

    /// A room of this database that is due, if any: the one that has waited for longest of those behind `after`.
    pub fn next(
        &self,
        db: i32,
        now: u64,
        after: Option<&(u64, RoomKey)>,
    ) -> Option<(u64, RoomKey)> {
        let times = self.times.get(&db)?;
        let from = after.map_or(Unbounded, Excluded);
        let (at, key) = times.range((from, Unbounded)).next()?;
        (*at <= now).then(|| (*at, key.clone()))
    }

    /// Behind which room a worker goes on, if its time was up the last time and another one is due there; else it begins anew.
    pub fn resume(&mut self, worker: &[u8], db: i32, now: u64) -> Option<(u64, RoomKey)> {
        let after = self.resumes.remove(worker)?;
        self.next(db, now, Some(&after)).map(|_| after)
    }

    /// A worker's time was up here.
    pub fn stops(&mut self, worker: &[u8], at: (u64, RoomKey)) {
        if self.resumes.len() >= MOST_RESUMES {
            self.resumes.clear();
        }
        self.resumes.insert(worker.into(), at);
    }

    /// With other settings others are to be told of: all rooms are found anew.
    pub fn settings(&mut self, delay: u64, again: u64) {
        if self.found_by != (delay, again) {
            self.found_by = (delay, again);
            self.find_anew();
        }
    }

    fn find_anew(&mut self) {
        self.generation = self.generation.checked_add(1).unwrap_or(1);
    }

    /// Leases that have run out are none any more, wherever they were.
    pub fn lapse(&mut self, now: u64) {
        while self.lapses.first().is_some_and(|(until, _)| *until <= now) {
            let Some((_, key)) = self.lapses.pop_first() else {
                return;
            };
            if let Some(due) = self.rooms.get_mut(&key) {
                self.leases -= due.leases.len();
                due.leases.retain(|_, lease| now < lease.until);
                self.leases += due.leases.len();
            }
        }
    }

    /// How far a room was looked through, and who is leased there.
    pub fn scan(&self, key: &RoomKey) -> Option<(Scan, &Leases)> {
        self.rooms
            .get(key)
            .map(|due| (due.scan.clone(), &due.leases))
    }

    /// Who is leased in a room.
    pub fn leases(&self, key: RoomName<'_>) -> Option<&Leases> {
        self.rooms.get(&key).map(|due| &due.leases)
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
            let acted = row.acted;
            due.leases.insert(row.uid.clone(), Lease { until, acted });
        }
        if !found.is_empty() {
            self.lapses.insert((until, key.clone()));
        }
        due.leases.retain(|_, lease| now < lease.until);
        self.leases += due.leases.len();
        let at = match over {
            false => now,
            true => {
                let lapses = due.leases.values().map(|lease| lease.until).min();
                scan.wake.min(lapses.unwrap_or(u64::MAX))
            }
        };
        due.scan = if over { scan.again() } else { scan };
        match at {
            u64::MAX => self.forget(key.as_name()),
            at => self.set(key, at),
        }
    }

    /// Somebody was told of: nobody else waits for that.
    pub fn told(&mut self, key: RoomName<'_>, uid: &[u8]) {
        let leases = self.rooms.get_mut(&key).map(|due| &mut due.leases);
        if leases.is_some_and(|leases| leases.remove(uid).is_some()) {
            self.leases -= 1;
        }
    }

    /// There is no such room any more, nor who was leased in it.
    pub fn forget(&mut self, key: RoomName<'_>) {
        let Some((key, due)) = self.rooms.remove_entry(&key) else {
            return;
        };
        self.leases -= due.leases.len();
        if let Some(times) = self.times.get_mut(&key.db) {
            times.remove(&(due.at, key));
        }
    }

    /// No room of this database is what it was, or of any; those that are there now are to be found.
    pub fn forget_all(&mut self, db: Option<i32>) {
        self.find_anew();
        let gone = |key: &RoomKey| db.is_none_or(|db| key.db == db);
        let rooms = self.rooms.extract_if(|key, _| gone(key));
        let leases: usize = rooms.map(|(_, due)| due.leases.len()).sum();
        self.leases -= leases;
        self.lapses.retain(|(_, key)| !gone(key));
        match db {
            Some(db) => drop(self.times.remove(&db)),
            None => self.times.clear(),
        }
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
