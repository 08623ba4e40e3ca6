//! Looking, without changing anything.

use super::keys::{ClientId, RoomName};
use super::list::walk;
use super::rows::{Counts, OWN, Presence};
use super::slab::NONE;
use super::state::Sessions;
use super::values::{Ghost, Totals};
use crate::position::Seq;
use std::cmp::Reverse;

impl Sessions {
    /// Uids that the others in this room take for online: those with sessions, and those that went and were not told gone
    /// yet. If such a one comes back in time nothing is told, so a count without it would stay wrong for good.
    pub fn online(&self, room: RoomName<'_>) -> u64 {
        self.room_counts(room, |counts| counts.online)
    }

    /// Uids with sessions in this room: a counter, which follows a dead connection when its [`chores`](Self::chores) are
    /// done.
    pub fn connected(&self, room: RoomName<'_>) -> u64 {
        self.room_counts(room, |counts| counts.connected)
    }

    /// Who is [`online`](Self::online), in no promised order, if they are no more than `most`.
    pub fn who(&self, room: RoomName<'_>, most: u64) -> Option<Vec<Box<[u8]>>> {
        if self.online(room) > most {
            return None;
        }
        let room = self.find_room(room).and_then(|row| self.rooms.get(row));
        let first = room.map_or(NONE, |room| room.presences);
        let online = walk::<OWN, _>(&self.presences, first)
            .filter(|(_, known)| known.counts().online > 0)
            .map(|(_, presence)| presence.uid.clone());
        Some(online.collect())
    }

    /// Whether [`is_here`](Self::is_here) says so of any uid.
    pub fn anybody(&self, room: RoomName<'_>) -> bool {
        self.room_counts(room, |counts| counts.here) > 0
    }

    fn room_counts(&self, room: RoomName<'_>, which: fn(&Counts) -> u32) -> u64 {
        let room = self.find_room(room).and_then(|row| self.rooms.get(row));
        room.map_or(0, |room| u64::from(which(&room.counts)))
    }

    /// Sessions of one uid in this room whose connection and lease live.
    pub fn sessions_of(&self, room: RoomName<'_>, uid: &[u8]) -> usize {
        self.find(room, uid)
            .map_or(0, |presence| self.live_sessions(presence))
    }

    pub(super) fn live_sessions(&self, presence: u32) -> usize {
        self.sessions_in(presence)
            .filter(|(_, session)| self.lives.get(session.of).is_some_and(|life| !life.ended))
            .count()
    }

    /// Whether the uid has a session or a ghost, or went and was not told gone yet.
    pub fn is_here(&self, room: RoomName<'_>, uid: &[u8]) -> bool {
        let presence = self.find(room, uid).and_then(|row| self.presences.get(row));
        presence.is_some_and(|presence| presence.counts().here > 0)
    }

    /// Whether the others take the uid for [`online`](Self::online).
    pub fn is_online(&self, room: RoomName<'_>, uid: &[u8]) -> bool {
        let presence = self.find(room, uid).and_then(|row| self.presences.get(row));
        presence.is_some_and(|presence| presence.counts().online > 0)
    }

    /// Where a uid's cursor is to rise as soon as its room allows it.
    pub fn rises_to(&self, room: RoomName<'_>, uid: &[u8]) -> Option<Seq> {
        let row = self.find(room, uid)?;
        let known = self.presences.get(row).filter(|known| known.rising)?;
        Some(self.floor_of(row, None).unwrap_or(known.acked))
    }

    /// What the uid as a whole has acknowledged: the lowest of its sessions and ghosts, one of these left out if `without`
    /// says so. `None` if there is nothing else.
    pub fn floor(&self, room: RoomName<'_>, uid: &[u8], without: Option<&Ghost>) -> Option<Seq> {
        self.floor_of(self.find(room, uid)?, without)
    }

    /// What devices that went a moment ago have left of a uid: each holds back its cursor until its end.
    pub fn ghosts(&self, room: RoomName<'_>, uid: &[u8]) -> impl Iterator<Item = Ghost> {
        let presence = self.find(room, uid).unwrap_or(NONE);
        self.all_ghosts(presence).map(|(_, ghost)| ghost)
    }

    /// The ghost that a device takes over which comes back with everything up to `since`: the highest one not above that,
    /// unless it may stand for several devices: the others are still away, and it holds back for them until its end. If
    /// the device does not know what it has, the lowest one. Of equal ones the one that ends first: the others hold longer.
    ///
    /// If the lease of `client`, over which it comes, has run out, then what is left of the sessions there is of devices
    /// that sit there still: they get it back with the next HELLO, and no other device takes it from them.
    pub fn takeover(
        &self,
        client: ClientId,
        room: RoomName<'_>,
        uid: &[u8],
        since: Option<Seq>,
    ) -> Option<Ghost> {
        let still_here = self.name_without_lease(client);
        let ghosts = self
            .ghosts(room, uid)
            .filter(|ghost| ghost.of == 0 || Some(ghost.of) != still_here);
        match since {
            Some(since) => ghosts
                .filter(|ghost| ghost.at <= since)
                .max_by_key(|ghost| (ghost.at, !ghost.single, Reverse(ghost.until)))
                .filter(|ghost| ghost.single),
            None => ghosts.min_by_key(|ghost| (ghost.at, ghost.until)),
        }
    }

    /// All rooms together.
    pub fn totals(&self) -> Totals {
        let rows = |old: &Sessions| [old.devices.end(), old.presences.end(), old.rooms.end()];
        let rubbish = self.rubbish.iter().flat_map(rows).map(u64::from);
        Totals {
            online: self.total.connected.into(),
            rooms_online: self.total.rooms_online.into(),
            sessions: self.total.sessions.into(),
            ghosts: self.total.ghosts.into(),
            proxies: self.proxies,
            chores: self.waiting + rubbish.sum::<u64>(),
        }
    }

    /// Some device of a uid, to be taken away.
    pub(super) fn any_device(&self, presence: u32) -> Option<u32> {
        let Presence {
            sessions, ghosts, ..
        } = self.presences.get(presence)?;
        let first = if *sessions == NONE {
            *ghosts
        } else {
            *sessions
        };
        (first != NONE).then_some(first)
    }
}
