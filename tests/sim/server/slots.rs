//! Rooms that come and go with their slots. What the truth knows of a room does not change by that.

use super::{ClientId, Server, given, text};
use room_core::Came;
use room_core::commands;
use room_core::room::Room;
use std::sync::Arc;

/// What an operator's client is known as.
pub(super) const OPERATOR: ClientId = 1;

impl Server {
    /// A room leaves, as after `MIGRATE`: the module says so to whoever has a session. Without `aloud` nobody is told, and
    /// the sessions stay.
    pub(crate) fn take_out(&mut self, now: u64, key: &Arc<str>, aloud: bool) -> Option<Box<Room>> {
        self.now = now;
        let room = self.rooms.remove(key)?;
        if aloud {
            self.drop_sessions(key);
        }
        Some(room)
    }

    /// A room comes, as by `RESTORE`: nobody has a session here yet.
    pub(crate) fn put_in(&mut self, now: u64, key: &Arc<str>, mut room: Box<Room>) {
        self.now = now;
        room.set_came(Came {
            at: self.times().mono,
            arrived: true,
        });
        room.set_said(0);
        self.rooms.insert(key.clone(), room);
    }

    /// Sessions of keys that went without a word end without one.
    pub(super) fn forget_moved(&mut self) {
        if self.view.is_none() {
            return;
        }
        for key in self.sessions.next_rooms(100) {
            if !self.rooms.contains_key(&*text(&key.name)) {
                self.sessions.remove_room(key.as_name());
            }
        }
    }

    /// It is no primary any more: what proxies announced is forgotten.
    pub(crate) fn step_down(&mut self, now: u64) {
        self.now = now;
        self.sessions.clear();
        self.role_since = self.times().mono;
    }

    /// Nobody has a session in a room any more, and nobody is told.
    pub(crate) fn forget_sessions(&mut self, key: &str) {
        self.sessions.remove_room(Self::name(key));
    }

    /// How far its steady time is ahead of another server's.
    pub(crate) fn ahead_of(&mut self, now: u64, other: &mut Self) -> u64 {
        (self.now, other.now) = (now, now);
        let (own, others) = (self.times().steady, other.times().steady);
        own.saturating_sub(others)
    }

    /// Somebody with redis-cli says something in a room. Whether there was one.
    pub(crate) fn say(&mut self, now: u64, key: &Arc<str>, uid: &str, message: &str) -> bool {
        self.now = now;
        let payload = format!("{{\"event\":\"message\",\"message\":\"{message}\"}}");
        let publish = commands::Publish {
            uid: given(uid.as_bytes()),
            payload: given(payload.as_bytes()),
            id: None,
            room_id: None,
            ephemeral: false,
            only_existing: true,
        };
        let done = self.run(OPERATOR, key, |place, env, finish| {
            Ok(finish.take(publish.run(place, env)?))
        });
        done.is_ok()
    }
}
