//! What happens without a command: ticks, and the ends of connections and of the server itself.

use super::{ClientId, DEVICE_GRACE, DRIFT, START, SWEEP_MS, Server, TICK_MS, View, text};
use room_core::Came;
use room_core::clock::Clock;
use room_core::commands::{self, Env, Outcome};
use room_core::error::RoomError;
use room_core::room::Room;
use room_core::sessions::{RoomKey, Sessions};
use std::sync::Arc;

impl Server {
    pub(crate) fn client_gone(&mut self, now: u64, client: ClientId) {
        self.now = now;
        let mono = self.times().mono;
        self.sessions.client_gone(client, mono, DEVICE_GRACE);
    }

    /// What a tick does, in the order of the module's. How many leases ended.
    pub(crate) fn tick(&mut self, now: u64) -> usize {
        self.now = now;
        let late = (now - self.last_tick).saturating_sub(TICK_MS);
        self.last_tick = now;
        let mono = self.times().mono;
        if late > 2 * TICK_MS {
            self.sessions.late(late);
        }
        let ended = self.sessions.expire_leases(mono, DEVICE_GRACE);
        while self.sessions.chores(mono, 100) > 0 {}
        let read_only = self.refuses.0 == "READONLY" && now < self.refuses.1;
        if read_only {
            return ended;
        }
        let grace = self.settings.grace;
        for (key, change) in self.sessions.flush(mono, grace, 1000) {
            let online = self.sessions.online(key.as_name());
            let names = self.settings.presence_names;
            let who = change
                .again
                .then(|| self.sessions.who(key.as_name(), names))
                .flatten();
            self.in_room(&key, |room, _, env| {
                commands::presence(room, (online, who.as_deref()), &change, env)
            });
        }
        let mut risen = self.sessions.take_risen(mono, 1000);
        risen.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        for of_room in risen.chunk_by(|a, b| a.key == b.key) {
            self.in_room(&of_room[0].key, |room, _, env| {
                commands::rise(room, of_room, env)
            });
        }
        if now >= self.last_sweep + SWEEP_MS {
            self.last_sweep = now;
            self.sweep();
        }
        self.forget_moved();
        ended
    }

    pub(super) fn sweep(&mut self) {
        let keys: Vec<Arc<str>> = self.rooms.keys().cloned().collect();
        for key in keys {
            if self.view.as_ref().is_some_and(|view| !view.owns(&key)) {
                continue;
            }
            let (clock, settings) = (self.clock, self.settings);
            let env = self.env(0, &clock, &settings);
            let name = RoomKey::new(0, key.as_bytes());
            let Some(room) = self.rooms.get(&key) else {
                continue;
            };
            if let Some(work) = commands::look(name.as_name(), room, &self.sessions, 0, &env) {
                self.in_room(&name, |room, sessions, env| {
                    commands::sweep(name.as_name(), room, sessions, &work, env)
                });
            }
        }
    }

    pub(super) fn in_room<'o>(
        &mut self,
        key: &RoomKey,
        run: impl FnOnce(&mut Room, &mut Sessions, &Env<'_>) -> Outcome<'o, ()>,
    ) {
        let key: Arc<str> = text(&key.name).into();
        if self.rooms.contains_key(&key) {
            let done = self.run(0, &key, |place, env, finish| {
                let room = place.room.ok_or(RoomError::NoRoom)?;
                finish.take(run(room, place.sessions, env));
                Ok(())
            });
            assert!(done.is_ok());
        }
    }

    /// The server dies and starts anew with what its append-only file has, which is all.
    pub(crate) fn restart(&mut self, now: u64) {
        self.now = now;
        for room in self.rooms.values_mut() {
            room.set_came(Came {
                at: 0,
                arrived: true,
            });
            room.set_said(0);
        }
        let wall = (START + self.now).saturating_add_signed(self.wall_ahead);
        let before = self.times().steady;
        self.clock = Clock::start(wall, 1_000_000 + self.now);
        if wall > before + DRIFT {
            // Steady time begins at the wall clock, which was set: publish ids are older at once, perhaps too old.
            self.truth.borrow_mut().forget_ids(now);
        }
        self.begin();
    }

    /// Another server begins, or the same anew.
    pub(super) fn begin(&mut self) {
        self.sessions = Sessions::default();
        self.role_since = self.times().mono;
        self.last_tick = self.now;
        self.last_sweep = self.now;
        self.refuses = ("", 0);
    }

    /// From now on the replica gets nothing.
    pub(crate) fn replica_falls_behind(&mut self) {
        if self.replica.is_none() {
            let rooms = self
                .rooms
                .iter()
                .map(|(key, room)| (key.clone(), room.clone()));
            let mut holds = self.truth.borrow().holds();
            holds.retain(|key, _| self.rooms.contains_key(key));
            self.replica = Some((rooms.collect(), holds));
        }
    }

    /// The replica becomes the server; it is as old as the primary, so its steady time is the same. Whether anything is lost.
    /// What is `elsewhere` by now it does not keep.
    pub(crate) fn fail_over(&mut self, now: u64, elsewhere: &[Arc<str>]) -> bool {
        self.now = now;
        let Some((mut rooms, holds)) = self.replica.take() else {
            return false;
        };
        rooms.retain(|key, _| {
            let is_ours = |view: &View| view.owns(key) || self.rooms.contains_key(key);
            !elsewhere.contains(key) && self.view.as_ref().is_none_or(is_ours)
        });
        let keys = self.rooms.keys().chain(rooms.keys()).cloned().collect();
        let lost = self.truth.borrow_mut().roll_back(&keys, &holds, now);
        self.rooms = rooms;
        self.begin();
        for room in self.rooms.values_mut() {
            // It was made here by what the primary sent, before the promotion.
            room.set_came(Came {
                at: 1,
                arrived: false,
            });
        }
        lost
    }
}
