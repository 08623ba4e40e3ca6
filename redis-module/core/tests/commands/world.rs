//! Proxies and people's devices around a server: what each does, and what each may rely on.

use crate::calls::{join, publish, with_id, with_room_id};
use crate::device::{Device, Kept};
use crate::server::Server;
use crate::value::Value;
use room_core::commands::{self, Join, Page, Trim};
use room_core::limits::Limit;
use room_core::log::MAX_SEQ;
use room_core::position::{Position, Seq};
use room_core::sessions::Ghost;

pub(crate) const KEY: &str = "r";
pub(crate) const LEASE: u64 = 1000;
/// The uid of each device. The only one of `c` remembers no position.
pub(crate) const UID_OF: [&str; 5] = ["a", "a", "b", "b", "c"];

pub(crate) struct Proxy {
    pub(crate) client: u64,
    pub(crate) up: bool,
    pub(crate) lease_until: u64,
}

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) devices: Vec<Device>,
    pub(crate) proxies: [Proxy; 2],
    next_client: u64,
    /// Everything that was said in this life of the room.
    pub(crate) said: Vec<String>,
    birth: Option<u32>,
    /// Devices that went while their proxy had no connection: it says so first when it has one.
    unsaid: Vec<(usize, usize)>,
}

impl World {
    pub(crate) fn new() -> Self {
        let mut server = Server::settled();
        server.settings.limits.set(Limit::Keep, 2);
        server.settings.limits.set(Limit::MemberTtl, 3000);
        server.settings.grace = 50;
        server.settings.start_grace = 200;
        server.settings.device_grace = 300;
        server.settings.presence_names = 2;
        server.settings.newcomer_ttl = 4000;
        server.settings.dedupe.age_ms = 500;
        server.settings.room_ids = 2;
        let proxy = || Proxy {
            client: 0,
            up: false,
            lease_until: 0,
        };
        Self {
            server,
            devices: UID_OF.map(Device::new).to_vec(),
            proxies: [proxy(), proxy()],
            next_client: 10,
            said: Vec::new(),
            birth: None,
            unsaid: Vec::new(),
        }
    }

    pub(crate) fn room(&self) -> Option<&room_core::room::Room> {
        let room = self.server.rooms.get(&(0, KEY.into()));
        room.map(|room| &**room)
    }

    pub(crate) fn cursor(&self, uid: &str) -> Option<Seq> {
        Some(self.room()?.member(uid.as_bytes())?.cursor)
    }

    fn ghost(&self) -> Kept {
        Kept::Ghost(self.server.mono + self.server.settings.device_grace)
    }

    /// What was said begins anew with each life of the room.
    pub(crate) fn follow_life(&mut self) {
        let birth = self.room().map(|room| room.birth().0);
        if birth != self.birth {
            self.birth = birth;
            self.said.clear();
        }
    }

    pub(crate) fn publish(&mut self, uid: &str, id: Option<u8>) {
        let text = format!("text {}", self.server.told.len());
        let id = id.map(|id| id.to_string());
        let publish = publish(uid, &text);
        // Some are the uid's, some the room's, which may have as many as it takes.
        let publish = match &id {
            Some(id) if &**id < "2" => with_id(publish, id),
            Some(id) => with_room_id(publish, id),
            None => publish,
        };
        let reply = match self.server.publish(0, KEY, publish) {
            Err(code) if publish.room_id.is_some() && code == "LIMIT" => return,
            reply => reply.unwrap(),
        };
        self.follow_life();
        let (seq, again) = (reply.items()[0].int(), reply.items()[3].int() == 1);
        if !again {
            self.said.push(text);
        }
        assert!(seq == self.said.len() as u64 || again);
    }

    pub(crate) fn join(&mut self, device: usize, proxy: usize) {
        let known = self.devices[device].clone();
        if known.seat.is_some() || !self.proxies[proxy].up {
            return;
        }
        let remembers = known.uid != "c";
        let arguments = Join {
            since: known.has.filter(|_| remembers),
            ..join(known.uid)
        };
        let before = self.cursor(known.uid);
        let taken = self.taken_by(&known, proxy, arguments.since);
        let reply = self.server.join(self.proxies[proxy].client, KEY, arguments);
        let reply = reply.unwrap();
        self.follow_life();
        let at = Position::parse(reply.get("position").text().as_bytes()).unwrap();
        let reset = reply.get("reset").int() == 1;
        // Whoever is a member and was here in this life misses nothing without being told.
        if let (Some(has), Some(_), false) = (known.has, before, reset) {
            let reached = has.seq.max(if remembers { 0 } else { known.given_up });
            match reply.get("lost") {
                Value::Null => assert!(at.seq <= reached, "{known:?} starts at {at}"),
                lost => {
                    let (from, to) = (lost.items()[0].int(), lost.items()[1].int());
                    assert!(
                        from <= reached + 1 && to == at.seq,
                        "{known:?} lost {lost:?}"
                    );
                }
            }
        }
        let cursor = self.cursor(known.uid).unwrap();
        let device = &mut self.devices[device];
        // That something is gone it knows when it reads on; until then it may go, and be told again.
        let is_told = *reply.get("lost") == Value::Null || device.has.is_none();
        device.untold = (!is_told).then_some(at);
        if is_told {
            device.has = Some(at);
        }
        device.given_up = cursor;
        device.seat = Some(proxy);
        device.kept = Kept::Live;
        if let Some(taken) = taken {
            let lowest = arguments.since.is_none() || reset;
            self.note_mistaken(known.uid, lowest, &taken);
        }
    }

