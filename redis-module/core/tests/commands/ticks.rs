//! What a tick does, in the order of the module's.

use crate::server::{Key, Server};
use room_core::commands::{look, presence, rise, sweep};
use room_core::limits::Limit;
use room_core::sessions::{RoomKey, RoomName};

fn key_of(key: &RoomKey) -> Key {
    (key.db, key.name.to_vec())
}

impl Server {
    /// So much time goes on, then all is done that a tick does. How many leases ended.
    pub(crate) fn tick(&mut self, ms: u64) -> usize {
        self.pass(ms);
        let (now, device_grace) = (self.times().mono, self.settings.device_grace);
        let ended = self.sessions.expire_leases(now, device_grace);
        self.sessions.take_gone(1000);
        while self.sessions.chores(now, 7) > 0 {}
        self.tell_presence(now);
        self.raise(now);
        let keys: Vec<Key> = self.rooms.keys().cloned().collect();
        for key in keys {
            self.find_waiting(&key);
            self.sweep(&key, 0);
        }
        ended
    }

    fn tell_presence(&mut self, now: u64) {
        for (key, change) in self.sessions.flush(now, self.settings.grace, 1000) {
            let online = self.sessions.online(key.as_name());
            let names = self.settings.presence_names;
            let who = self.sessions.who(key.as_name(), names);
            if self.rooms.contains_key(&key_of(&key)) {
                let done = self.in_db(key.db, |this| {
                    let name = String::from_utf8_lossy(&key.name);
                    this.run(0, &name, |place, env| {
                        Ok(presence(
                            place.room.unwrap(),
                            (online, who.as_deref()),
                            &change,
                            env,
                        ))
                    })
                });
                assert!(done.is_ok());
            }
        }
    }

    fn raise(&mut self, now: u64) {
        let mut risen = self.sessions.take_risen(now, 1000);
        risen.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        for of_room in risen.chunk_by(|a, b| a.key == b.key) {
            let key = &of_room[0].key;
            if self.rooms.contains_key(&key_of(key)) {
                let done = self.in_db(key.db, |this| {
                    let name = String::from_utf8_lossy(&key.name);
                    this.run(0, &name, |place, env| {
                        Ok(rise(place.room.unwrap(), of_room, env))
                    })
                });
                assert!(done.is_ok());
            }
        }
    }

    fn find_waiting(&mut self, key: &Key) {
        let now = self.times().mono;
        let room = &self.rooms[key];
        let delay = self.settings.limits.get(Limit::WaitingDelay);
        self.agenda.settings(delay, self.settings.waiting_again);
        let on = room.limits(&self.settings.limits).get(Limit::WaitingDelay) > 0;
        let generation = if on { self.agenda.generation() } else { 0 };
        if room.set_found(generation) && on {
            let (db, name) = (key.0, &*key.1);
            self.agenda.put(RoomName { db, name }, now);
        }
    }

    /// Looks at a room, and does what is found. Whether something was.
    pub(crate) fn sweep(&mut self, key: &Key, turn: usize) -> bool {
        self.times();
        let (clock, settings) = (self.clock, self.settings);
        let env = self.env(0, &clock, &settings);
        let name = RoomName {
            db: key.0,
            name: &key.1,
        };
        let Some(work) = look(name, &self.rooms[key], &self.sessions, turn, &env) else {
            return false;
        };
        let shown = String::from_utf8_lossy(&key.1);
        let done = self.in_db(key.0, |this| {
            this.run(0, &shown, |place, env| {
                Ok(sweep(
                    place.key,
                    place.room.unwrap(),
                    place.sessions,
                    &work,
                    env,
                ))
            })
        });
        done.is_ok()
    }

    fn in_db<T>(&mut self, db: i32, run: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.db, db);
        let done = run(self);
        self.db = before;
        done
    }

    /// A connection dies.
    pub(crate) fn gone(&mut self, client: u64) {
        let (now, grace) = (self.times().mono, self.settings.device_grace);
        self.sessions.client_gone(client, now, grace);
    }
}
