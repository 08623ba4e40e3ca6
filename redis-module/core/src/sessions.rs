//! Who is connected to this node: sessions, the leases of their connections, and what others are told about it.
//!
//! A session is (connection, room, uid). It is a fact about a connection: when that dies its sessions are gone at once.
//! Nothing of this is saved or replicated.
//!
//! What others are told lags behind on purpose. Arrivals are gathered until the next [`flush`](Sessions::flush), and a
//! departure is told only after a grace period, so that a blip flaps nobody.

use crate::position::Seq;
use hashbrown::{Equivalent, HashMap, HashSet};
use std::collections::VecDeque;
use std::hash::Hash;
use std::sync::Arc;

/// A connection, by the number that Redis gave it.
pub type ClientId = u64;

/// A room's key: database and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoomKey {
    /// The number of the database.
    pub db: i32,
    /// The key's name.
    pub name: Arc<[u8]>,
}

/// So many who came back within the grace period are passed over in the time that one who did not takes.
const BACK_PER_GONE: usize = 8;

impl RoomKey {
    /// Copies the name.
    pub fn new(db: i32, name: &[u8]) -> Self {
        Self {
            db,
            name: name.into(),
        }
    }
}

/// A room's key whose name is borrowed: enough to look something up. It must hash as [`RoomKey`] does.
#[derive(Clone, Copy, Debug, Hash)]
pub struct RoomName<'a> {
    /// The number of the database.
    pub db: i32,
    /// The key's name.
    pub name: &'a [u8],
}

impl Equivalent<RoomKey> for RoomName<'_> {
    fn equivalent(&self, key: &RoomKey) -> bool {
        self.db == key.db && *self.name == *key.name
    }
}

impl From<&RoomName<'_>> for RoomKey {
    fn from(key: &RoomName<'_>) -> Self {
        Self::new(key.db, key.name)
    }
}

/// One session of a uid.
#[derive(Clone, Copy, Debug)]
struct Session {
    client: ClientId,
    /// The last message that this session has acknowledged.
    acked: Seq,
}

/// A uid that has sessions, or had some and was not reported gone yet.
#[derive(Debug, Default)]
struct Presence {
    sessions: Vec<Session>,
    /// Others were told that it is here.
    told: bool,
    /// When its last session ended.
    gone_ms: u64,
}

/// A uid whose slowest session ended while others are here that have acknowledged more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Risen {
    /// The room.
    pub key: RoomKey,
    /// Who.
    pub uid: Arc<[u8]>,
    /// What its remaining sessions have acknowledged.
    pub to: Seq,
}

#[derive(Debug, Default)]
struct RoomSessions {
    uids: HashMap<Arc<[u8]>, Presence>,
    online: u64,
    /// Uids that came and were not told of yet.
    came: VecDeque<Arc<[u8]>>,
}

#[derive(Debug, Default)]
struct Client {
    /// The uids whose sessions it holds, by room: when it ends, only they are looked at.
    rooms: HashMap<RoomKey, HashSet<Arc<[u8]>>>,
    proxy: Option<Arc<[u8]>>,
    /// Unix time in milliseconds; without a lease the connection alone counts.
    lease_until: Option<u64>,
}

/// What the others in a room are to be told.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// Uids whose first session came.
    pub came: Vec<Arc<[u8]>>,
    /// Uids whose last session went, longer ago than the grace period.
    pub went: Vec<Arc<[u8]>>,
    /// Uids who came and went before anybody was told: no news, but they were here.
    pub passed: Vec<Arc<[u8]>>,
}

/// See the top of the file.
#[derive(Debug, Default)]
pub struct Sessions {
    rooms: HashMap<RoomKey, RoomSessions>,
    clients: HashMap<ClientId, Client>,
    proxies: HashMap<Arc<[u8]>, ClientId>,
    /// Rooms with arrivals that nobody was told of.
    changed: HashSet<RoomKey>,
    /// Departures in the order in which they happened: (when, room, uid).
    leaving: VecDeque<(u64, RoomKey, Arc<[u8]>)>,
    /// Cursors that are to rise.
    risen: VecDeque<Risen>,
}

impl Sessions {
    /// Begins a session with everything up to `acked` acknowledged. One that this connection has already stays at the
    /// lower of both: it stands for all tabs of the uid on one proxy.
    pub fn join(&mut self, client: ClientId, key: &RoomKey, uid: &[u8], acked: Seq) {
        self.begin(client, key, uid, acked, Seq::min);
    }

