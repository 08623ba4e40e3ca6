//! One uid's sessions and ghosts: adding, ending, and what they mean for its cursor.

use super::keys::ClientId;
use super::list::{link, unlink, walk};
use super::rows::{Device, LIFE, Life, NameNo, OWN, Presence};
use super::slab::NONE;
use super::state::Sessions;
use super::values::Ghost;
use crate::position::Seq;

/// Ghosts of one uid. Beyond that the two highest become one.
const MOST_GHOSTS: u8 = 16;

impl Sessions {
    /// All that holds back the uid's cursor.
    fn devices_of(&self, presence: u32) -> impl Iterator<Item = (u32, &Device)> {
        self.sessions_in(presence).chain(self.ghosts_in(presence))
    }

    /// The sessions of a uid; some may be of a life that ended.
    pub(super) fn sessions_in(&self, presence: u32) -> impl Iterator<Item = (u32, &Device)> {
        let known = self.presences.get(presence);
        walk::<OWN, _>(&self.devices, known.map_or(NONE, |known| known.sessions))
    }

    fn ghosts_in(&self, presence: u32) -> impl Iterator<Item = (u32, &Device)> {
        let known = self.presences.get(presence);
        walk::<OWN, _>(&self.devices, known.map_or(NONE, |known| known.ghosts))
    }

    /// A ghost, or a session whose life has ended: that is one already.
    fn as_ghost(&self, device: &Device) -> Option<Ghost> {
        let ghost = |until, of| Ghost {
            at: device.acked,
            until,
            of,
            single: device.single,
        };
        if device.ghost {
            return Some(ghost(device.until, device.of));
        }
        let life = self.lives.get(device.of).filter(|life| life.ended)?;
        Some(ghost(life.until, life.name))
    }

    /// The rows and values of all that are ghosts already.
    pub(super) fn all_ghosts(&self, presence: u32) -> impl Iterator<Item = (u32, Ghost)> {
        self.devices_of(presence)
            .filter_map(|(row, device)| Some((row, self.as_ghost(device)?)))
    }

    /// The lowest acknowledgement of all devices but one.
    pub(super) fn floor_of(&self, presence: u32, without: Option<&Ghost>) -> Option<Seq> {
        let mut without = without;
        let holds_back = |device: &&Device| {
            let left_out = without.is_some() && self.as_ghost(device).as_ref() == without;
            if left_out {
                // Only one of those that are equal is left out.
                without = None;
            }
            !left_out
        };
        let devices = self.devices_of(presence).map(|(_, device)| device);
        devices.filter(holds_back).map(|device| device.acked).min()
    }

    /// The row of this connection's session.
    pub(super) fn own_session(&self, client: ClientId, presence: u32) -> Option<u32> {
        let life = self.clients.get(&client)?.life?;
        let own = |&(_, device): &(u32, &Device)| device.of == life;
        self.sessions_in(presence).find(own).map(|(row, _)| row)
    }

    /// What this connection's sessions hang on, made if there is nothing.
    fn life_of(&mut self, client: ClientId) -> u32 {
        let known = self.clients.entry(client).or_default();
        if let Some(life) = known.life {
            return life;
        }
        let name = known.name.as_ref().and_then(|name| self.names.get(name));
        let life = self.lives.insert(Life {
            name: name.map_or(0, |name| name.no),
            ended: false,
            ended_ms: 0,
            until: 0,
            sessions: NONE,
            session_count: 0,
        });
        known.life = Some(life);
        life
    }

    /// Changes the devices of a uid. Counts them again, queues the cursor to rise if less holds it back than before, and
    /// forgets the uid if nothing is left.
    pub(super) fn edit<T>(&mut self, presence: u32, change: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.floor_of(presence, None);
        let done = self.counted(presence, change);
        match (before, self.floor_of(presence, None)) {
            (Some(before), Some(after)) if after > before => self.queue_rise(presence),
            (Some(before), None) => {
                if let Some(known) = self.presences.get_mut(presence) {
                    known.acked = before;
                }
            }
            _ => {}
        }
        self.tidy(presence);
        done
    }

    /// Forgets a uid of which nothing is left. In rooms that went that is up to the chores.
    pub(super) fn tidy(&mut self, presence: u32) {
        let idle = self.presences.get(presence).is_some_and(Presence::is_idle);
        if idle && self.is_found(presence) {
            self.free_presence(presence);
        }
    }

    /// Lets the cursor rise to what is acknowledged, once the room allows it.
    pub(super) fn queue_rise(&mut self, presence: u32) {
        let Some(known) = self.presences.get_mut(presence) else {
            return;
        };
        if std::mem::replace(&mut known.rising, true) {
            return;
        }
        let when = self.rooms.get(known.room).map_or(0, |room| room.held_ms);
        self.risen.push(when, presence);
    }

    /// A `single` one stands for one device, until another comes over the same connection.
    pub(super) fn add_session(
        &mut self,
        client: ClientId,
        presence: u32,
        acked: Seq,
        single: bool,
    ) {
        let life = self.life_of(client);
        let row = self.devices.insert(Device {
            acked,
            until: 0,
            of: life,
            presence,
            of_presence: Default::default(),
            of_life: Default::default(),
            ghost: false,
            single,
        });
        if let Some(life) = self.lives.get_mut(life) {
            link::<LIFE, _>(&mut self.devices, &mut life.sessions, row);
            life.session_count += 1;
        }
        if let Some(known) = self.presences.get_mut(presence) {
            link::<OWN, _>(&mut self.devices, &mut known.sessions, row);
            known.session_count += 1;
            known.absent = false;
        }
    }

