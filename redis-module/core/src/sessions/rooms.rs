//! Rooms and databases that go, and a walk over those that are there.

use super::keys::{RoomKey, RoomName};
use super::slab::NONE;
use super::state::Sessions;

/// The walk over the rooms may pass so many free rows for each room that it is to find.
const ROWS_PER_ROOM: usize = 8;

impl Sessions {
    /// Forgets a room whose key is gone. Whether somebody was online.
    pub fn remove_room(&mut self, room: RoomName<'_>) -> bool {
        self.find_room(room).is_some_and(|row| {
            let uids = self.rooms.get(row).map_or(0, |room| room.counts.uids);
            self.waiting += u64::from(uids) + 1;
            self.bury_room(row)
        })
    }

    /// The room is no longer found; the chores free it. Whether somebody was online.
    fn bury_room(&mut self, row: u32) -> bool {
        self.unhook_room(row);
        self.dead_rooms.push(row);
        self.rooms
            .get(row)
            .is_some_and(|room| room.counts.connected > 0)
    }

    /// Forgets the rooms of a database that was emptied or swapped; of all databases if `None`. Which ones had somebody
    /// online comes out of [`take_gone`](Self::take_gone).
    pub fn remove_db(&mut self, db: Option<i32>) {
        let rows: Vec<u32> = match db {
            Some(number) => self.db_of_number.remove(&number).into_iter().collect(),
            None => self.db_of_number.drain().map(|(_, row)| row).collect(),
        };
        for row in rows {
            let Some(db) = self.dbs.get_mut(row) else {
                continue;
            };
            db.gone = true;
            self.total.shift(&db.counts, &Default::default());
            self.waiting += u64::from(db.counts.uids) + u64::from(db.counts.rooms);
            self.dead_dbs.push(row);
        }
    }

    /// The rooms of such databases that had somebody online, each once. One call looks at no more than `most` rooms, so
    /// it is to be called at each tick; before that their memory is not freed.
    pub fn take_gone(&mut self, most: usize) -> Vec<RoomKey> {
        let mut gone = Vec::new();
        for _ in 0..most {
            let Some(db) = self.dead_dbs.front() else {
                break;
            };
            let room = self.dbs.get(db).map_or(NONE, |db| db.rooms);
            let key = self.key_of(room);
            match key {
                Some(key) => {
                    if self.bury_room(room) {
                        gone.push(key);
                    }
                }
                None => {
                    self.dead_dbs.pop();
                    self.dbs.remove(db);
                }
            }
        }
        gone
    }

    /// The next rooms, at most `most`, of a walk round and round over those that have somebody. It may return fewer, and
    /// none, where many rooms went.
    pub fn next_rooms(&mut self, most: usize) -> Vec<RoomKey> {
        let mut found = Vec::new();
        let end = self.rooms.end() as usize;
        for _ in 0..most.saturating_mul(ROWS_PER_ROOM).min(end) {
            if found.len() == most {
                break;
            }
            let row = if self.walked < self.rooms.end() {
                self.walked
            } else {
                0
            };
            self.walked = row + 1;
            let here = self.rooms.get(row).is_some_and(|room| {
                let lives = !room.gone && self.dbs.get(room.db).is_some_and(|db| !db.gone);
                lives && room.counts.here > 0
            });
            if here {
                found.extend(self.key_of(row));
            }
        }
        found
    }
}