    /// Announces a session at its member's cursor. One that this connection has already stays at the higher of both: it
    /// never ended, and its acknowledgements count.
    pub fn attach(&mut self, client: ClientId, key: &RoomKey, uid: &[u8], cursor: Seq) {
        self.begin(client, key, uid, cursor, Seq::max);
    }

    /// `of_both` chooses between what a session has acknowledged and what it begins with now.
    fn begin(
        &mut self,
        client: ClientId,
        key: &RoomKey,
        uid: &[u8],
        acked: Seq,
        of_both: fn(Seq, Seq) -> Seq,
    ) {
        let room = self.rooms.entry(key.clone()).or_default();
        let uid: Arc<[u8]> = match room.uids.get_key_value(uid) {
            Some((known, _)) => known.clone(),
            None => uid.into(),
        };
        let presence = room.uids.entry(uid.clone()).or_default();
        if presence.sessions.is_empty() {
            room.online += 1;
            if !presence.told {
                room.came.push_back(uid.clone());
                self.changed.insert(key.clone());
            }
        }
        match presence
            .sessions
            .iter_mut()
            .find(|session| session.client == client)
        {
            Some(session) => session.acked = of_both(session.acked, acked),
            None => {
                presence.sessions.push(Session { client, acked });
                let rooms = &mut self.clients.entry(client).or_default().rooms;
                rooms.entry_ref(key).or_default().insert(uid);
            }
        }
    }

    /// What the uid as a whole has acknowledged: the lowest of its sessions; `None` if it has none.
    pub fn lowest(&self, key: &RoomKey, uid: &[u8]) -> Option<Seq> {
        self.rooms.get(key)?.uids.get(uid)?.lowest()
    }

    /// This session acknowledges everything up to `seq`. Returns what the uid as a whole has acknowledged: the lowest of
    /// its sessions; `seq` itself if this connection holds no session of the uid (somebody acts from outside).
    pub fn ack(&mut self, client: ClientId, key: &RoomKey, uid: &[u8], seq: Seq) -> Seq {
        let Some(presence) = self
            .rooms
            .get_mut(key)
            .and_then(|room| room.uids.get_mut(uid))
        else {
            return seq;
        };
        let Some(own) = presence
            .sessions
            .iter_mut()
            .find(|session| session.client == client)
        else {
            return seq;
        };
        own.acked = own.acked.max(seq);
        presence.lowest().unwrap_or(seq)
    }

    /// Ends one session. Whether there was one.
    pub fn detach(&mut self, client: ClientId, key: &RoomKey, uid: &[u8], now: u64) -> bool {
        let Some(room) = self.rooms.get_mut(key) else {
            return false;
        };
        let Some((uid, presence)) = room.uids.get_key_value_mut(uid) else {
            return false;
        };
        let before = presence.lowest();
        if !presence.end(client) {
            return false;
        }
        self.risen.extend(presence.risen(before, key, uid));
        if presence.sessions.is_empty() {
            presence.gone_ms = now;
            self.leaving.push_back((now, key.clone(), uid.clone()));
            room.online -= 1;
        }
        let uid = uid.clone();
        self.release(client, key, &uid);
        true
    }

    /// Takes one session from a connection.
    fn release(&mut self, client: ClientId, key: &RoomKey, uid: &[u8]) {
        let Some(client) = self.clients.get_mut(&client) else {
            return;
        };
        if let Some(uids) = client.rooms.get_mut(key) {
            uids.remove(uid);
            if uids.is_empty() {
                client.rooms.remove(key);
            }
        }
    }

    /// Ends all sessions of a uid in a room at once, without grace: it left or was kicked. How many there were.
    pub fn remove_uid(&mut self, key: &RoomKey, uid: &[u8]) -> usize {
        let Some(room) = self.rooms.get_mut(key) else {
            return 0;
        };
        let Some(presence) = room.uids.remove(uid) else {
            return 0;
        };
        if !presence.sessions.is_empty() {
            room.online -= 1;
        }
        // If it was to be told that the uid came, `flush` finds nobody there: looking for it here would cost a walk.
        for session in &presence.sessions {
            self.release(session.client, key, uid);
        }
        self.tidy(key);
        presence.sessions.len()
    }