    /// It is to be told that the uid is here, if that was not done.
    pub(super) fn announce(&mut self, presence: u32) {
        if let Some(known) = self.presences.get_mut(presence)
            && !known.told
            && !known.coming
        {
            known.coming = true;
            self.came.push(presence);
        }
    }

    /// Takes a session from its uid and its life.
    fn unhook_session(&mut self, row: u32) {
        let Some(device) = self.devices.get(row) else {
            return;
        };
        let (presence, life) = (device.presence, device.of);
        if let Some(life) = self.lives.get_mut(life) {
            unlink::<LIFE, _>(&mut self.devices, &mut life.sessions, row);
            life.session_count = life.session_count.saturating_sub(1);
            if life.ended {
                self.waiting = self.waiting.saturating_sub(1);
            }
        }
        if let Some(known) = self.presences.get_mut(presence) {
            unlink::<OWN, _>(&mut self.devices, &mut known.sessions, row);
            known.session_count = known.session_count.saturating_sub(1);
        }
    }

    /// Takes away a session or a ghost.
    pub(super) fn drop_device(&mut self, row: u32) {
        let Some(device) = self.devices.get(row) else {
            return;
        };
        if !device.ghost {
            self.unhook_session(row);
        } else if let Some(known) = self.presences.get_mut(device.presence) {
            unlink::<OWN, _>(&mut self.devices, &mut known.ghosts, row);
            known.ghost_count = known.ghost_count.saturating_sub(1);
        }
        self.devices.remove(row);
    }

    /// A session of a uid ended at `now`: if that was the last one, its departure is to be told later. Ends of dead
    /// connections are noted late: the latest end counts.
    pub(super) fn note_departure(&mut self, presence: u32, now: u64) {
        let Some(known) = self.presences.get_mut(presence) else {
            return;
        };
        known.gone_ms = known.gone_ms.max(now);
        if known.session_count == 0 {
            known.absent = true;
            self.leaving.push(known.gone_ms, presence);
        }
    }

    /// A session becomes a ghost where it is.
    pub(super) fn session_to_ghost(&mut self, row: u32, until: u64, of: NameNo) {
        self.unhook_session(row);
        let Some(device) = self.devices.get_mut(row) else {
            return;
        };
        device.ghost = true;
        device.until = until;
        device.of = of;
        self.hook_ghost(row);
    }

    pub(super) fn add_ghost(&mut self, presence: u32, ghost: Ghost) {
        let row = self.devices.insert(Device {
            acked: ghost.at,
            until: ghost.until,
            of: ghost.of,
            presence,
            of_presence: Default::default(),
            of_life: Default::default(),
            ghost: true,
            single: ghost.single,
        });
        self.hook_ghost(row);
    }

    fn hook_ghost(&mut self, row: u32) {
        let Some(device) = self.devices.get(row) else {
            return;
        };
        let presence = device.presence;
        let Some(known) = self.presences.get_mut(presence) else {
            return;
        };
        link::<OWN, _>(&mut self.devices, &mut known.ghosts, row);
        known.ghost_count += 1;
        if known.ghost_count > MOST_GHOSTS {
            self.merge_highest(presence);
        }
        self.note_next_end(presence);
    }

    /// The two highest ghosts become one: at the lower position, with the later end.
    fn merge_highest(&mut self, presence: u32) {
        let mut ghosts: Vec<(Seq, u32)> = self
            .ghosts_in(presence)
            .map(|(row, ghost)| (ghost.acked, row))
            .collect();
        ghosts.sort_unstable();
        let &[.., (_, lower), (_, higher)] = &ghosts[..] else {
            return;
        };
        let Some((until, of)) = self
            .devices
            .get(higher)
            .map(|ghost| (ghost.until, ghost.of))
        else {
            return;
        };
        if let Some(ghost) = self.devices.get_mut(lower) {
            ghost.until = ghost.until.max(until);
            // Ghosts of two proxies are no one's to take over by ATTACH.
            ghost.of = if ghost.of == of { of } else { 0 };
            ghost.single = false;
        }
        self.drop_device(higher);
    }

    /// The proxy whose sessions these ghosts were (or, without a name, any proxy) has them no longer: no ATTACH takes them
    /// over.
    pub(super) fn no_one_comes_back(&mut self, presence: u32, name: Option<NameNo>) {
        let ghosts = self.all_ghosts(presence);
        let left = ghosts.filter(|(_, ghost)| name.is_none_or(|name| ghost.of == name));
        let left: Vec<(u32, Ghost)> = left.collect();
        for (row, ghost) in left {
            match self.devices.get_mut(row) {
                Some(device) if device.ghost => device.of = 0,
                _ => self.session_to_ghost(row, ghost.until, 0),
            }
        }
    }

    /// Notes when the next ghost of a uid ends, unless an earlier look is noted already.
    pub(super) fn note_next_end(&mut self, presence: u32) {
        let Some(next) = self.ghosts_in(presence).map(|(_, ghost)| ghost.until).min() else {
            return;
        };
        if let Some(known) = self.presences.get_mut(presence)
            && next < known.ends_ms
        {
            known.ends_ms = next;
            self.ending.push(next, presence);
        }
    }

    /// Ends the ghosts whose time is over.
    pub(super) fn end_ghosts(&mut self, presence: u32, now: u64) {
        let over = self
            .ghosts_in(presence)
            .filter(|(_, ghost)| ghost.until <= now);
        let over: Vec<u32> = over.map(|(row, _)| row).collect();
        over.into_iter().for_each(|row| self.drop_device(row));
    }
}
