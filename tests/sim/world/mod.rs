//! One run: the servers, the proxies, the people, and all that is between them, on one virtual clock.
//!
//! | file | what it holds |
//! |---|---|
//! | `mod` | who is woken when |
//! | `servers` | the servers' and the proxies' turns |
//! | `slots` | in a cluster: slots that go from one server to the other |
//! | `sentinel` | one of two servers is the primary, now this one, now that one |
//! | `devices` | the devices' turns |
//! | `acts` | what the plan wants done |
//! | `judge` | the end |

mod acts;
mod devices;
mod judge;
mod sentinel;
mod servers;
mod slots;

use crate::handle::LIMIT;
use crate::link::Link;
use crate::people::Device;
use crate::plan::{Act, DEVICES, END, PROXIES, Plan};
use crate::planted::{Defect, Planted};
use crate::proxy::{Belief, Proxy};
use crate::random::Random;
use crate::server::{Role, Server, TICK_MS, View};
use crate::socket::Sockets;
use crate::stats::Stats;
use crate::truth::SharedTruth;
use hub_core::handle::ConnId;
use hub_core::settings::Settings;
use slots::Move;
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Who has something to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Actor {
    Act(usize),
    Server(usize),
    Proxy(usize),
    Device(usize),
    /// The next step of a slot that moves.
    Move(usize),
    /// A server learns that it is the primary no more.
    Demoted(usize),
}

/// A server, and what keeps it from its work.
pub(crate) struct Node {
    pub(crate) server: Server,
    stalled_until: u64,
    /// It is not there until then.
    down_until: u64,
    next_tick: u64,
}

impl Node {
    /// It does nothing before.
    fn works_at(&self) -> u64 {
        self.stalled_until.max(self.down_until)
    }
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
    /// When each actor is woken next: servers, proxies, devices.
    wakes: Vec<u64>,
    pub(crate) truth: SharedTruth,
    /// One, or those of a cluster.
    nodes: Vec<Node>,
    links: Vec<Link>,
    sockets: Sockets,
    proxies: Vec<Proxy>,
    /// When a process that died is started anew.
    starts: [Option<u64>; PROXIES],
    devices: Vec<Device>,
    conns: ConnId,
    processes: u64,
    /// How much somebody said who is in no room.
    outsiders: u64,
    /// Slots that are on their way.
    moves: Vec<Move>,
    /// With sentinels: which server is the primary.
    primary: Option<usize>,
    /// The next one that is demoted keeps its connections.
    quietly: bool,
    /// A server that gets a slot ends what was subscribed by asking, as Valkey 9 does.
    ends_asking: bool,
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
            histories: Random::new(plan.seed, 7).one_of(&[1, 16]),
            history: LIMIT / 2,
            broken: planted.and_then(Planted::of_hub),
            ..Settings::default()
        };
        let many = plan.nodes();
        let proxy = |index: usize| {
            let defect = Defect::new(planted, Random::new(plan.seed, 700 + index as u64));
            let settings = settings.clone();
            let of = Proxy::new(index, index as u64, plan.seed, 0, many, settings, defect);
            match plan.sentinel {
                true => of.with_sentinels(Belief::new(0)),
                false => of,
            }
        };
        let truth = SharedTruth::default();
        let node = |me: usize| {
            let owners = std::array::from_fn(|room| room % many);
            let view = (many > 1 && !plan.sentinel).then(|| View::new(me, owners));
            let mut server = Server::new(plan.seed + me as u64, view, truth.clone());
            if plan.sentinel && me > 0 {
                server.role = Role::Replica;
            }
            Node {
                server,
                stalled_until: 0,
                down_until: 0,
                next_tick: TICK_MS,
            }
        };
        let devices = DEVICES + usize::from(plan.guest);
        let mut world = Self {
            plan,
            now: 0,
            queue: BinaryHeap::new(),
            number: 0,
            wakes: vec![u64::MAX; many + PROXIES + devices],
            nodes: (0..many).map(node).collect(),
            truth,
            links: Vec::new(),
            sockets: Sockets::new(),
            proxies: (0..PROXIES).map(proxy).collect(),
            starts: [None; PROXIES],
            devices: (0..devices)
                .map(|number| Device::new(number, plan.seed))
                .collect(),
            conns: 0,
            processes: PROXIES as u64,
            outsiders: 0,
            moves: Vec::new(),
            primary: plan.sentinel.then_some(0),
            quietly: false,
            ends_asking: Random::new(plan.seed, 5).once_in(2),
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
            if let Act::Failover(lag @ 1.., ..) | Act::Switch(lag @ 1.., ..) = act {
                // Between the two the replica hears nothing.
                world
                    .queue
                    .push(Reverse((at.saturating_sub(*lag), 0, Actor::Act(place))));
            }
        }
        for node in 0..many {
            world.wake(Actor::Server(node), TICK_MS);
        }
        for proxy in 0..PROXIES {
            world.wake(Actor::Proxy(proxy), 0);
        }
        for device in 0..devices {
            world.wake(Actor::Device(device), world.devices[device].wakes());
        }
        world
    }

    fn wake(&mut self, actor: Actor, at: u64) {
        let Some(place) = self.place(actor) else {
            return;
        };
        let at = at.max(self.now);
        if at < self.wakes[place] {
            self.wakes[place] = at;
            self.push(at, actor);
        }
    }

    fn push(&mut self, at: u64, actor: Actor) {
        self.number += 1;
        self.queue.push(Reverse((at, self.number, actor)));
    }

    fn place(&self, actor: Actor) -> Option<usize> {
        let nodes = self.nodes.len();
        match actor {
            Actor::Act(_) | Actor::Move(_) | Actor::Demoted(_) => None,
            Actor::Server(node) => Some(node),
            Actor::Proxy(proxy) => Some(nodes + proxy),
            Actor::Device(device) => Some(nodes + PROXIES + device),
        }
    }

    /// Whether this is still the time at which the actor is to be woken.
    fn is_awake(&mut self, actor: Actor) -> bool {
        let Some(place) = self.place(actor) else {
            return true;
        };
        let due = self.wakes[place] == self.now;
        if due {
            self.wakes[place] = u64::MAX;
        }
        due
    }

    fn turn(&mut self, actor: Actor) {
        if !self.is_awake(actor) {
            return;
        }
        match actor {
            Actor::Act(place) => {
                let (at, act) = self.plan.acts[place];
                if at == self.now {
                    self.act(act);
                } else if let Act::Failover(_, _, node) = act {
                    self.node(node).server.replica_falls_behind();
                } else if let Some(primary) = self.primary {
                    self.nodes[primary].server.replica_falls_behind();
                }
            }
            Actor::Server(node) => self.server_turn(node),
            Actor::Proxy(proxy) => self.proxy_turn(proxy),
            Actor::Device(device) => self.device_turn(device),
            Actor::Move(number) => self.step(number),
            Actor::Demoted(node) => self.demoted(node),
        }
    }

    /// A node, of those there are; with sentinels 0 is the primary.
    fn number_of(&self, node: usize) -> usize {
        (node + self.primary.unwrap_or(0)) % self.nodes.len()
    }

    fn node(&mut self, node: usize) -> &mut Node {
        let node = self.number_of(node);
        &mut self.nodes[node]
    }
}
