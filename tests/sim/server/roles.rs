//! With sentinels: a replica that becomes the primary, and one that is the primary no more.

use super::{Rooms, Server};
use crate::truth::Holds;
use room_core::Came;
use std::sync::Arc;

/// What a server takes itself for, and is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Primary,
    /// Another one is the primary, and it does not know that.
    Stale,
    Replica,
}

/// What a replica has.
pub(crate) struct Copied {
    rooms: Rooms,
    holds: Holds,
    /// Of all rooms, those included that it does not have yet.
    keys: Vec<Arc<str>>,
}

impl Server {
    pub(crate) fn is_stale(&self) -> bool {
        self.role == Role::Stale
    }

    /// Another one becomes the primary with what it has of this one. This one goes on.
    pub(crate) fn is_replaced(&mut self) -> Option<Copied> {
        self.replica_falls_behind();
        let (rooms, holds) = self.replica.take()?;
        let keys = self.rooms.keys().chain(rooms.keys()).cloned().collect();
        self.role = Role::Stale;
        self.truth.borrow_mut().set_aside();
        Some(Copied { rooms, holds, keys })
    }

    /// It becomes the primary. Whether anything is lost.
    pub(crate) fn promote(&mut self, now: u64, copied: Copied) -> bool {
        self.now = now;
        let keys = copied.keys.into_iter().collect();
        let lost = self.truth.borrow_mut().roll_back(&keys, &copied.holds, now);
        self.role = Role::Primary;
        self.rooms = copied.rooms;
        self.begin();
        for room in self.rooms.values_mut() {
            room.set_came(Came {
                at: 1,
                arrived: false,
            });
        }
        lost
    }

    /// It learns that it is a replica, and takes what the primary has.
    pub(crate) fn demote(&mut self, now: u64) {
        self.step_down(now);
        self.role = Role::Replica;
        self.replica = None;
        self.rooms.clear();
        self.truth.borrow_mut().aside_ends(now);
    }

    /// There is no switch after all.
    pub(crate) fn replica_catches_up(&mut self) {
        self.replica = None;
    }
}
