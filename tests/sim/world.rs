//! One run: the server, the proxies, the people, and all that is between them, on one virtual clock.

use crate::checker::Judge;
use crate::link::{Command, Link, News};
use crate::people::{Device, KEYS, Scene, State};
use crate::plan::{Act, DEVICES, END, FAULTS_UNTIL, PROXIES, Plan, REFUSALS};
use crate::proxy::{Around, Proxy};
use crate::random::Random;
use crate::server::{Server, TICK_MS};
use crate::socket::{Socket, Sockets};
use crate::stats::Stats;
use hub_core::ask::{Answer, Ask};
use hub_core::handle::ConnId;
use hub_core::settings::{Broken, Settings};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;

/// Who has something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Actor {
    Act(usize),
    Server,
    Proxy(usize),
    Device(usize),
}

/// What a run came to.
pub(crate) struct Outcome {
    pub(crate) stats: Stats,
    /// What was wrong; empty if nothing.
    pub(crate) wrong: Vec<String>,
}

/// See the top of the file.
pub(crate) struct World<'a> {
    plan: &'a Plan,
    pub(crate) now: u64,
    queue: BinaryHeap<Reverse<(u64, u64, Actor)>>,
    number: u64,
    /// When each actor is woken next: server, proxies, devices.
    wakes: Vec<u64>,
    pub(crate) server: Server,
    stalled_until: u64,
    /// The server is not there until then.
    down_until: u64,
    next_tick: u64,
    links: Vec<Link>,
    sockets: Sockets,
    proxies: Vec<Proxy>,
    /// When a process that died is started anew.
    starts: [Option<u64>; PROXIES],
    devices: Vec<Device>,
    conns: ConnId,
    processes: u64,
    random: Random,
    settings: Settings,
    stats: Stats,
    wrong: Vec<String>,
    trace: bool,
}

/// Runs a plan.
pub(crate) fn run(plan: &Plan, broken: Option<Broken>, trace: bool) -> Outcome {
    let mut world = World::new(plan, broken, trace);
    while let Some(Reverse((at, _, actor))) = world.queue.pop() {
        if at > END {
            break;
        }
        world.now = at;
        world.turn(actor);
        if world.wrong.len() > 3 {
            break;
        }
    }
    world.now = END;
    if world.wrong.is_empty() {
        world.judge();
    }
    for proxy in &world.proxies {
        world.stats.figures(&proxy.figures());
    }
    Outcome {
        stats: world.stats,
        wrong: world.wrong,
    }
}

impl<'a> World<'a> {
    fn new(plan: &'a Plan, broken: Option<Broken>, trace: bool) -> Self {
        let mut random = Random::new(plan.seed, 1);
        let settings = Settings {
            ack_interval: random.one_of(&[20, 50, 200]),
            room_pause: random.one_of(&[500, 5_000]),
            page: random.one_of(&[1_000, 4_000]),
            window: random.one_of(&[1, 2, 256]),
            ring: random.one_of(&[6_000, 4 * 1024 * 1024]),
            broken,
            ..Settings::default()
        };
        let proxy = |index: usize| Proxy::new(index, index as u64, plan.seed, 0, settings.clone());
        let mut world = Self {
            plan,
            now: 0,
            queue: BinaryHeap::new(),
            number: 0,
            wakes: vec![u64::MAX; 1 + PROXIES + DEVICES],
            server: Server::new(plan.seed),
            stalled_until: 0,
            down_until: 0,
            next_tick: TICK_MS,
            links: Vec::new(),
            sockets: Sockets::new(),
            proxies: (0..PROXIES).map(proxy).collect(),
            starts: [None; PROXIES],
            devices: (0..DEVICES)
                .map(|number| Device::new(number, plan.seed))
                .collect(),
            conns: 0,
            processes: PROXIES as u64,
            random,
            settings,
            stats: Stats::default(),
            wrong: Vec::new(),
            trace,
        };
        for (place, (at, act)) in plan.acts.iter().enumerate() {
            world.number += 1;
            world
                .queue
                .push(Reverse((*at, world.number, Actor::Act(place))));
            if let Act::Failover(lag @ 1.., _) = act {
                // Between the two the replica hears nothing.
                world
                    .queue
                    .push(Reverse((at.saturating_sub(*lag), 0, Actor::Act(place))));
            }
        }
        world.wake(Actor::Server, TICK_MS);
        for proxy in 0..PROXIES {
            world.wake(Actor::Proxy(proxy), 0);
        }
        for device in 0..DEVICES {
            world.wake(Actor::Device(device), world.devices[device].wakes());
        }
        world
    }

