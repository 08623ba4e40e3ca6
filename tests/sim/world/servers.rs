//! The servers' turns, the proxies' turns, and the links between them.

use super::{Actor, World};
use crate::link::{Command, Link, News};
use crate::planted::Defect;
use crate::proxy::{Around, Proxy};
use crate::random::Random;
use crate::server::{Role, TICK_MS};
use hub_core::ask::{Answer, Ask};

impl World<'_> {
    pub(super) fn server_turn(&mut self, number: usize) {
        let now = self.now;
        let works_at = self.nodes[number].works_at();
        if now < works_at {
            self.wake(Actor::Server(number), works_at);
            return;
        }
        for at in 0..self.links.len() {
            if self.links[at].server_end && self.links[at].node == number {
                self.serve_link(at);
            }
        }
        let node = &mut self.nodes[number];
        if now >= node.next_tick {
            node.next_tick = now + TICK_MS;
            let ended = node.server.tick(now);
            self.stats.add("lease ended", ended as u64);
            self.tell(number);
        }
        let next = self.links_wake(number).unwrap_or(u64::MAX);
        let next = next.min(self.nodes[number].next_tick);
        self.wake(Actor::Server(number), next);
    }

    /// When something comes over a link for a server.
    fn links_wake(&self, node: usize) -> Option<u64> {
        let links = self.links.iter().filter(|link| link.node == node);
        links.filter_map(Link::server_wakes).min()
    }

    pub(super) fn serve_link(&mut self, at: usize) {
        let now = self.now;
        let node = self.links[at].node;
        while let Some(command) = self.links[at].next_command(now) {
            let client = self.links[at].client();
            let server = &mut self.nodes[node].server;
            let news = match command {
                Command::Hello => {
                    let proxy = self.links[at].proxy;
                    let name = self.proxies[proxy].name();
                    let id = self.links[at].process.to_string();
                    News::Greeting(server.hello(now, client, &name, &id))
                }
                Command::Map => News::Map(
                    server
                        .view
                        .as_ref()
                        .map(|view| view.owners)
                        .unwrap_or_default(),
                ),
                Command::Ask(request, key, ask, asking) => {
                    let answer = server.ask(now, client, &key, (&ask, asking));
                    match (&ask, &answer) {
                        (Ask::Subscribe, Ok(_)) => {
                            self.links[at].subscribed.insert(key.clone());
                        }
                        (Ask::Unsubscribe, Ok(_)) => {
                            self.links[at].subscribed.remove(&key);
                        }
                        (Ask::Publish { .. }, Ok(Answer::Published(done))) => {
                            self.stats.add("published", u64::from(!done.duplicate));
                            self.judge_confirmed(at);
                        }
                        _ => {}
                    }
                    // What a command tells goes out before its answer.
                    self.tell(node);
                    if matches!(ask, Ask::Subscribe | Ask::Unsubscribe) {
                        let link = &mut self.links[at];
                        link.announcements.send(now, News::Answer(request, answer));
                        self.wake_proxy_of(at);
                        continue;
                    }
                    News::Answer(request, answer)
                }
            };
            self.links[at].answers.send(now, news);
            self.wake_proxy_of(at);
        }
        let link = &mut self.links[at];
        if link.server_learns.is_some_and(|when| when <= now) {
            link.server_end = false;
            link.commands.clear();
            link.subscribes.clear();
            let client = link.client();
            self.nodes[node].server.client_gone(now, client);
        }
    }

    pub(super) fn wake_proxy_of(&mut self, at: usize) {
        let link = &self.links[at];
        let proxy = link.proxy;
        if let Some(at) = link.proxy_wakes().filter(|_| link.proxy_end) {
            self.wake(Actor::Proxy(proxy), at);
        }
    }

    /// Sends a server's announcements to whoever listens there.
    pub(super) fn tell(&mut self, node: usize) {
        for (key, frame) in std::mem::take(&mut self.nodes[node].server.told) {
            for at in 0..self.links.len() {
                let link = &mut self.links[at];
                let listens = link.node == node && link.subscribed.contains(&key);
                if link.server_end && link.proxy_end && listens {
                    link.announcements
                        .send(self.now, News::Announced(key.clone(), frame.clone()));
                    self.wake_proxy_of(at);
                }
            }
        }
    }

    pub(super) fn proxy_turn(&mut self, proxy: usize) {
        let now = self.now;
        if let Some(at) = self.starts[proxy] {
            let is_stopping = self.proxies[proxy].alive;
            if at > now {
                self.wake(Actor::Proxy(proxy), at);
            }
            if at > now && !is_stopping {
                return;
            }
        }
        if self.starts[proxy].is_some_and(|at| at <= now) {
            // Its time to stop is over.
            if self.proxies[proxy].alive {
                self.dies(proxy);
            }
            self.starts[proxy] = None;
            self.processes += 1;
            let process = self.processes;
            let seed = self.plan.seed;
            let defect = Defect::new(self.planted, Random::new(seed, 700 + process));
            let (many, settings) = (self.nodes.len(), self.settings.clone());
            let belief = self.proxies[proxy].belief;
            let of = Proxy::new(proxy, process, seed, now, many, settings, defect);
            self.proxies[proxy] = match belief {
                Some(belief) => of.with_sentinels(belief),
                None => of,
            };
        }
        for node in 0..self.nodes.len() {
            if self.proxies[proxy].wants_link(now, node) {
                self.connect(proxy, node);
            }
        }
        let (of, mut around) = self.around(proxy);
        let wrong = of.turn(now, &mut around);
        if of.is_stopping() && of.has_stopped(now) && of.alive {
            of.die(now, &mut around);
        }
        let wakes = of.wakes(&around);
        self.wrong.extend(wrong);
        if let Some(at) = wakes {
            self.wake(Actor::Proxy(proxy), at.max(now + u64::from(at <= now)));
        }
        self.wake_around(proxy);
    }

    /// A process ends without a word.
    pub(super) fn dies(&mut self, proxy: usize) {
        let now = self.now;
        let (of, mut around) = self.around(proxy);
        of.die(now, &mut around);
        self.wake_around(proxy);
    }

    pub(super) fn around(&mut self, proxy: usize) -> (&mut Proxy, Around<'_>) {
        let around = Around {
            links: &mut self.links,
            sockets: &mut self.sockets,
            stats: &mut self.stats,
            trace: self.trace,
        };
        (&mut self.proxies[proxy], around)
    }

    /// What a proxy sent wakes those who get it.
    pub(super) fn wake_around(&mut self, proxy: usize) {
        for node in 0..self.nodes.len() {
            if let Some(at) = self.links_wake(node) {
                let at = at.max(self.nodes[node].works_at());
                self.wake(Actor::Server(node), at);
            }
        }
        let wakes: Vec<(usize, u64)> = self
            .sockets
            .values()
            .filter(|socket| socket.proxy == proxy)
            .filter_map(|socket| Some((socket.device, socket.client_wakes()?)))
            .collect();
        for (device, at) in wakes {
            let at = at.max(self.devices[device].crawls_until);
            self.wake(Actor::Device(device), at);
        }
    }

    pub(super) fn connect(&mut self, proxy: usize, node: usize) {
        let now = self.now;
        let of = &self.nodes[node];
        // The role is asked before a pair is used.
        if now < of.down_until || of.server.role == Role::Replica {
            self.proxies[proxy].not_connected(now, node);
            return;
        }
        let generation = self.links.len() as u64 + 1;
        let delays = (self.plan.commands, self.plan.announcements);
        let process = self.proxies[proxy].process;
        self.links.push(Link::new(
            (proxy, process),
            node,
            generation,
            self.plan.seed,
            delays,
        ));
        let place = self.links.len() - 1;
        let (of, mut around) = self.around(proxy);
        of.connected(now, node, place, &mut around);
    }

    /// All its connections end, and there is no server for a while.
    pub(super) fn server_dies(&mut self, number: usize, ms: u64) {
        let now = self.now;
        let node = &mut self.nodes[number];
        node.down_until = now + ms;
        node.stalled_until = 0;
        node.next_tick = node.down_until + TICK_MS;
        node.server.told.clear();
        let until = node.down_until;
        self.links_end(number);
        self.wake(Actor::Server(number), until);
    }

    /// A server ends all its connections.
    pub(super) fn links_end(&mut self, number: usize) {
        let now = self.now;
        for at in 0..self.links.len() {
            if self.links[at].node != number {
                continue;
            }
            let late = self.random.to(100);
            let link = &mut self.links[at];
            if !link.server_end {
                continue;
            }
            link.server_end = false;
            link.proxy_learns = Some(now + late);
            self.wake_proxy_of(at);
        }
    }
}
