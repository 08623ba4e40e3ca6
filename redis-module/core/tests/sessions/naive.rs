//! Sessions as plain maps and lists: everything is done at once and in full, whatever that costs.

use std::collections::{BTreeMap, BTreeSet};

pub(crate) const DEVICE_GRACE: u64 = 60;
pub(crate) const GRACE: u64 = 20;

/// A room by its number in the test.
pub(crate) type RoomNo = u8;
type Key = (RoomNo, u8);

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Of {
    Session(u64),
    Ghost { until: u64, name: Option<u8> },
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Device {
    pub(crate) acked: u64,
    pub(crate) of: Of,
}

/// A uid in a room.
#[derive(Clone, Debug, Default)]
pub(crate) struct Row {
    pub(crate) devices: Vec<Device>,
    pub(crate) told: bool,
    /// It came quietly: its room is to be told who is here.
    again: bool,
    pub(crate) absent: Option<u64>,
    rising: bool,
    acked: u64,
}

#[derive(Clone, Debug, Default)]
struct Client {
    name: Option<u8>,
    lease_until: Option<u64>,
    /// The lease has run out at a tick.
    is_over: bool,
    lost: Option<u8>,
    is_proxy: bool,
}

#[derive(Clone, Debug, Default)]
struct Name {
    holder: Option<u64>,
    user: u8,
    id: u8,
    lease_until: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Answer {
    Ok,
    Announce,
    Superseded,
    Taken,
}

#[derive(Debug, Default)]
pub(crate) struct Naive {
    pub(crate) rows: BTreeMap<Key, Row>,
    held: BTreeMap<RoomNo, u64>,
    clients: BTreeMap<u64, Client>,
    names: BTreeMap<u8, Name>,
    late: u64,
}

impl Row {
    pub(crate) fn live(&self) -> usize {
        let live = |device: &&Device| matches!(device.of, Of::Session(_));
        self.devices.iter().filter(live).count()
    }

    pub(crate) fn floor(&self) -> Option<u64> {
        self.devices.iter().map(|device| device.acked).min()
    }

    /// What ghosts there are: (position, end).
    pub(crate) fn ghosts(&self) -> Vec<(u64, u64)> {
        let ghost = |device: &Device| match device.of {
            Of::Ghost { until, .. } => Some((device.acked, until)),
            Of::Session(_) => None,
        };
        self.devices.iter().filter_map(ghost).collect()
    }

    /// Whether the others take it for online.
    pub(crate) fn is_online(&self) -> bool {
        self.live() > 0 || self.absent.is_some()
    }

    pub(crate) fn is_here(&self) -> bool {
        !self.devices.is_empty() || self.absent.is_some()
    }
}

impl Naive {
    fn clock(&self, now: u64) -> u64 {
        now.saturating_sub(self.late)
    }

    pub(crate) fn late(&mut self, by: u64) {
        self.late += by;
    }

    fn edit(&mut self, key: Key, change: impl FnOnce(&mut Row)) {
        let row = self.rows.entry(key).or_default();
        let before = row.floor();
        change(row);
        match (before, row.floor()) {
            (Some(before), Some(after)) => row.rising |= after > before,
            (Some(before), None) => row.acked = before,
            _ => {}
        }
        self.tidy();
    }

    fn tidy(&mut self) {
        self.rows.retain(|_, row| row.is_here() || row.rising);
        let rows = &self.rows;
        self.held
            .retain(|room, _| rows.keys().any(|key| key.0 == *room));
    }

    fn begin(row: &mut Row, client: u64, acked: u64, of_both: fn(u64, u64) -> u64) {
        let of = Of::Session(client);
        row.absent = None;
        match row.devices.iter_mut().find(|device| device.of == of) {
            Some(own) => own.acked = of_both(own.acked, acked),
            None => row.devices.push(Device { acked, of }),
        }
    }

    pub(crate) fn join(&mut self, client: u64, key: Key, at: u64, taken: Option<(u64, u64)>) {
        self.clients.entry(client).or_default();
        self.edit(key, |row| {
            Self::begin(row, client, at, u64::min);
            let ghost = |device: &Device| match device.of {
                Of::Ghost { until, .. } => Some((device.acked, until)) == taken,
                Of::Session(_) => false,
            };
            if let Some(no) = row.devices.iter().position(ghost) {
                row.devices.remove(no);
            }
        });
    }

    pub(crate) fn attach(&mut self, client: u64, key: Key, cursor: u64, quiet: bool) {
        let own = self.clients.entry(client).or_default().name;
        let fresh = !self.rows.contains_key(&key);
        self.edit(key, |row| {
            let left = |device: &Device| match device.of {
                Of::Ghost { name, .. } => own.is_some() && name == own,
                Of::Session(_) => false,
            };
            let of_own = row.devices.iter().filter(|device| left(device));
            match of_own.map(|device| device.acked).min() {
                Some(lowest) => Self::begin(row, client, lowest, u64::min),
                None => Self::begin(row, client, cursor, u64::max),
            }
            row.devices.retain(|device| !left(device));
            row.told |= fresh && quiet;
            row.again |= fresh && quiet;
        });
    }

    pub(crate) fn away(&mut self, key: Key, acked: u64, until: u64) {
        let of = Of::Ghost { until, name: None };
        self.edit(key, |row| row.devices.push(Device { acked, of }));
    }

    pub(crate) fn detach(&mut self, client: u64, key: Key, now: u64) -> bool {
        let of = Of::Session(client);
        let had = |row: &Row| row.devices.iter().any(|device| device.of == of);
        if !self.rows.get(&key).is_some_and(had) {
            let known = self.clients.get(&client).filter(|known| known.is_over);
            if let Some(name) = known.and_then(|known| known.name) {
                self.disown(key, |of| of == Some(name));
            }
            return false;
        }
        self.edit(key, |row| {
            row.devices.retain(|device| device.of != of);
            if row.live() == 0 {
                row.absent = Some(now);
            }
        });
        true
    }

    pub(crate) fn ack(
        &mut self,
        client: u64,
        key: Key,
        seq: u64,
        held: Option<u64>,
    ) -> Option<u64> {
        if let Some(until) = held
            && self.rows.keys().any(|(room, _)| *room == key.0)
        {
            let before = self.held.entry(key.0).or_default();
            *before = until.max(*before);
        }
        let is_proxy = self
            .clients
            .get(&client)
            .is_some_and(|known| known.is_proxy);
        let outside = |floor: Option<u64>| match held.is_some() || is_proxy {
            true => None,
            false => Some(floor.map_or(seq, |floor| floor.min(seq))),
        };
        let Some(row) = self.rows.get_mut(&key) else {
            return outside(None);
        };
        let own = Of::Session(client);
        match row.devices.iter_mut().find(|device| device.of == own) {
            Some(own) => own.acked = own.acked.max(seq),
            None => return outside(row.floor()),
        }
        if held.is_some() {
            row.rising = true;
            return None;
        }
        row.floor()
    }

    pub(crate) fn kick(&mut self, key: Key, until: u64) -> (usize, bool) {
        let Some(row) = self.rows.get(&key) else {
            return (0, false);
        };
        let kicked = (row.live(), row.told);
        self.edit(key, |row| {
            for device in &mut row.devices {
                if matches!(device.of, Of::Session(_)) {
                    device.of = Of::Ghost { until, name: None };
                }
            }
            row.told = false;
            row.absent = None;
        });
        self.disown(key, |_| true);
        kicked
    }

    /// Ghosts of these names are nobody's any more.
    fn disown(&mut self, key: Key, these: impl Fn(Option<u8>) -> bool) {
        for device in self
            .rows
            .get_mut(&key)
            .into_iter()
            .flat_map(|row| &mut row.devices)
        {
            if let Of::Ghost { name, .. } = &mut device.of
                && these(*name)
            {
                *name = None;
            }
        }
    }

    pub(crate) fn remove_uid(&mut self, key: Key) -> usize {
        let live = self.rows.remove(&key).map_or(0, |row| row.live());
        self.tidy();
        live
    }

    pub(crate) fn remove_rooms(&mut self, gone: impl Fn(RoomNo) -> bool) {
        self.rows.retain(|key, _| !gone(key.0));
        self.tidy();
    }

    fn end_life(&mut self, client: u64, now: u64) {
        let name = self.clients.get(&client).and_then(|known| known.name);
        let until = now + DEVICE_GRACE;
        for row in self.rows.values_mut() {
            let of = Of::Session(client);
            if let Some(own) = row.devices.iter_mut().find(|device| device.of == of) {
                own.of = Of::Ghost { until, name };
                if row.live() == 0 {
                    row.absent = Some(now);
                }
            }
        }
    }

    pub(crate) fn client_gone(&mut self, client: u64, now: u64) {
        self.end_life(client, now);
        self.clients.remove(&client);
        for name in self.names.values_mut() {
            name.holder = name.holder.filter(|holder| *holder != client);
        }
    }

    pub(crate) fn hello(
        &mut self,
        client: u64,
        (name, user, id): (u8, u8, u8),
        lease: u64,
        now: u64,
    ) -> Answer {
        let clock = self.clock(now);
        let known = self.names.get(&name).cloned().unwrap_or_default();
        let leased = known.lease_until.is_some_and(|until| until >= clock);
        if known.holder.is_some() || leased {
            if known.user != user {
                return Answer::Taken;
            }
            let same = id != 0 && known.id == id;
            if let Some(other) = known.holder.filter(|other| *other != client) {
                let lost = self.clients.get(&client).and_then(|own| own.lost);
                if !same && lost == Some(name) {
                    return Answer::Superseded;
                }
                self.end_life(other, now);
                let other = self.clients.entry(other).or_default();
                other.name = None;
                other.lease_until = None;
                other.is_over = false;
                other.lost = (known.id != 0 && !same).then_some(name);
            }
        }
        let own = self.clients.entry(client).or_default();
        if let Some(before) = own.name.filter(|before| *before != name) {
            self.names.remove(&before);
        }
        let was_over = std::mem::take(&mut own.is_over);
        let before = own.lease_until.replace(clock + lease);
        own.name = Some(name);
        own.is_proxy = true;
        own.lost = None;
        let row = Name {
            holder: Some(client),
            user,
            id,
            lease_until: Some(clock + lease),
        };
        self.names.insert(name, row);
        match before.is_some() && !was_over {
            true => Answer::Ok,
            false => Answer::Announce,
        }
    }

    pub(crate) fn expire(&mut self, now: u64) {
        let clock = self.clock(now);
        let over =
            |known: &Client| known.is_over || known.lease_until.is_some_and(|until| until < clock);
        let clients = self.clients.iter().filter(|(_, known)| over(known));
        let clients: Vec<u64> = clients.map(|(client, _)| *client).collect();
        for client in clients {
            self.end_life(client, now);
            self.clients.entry(client).or_default().is_over = true;
        }
        let leased = |name: &Name| name.lease_until.is_some_and(|until| until >= clock);
        self.names
            .retain(|_, name| name.holder.is_some() || leased(name));
    }

    pub(crate) fn end_ghosts(&mut self, now: u64) {
        let keys: Vec<Key> = self.rows.keys().copied().collect();
        let over = |device: &Device| matches!(device.of, Of::Ghost { until, .. } if until <= now);
        for key in keys {
            self.edit(key, |row| row.devices.retain(|device| !over(device)));
        }
    }

    /// (what, room, uid) of all that is to be told.
    pub(crate) fn flush(&mut self, now: u64) -> Vec<(&'static str, RoomNo, u8)> {
        let mut told = Vec::new();
        let mut again = BTreeSet::new();
        for ((room, uid), row) in &mut self.rows {
            if std::mem::take(&mut row.again) && row.told {
                row.told = row.live() > 0;
                again.extend(row.told.then_some(*room));
            }
            if row.live() > 0 && !row.told {
                row.told = true;
                told.push(("came", *room, *uid));
            }
            if row.absent.is_some_and(|since| since + GRACE <= now) {
                row.absent = None;
                let what = if row.told { "went" } else { "passed" };
                if !row.told {
                    again.insert(*room);
                }
                row.told = false;
                told.push((what, *room, *uid));
            }
        }
        told.extend(again.into_iter().map(|room| ("again", room, 0)));
        self.tidy();
        told.sort_unstable();
        told
    }

    /// (room, uid, to) of all cursors that are to rise.
    pub(crate) fn take_risen(&mut self, now: u64) -> Vec<(RoomNo, u8, u64)> {
        let mut risen = Vec::new();
        for ((room, uid), row) in &mut self.rows {
            if row.rising && self.held.get(room).is_none_or(|until| *until <= now) {
                row.rising = false;
                risen.push((*room, *uid, row.floor().unwrap_or(row.acked)));
            }
        }
        self.tidy();
        risen
    }

    pub(crate) fn proxies(&self) -> u64 {
        let named = |known: &&Client| known.name.is_some();
        self.clients.values().filter(named).count() as u64
    }
}