    fn wake(&mut self, actor: Actor, at: u64) {
        let place = match actor {
            Actor::Act(_) => return,
            Actor::Server => 0,
            Actor::Proxy(proxy) => 1 + proxy,
            Actor::Device(device) => 1 + PROXIES + device,
        };
        let at = at.max(self.now);
        if at < self.wakes[place] {
            self.wakes[place] = at;
            self.number += 1;
            self.queue.push(Reverse((at, self.number, actor)));
        }
    }

    /// Whether this is still the time at which the actor is to be woken.
    fn is_awake(&mut self, place: usize) -> bool {
        let due = self.wakes[place] == self.now;
        if due {
            self.wakes[place] = u64::MAX;
        }
        due
    }

    fn turn(&mut self, actor: Actor) {
        match actor {
            Actor::Act(place) => {
                let (at, act) = self.plan.acts[place];
                if at == self.now {
                    self.act(act);
                } else {
                    self.server.replica_falls_behind();
                }
            }
            Actor::Server if self.is_awake(0) => self.server_turn(),
            Actor::Proxy(proxy) if self.is_awake(1 + proxy) => self.proxy_turn(proxy),
            Actor::Device(device) if self.is_awake(1 + PROXIES + device) => {
                self.device_turn(device)
            }
            _ => {}
        }
    }

    // ---- the server ----

