//! The rows that sessions are made of. A database has rooms, a room has presences (uids), a presence has devices
//! (sessions and ghosts), a life has sessions: these are lists through the rows.

use super::list::{Linked, Links};
use super::slab::NONE;
use crate::position::Seq;
use std::sync::Arc;

/// The list that a row is in as a part of what it belongs to.
pub(super) const OWN: usize = 0;
/// The list of a life's sessions.
pub(super) const LIFE: usize = 1;

/// A proxy's name by its number; 0 for none.
pub(super) type NameNo = u32;

/// How many there are, in a room, in a database, in all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) rooms: u32,
    pub(super) rooms_online: u32,
    /// Presence rows.
    pub(super) uids: u32,
    /// Uids with sessions.
    pub(super) connected: u32,
    /// Uids that others take for online: with sessions, or whose departure was not told yet.
    pub(super) online: u32,
    /// Uids with sessions or ghosts, or that went and were not told gone yet.
    pub(super) here: u32,
    pub(super) sessions: u32,
    pub(super) ghosts: u32,
}

impl Counts {
    /// A part of what is counted here was `before` and is `after` now.
    pub(super) fn shift(&mut self, before: &Self, after: &Self) {
        let shift = |sum: &mut u32, before: u32, after: u32| {
            *sum = sum.wrapping_add(after).wrapping_sub(before);
        };
        shift(&mut self.rooms, before.rooms, after.rooms);
        shift(
            &mut self.rooms_online,
            before.rooms_online,
            after.rooms_online,
        );
        shift(&mut self.uids, before.uids, after.uids);
        shift(&mut self.connected, before.connected, after.connected);
        shift(&mut self.online, before.online, after.online);
        shift(&mut self.here, before.here, after.here);
        shift(&mut self.sessions, before.sessions, after.sessions);
        shift(&mut self.ghosts, before.ghosts, after.ghosts);
    }
}

/// A database with sessions. Once emptied or swapped it is no longer found by its number, and its rooms are with it.
#[derive(Debug)]
pub(super) struct Db {
    pub(super) number: i32,
    pub(super) gone: bool,
    pub(super) rooms: u32,
    pub(super) counts: Counts,
}

/// A room with presences. Once its key is gone it is no longer found by its name, and its presences are with it.
#[derive(Debug)]
pub(super) struct Room {
    pub(super) name: Box<[u8]>,
    /// Until then (ms) no cursor rises.
    pub(super) held_ms: u64,
    pub(super) db: u32,
    pub(super) presences: u32,
    pub(super) of_db: Links,
    pub(super) counts: Counts,
    pub(super) gone: bool,
}

/// A uid in a room: it has sessions or ghosts, or had some and something is still to be told.
#[derive(Debug)]
pub(super) struct Presence {
    pub(super) uid: Box<[u8]>,
    pub(super) room: u32,
    pub(super) of_room: Links,
    pub(super) sessions: u32,
    pub(super) ghosts: u32,
    pub(super) session_count: u32,
    pub(super) ghost_count: u8,
    /// Others were told that it is here.
    pub(super) told: bool,
    /// Its arrival is queued to be told.
    pub(super) coming: bool,
    /// Its last session ended, and nobody was told yet.
    pub(super) absent: bool,
    /// Its cursor is queued to rise.
    pub(super) rising: bool,
    /// When its last session ended.
    pub(super) gone_ms: u64,
    /// When its next ghost ends: the time it is noted under; `u64::MAX` without ghosts.
    pub(super) ends_ms: u64,
    /// What was acknowledged when the last device went while the cursor was to rise.
    pub(super) acked: Seq,
}

impl Presence {
    /// What a new row counts for.
    pub(super) const EMPTY: Counts = Counts {
        rooms: 0,
        rooms_online: 0,
        uids: 1,
        connected: 0,
        online: 0,
        here: 0,
        sessions: 0,
        ghosts: 0,
    };

    pub(super) fn new(uid: &[u8], room: u32) -> Self {
        Self {
            uid: uid.into(),
            room,
            of_room: Links::default(),
            sessions: NONE,
            ghosts: NONE,
            session_count: 0,
            ghost_count: 0,
            told: false,
            coming: false,
            absent: false,
            rising: false,
            gone_ms: 0,
            ends_ms: u64::MAX,
            acked: 0,
        }
    }

    pub(super) fn counts(&self) -> Counts {
        let ghosts = u32::from(self.ghost_count);
        Counts {
            rooms: 0,
            rooms_online: 0,
            uids: 1,
            connected: u32::from(self.session_count > 0),
            online: u32::from(self.session_count > 0 || self.absent),
            here: u32::from(self.session_count + ghosts > 0 || self.absent),
            sessions: self.session_count,
            ghosts,
        }
    }

    /// Nothing is here, and nothing is to be told.
    pub(super) fn is_idle(&self) -> bool {
        self.session_count == 0 && self.ghost_count == 0 && !self.absent && !self.rising
    }
}

/// What holds back a uid's cursor: a session, or the ghost of one.
#[derive(Debug)]
pub(super) struct Device {
    pub(super) acked: Seq,
    /// When the ghost ends, in ms.
    pub(super) until: u64,
    /// A session's life, or the [number of the proxy's name](NameNo) that a ghost is of.
    pub(super) of: u32,
    pub(super) presence: u32,
    pub(super) of_presence: Links,
    pub(super) of_life: Links,
    pub(super) ghost: bool,
    /// See [`Ghost`](super::Ghost).
    pub(super) single: bool,
}

/// What the sessions of a connection hang on. When the connection dies, its lease runs out, or another takes its name,
/// the life ends, and with it all its sessions at once; the connection may get another one.
#[derive(Debug)]
pub(super) struct Life {
    pub(super) name: NameNo,
    pub(super) ended: bool,
    /// When it ended, and until when its sessions hold back as ghosts; in ms.
    pub(super) ended_ms: u64,
    pub(super) until: u64,
    pub(super) sessions: u32,
    pub(super) session_count: u32,
}

/// How long the sessions of a connection live without another HELLO.
#[derive(Clone, Copy, Debug, Default)]
pub(super) enum Lease {
    /// As long as the connection.
    #[default]
    None,
    /// Until then, by the clock of leases.
    Until(u64),
    /// It has run out and that was acted on: setting back the clock does not bring it back.
    Over,
}

impl Lease {
    pub(super) fn is_over(self, clock: u64) -> bool {
        match self {
            Self::None => false,
            Self::Until(until) => until < clock,
            Self::Over => true,
        }
    }
}

/// A connection.
#[derive(Debug, Default)]
pub(super) struct Client {
    pub(super) life: Option<u32>,
    pub(super) name: Option<Arc<[u8]>>,
    /// It said HELLO at some time.
    pub(super) is_proxy: bool,
    pub(super) lease: Lease,
    /// A name that a proxy with another ID took from it.
    pub(super) lost_name: Option<Arc<[u8]>>,
}

impl Linked<OWN> for Room {
    fn links(&self) -> &Links {
        &self.of_db
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.of_db
    }
}

impl Linked<OWN> for Presence {
    fn links(&self) -> &Links {
        &self.of_room
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.of_room
    }
}

impl Linked<OWN> for Device {
    fn links(&self) -> &Links {
        &self.of_presence
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.of_presence
    }
}

impl Linked<LIFE> for Device {
    fn links(&self) -> &Links {
        &self.of_life
    }

    fn links_mut(&mut self) -> &mut Links {
        &mut self.of_life
    }
}
