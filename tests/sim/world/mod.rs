//! One run: the server, the proxies, the people, and all that is between them, on one virtual clock.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | who is woken when |
//! | `servers` | the server's and the proxies' turns |
//! | `devices` | the devices' turns |
//! | `acts` | what the plan wants done |
//! | `judge` | the end |

mod acts;
mod devices;
mod judge;
mod servers;

use crate::link::Link;
use crate::people::Device;
use crate::plan::{Act, DEVICES, END, PROXIES, Plan};
use crate::planted::{Defect, Planted};
use crate::proxy::Proxy;
use crate::random::Random;
use crate::server::{Server, TICK_MS};
use crate::socket::Sockets;
use crate::stats::Stats;
use hub_core::handle::ConnId;
use hub_core::settings::Settings;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

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
    planted: Option<Planted>,
    stats: Stats,
    wrong: Vec<String>,
    trace: bool,
}

/// More turns in one millisecond are a circle.
const MOST_TURNS: u64 = 20_000;

/// Runs a plan.
pub(crate) fn run(plan: &Plan, planted: Option<Planted>, trace: bool) -> Outcome {
    let mut world = World::new(plan, planted, trace);
    let mut turns = 0;
    while let Some(Reverse((at, _, actor))) = world.queue.pop() {
        if at > END {
            break;
        }
        turns = if at == world.now { turns + 1 } else { 0 };
        if turns > MOST_TURNS {
            let what = format!("liveness: at {at} ms somebody asks without end");
            world.wrong.push(what);
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
    fn new(plan: &'a Plan, planted: Option<Planted>, trace: bool) -> Self {
        let mut random = Random::new(plan.seed, 1);
        let settings = Settings {
            ack_interval: random.one_of(&[20, 50, 200]),
            room_pause: random.one_of(&[500, 5_000]),
            page: random.one_of(&[1_000, 4_000]),
            window: random.one_of(&[1, 2, 256]),
            ring: random.one_of(&[6_000, 4 * 1024 * 1024]),
            // Drawn apart: plans that are kept stay what they are.
            catch_ups: Random::new(plan.seed, 3).one_of(&[1, 2, 128]),
            broken: planted.and_then(Planted::of_hub),
            ..Settings::default()
        };
        let proxy = |index: usize| {
            let defect = Defect::new(planted, Random::new(plan.seed, 700 + index as u64));
            Proxy::new(index, index as u64, plan.seed, 0, settings.clone(), defect)
        };
        let devices = DEVICES + usize::from(plan.guest);
        let mut world = Self {
            plan,
            now: 0,
            queue: BinaryHeap::new(),
            number: 0,
            wakes: vec![u64::MAX; 1 + PROXIES + devices],
            server: Server::new(plan.seed),
            stalled_until: 0,
            down_until: 0,
            next_tick: TICK_MS,
            links: Vec::new(),
            sockets: Sockets::new(),
            proxies: (0..PROXIES).map(proxy).collect(),
            starts: [None; PROXIES],
            devices: (0..devices)
                .map(|number| Device::new(number, plan.seed))
                .collect(),
            conns: 0,
            processes: PROXIES as u64,
            random,
            settings,
            planted,
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
        for device in 0..devices {
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
}
