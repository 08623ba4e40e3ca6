//! All that is known, and how rows are found, made, counted and freed.
//!
//! What belongs to a thing is found by that thing's row number, and this is not given again before everything below the
//! thing is freed. So a database or a room goes in one step, by being no longer found; one that is born again under the
//! same name finds nothing of the old; and what hangs below is freed a piece at a time.

use super::agenda::{Agenda, Queue};
use super::index::Index;
use super::keys::{ClientId, RoomKey, RoomName};
use super::list::{link, unlink};
use super::names::Names;
use super::rows::{Client, Counts, Db, Device, Life, OWN, Presence, Room};
use super::slab::{NONE, Slab};
use hashbrown::{DefaultHashBuilder, HashMap};
use std::hash::BuildHasher;

/// Who is connected to this node. See the top of the module.
#[derive(Debug, Default)]
pub struct Sessions {
    pub(super) hasher: DefaultHashBuilder,
    pub(super) db_of_number: HashMap<i32, u32>,
    pub(super) dbs: Slab<Db>,
    pub(super) rooms: Slab<Room>,
    /// Rooms by (row of the database, name).
    pub(super) room_index: Index,
    pub(super) presences: Slab<Presence>,
    /// Presences by (row of the room, uid).
    pub(super) presence_index: Index,
    pub(super) devices: Slab<Device>,
    pub(super) lives: Slab<Life>,
    pub(super) clients: HashMap<ClientId, Client>,
    pub(super) names: Names,
    /// All databases that are not gone.
    pub(super) total: Counts,
    /// Connections that hold a name.
    pub(super) proxies: u64,
    /// Rows of dead lives, rooms and databases.
    pub(super) waiting: u64,
    /// Presences whose arrival is to be told.
    pub(super) came: Queue,
    /// Presences by when their last session ended.
    pub(super) leaving: Agenda,
    /// Presences by when their next ghost ends.
    pub(super) ending: Agenda,
    /// Presences whose cursor is to rise, by when that is allowed.
    pub(super) risen: Agenda,
    pub(super) dead_lives: Queue,
    pub(super) dead_rooms: Queue,
    pub(super) dead_dbs: Queue,
    /// Where the walk over the rooms goes on.
    pub(super) walked: u32,
    /// How many milliseconds the clock of leases stands behind: Redis' own pauses.
    pub(super) late_ms: u64,
    /// What was known before a demotion, to be freed.
    pub(super) rubbish: Vec<Sessions>,
}

impl Sessions {
    /// The clock that leases run on.
    pub(super) fn lease_clock(&self, now: u64) -> u64 {
        now.saturating_sub(self.late_ms)
    }

    fn hash(&self, above: u32, name: &[u8]) -> u64 {
        self.hasher.hash_one((above, name))
    }

    pub(super) fn find_room(&self, room: RoomName<'_>) -> Option<u32> {
        let db = *self.db_of_number.get(&room.db)?;
        let same = |row: u32| {
            let known = self.rooms.get(row);
            known.is_some_and(|known| known.db == db && *known.name == *room.name)
        };
        self.room_index.find(self.hash(db, room.name), same)
    }

    pub(super) fn find(&self, room: RoomName<'_>, uid: &[u8]) -> Option<u32> {
        self.find_in(self.find_room(room)?, uid)
    }

    fn find_in(&self, room: u32, uid: &[u8]) -> Option<u32> {
        self.find_hashed(room, uid, self.hash(room, uid))
    }

    fn find_hashed(&self, room: u32, uid: &[u8], hash: u64) -> Option<u32> {
        let same = |row: u32| {
            let known = self.presences.get(row);
            known.is_some_and(|known| known.room == room && *known.uid == *uid)
        };
        self.presence_index.find(hash, same)
    }

    /// The presence of a uid, made if there is none; whether it was made.
    pub(super) fn find_or_make(&mut self, room: RoomName<'_>, uid: &[u8]) -> (u32, bool) {
        let room = self.find_or_make_room(room);
        self.find_or_make_in(room, uid)
    }

    /// A room that is made here is to get a presence at once: one without any is not freed.
    pub(super) fn find_or_make_room(&mut self, room: RoomName<'_>) -> u32 {
        match self.find_room(room) {
            Some(room) => room,
            None => self.make_room(room),
        }
    }

    /// The same as [`find_or_make`](Self::find_or_make) in a room that was found.
    pub(super) fn find_or_make_in(&mut self, room: u32, uid: &[u8]) -> (u32, bool) {
        let hash = self.hash(room, uid);
        if let Some(known) = self.find_hashed(room, uid, hash) {
            return (known, false);
        }
        let row = self.presences.insert(Presence::new(uid, room));
        if let Some(room) = self.rooms.get_mut(room) {
            link::<OWN, _>(&mut self.presences, &mut room.presences, row);
        }
        self.presence_index.insert(hash, row);
        self.shift(room, &Counts::default(), &Presence::EMPTY);
        (row, true)
    }