    /// The ghost that this device takes over, if it does, when it joins.
    fn taken_by(&self, device: &Device, proxy: usize, since: Option<Position>) -> Option<Ghost> {
        let room = self.room()?;
        let since = since.filter(|since| room.verify(*since) != Some(false));
        self.server.sessions.takeover(
            self.proxies[proxy].client,
            self.server.name(KEY),
            device.uid.as_bytes(),
            since.map(|since| since.seq),
        )
    }

    /// Ghosts name no device: a JOIN takes the one that fits its position, or the lowest, and that may be another
    /// device's. But by a position nothing is taken that stands for several tabs.
    fn note_mistaken(&mut self, uid: &str, lowest: bool, taken: &Ghost) {
        let ahead = self.ahead();
        for other in self.devices.iter_mut().filter(|other| other.uid == uid) {
            other.taken |= other.is_held_by(taken, ahead) && (lowest || !other.shared);
        }
    }

    /// A device whose ghost was taken so is owed nothing once no other ghost holds as much for as long.
    pub(crate) fn forgive_mistaken(&mut self) {
        let ahead = self.ahead();
        for device in &mut self.devices {
            let (name, uid) = (self.server.name(KEY), device.uid.as_bytes());
            let mut ghosts = self.server.sessions.ghosts(name, uid);
            if device.taken && !ghosts.any(|ghost| device.is_held_by(&ghost, ahead)) {
                device.taken = false;
                if matches!(device.kept, Kept::Ghost(_)) {
                    device.kept = Kept::No;
                }
            }
        }
    }

    /// The server's clock begins anew with each start.
    fn ahead(&mut self) -> u64 {
        self.server.mono - self.server.times().mono
    }

    /// The device reads so many messages and processes them.
    pub(crate) fn read(&mut self, device: usize, many: u64) {
        let known = &mut self.devices[device];
        known.has = known.untold.take().or(known.has);
        let Device {
            seat: Some(_),
            has: Some(has),
            ..
        } = self.devices[device]
        else {
            return;
        };
        let page = Page {
            count: many,
            bytes: 1 << 20,
        };
        let Ok(rows) = commands::range(self.room(), has.seq + 1, MAX_SEQ, page) else {
            return;
        };
        let rows = Value::of(&rows);
        let mut last = has.seq;
        for row in rows.get("rows").items() {
            let seq = row.items()[0].int();
            assert!(seq == last + 1 || last == has.seq, "a hole in the middle");
            assert_eq!(row.items()[3].text(), self.said[seq as usize - 1]);
            last = seq;
        }
        let at = self.room().and_then(|room| room.log().position_at(last));
        if let Some(at) = at {
            self.devices[device].has = Some(at);
        }
    }

    fn seated(&self, proxy: usize, uid: &str) -> impl Iterator<Item = usize> {
        let here = |device: &Device| device.seat == Some(proxy) && device.uid == uid;
        let here: Vec<usize> = (0..self.devices.len())
            .filter(|at| here(&self.devices[*at]))
            .collect();
        here.into_iter()
    }

    /// A proxy reports what all tabs of a uid have.
    pub(crate) fn ack(&mut self, proxy: usize, uid: &str) {
        let has = self
            .seated(proxy, uid)
            .filter_map(|at| self.devices[at].has);
        let Some(has) = has.min_by_key(|has| has.seq) else {
            return;
        };
        if self.proxies[proxy].up {
            let _ = self
                .server
                .ack_at(self.proxies[proxy].client, KEY, has, &[uid]);
        }
    }

    /// Somebody with redis-cli acknowledges something.
    pub(crate) fn ack_from_outside(&mut self, uid: &str, back: u64) {
        let at = self.room().and_then(|room| {
            let seq = room.log().head().seq.saturating_sub(back);
            room.log().position_at(seq)
        });
        if let Some(at) = at {
            self.server.ack_at(1, KEY, at, &[uid]).unwrap();
        }
    }

    /// A device goes, with a logout or without one.
    pub(crate) fn go(&mut self, device: usize, logout: bool) {
        let known = self.devices[device].clone();
        let Some(proxy) = known.seat else { return };
        self.devices[device].seat = None;
        self.devices[device].untold = None;
        if logout {
            self.devices[device].kept = Kept::No;
        }
        let Proxy { client, up, .. } = self.proxies[proxy];
        if !up {
            self.unsaid.extend((!logout).then_some((proxy, device)));
            return;
        }
        if !logout {
            self.say_away(proxy, device);
        }
        if self.seated(proxy, known.uid).count() == 0 {
            self.server.detach(client, KEY, &[known.uid]).unwrap();
        }
    }

