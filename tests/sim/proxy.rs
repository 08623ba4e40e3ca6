//! A proxy: a real hub and real connections' state, with a small shell around them that does what the program's does.

use crate::handle::{Dirty, LIMIT, LOW, SimHandle};
use crate::link::{Command, Link, News, earliest};
use crate::random::Random;
use crate::server::LEASE;
use crate::socket::Sockets;
use crate::stats::Stats;
use hub_core::ask::{Ask, Request};
use hub_core::beats::Tick;
use hub_core::client::{Act, Client, ClientLimits};
use hub_core::handle::ConnId;
use hub_core::hub::Hub;
use hub_core::settings::Settings;
use hub_core::{Asks, events};
use room_core::sessions::Greeting;
use std::collections::BTreeMap;

/// A question that is not answered for so long ends the link.
const TIMEOUT: u64 = 5_000;
/// A client that says nothing for so long is asked, and given up.
const IDLE: u64 = 4_000;
const DEAD: u64 = 15_000;
const BEATS_EVERY: u64 = 500;
/// A proxy that stops has so long to report.
const STOPS_WITHIN: u64 = 4_000;
/// No connection may hold more: its limit, the answers to 64 events, a page.
const MOST_WAITING: usize = LIMIT + 64 * 300 + 8_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Down { retry_at: u64 },
    Greeting,
    Up,
}

struct Conn {
    client: Client,
    handle: SimHandle,
}

/// See the top of the file.
pub(crate) struct Proxy {
    index: usize,
    pub(crate) process: u64,
    pub(crate) alive: bool,
    pub(crate) paused_until: u64,
    stops_until: Option<u64>,
    hub: Hub<SimHandle>,
    state: State,
    /// Its place among all links.
    pub(crate) link: Option<usize>,
    backoff: u64,
    hello_due: u64,
    hello_asked: Option<u64>,
    open: BTreeMap<Request, u64>,
    conns: BTreeMap<ConnId, Conn>,
    dirty: Dirty,
    asks: Asks,
    random: Random,
    behind: bool,
    beats_due: u64,
    last_turn: u64,
    pub(crate) ranges: Vec<u64>,
}

/// What a proxy's turn works on.
pub(crate) struct Around<'a> {
    pub(crate) links: &'a mut Vec<Link>,
    pub(crate) sockets: &'a mut Sockets,
    pub(crate) stats: &'a mut Stats,
    pub(crate) trace: bool,
}

impl Proxy {
    pub(crate) fn new(index: usize, process: u64, seed: u64, now: u64, settings: Settings) -> Self {
        Self {
            index,
            process,
            alive: true,
            paused_until: 0,
            stops_until: None,
            hub: Hub::new(settings),
            state: State::Down { retry_at: now },
            link: None,
            backoff: 50,
            hello_due: 0,
            hello_asked: None,
            open: BTreeMap::new(),
            conns: BTreeMap::new(),
            dirty: Dirty::default(),
            asks: Asks::new(),
            random: Random::new(seed, 500 + process),
            behind: false,
            beats_due: now + BEATS_EVERY,
            last_turn: now,
            ranges: Vec::new(),
        }
    }

    pub(crate) fn name(&self) -> String {
        format!("proxy-{}", self.index)
    }

    /// Whether a client may connect.
    pub(crate) fn listens(&self) -> bool {
        self.alive && self.stops_until.is_none()
    }

    /// The generation it wants to connect with.
    pub(crate) fn wants_link(&self, now: u64) -> bool {
        self.alive
            && now >= self.paused_until
            && matches!(self.state, State::Down { retry_at } if retry_at <= now)
    }

    pub(crate) fn connected(&mut self, now: u64, link: usize, around: &mut Around<'_>) {
        self.link = Some(link);
        self.state = State::Greeting;
        self.hello(now, around);
    }

    pub(crate) fn not_connected(&mut self, now: u64) {
        self.state = State::Down {
            retry_at: now + self.backoff + self.random.to(self.backoff),
        };
        self.backoff = (self.backoff * 2).min(1_000);
    }

    fn hello(&mut self, now: u64, around: &mut Around<'_>) {
        if let Some(link) = self.link.and_then(|at| around.links.get_mut(at)) {
            link.send(now, Command::Hello);
            self.hello_asked = Some(now);
            self.hello_due = now + LEASE / 3;
        }
    }

    /// A client connects.
    pub(crate) fn accept(&mut self, now: u64, conn: ConnId) {
        let limits = ClientLimits {
            max_rate: 100_000,
            ..ClientLimits::default()
        };
        self.conns.insert(
            conn,
            Conn {
                client: Client::new(limits, now),
                handle: SimHandle::new(conn, self.dirty.clone(), now),
            },
        );
    }