    fn server_turn(&mut self) {
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

    fn serve_link(&mut self, at: usize) {
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

    fn wake_proxy_of(&mut self, at: usize) {
        let link = &self.links[at];
        let proxy = link.proxy;
        if let Some(at) = link.proxy_wakes().filter(|_| link.proxy_end) {
            self.wake(Actor::Proxy(proxy), at);
        }
    }

    /// Sends announcements to whoever listens.
    fn tell(&mut self) {
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

    // ---- proxies ----

    fn proxy_turn(&mut self, proxy: usize) {
        let now = self.now;
        if let Some(at) = self.starts[proxy] {
            if at > now {
                return self.wake(Actor::Proxy(proxy), at);
            }
            self.starts[proxy] = None;
            self.processes += 1;
            let process = self.processes;
            self.proxies[proxy] =
                Proxy::new(proxy, process, self.plan.seed, now, self.settings.clone());
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

    fn around(&mut self, proxy: usize) -> (&mut Proxy, Around<'_>) {
        let around = Around {
            links: &mut self.links,
            sockets: &mut self.sockets,
            stats: &mut self.stats,
            trace: self.trace,
        };
        (&mut self.proxies[proxy], around)
    }

    /// What a proxy sent wakes those who get it.
    fn wake_around(&mut self, proxy: usize) {
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

    fn connect(&mut self, proxy: usize) {
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

    // ---- people ----

    fn device_turn(&mut self, number: usize) {
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

    fn open(&mut self, number: usize) {
        let now = self.now;
        let home = self.devices[number].home;
        let other = (home + 1) % PROXIES;
        let Some(proxy) = [home, other]
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

    fn read(&mut self, number: usize, conn: ConnId) {
        let now = self.now;
        while let Some(socket) = self.sockets.get_mut(&conn) {
            let Some(bytes) = socket.to_client.pop(now) else {
                break;
            };
            socket.in_flight -= bytes.len();
            let proxy = socket.proxy;
            let mut scene = Scene {
                now,
                truth: &self.server.truth,
                stats: &mut self.stats,
                wrong: &mut self.wrong,
                trace: self.trace,
            };
            self.devices[number].receive(&bytes, &mut scene);
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

    fn disconnected(&mut self, number: usize, ms: u64) {
        let device = &mut self.devices[number];
        device.disconnected(self.now, ms);
        if !device.kind.2 {
            for place in &mut device.places {
                let mut judge = Judge {
                    now: self.now,
                    truth: &self.server.truth,
                    wrong: &mut self.wrong,
                };
                judge.cut_off(KEYS[place.room], &mut place.track);
            }
        }
        self.wake(Actor::Device(number), self.now + ms);
    }

    fn say(&mut self, number: usize) {
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
    fn hang_up(&mut self, number: usize, loses: bool) {
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

    // ---- what the plan wants ----

    fn act(&mut self, act: Act) {
        let now = self.now;
        if self.trace {
            println!("{now:>6} ==== {} {act:?}", act.name());
        }
        if !act.is_publish() {
            self.stats.add(act.name(), 1);
        }
        match act {
            Act::Publish(device, room, size) => {
                self.devices[device].publish(now, room, size);
                self.say(device);
            }
            Act::Signal(device, room) => {
                self.devices[device].signal(room);
                self.say(device);
            }
            Act::Drop(device, ms) => self.drop(device, ms),
            Act::Logout(device, ms) => {
                self.devices[device].logout();
                self.say(device);
                self.hang_up(device, false);
                self.disconnected(device, ms.max(100));
            }
            Act::Crawl(device, ms) => self.devices[device].crawls_until = now + ms,
            Act::Leave(device, room) => {
                self.devices[device].leave(room);
                self.say(device);
            }
            Act::Kick(device, room) => self.kick(device, room),
            Act::Delete(room) => {
                let key: Arc<str> = KEYS[room].into();
                self.server.delete(now, &key);
                self.tell();
            }
            Act::Refuse(which, ms) => self.server.refuses = (REFUSALS[which], now + ms),
            Act::JumpBack(ms) => self.server.wall_ahead -= ms as i64,
            Act::JumpForth(ms) => self.server.wall_ahead += ms as i64,
            _ => self.fault(act),
        }
    }

    fn drop(&mut self, device: usize, ms: u64) {
        let loses = self.random.once_in(2);
        self.hang_up(device, loses);
        self.disconnected(device, ms.max(100));
    }

    fn kick(&mut self, number: usize, room: usize) {
        let uid = self.devices[number].kind.1;
        let key: Arc<str> = KEYS[room].into();
        if self.now < self.stalled_until.max(self.down_until)
            || !self.server.kick(self.now, &key, uid)
        {
            return;
        }
        for device in self
            .devices
            .iter_mut()
            .filter(|device| device.kind.1 == uid)
        {
            if let Some(at) = device.place_of(room)
                && device.places[at].state == State::In
            {
                device.places[at].track.owed_kick = Some(self.now);
            }
        }
        self.tell();
    }

    fn fault(&mut self, act: Act) {
        let now = self.now;
        match act {
            Act::Cut(proxy, ms, arrives) => {
                let at = self.proxies[proxy].link;
                if let Some(link) = at.and_then(|at| self.links.get_mut(at)) {
                    link.server_learns = Some(now + ms);
                    if arrives == 0 {
                        link.commands.clear();
                        link.subscribes.clear();
                    }
                }
                let (of, mut around) = self.around(proxy);
                of.link_down(now, &mut around);
                self.wake(Actor::Proxy(proxy), now);
                self.wake(Actor::Server, now + ms);
            }
            Act::StallServer(ms) => self.stalled_until = self.stalled_until.max(now + ms),
            Act::StallCommands(proxy, ms) => {
                if let Some(link) = self.proxies[proxy]
                    .link
                    .and_then(|at| self.links.get_mut(at))
                {
                    link.commands.stall(now + ms);
                    link.answers.stall(now + ms);
                }
            }
            Act::StallAnnouncements(proxy, ms) => {
                if let Some(link) = self.proxies[proxy]
                    .link
                    .and_then(|at| self.links.get_mut(at))
                {
                    link.announcements.stall(now + ms);
                    link.subscribes.stall(now + ms);
                }
            }
            Act::Restart(ms) => {
                self.server_dies(ms);
                self.server.restart(now);
            }
            Act::Failover(_, ms) => {
                self.server.replica_falls_behind();
                self.server_dies(ms);
                let lost = self.server.fail_over(now);
                self.stats.add("lost tail", u64::from(lost));
            }
            Act::Kill(proxy, ms) => {
                if !self.proxies[proxy].alive {
                    return;
                }
                let (of, mut around) = self.around(proxy);
                of.die(now, &mut around);
                self.starts[proxy] = Some(now + ms.max(10));
                self.wake(Actor::Proxy(proxy), now + ms.max(10));
                self.wake_around(proxy);
            }
            Act::Stop(proxy, ms) => {
                if !self.proxies[proxy].alive {
                    return;
                }
                let (of, mut around) = self.around(proxy);
                of.stop(now, &mut around);
                self.starts[proxy] = Some(now + 4_100 + ms);
                self.wake(Actor::Proxy(proxy), now + 1);
                self.wake_around(proxy);
            }
            Act::Pause(proxy, ms) => self.proxies[proxy].paused_until = now + ms,
            _ => {}
        }
    }

    /// All its connections end, and there is no server for a while.
    fn server_dies(&mut self, ms: u64) {
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

    // ---- the end ----

    /// All must be at rest, and nothing forgotten.
    fn judge(&mut self) {
        let head_of = |key: &str| {
            self.server
                .truth
                .room(key)
                .and_then(crate::truth::Life::head)
        };
        let mut wrong = Vec::new();
        for device in &self.devices {
            let who = device.who();
            if device.connect_at >= END {
                continue;
            }
            if let Some(why) = device.unrest() {
                wrong.push(format!("liveness: {}: {why}", who.name));
                continue;
            }
            for place in &device.places {
                let key = KEYS[place.room];
                if place.track.last != head_of(key) {
                    let what = format!(
                        "poll-skip: {} has {:?} of {key}, whose head is {:?}",
                        who.name,
                        place.track.last,
                        head_of(key)
                    );
                    wrong.push(what);
                }
                self.judge_place(device, place, &mut wrong);
            }
        }
        self.judge_rooms(&mut wrong);
        for (number, proxy) in self.proxies.iter().enumerate() {
            if proxy.ranges.iter().any(|at| *at > END - 5_000) {
                wrong.push(format!("liveness: proxy {number} still reads the log"));
            }
        }
        self.wrong = wrong;
        for device in &mut self.devices {
            let who = device.who();
            for place in &device.places {
                let mut judge = Judge {
                    now: END,
                    truth: &self.server.truth,
                    wrong: &mut self.wrong,
                };
                judge.confirmed(who, KEYS[place.room], &place.track);
            }
        }
    }

    fn judge_place(&self, device: &Device, place: &crate::people::Place, wrong: &mut Vec<String>) {
        let (who, key) = (device.who(), KEYS[place.room]);
        let Some(room) = self.server.rooms.get(key) else {
            return;
        };
        let member = room.member(who.uid.as_bytes());
        let all_here = self
            .devices
            .iter()
            .all(|other| other.kind.1 != who.uid || other.connect_at < END);
        if all_here && member.as_ref().map(|member| member.cursor) != Some(room.log().head().seq) {
            let cursor = member.map(|member| member.cursor);
            wrong.push(format!(
                "liveness: the cursor of {} in {key} is {cursor:?} of {}",
                who.uid,
                room.log().head()
            ));
        }
        let changed = self.server.truth.room(key).map_or(0, |life| life.changed);
        if let Some(since) = place.track.owed_kick
            && since > changed
        {
            wrong.push(format!(
                "kick: {} was never told of its kick at {since} ms in {key}",
                who.name
            ));
        }
        let name = Server::name(key);
        let truth = (
            room.member_count() as u64,
            self.server.sessions.online(name),
        );
        if place.track.counts.is_some_and(|counts| counts != truth) {
            wrong.push(format!(
                "presence: {} takes {:?} of {key} for true, which is {truth:?}",
                who.name, place.track.counts
            ));
        }
        for (uid, online) in &place.track.online {
            if *online != self.server.sessions.is_here(name, uid.as_bytes()) {
                wrong.push(format!(
                    "presence: {} takes {uid} in {key} for online: {online}",
                    who.name
                ));
            }
        }
    }

    /// Nothing twice, each sender's order, nothing that was refused.
    fn judge_rooms(&self, wrong: &mut Vec<String>) {
        for key in KEYS {
            let Some(life) = self.server.truth.room(key) else {
                continue;
            };
            for (text, many) in self.server.truth.texts(key) {
                if many > 1 {
                    wrong.push(format!("duplicate: {key} holds '{text}' {many} times"));
                }
            }
            let mut newest: std::collections::HashMap<&str, u64> = std::collections::HashMap::new();
            let sure = |said: &&crate::truth::Said| {
                let mut devices = self.devices.iter();
                devices.all(|device| !device.unsure.contains(&said.text))
            };
            let stored = life.holds.iter().filter_map(|at| life.said.get(at));
            for said in stored.filter(sure) {
                let (device, number) = said.text.rsplit_once('-').unwrap_or(("", "0"));
                let number = number.parse().unwrap_or(0);
                let before = newest.entry(device).or_default();
                if *before > number {
                    wrong.push(format!(
                        "order: in {key} {device} said {number} after {before}"
                    ));
                }
                *before = number;
            }
            for device in &self.devices {
                for said in life
                    .said
                    .values()
                    .filter(|said| device.refused.contains(&said.text))
                {
                    wrong.push(format!(
                        "aborted read: '{}' was refused, and {key} holds it",
                        said.text
                    ));
                }
            }
        }
    }
}

/// Faults end before people do.
const _: () = assert!(FAULTS_UNTIL < END);