    fn say_away(&mut self, proxy: usize, device: usize) {
        let Device {
            uid,
            has,
            seat: None,
            ..
        } = self.devices[device]
        else {
            return;
        };
        let Some(has) = has else { return };
        let kept = self
            .server
            .away(self.proxies[proxy].client, KEY, has, &[uid]);
        if kept.is_ok_and(|kept| kept.int() == 1) {
            let ghost = self.ghost();
            self.devices[device].goes(ghost, false);
        }
    }

    pub(crate) fn connection_dies(&mut self, proxy: usize) {
        if std::mem::replace(&mut self.proxies[proxy].up, false) {
            self.server.gone(self.proxies[proxy].client);
            self.sessions_end(proxy);
        }
    }

    fn sessions_end(&mut self, proxy: usize) {
        let (ghost, shared) = (self.ghost(), self.shared());
        for (device, shared) in self.devices.iter_mut().zip(shared) {
            if device.seat == Some(proxy) && device.kept == Kept::Live {
                device.goes(ghost, shared);
            }
        }
    }

    /// Of each device, whether another tab of its uid has the same session.
    fn shared(&self) -> Vec<bool> {
        let tabs = |of: &Device| {
            let same = |tab: &&Device| tab.seat == of.seat && tab.uid == of.uid;
            let live = self.devices.iter().filter(|tab| tab.kept == Kept::Live);
            live.filter(same).count()
        };
        self.devices.iter().map(|device| tabs(device) > 1).collect()
    }

    /// A proxy connects, or renews its lease; and announces its sessions where it is asked to.
    pub(crate) fn hello(&mut self, proxy: usize) {
        if !self.proxies[proxy].up {
            self.next_client += 1;
            self.proxies[proxy].client = self.next_client;
            self.proxies[proxy].up = true;
        }
        let client = self.proxies[proxy].client;
        let answer = self
            .server
            .hello(client, &format!("p{proxy}"), LEASE)
            .unwrap();
        self.proxies[proxy].lease_until = self.server.mono + LEASE;
        for (of, device) in std::mem::take(&mut self.unsaid) {
            match of == proxy {
                true => self.say_away(proxy, device),
                false => self.unsaid.push((of, device)),
            }
        }
        if answer.text() == "ANNOUNCE" {
            for uid in ["a", "b", "c"] {
                self.announce(proxy, uid);
            }
        }
    }

    fn announce(&mut self, proxy: usize, uid: &'static str) {
        let seated: Vec<usize> = self.seated(proxy, uid).collect();
        if seated.is_empty() {
            return;
        }
        let reply = self.server.attach(self.proxies[proxy].client, KEY, &[uid]);
        if !reply.is_ok_and(|reply| reply.get("gone").items().is_empty()) {
            return;
        }
        let name = self.server.name(KEY);
        let floor = self
            .server
            .sessions
            .floor(name, uid.as_bytes(), None)
            .unwrap();
        for at in seated {
            let device = &mut self.devices[at];
            if device.kept == Kept::No {
                device.given_up = device.given_up.max(floor);
            }
            device.kept = Kept::Live;
        }
    }

    pub(crate) fn kick(&mut self, uid: &str) {
        if self.server.kick(KEY, uid, "").is_ok() {
            let ghost = self.ghost();
            let shared = self.shared();
            let devices = self.devices.iter_mut().zip(shared);
            for (device, shared) in devices.filter(|(device, _)| device.uid == uid) {
                device.seat = None;
                device.untold = None;
                if device.kept == Kept::Live {
                    device.goes(ghost, shared);
                }
            }
        }
    }

    pub(crate) fn trim(&mut self, keep: u64) {
        let _ = self.server.trim(KEY, Trim::MaxLen(keep));
    }

    /// The server dies and starts with what it had, or its replica takes over.
    pub(crate) fn server_dies(&mut self, promote: bool) {
        if promote {
            self.server.promote();
        } else {
            self.server.restart();
        }
        let until = self.server.mono + self.server.settings.device_grace;
        self.proxies.iter_mut().for_each(|proxy| proxy.up = false);
        for device in &mut self.devices {
            if device.kept != Kept::No {
                device.kept = Kept::Hold(until);
            }
        }
    }

    pub(crate) fn tick(&mut self, ms: u64) {
        self.server.tick(ms);
        let now = self.server.mono;
        for proxy in 0..self.proxies.len() {
            if self.proxies[proxy].up && self.proxies[proxy].lease_until < now {
                self.sessions_end(proxy);
            }
        }
        for device in &mut self.devices {
            if let Kept::Ghost(until) | Kept::Hold(until) = device.kept
                && until <= now
            {
                device.kept = Kept::No;
            }
        }
    }
}