    /// Forgets a room whose key is gone. Whether it had sessions.
    pub fn remove_room(&mut self, key: &RoomKey) -> bool {
        let Some(room) = self.rooms.remove(key) else {
            return false;
        };
        self.changed.remove(key);
        for presence in room.uids.values() {
            for session in &presence.sessions {
                if let Some(client) = self.clients.get_mut(&session.client) {
                    client.rooms.remove(key);
                }
            }
        }
        room.online > 0
    }

    /// Every room that somebody is or was just connected to.
    pub fn rooms(&self) -> Vec<RoomKey> {
        self.rooms.keys().cloned().collect()
    }

    /// Ends every session of a connection that is gone.
    pub fn drop_client(&mut self, client: ClientId, now: u64) {
        let Some(gone) = self.clients.remove(&client) else {
            return;
        };
        if let Some(proxy) = gone.proxy
            && self.proxies.get(&proxy) == Some(&client)
        {
            self.proxies.remove(&proxy);
        }
        for (key, uids) in gone.rooms {
            self.drop_client_in(client, &key, uids, now);
        }
    }

    fn drop_client_in(
        &mut self,
        client: ClientId,
        key: &RoomKey,
        uids: HashSet<Arc<[u8]>>,
        now: u64,
    ) {
        let Some(room) = self.rooms.get_mut(key) else {
            return;
        };
        for uid in uids {
            let Some(presence) = room.uids.get_mut(&uid) else {
                continue;
            };
            let before = presence.lowest();
            if !presence.end(client) {
                continue;
            }
            self.risen.extend(presence.risen(before, key, &uid));
            if presence.sessions.is_empty() {
                presence.gone_ms = now;
                self.leaving.push_back((now, key.clone(), uid));
                room.online -= 1;
            }
        }
    }

    /// Up to `most` cursors that are to rise; told once. A session that began meanwhile holds them back again.
    pub fn take_risen(&mut self, most: usize) -> Vec<Risen> {
        let many = most.min(self.risen.len());
        let mut risen: Vec<Risen> = self.risen.drain(..many).collect();
        for one in &mut risen {
            if let Some(lowest) = self.lowest(&one.key, &one.uid) {
                one.to = lowest;
            }
        }
        risen
    }

    /// Names a connection and renews its lease. An older connection of the same proxy is superseded: its sessions end.
    /// True if this connection's sessions must be announced (again).
    pub fn hello(&mut self, client: ClientId, proxy: &[u8], lease_ms: u64, now: u64) -> bool {
        if let Some(&older) = self.proxies.get(proxy)
            && older != client
        {
            self.drop_client(older, now);
        }
        let name: Arc<[u8]> = proxy.into();
        let known = self.clients.entry(client).or_default();
        let announce = known.lease_until.is_none_or(|until| until < now);
        known.lease_until = Some(now.saturating_add(lease_ms));
        if let Some(before) = known.proxy.replace(name.clone())
            && before != name
        {
            self.proxies.remove(&before);
        }
        self.proxies.insert(name, client);
        announce
    }

    /// Ends the sessions of connections whose lease has run out. How many connections.
    pub fn expire_leases(&mut self, now: u64) -> usize {
        let over = |client: &Client| {
            client.lease_until.is_some_and(|until| until < now) && !client.rooms.is_empty()
        };
        let expired: Vec<ClientId> = self
            .clients
            .iter()
            .filter_map(|(&id, client)| over(client).then_some(id))
            .collect();
        for &id in &expired {
            let rooms = match self.clients.get_mut(&id) {
                Some(client) => std::mem::take(&mut client.rooms),
                None => continue,
            };
            for (key, uids) in rooms {
                self.drop_client_in(id, &key, uids, now);
            }
        }
        expired.len()
    }

    /// Uids with at least one session in this room.
    pub fn online<K: Hash + Equivalent<RoomKey>>(&self, key: &K) -> u64 {
        self.rooms.get(key).map_or(0, |room| room.online)
    }

    /// Sessions of one uid in this room.
    pub fn sessions_of(&self, key: &RoomKey, uid: &[u8]) -> usize {
        let presence = self.rooms.get(key).and_then(|room| room.uids.get(uid));
        presence.map_or(0, |presence| presence.sessions.len())
    }

