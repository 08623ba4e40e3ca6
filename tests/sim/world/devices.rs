//! The devices' turns: connecting, reading, saying, hanging up.

use super::{Actor, World};
use crate::checker::Judge;
use crate::people::{KEYS, Scene};
use crate::plan::{Cluster, PROXIES};
use crate::socket::Socket;
use hub_core::handle::ConnId;

/// Whoever listens hears what is said so soon where nothing fails, also while slots move.
const LATEST: u64 = 1_000;

impl World<'_> {
    pub(super) fn device_turn(&mut self, number: usize) {
        let now = self.now;
        if now < self.devices[number].crawls_until {
            return self.wake(Actor::Device(number), self.devices[number].crawls_until);
        }
        if self.devices[number].conn.is_none() && now >= self.devices[number].connect_at {
            self.open(number);
        }
        if let Some(conn) = self.devices[number].conn {
            self.read(number, conn);
        }
        if self.devices[number].look(now) {
            self.stats.add("given up by a client", 1);
            self.hang_up(number, false);
            self.disconnected(number, 100);
        }
        self.say(number);
        let device = &self.devices[number];
        let socket = device.conn.and_then(|conn| self.sockets.get(&conn));
        let next = socket.and_then(Socket::client_wakes).unwrap_or(u64::MAX);
        let at = next.min(device.wakes()).max(now + 1);
        self.wake(Actor::Device(number), at);
    }

    pub(super) fn open(&mut self, number: usize) {
        let now = self.now;
        let home = self.devices[number].home;
        let other = (home + 1) % PROXIES;
        // With sentinels two proxies may see two histories: people go from one to the other.
        let both = match self.primary.is_some() && self.random.once_in(2) {
            true => [other, home],
            false => [home, other],
        };
        let Some(proxy) = both
            .into_iter()
            .find(|proxy| self.proxies[*proxy].listens())
        else {
            self.devices[number].connect_at = now + 200;
            return;
        };
        self.conns += 1;
        let conn = self.conns;
        self.sockets.insert(
            conn,
            Socket::new(conn, number, proxy, self.plan.seed, self.plan.network),
        );
        self.proxies[proxy].accept(now, conn);
        self.devices[number].connected(now, conn);
    }

    pub(super) fn read(&mut self, number: usize, conn: ConnId) {
        let now = self.now;
        while let Some(socket) = self.sockets.get_mut(&conn) {
            let Some(bytes) = socket.to_client.pop(now) else {
                break;
            };
            socket.in_flight -= bytes.len();
            let proxy = socket.proxy;
            let truth = self.truth.borrow();
            let mut scene = Scene {
                now,
                truth: &truth,
                stats: &mut self.stats,
                wrong: &mut self.wrong,
                trace: self.trace,
                latest: (self.plan.cluster == Cluster::Listeners).then_some(LATEST),
            };
            self.devices[number].receive(&bytes, &mut scene);
            drop(truth);
            self.proxies[proxy].has_room(conn, now);
            self.wake(Actor::Proxy(proxy), now);
        }
        let closed = self
            .sockets
            .get(&conn)
            .is_none_or(|socket| socket.client_learns.is_some_and(|at| at <= now));
        if closed {
            self.sockets.remove(&conn);
            let ms = self.random.between(50, 600);
            self.disconnected(number, ms);
        }
    }

    pub(super) fn disconnected(&mut self, number: usize, ms: u64) {
        let device = &mut self.devices[number];
        device.disconnected(self.now, ms);
        if !device.kind.2 {
            for place in &mut device.places {
                let mut judge = Judge {
                    now: self.now,
                    truth: &self.truth.borrow(),
                    wrong: &mut self.wrong,
                };
                judge.cut_off(KEYS[place.room], &mut place.track);
            }
        }
        self.wake(Actor::Device(number), self.now + ms);
    }

    pub(super) fn say(&mut self, number: usize) {
        let device = &mut self.devices[number];
        let says = std::mem::take(&mut device.says);
        let pongs = std::mem::take(&mut device.pongs);
        let Some(socket) = device.conn.and_then(|conn| self.sockets.get_mut(&conn)) else {
            return;
        };
        if says.is_empty() && pongs.is_empty() || !socket.proxy_end {
            return;
        }
        says.into_iter()
            .for_each(|text| socket.to_proxy.send(self.now, text));
        pongs
            .into_iter()
            .for_each(|number| socket.pongs.send(self.now, number));
        let (proxy, at) = (socket.proxy, socket.proxy_wakes());
        if let Some(at) = at {
            self.wake(Actor::Proxy(proxy), at);
        }
    }

    /// A device's connection ends, as this side sees it; with `loses` what is on its way does not arrive.
    pub(super) fn hang_up(&mut self, number: usize, loses: bool) {
        let Some(conn) = self.devices[number].conn else {
            return;
        };
        let now = self.now;
        let late = self.random.between(100, 400);
        let Some(socket) = self.sockets.get_mut(&conn) else {
            return;
        };
        socket.client_end = false;
        socket.to_client.clear();
        if loses {
            socket.to_proxy.clear();
        }
        socket.proxy_learns = Some(now + late);
        let proxy = socket.proxy;
        match socket.proxy_end {
            true => self.wake(Actor::Proxy(proxy), now + late),
            false => drop(self.sockets.remove(&conn)),
        }
    }
}
