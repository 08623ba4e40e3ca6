//! A proxy's connections with clients: reading, heartbeats, writing.

use super::{Around, DEAD, IDLE, LIMIT, Proxy};
use crate::handle::LOW;
use crate::planted::Planted;
use hub_core::bans::Sight;
use hub_core::beats::Tick;
use hub_core::client::Act;
use hub_core::events;
use hub_core::handle::ConnId;

impl Proxy {
    /// What comes from clients.
    pub(super) fn read(&mut self, now: u64, around: &mut Around<'_>) {
        let all: Vec<ConnId> = self.conns.keys().copied().collect();
        for conn in all {
            self.read_one(now, conn, around);
        }
    }

    pub(super) fn read_one(&mut self, now: u64, conn: ConnId, around: &mut Around<'_>) {
        loop {
            let Some(of) = self.conns.get_mut(&conn) else {
                return;
            };
            let Some(socket) = around.sockets.get_mut(&conn) else {
                return;
            };
            let shared = of.handle.0.clone();
            while let Some(number) = socket.pongs.pop(now) {
                let mut beats = shared.beats.borrow_mut();
                beats.heard(now);
                beats.ponged(number);
            }
            let reads = !of.client.is_full() && shared.waiting.get() <= LIMIT;
            let gone = socket.proxy_learns.is_some_and(|at| at <= now);
            let Some(text) = reads.then(|| socket.to_proxy.pop(now)).flatten() else {
                if gone {
                    self.gone(now, conn, around);
                }
                return;
            };
            shared.beats.borrow_mut().heard(now);
            if around.trace {
                println!("{now:>6} p{} conn {conn} says {text}", self.index);
            }
            for act in of.client.text(now, &text, Sight::default()) {
                self.act(now, conn, act, around);
            }
            self.settle(now, conn, around);
        }
    }

    pub(super) fn act(&mut self, now: u64, conn: ConnId, act: Act, around: &mut Around<'_>) {
        let Some(of) = self.conns.get_mut(&conn) else {
            return;
        };
        match act {
            Act::Room(roomid, event, bytes) => {
                self.hub
                    .client(now, conn, &of.handle, &roomid, event, bytes, &mut self.asks);
            }
            Act::Say(frames) => {
                around.stats.add("refused at the door", 1);
                of.handle.0.put(frames);
            }
            Act::Tell(frames) => of.handle.0.put(frames),
            Act::Answered => {
                let beat = of.handle.0.beats.borrow_mut().answered();
                if let Some(beat) = beat {
                    self.hub
                        .answered(now, conn, of.client.rooms(), beat, &mut self.asks);
                }
            }
            // Nobody is asked for a token here.
            Act::Look(_) => {}
            Act::Close(_) => self.close(now, conn, around),
        }
    }

    pub(super) fn gone(&mut self, now: u64, conn: ConnId, around: &mut Around<'_>) {
        if let Some(of) = self.conns.remove(&conn) {
            of.handle.0.closed.set(true);
            if !self.defect.strikes(Planted::SeatStays, 3) {
                self.hub.gone(now, conn, of.client.rooms(), &mut self.asks);
            }
        }
        around.sockets.remove(&conn);
    }

    /// This side closes.
    pub(super) fn close(&mut self, now: u64, conn: ConnId, around: &mut Around<'_>) {
        around.stats.add("closed by a proxy", 1);
        if let Some(of) = self.conns.remove(&conn) {
            of.handle.0.closed.set(true);
            self.hub.gone(now, conn, of.client.rooms(), &mut self.asks);
        }
        if let Some(socket) = around.sockets.get_mut(&conn) {
            socket.proxy_end = false;
            socket.client_learns = Some(now + 10);
        }
    }

    pub(super) fn beat(&mut self, now: u64, around: &mut Around<'_>) {
        let all: Vec<ConnId> = self.conns.keys().copied().collect();
        for conn in all {
            let Some(of) = self.conns.get(&conn) else {
                continue;
            };
            let shared = of.handle.0.clone();
            let tick = {
                let mut beats = shared.beats.borrow_mut();
                let waits = beats.waits();
                beats.tick(now, IDLE, DEAD, waits)
            };
            match tick {
                Tick::Nothing => {}
                Tick::Beat => shared.beat(now),
                Tick::Ping => {
                    let number = shared.beats.borrow_mut().ping(now);
                    shared.put(events::ping(number));
                }
                Tick::Confirmed(beat) => {
                    around.stats.add("pong counted", 1);
                    self.hub
                        .answered(now, conn, of.client.rooms(), beat, &mut self.asks);
                }
                Tick::Dead => {
                    around.stats.add("dead connection", 1);
                    self.close(now, conn, around);
                }
            }
        }
    }

    /// Rooms write to their seats, some slices of them.
    pub(super) fn serve(&mut self, now: u64) {
        let mut slices = 1 + self.random.to(20);
        loop {
            let mut writes = self.random.to(12);
            let mut more = || {
                let more = writes > 0;
                writes = writes.saturating_sub(1);
                more
            };
            self.behind = self.hub.serve(now, &mut more, &mut self.asks);
            slices = slices.saturating_sub(1);
            if !self.behind || slices == 0 {
                return;
            }
        }
    }

    /// Hands on what rooms did with connections.
    pub(super) fn flush(&mut self, now: u64, around: &mut Around<'_>) {
        for _ in 0..1_000 {
            let dirty = std::mem::take(&mut *self.dirty.borrow_mut());
            if dirty.is_empty() {
                return;
            }
            for conn in dirty {
                self.settle(now, conn, around);
            }
        }
    }

    pub(super) fn settle(&mut self, now: u64, conn: ConnId, around: &mut Around<'_>) {
        let Some(of) = self.conns.get_mut(&conn) else {
            return;
        };
        let shared = &of.handle.0;
        shared
            .done
            .take()
            .into_iter()
            .for_each(|bytes| of.client.done(bytes));
        for (roomid, login) in shared.ended.take() {
            of.client.ended(&roomid, login);
        }
        let Some(socket) = around.sockets.get_mut(&conn) else {
            return;
        };
        let mut outbox = shared.outbox.borrow_mut();
        while socket.has_room()
            && let Some(frames) = outbox.pop_front()
        {
            shared.waiting.set(shared.waiting.get() - frames.len());
            socket.write(now, frames);
        }
        drop(outbox);
        if shared.waiting.get() <= LOW && shared.hungry.replace(false) {
            around.stats.add("slow reader", 1);
            let rooms = of.client.rooms().to_vec();
            self.hub.low(now, conn, &rooms, &mut self.asks);
            self.serve(now);
        }
    }

    /// The client took something out of the socket.
    pub(crate) fn has_room(&mut self, conn: ConnId, now: u64) {
        if let Some(of) = self.conns.get(&conn)
            && of.handle.0.waiting.get() > 0
        {
            of.handle.0.beats.borrow_mut().heard(now);
            self.dirty.borrow_mut().push(conn);
            self.behind = true;
        }
    }
}