    /// Tells of each uid whether it is here, or was here within the grace period; `None` where nobody is.
    pub fn present_in<K: Hash + Equivalent<RoomKey>>(
        &self,
        key: &K,
    ) -> Option<impl Fn(&[u8]) -> bool + '_> {
        let room = self.rooms.get(key)?;
        Some(|uid: &[u8]| room.uids.contains_key(uid))
    }

    /// Sessions of all rooms, rooms with somebody online, named connections.
    pub fn totals(&self) -> (u64, u64, u64) {
        let online = self.rooms.values().map(|room| room.online).sum();
        let rooms = self.rooms.values().filter(|room| room.online > 0).count() as u64;
        (online, rooms, self.proxies.len() as u64)
    }

    /// What is to be told now, room by room; told once. `grace_ms` is how long a departure is kept back. At most `most`
    /// arrivals and as many departures: the others are told by the next calls.
    pub fn flush(&mut self, now: u64, grace_ms: u64, most: usize) -> Vec<(RoomKey, Change)> {
        let mut changes = HashMap::new();
        self.flush_arrivals(most, &mut changes);
        self.flush_departures(now.saturating_sub(grace_ms), most, &mut changes);
        changes.into_iter().collect()
    }

    fn flush_arrivals(&mut self, most: usize, changes: &mut HashMap<RoomKey, Change>) {
        let mut left = most;
        let rooms: Vec<RoomKey> = self.changed.iter().take(most).cloned().collect();
        for key in rooms {
            let Some(room) = self.rooms.get_mut(&key) else {
                self.changed.remove(&key);
                continue;
            };
            let some = left.min(room.came.len());
            left -= some;
            for uid in room.came.drain(..some) {
                if let Some(presence) = room.uids.get_mut(&uid)
                    && !presence.told
                    && !presence.sessions.is_empty()
                {
                    presence.told = true;
                    changes.entry_ref(&key).or_default().came.push(uid);
                }
            }
            if room.came.is_empty() {
                room.came = VecDeque::new();
                self.changed.remove(&key);
            }
        }
    }

    /// Those who went until `until`. Who came back meanwhile costs less than who did not.
    fn flush_departures(
        &mut self,
        until: u64,
        most: usize,
        changes: &mut HashMap<RoomKey, Change>,
    ) {
        let mut told = 0;
        for _ in 0..most.saturating_mul(BACK_PER_GONE) {
            let due = self.leaving.front().is_some_and(|gone| gone.0 <= until);
            if !due || told == most {
                return;
            }
            let Some((when, key, uid)) = self.leaving.pop_front() else {
                return;
            };
            let Some(known) = self.forget_absent(&key, &uid, when) else {
                continue;
            };
            let change: &mut Change = changes.entry(key).or_default();
            match known {
                true => change.went.push(uid),
                false => change.passed.push(uid),
            }
            told += 1;
        }
    }

    /// Removes a uid that went at `when` and did not come back; whether others knew of it.
    fn forget_absent(&mut self, key: &RoomKey, uid: &[u8], when: u64) -> Option<bool> {
        let room = self.rooms.get_mut(key)?;
        let absent = |presence: &Presence| presence.sessions.is_empty() && presence.gone_ms == when;
        if !room.uids.get(uid).is_some_and(absent) {
            return None;
        }
        let told = room.uids.remove(uid).is_some_and(|presence| presence.told);
        self.tidy(key);
        Some(told)
    }

    /// Forgets a room without uids.
    fn tidy(&mut self, key: &RoomKey) {
        if self.rooms.get(key).is_some_and(|room| room.uids.is_empty()) {
            self.rooms.remove(key);
            self.changed.remove(key);
        }
    }
}

impl From<&RoomKey> for RoomKey {
    fn from(key: &RoomKey) -> Self {
        key.clone()
    }
}

impl Presence {
    fn lowest(&self) -> Option<Seq> {
        self.sessions.iter().map(|session| session.acked).min()
    }

    /// What is to be told if the sessions that are left are above `before`.
    fn risen(&self, before: Option<Seq>, key: &RoomKey, uid: &Arc<[u8]>) -> Option<Risen> {
        let to = self.lowest().filter(|to| Some(*to) > before)?;
        Some(Risen {
            key: key.clone(),
            uid: uid.clone(),
            to,
        })
    }

    /// Ends the session of one connection. Whether there was one.
    fn end(&mut self, client: ClientId) -> bool {
        let before = self.sessions.len();
        self.sessions.retain(|session| session.client != client);
        self.sessions.len() < before
    }
}

#[cfg(test)]
mod tests;