    fn make_room(&mut self, key: RoomName<'_>) -> u32 {
        let db = match self.db_of_number.get(&key.db) {
            Some(&db) => db,
            None => self.make_db(key.db),
        };
        let row = self.rooms.insert(Room {
            name: key.name.into(),
            held_ms: 0,
            db,
            presences: NONE,
            of_db: Default::default(),
            counts: Counts::default(),
            gone: false,
        });
        if let Some(db) = self.dbs.get_mut(db) {
            link::<OWN, _>(&mut self.rooms, &mut db.rooms, row);
        }
        let hash = self.hash(db, key.name);
        self.room_index.insert(hash, row);
        let one = Counts {
            rooms: 1,
            ..Counts::default()
        };
        self.shift(row, &Counts::default(), &one);
        row
    }

    fn make_db(&mut self, number: i32) -> u32 {
        let row = self.dbs.insert(Db {
            number,
            gone: false,
            rooms: NONE,
            counts: Counts::default(),
        });
        self.db_of_number.insert(number, row);
        row
    }

    /// A part of a room was `before` and is `after` now: for the counts of all that it is in. What went keeps its counts,
    /// as they say whether somebody was online then.
    fn shift(&mut self, room: u32, before: &Counts, after: &Counts) {
        let Some(room) = self.rooms.get_mut(room).filter(|room| !room.gone) else {
            return;
        };
        let Some(db) = self.dbs.get_mut(room.db).filter(|db| !db.gone) else {
            return;
        };
        let was = room.counts;
        room.counts.shift(before, after);
        room.counts.rooms_online = u32::from(room.counts.connected > 0);
        db.counts.shift(&was, &room.counts);
        self.total.shift(&was, &room.counts);
    }

    /// Changes a presence and counts it again.
    pub(super) fn counted<T>(&mut self, row: u32, change: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.presences.get(row).map(Presence::counts);
        let done = change(self);
        let after = self
            .presences
            .get(row)
            .map(|known| (known.room, known.counts()));
        if let (Some(before), Some((room, after))) = (before, after)
            && before != after
        {
            self.shift(room, &before, &after);
        }
        done
    }

    /// Forgets a presence without devices, and its room if that was the last one.
    pub(super) fn free_presence(&mut self, row: u32) {
        let Some(known) = self.presences.get(row) else {
            return;
        };
        let (room, counts) = (known.room, known.counts());
        let hash = self.hash(room, &known.uid);
        self.shift(room, &counts, &Counts::default());
        self.presence_index.remove(hash, row);
        if let Some(room) = self.rooms.get_mut(room) {
            unlink::<OWN, _>(&mut self.presences, &mut room.presences, row);
        }
        self.presences.remove(row);
        let empty = |room: &Room| room.presences == NONE && !room.gone;
        if self.rooms.get(room).is_some_and(empty) {
            self.unhook_room(room);
            self.rooms.remove(room);
        }
    }

    /// The room is no longer found, and no longer a part of its database.
    pub(super) fn unhook_room(&mut self, row: u32) {
        let Some(room) = self.rooms.get_mut(row) else {
            return;
        };
        room.gone = true;
        let (db, counts) = (room.db, room.counts);
        let hash = self.hasher.hash_one((db, &*room.name));
        self.room_index.remove(hash, row);
        let Some(known) = self.dbs.get_mut(db) else {
            return;
        };
        unlink::<OWN, _>(&mut self.rooms, &mut known.rooms, row);
        known.counts.shift(&counts, &Counts::default());
        if known.gone {
            return;
        }
        self.total.shift(&counts, &Counts::default());
        if known.rooms == NONE {
            self.db_of_number.remove(&known.number);
            self.dbs.remove(db);
        }
    }

    pub(super) fn key_of(&self, room: u32) -> Option<RoomKey> {
        let room = self.rooms.get(room)?;
        Some(RoomKey::new(self.dbs.get(room.db)?.number, &room.name))
    }

    /// Whether the presence's room is still what is found under its key.
    pub(super) fn is_found(&self, presence: u32) -> bool {
        let room = self.presences.get(presence).map(|known| known.room);
        let room = room.and_then(|room| self.rooms.get(room));
        room.is_some_and(|room| !room.gone && self.dbs.get(room.db).is_some_and(|db| !db.gone))
    }
}
