//! A proxy: a real hub and real connections' state, with a small shell around them that does what the program's does.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | its turns, its start and its end |
//! | `belief` | with sentinels, which server it takes for the primary |
//! | `conns` | connections with clients |
//! | `end`, `link` | its end of the link to each node, and what goes over it |
//! | `map` | in a cluster, which node each slot is on |

mod belief;
mod conns;
mod end;
mod link;
mod map;

use crate::handle::{Dirty, LIMIT, SimHandle};
use crate::link::{Link, earliest};
use crate::planted::{Defect, Planted};
use crate::random::Random;
use crate::socket::Sockets;
use crate::stats::Stats;
pub(crate) use belief::Belief;
use end::{End, State};
use hub_core::Asks;
use hub_core::client::{Client, ClientLimits};
use hub_core::handle::ConnId;
use hub_core::hub::Hub;
use hub_core::settings::Settings;
use map::Map;
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
    /// One for each node.
    pub(crate) ends: Vec<End>,
    /// `None`: there is one node.
    map: Option<Map>,
    pub(crate) belief: Option<Belief>,
    conns: BTreeMap<ConnId, Conn>,
    dirty: Dirty,
    asks: Asks,
    random: Random,
    behind: bool,
    beats_due: u64,
    last_turn: u64,
    pub(crate) ranges: Vec<u64>,
    defect: Defect,
}

/// What a proxy's turn works on.
pub(crate) struct Around<'a> {
    pub(crate) links: &'a mut Vec<Link>,
    pub(crate) sockets: &'a mut Sockets,
    pub(crate) stats: &'a mut Stats,
    pub(crate) trace: bool,
}

impl Proxy {
    pub(crate) fn new(
        index: usize,
        process: u64,
        seed: u64,
        now: u64,
        nodes: usize,
        settings: Settings,
        defect: Defect,
    ) -> Self {
        Self {
            index,
            process,
            alive: true,
            paused_until: 0,
            stops_until: None,
            hub: Hub::new(settings),
            ends: (0..nodes).map(|_| End::new(now)).collect(),
            map: (nodes > 1).then(Map::new),
            belief: None,
            conns: BTreeMap::new(),
            dirty: Dirty::default(),
            asks: Asks::new(),
            random: Random::new(seed, 500 + process),
            behind: false,
            beats_due: now + BEATS_EVERY,
            last_turn: now,
            ranges: Vec::new(),
            defect,
        }
    }

    pub(crate) fn name(&self) -> String {
        format!("proxy-{}", self.index)
    }

    /// Whether a client may connect.
    pub(crate) fn listens(&self) -> bool {
        self.alive && self.stops_until.is_none()
    }

    /// Whether it wants to connect to a node.
    pub(crate) fn wants_link(&self, now: u64, node: usize) -> bool {
        let works = self.alive && now >= self.paused_until;
        works && self.goes_to(node) && self.ends[node].wants_link(now)
    }

    pub(crate) fn connected(
        &mut self,
        now: u64,
        node: usize,
        link: usize,
        around: &mut Around<'_>,
    ) {
        let end = &mut self.ends[node];
        end.link = Some(link);
        end.generation = around.links.get(link).map_or(0, |link| link.generation);
        end.links += 1;
        end.state = State::Greeting;
        self.hello(now, node, around);
    }

    pub(crate) fn not_connected(&mut self, now: u64, node: usize) {
        let end = &mut self.ends[node];
        end.state = State::Down {
            retry_at: now + end.backoff + self.random.to(end.backoff),
        };
        end.backoff = (end.backoff * 2).min(1_000);
    }

    /// A client connects.
    pub(crate) fn accept(&mut self, now: u64, conn: ConnId) {
        self.conns.insert(
            conn,
            Conn {
                client: Client::new(ClientLimits::default()),
                handle: SimHandle::new(
                    conn,
                    self.dirty.clone(),
                    now,
                    self.defect.is(Planted::Boundless),
                ),
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
        for end in &mut self.ends {
            let at = end.link.take();
            if let Some(link) = at.and_then(|at| around.links.get_mut(at)) {
                link.proxy_end = false;
                link.server_learns
                    .get_or_insert(now + 1 + self.random.to(300));
            }
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
            self.ends.iter_mut().for_each(|end| end.paused(gap));
        }
        self.hear_of_switch(now, around);
        for node in 0..self.ends.len() {
            self.hear(now, node, around);
        }
        self.read(now, around);
        for node in 0..self.ends.len() {
            self.watch_link(now, node, around);
        }
        self.look_at_map(now, around);
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
        let links = self
            .ends
            .iter()
            .filter_map(|end| around.links.get(end.link?));
        let link = links.filter_map(Link::proxy_wakes).min();
        let conns = self.conns.iter().filter_map(|(conn, of)| {
            let socket = around.sockets.get(conn)?;
            match self.reads(of) {
                true => socket.proxy_wakes(),
                false => socket.proxy_learns,
            }
        });
        let ends = self.ends.iter().enumerate();
        let ends = ends.filter(|(node, end)| end.link.is_some() || self.goes_to(*node));
        let retry = ends.map(|(_, end)| end.due()).min();
        let behind = self.behind.then_some(self.last_turn + 1);
        let next = earliest([
            link,
            conns.min(),
            retry,
            self.map.as_ref().map(|map| map.due),
            behind,
            self.hears_at(),
            self.hub.next(),
            Some(self.beats_due),
            self.stops_until,
        ]);
        next.map(|next| next.max(self.paused_until))
    }

    fn reads(&self, conn: &Conn) -> bool {
        !conn.client.is_full() && conn.handle.0.waiting.get() <= LIMIT
    }
}