    /// It stops politely: its connections are closed, and all is reported.
    pub(crate) fn stop(&mut self, now: u64, around: &mut Around<'_>) {
        if self.stops_until.is_some() {
            return;
        }
        self.stops_until = Some(now + STOPS_WITHIN);
        self.hub.stop(now, &mut self.asks);
        self.flush(now, around);
        for (conn, of) in std::mem::take(&mut self.conns) {
            of.handle.0.closed.set(true);
            if let Some(socket) = around.sockets.get_mut(&conn) {
                socket.proxy_end = false;
                let last = socket.to_client.len() as u64;
                socket.client_learns = Some(now + 50 + last);
            }
        }
        self.send_asks(now, around);
    }

    /// Whether it has stopped.
    pub(crate) fn has_stopped(&self, now: u64) -> bool {
        self.stops_until
            .is_some_and(|until| now >= until || self.hub.is_idle())
    }

    pub(crate) fn is_stopping(&self) -> bool {
        self.stops_until.is_some()
    }

    /// The process is gone: its connections too.
    pub(crate) fn die(&mut self, now: u64, around: &mut Around<'_>) {
        self.alive = false;
        around.stats.figures(&self.hub.figures());
        for conn in std::mem::take(&mut self.conns).into_keys() {
            if let Some(socket) = around.sockets.get_mut(&conn) {
                socket.proxy_end = false;
                socket.client_learns = Some(now + 1 + self.random.to(100));
            }
        }
        let at = self.link.take();
        if let Some(link) = at.and_then(|at| around.links.get_mut(at)) {
            link.proxy_end = false;
            link.server_learns
                .get_or_insert(now + 1 + self.random.to(300));
        }
    }

    pub(crate) fn figures(&self) -> hub_core::Figures {
        self.hub.figures()
    }

    // ---- a turn ----

    /// Does everything that there is to do.
    pub(crate) fn turn(&mut self, now: u64, around: &mut Around<'_>) -> Vec<String> {
        let mut wrong = Vec::new();
        if !self.alive || now < self.paused_until {
            return wrong;
        }
        let gap = now - self.last_turn;
        self.last_turn = now;
        if self.paused_until > 0 {
            self.paused_until = 0;
            for conn in self.conns.values() {
                conn.handle.0.beats.borrow_mut().paused(now, gap);
            }
            // What came meanwhile is younger than the questions look.
            self.open.values_mut().for_each(|sent| *sent += gap);
            self.hello_asked = self.hello_asked.map(|asked| asked + gap);
        }
        self.hear(now, around);
        self.read(now, around);
        self.watch_link(now, around);
        if self.hub.next().is_some_and(|due| due <= now) {
            self.hub.tick(now, &mut self.asks);
        }
        if now >= self.beats_due {
            self.beats_due = now + BEATS_EVERY;
            self.beat(now, around);
        }
        self.serve(now);
        self.flush(now, around);
        self.send_asks(now, around);
        for conn in self.conns.values() {
            let waiting = conn.handle.0.waiting.get();
            around.stats.most_waiting = around.stats.most_waiting.max(waiting as u64);
            if waiting > MOST_WAITING {
                wrong.push(format!(
                    "bounds: {waiting} bytes wait for connection {}",
                    conn.handle.0.conn
                ));
            }
        }
        wrong
    }

    /// When it wants its next turn.
    pub(crate) fn wakes(&self, around: &Around<'_>) -> Option<u64> {
        if !self.alive {
            return None;
        }
        let link = self.link.and_then(|at| around.links.get(at));
        let link = link.and_then(Link::proxy_wakes);
        let conns = self.conns.iter().filter_map(|(conn, of)| {
            let socket = around.sockets.get(conn)?;
            match self.reads(of) {
                true => socket.proxy_wakes(),
                false => socket.proxy_learns,
            }
        });
        let retry = match self.state {
            State::Down { retry_at } => Some(retry_at),
            _ => Some(self.hello_due),
        };
        let behind = self.behind.then_some(self.last_turn + 1);
        let next = earliest([
            link,
            conns.min(),
            retry,
            behind,
            self.hub.next(),
            Some(self.beats_due),
            self.stops_until,
        ]);
        next.map(|next| next.max(self.paused_until))
    }

    fn reads(&self, conn: &Conn) -> bool {
        !conn.client.is_full() && conn.handle.0.waiting.get() <= LIMIT
    }

    /// What comes over the link.
    fn hear(&mut self, now: u64, around: &mut Around<'_>) {
        let Some(at) = self.link else { return };
        while let Some(link) = around.links.get_mut(at).filter(|link| link.proxy_end) {
            let generation = link.generation;
            match link.next_news(now) {
                Some(News::Greeting(greeting)) => self.greeted(now, generation, greeting),
                Some(News::Answer(request, answer)) => {
                    self.open.remove(&request);
                    if around.trace {
                        println!("{now:>6} p{} <- {request} {answer:?}", self.index);
                    }
                    if let Err(fault) = &answer {
                        around
                            .stats
                            .add("refused answers", u64::from(fault.passes()));
                    }
                    self.hub
                        .answer(now, generation, request, answer, &mut self.asks);
                }
                Some(News::Announced(channel, frame)) => {
                    if around.trace {
                        println!(
                            "{now:>6} p{} hears {channel} {:?}",
                            self.index,
                            String::from_utf8_lossy(&frame)
                        );
                    }
                    self.hub
                        .announced(now, generation, &channel, &frame, &mut self.asks);
                }
                None => break,
            }
            self.send_asks(now, around);
        }
        let learns = around.links.get(at).and_then(|link| link.proxy_learns);
        if learns.is_some_and(|at| at <= now) {
            self.link_down(now, around);
        }
    }

