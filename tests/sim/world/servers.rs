//! The server's turns, the proxies' turns, and the links between them.

use super::{Actor, World};
use crate::link::{Command, Link, News};
use crate::planted::Defect;
use crate::proxy::{Around, Proxy};
use crate::random::Random;
use crate::server::TICK_MS;
use hub_core::ask::{Answer, Ask};

impl World<'_> {
    pub(super) fn server_turn(&mut self) {
        let now = self.now;
        if now < self.stalled_until.max(self.down_until) {
            self.wake(Actor::Server, self.stalled_until.max(self.down_until));
            return;
        }
        for at in 0..self.links.len() {
            if self.links[at].server_end {
                self.serve_link(at);
            }
        }
        if now >= self.next_tick {
            self.next_tick = now + TICK_MS;
            let ended = self.server.tick(now);
            self.stats.add("lease ended", ended as u64);
            self.tell();
        }
        let links = self.links.iter().filter_map(Link::server_wakes).min();
        let next = links.unwrap_or(u64::MAX).min(self.next_tick);
        self.wake(Actor::Server, next);
    }

    pub(super) fn serve_link(&mut self, at: usize) {
        let now = self.now;
        while let Some(command) = self.links[at].next_command(now) {
            let client = self.links[at].client();
            let news = match command {
                Command::Hello => {
                    let proxy = self.links[at].proxy;
                    let name = self.proxies[proxy].name();
                    let id = self.links[at].process.to_string();
                    News::Greeting(self.server.hello(now, client, &name, &id))
                }
                Command::Ask(request, key, ask) => {
                    let answer = self.server.ask(now, client, &key, &ask);
                    match (&ask, &answer) {
                        (Ask::Subscribe, Ok(_)) => {
                            self.links[at].subscribed.insert(key.clone());
                        }
                        (Ask::Unsubscribe, Ok(_)) => {
                            self.links[at].subscribed.remove(&key);
                        }
                        (Ask::Publish { .. }, Ok(Answer::Published(done))) => {
                            self.stats.add("published", u64::from(!done.duplicate));
                        }
                        _ => {}
                    }
                    // What a command tells goes out before its answer.
                    self.tell();
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
            self.server.client_gone(now, client);
        }
    }

    pub(super) fn wake_proxy_of(&mut self, at: usize) {
        let link = &self.links[at];
        let proxy = link.proxy;
        if let Some(at) = link.proxy_wakes().filter(|_| link.proxy_end) {
            self.wake(Actor::Proxy(proxy), at);
        }
    }

    /// Sends announcements to whoever listens.
    pub(super) fn tell(&mut self) {
        for (key, frame) in std::mem::take(&mut self.server.told) {
            for at in 0..self.links.len() {
                let link = &mut self.links[at];
                if link.server_end && link.proxy_end && link.subscribed.contains(&key) {
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
            self.proxies[proxy] =
                Proxy::new(proxy, process, seed, now, self.settings.clone(), defect);
        }
        if self.proxies[proxy].wants_link(now) {
            self.connect(proxy);
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
        let server = self.links.iter().filter_map(Link::server_wakes).min();
        if let Some(at) = server {
            self.wake(
                Actor::Server,
                at.max(self.stalled_until).max(self.down_until),
            );
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

    pub(super) fn connect(&mut self, proxy: usize) {
        let now = self.now;
        if now < self.down_until {
            self.proxies[proxy].not_connected(now);
            return;
        }
        let generation = self.links.len() as u64 + 1;
        let delays = (self.plan.commands, self.plan.announcements);
        let process = self.proxies[proxy].process;
        self.links.push(Link::new(
            proxy,
            process,
            generation,
            self.plan.seed,
            delays,
        ));
        let place = self.links.len() - 1;
        let (of, mut around) = self.around(proxy);
        of.connected(now, place, &mut around);
    }

    /// All its connections end, and there is no server for a while.
    pub(super) fn server_dies(&mut self, ms: u64) {
        let now = self.now;
        self.down_until = now + ms;
        self.stalled_until = 0;
        self.next_tick = self.down_until + TICK_MS;
        self.server.told.clear();
        for at in 0..self.links.len() {
            let late = self.random.to(100);
            let link = &mut self.links[at];
            if !link.server_end {
                continue;
            }
            link.server_end = false;
            link.proxy_learns = Some(now + late);
            self.wake_proxy_of(at);
        }
        self.wake(Actor::Server, self.down_until);
    }
}