    fn greeted(
        &mut self,
        now: u64,
        generation: u64,
        greeting: Result<Greeting, hub_core::ask::Fault>,
    ) {
        self.hello_asked = None;
        match (greeting, self.state) {
            (Ok(_), State::Greeting) => {
                self.state = State::Up;
                self.backoff = 50;
                self.hub.up(now, generation, &mut self.asks);
            }
            (Ok(Greeting::Announce), State::Up) => self.hub.announce(now, &mut self.asks),
            (Ok(_), _) => {}
            (Err(_), _) => self.hello_due = now + 100,
        }
    }

    /// Asks for what is due on the link, or gives it up.
    fn watch_link(&mut self, now: u64, around: &mut Around<'_>) {
        if self.link.is_none() {
            return;
        }
        let oldest = self.open.values().min().copied().or(self.hello_asked);
        let oldest = oldest.min(self.hello_asked.or(oldest));
        if oldest.is_some_and(|sent| now >= sent + TIMEOUT) {
            around.stats.add("time-out", 1);
            self.link_down(now, around);
        } else if now >= self.hello_due && self.hello_asked.is_none() {
            self.hello(now, around);
        } else if now >= self.hello_due {
            self.hello_due = now + 500;
        }
    }

    /// The link breaks, as this side sees it.
    pub(crate) fn link_down(&mut self, now: u64, around: &mut Around<'_>) {
        let Some(link) = self.link.take().and_then(|at| around.links.get_mut(at)) else {
            return;
        };
        around.stats.add("relink", 1);
        if around.trace {
            println!("{now:>6} p{} link {} down", self.index, link.generation);
        }
        link.proxy_end = false;
        link.answers.clear();
        link.announcements.clear();
        if link.server_end {
            link.server_learns
                .get_or_insert(now + 1 + self.random.to(200));
        }
        let generation = link.generation;
        if self.state == State::Up {
            self.hub.down(now, generation, &mut self.asks);
        }
        self.asks.clear();
        self.open.clear();
        self.hello_asked = None;
        self.state = State::Down {
            retry_at: now + self.random.to(50),
        };
    }

    fn send_asks(&mut self, now: u64, around: &mut Around<'_>) {
        let up = self.state == State::Up;
        let link = self
            .link
            .and_then(|at| around.links.get_mut(at))
            .filter(|_| up);
        let Some(link) = link else {
            self.asks.clear();
            return;
        };
        for (request, key, ask) in self.asks.drain(..) {
            if around.trace {
                println!("{now:>6} p{} -> {request} {key} {ask:?}", self.index);
            }
            if matches!(ask, Ask::Range { .. }) {
                self.ranges.push(now);
            }
            around.stats.ask(&ask);
            self.open.insert(request, now);
            link.send(now, Command::Ask(request, key, ask));
        }
    }

    // ---- connections ----

    /// What comes from clients.
    fn read(&mut self, now: u64, around: &mut Around<'_>) {
        let all: Vec<ConnId> = self.conns.keys().copied().collect();
        for conn in all {
            self.read_one(now, conn, around);
        }
    }

    fn read_one(&mut self, now: u64, conn: ConnId, around: &mut Around<'_>) {
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
            for act in of.client.text(now, &text) {
                self.act(now, conn, act, around);
            }
            self.settle(now, conn, around);
        }
    }

    fn act(&mut self, now: u64, conn: ConnId, act: Act, around: &mut Around<'_>) {
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
            Act::Answered => {
                let beat = of.handle.0.beats.borrow_mut().answered();
                if let Some(beat) = beat {
                    self.hub
                        .answered(now, conn, of.client.rooms(), beat, &mut self.asks);
                }
            }
            Act::Close(_) => self.close(now, conn, around),
        }
    }

    fn gone(&mut self, now: u64, conn: ConnId, around: &mut Around<'_>) {
        if let Some(of) = self.conns.remove(&conn) {
            of.handle.0.closed.set(true);
            self.hub.gone(now, conn, of.client.rooms(), &mut self.asks);
        }
        around.sockets.remove(&conn);
    }

    /// This side closes.
    fn close(&mut self, now: u64, conn: ConnId, around: &mut Around<'_>) {
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

    fn beat(&mut self, now: u64, around: &mut Around<'_>) {
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
    fn serve(&mut self, now: u64) {
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
    fn flush(&mut self, now: u64, around: &mut Around<'_>) {
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

    fn settle(&mut self, now: u64, conn: ConnId, around: &mut Around<'_>) {
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
