//! People talk in many rooms of a cluster while slots move, replicas take over, primaries die and freeze, and nodes come and go.
//!
//! Beside them there are rooms in which everybody only listens: what an operator says there at the node that has the room is
//! heard soon. Where a slot moves nobody is told of another history, and nothing is lost; where a primary died or froze only
//! what had not come to its replica may be. All clients stay connected, but for those who drop on purpose.

use crate::checker::judge;
use crate::crowd::{Crowd, Size, patient};
use crate::ears::Ears;
use crate::history::{Allowed, Event, History};
use crate::number;
use crate::world::REDIS;
use harness::eventually;
use harness::proxy::Proxy;
use harness::random::Random;
use harness::shards::Shards;
use harness::slots::Way;
use std::cell::RefCell;
use std::thread::sleep;
use std::time::Duration;

const PROXIES: usize = 3;
/// A primary that stands still does so for this long.
const FROZEN: Duration = Duration::from_secs(10);
/// What a replica may be behind while nothing fails, in milliseconds.
const BEHIND: u64 = 500;
/// What is stored at a node that has the room is heard within so many milliseconds.
const HEARD_WITHIN: u64 = 1000;
/// Rooms that take part in a reshard to a node that comes.
const TO_A_NEW_NODE: usize = 10;

/// What is delivered is confirmed soon. A machine that stands still for some seconds ends no connection.
const OPTIONS: [&str; 4] = ["--heartbeat", "500ms", "--dead-after", "20s"];

/// How much of everything: a part, or with `ROOMCAST_CLUSTER=1` all.
struct Measure {
    reshards: usize,
    /// Of each kind of failure.
    failures: usize,
    /// Between the last `MIGRATE` and `SETSLOT`.
    gap: Duration,
    size: Size,
}

impl Measure {
    fn chosen() -> Self {
        let all = number("ROOMCAST_CLUSTER").is_some();
        let size = |rooms| Size {
            rooms,
            each: 10,
            proxies: PROXIES,
        };
        match all {
            true => Self {
                reshards: 10,
                failures: 2,
                gap: Duration::from_secs(60),
                size: size(200),
            },
            false => Self {
                reshards: 2,
                failures: 1,
                gap: Duration::from_secs(3),
                size: size(100),
            },
        }
    }
}

/// Something that happened, from when until when, in milliseconds.
struct Step {
    what: String,
    from: u64,
    to: u64,
    /// Its rooms, if something may have been lost.
    lossy: Vec<String>,
}

struct Show {
    shards: Shards,
    proxies: Vec<Proxy>,
    crowd: Crowd,
    ears: RefCell<Ears>,
    random: Random,
    steps: Vec<Step>,
    broken: Vec<String>,
}

#[test]
fn slots_and_nodes_of_a_cluster_move_fail_come_and_go() {
    let seed = number("ROOMCAST_SEED").unwrap_or_else(Random::seed);
    println!("seed {seed}");
    let measure = Measure::chosen();
    let mut show = Show::begin(&measure, seed);
    for way in [Way::Keys, Way::Atomic] {
        // Where one is not known the other is all there is.
        let way = if show.shards.know(way) {
            way
        } else {
            Way::Keys
        };
        for _ in 0..measure.reshards {
            show.reshard(way);
        }
    }
    let to = show.another(&format!("room:{QUIET}"));
    show.gap(to, measure.gap);
    for _ in 0..measure.failures {
        show.fail_over();
        show.kill();
        show.freeze();
    }
    show.come_and_go(measure.gap);
    show.end(&measure, seed);
}

/// Rooms with listeners only: some of which the operators talk in, and one in which nothing is said but while its slot moves.
fn ears() -> Vec<String> {
    (0..7).map(|number| format!("ears{number}")).collect()
}

const QUIET: &str = "ears6";

impl Show {
    fn begin(measure: &Measure, seed: u64) -> Self {
        let mut random = Random::new(seed);
        let shards = Shards::start(3, &REDIS);
        // Any of them may be named, replicas too.
        let url = shards.url();
        let proxies: Vec<Proxy> = (0..PROXIES).map(|_| Proxy::to(&url, &OPTIONS)).collect();
        let ports: Vec<u16> = proxies.iter().map(|proxy| proxy.port).collect();
        let mut ears = Ears::begin(ports.clone(), &ears(), &mut random);
        let crowd = Crowd::begin(&patient(ports, (1000, 2000)), &measure.size, &mut random);
        ears.come_to_rest(|key| shards.redis(shards.owner(key)));
        for room in self::ears().iter().filter(|room| *room != QUIET) {
            ears.say(room, shards.ports());
        }
        let mut show = Self {
            shards,
            proxies,
            crowd,
            ears: RefCell::new(ears),
            random,
            steps: Vec::new(),
            broken: Vec::new(),
        };
        let shards = &show.shards;
        show.crowd
            .come_to_rest(|key| shards.redis(shards.owner(key)));
        show.crowd.talk(true);
        show.step("nothing", Vec::new(), |_| sleep(Duration::from_secs(2)));
        show
    }

    fn now(&self) -> u64 {
        self.ears.borrow().now()
    }

    /// Something happens; some drop meanwhile, and after it everybody is live again.
    fn step(&mut self, what: &str, lossy: Vec<String>, happens: impl FnOnce(&mut Self)) {
        let from = self.now();
        self.crowd.drop_some(2, &mut self.random);
        happens(self);
        let shards = &self.shards;
        shards.settled();
        eventually("all proxies have a link to every slot's owner", || {
            self.proxies.iter().all(Proxy::is_ready).then_some(())
        });
        sleep(Duration::from_millis(500));
        self.steps.push(Step {
            what: what.to_owned(),
            from,
            to: self.now(),
            lossy,
        });
    }

    /// Another primary than the owner of a key.
    fn another(&mut self, key: &str) -> usize {
        let owner = self.shards.owner(key);
        let mut others = self.shards.primaries();
        others.retain(|at| *at != owner);
        others[self.random.below(others.len())]
    }

    /// Two slots move: one in which people talk, and one where an operator is heard.
    fn reshard(&mut self, way: Way) {
        self.step(&format!("reshard {way:?}"), Vec::new(), |show| {
            let ears = format!("room:ears{}", show.random.below(6));
            let talk = format!("room:r{}", show.random.below(100));
            for key in [talk, ears] {
                let to = show.another(&key);
                show.shards.move_slot(&key, to, way, || {
                    sleep(Duration::from_millis(200));
                });
            }
        });
    }

    /// Long after its keys a slot goes to a node; nobody said anything in its room before.
    fn gap(&mut self, to: usize, gap: Duration) {
        self.step("a gap", Vec::new(), |show| {
            let (key, nodes) = (format!("room:{QUIET}"), show.shards.ports());
            let say = || show.ears.borrow_mut().say_once(QUIET, &nodes);
            show.shards.move_slot(&key, to, Way::Keys, || {
                for _ in 0..10 {
                    say();
                    sleep(gap / 10);
                }
                say();
            });
            say();
        });
    }

    /// One with a room in which an operator talks.
    fn some_primary(&mut self) -> usize {
        let key = format!("room:ears{}", self.random.below(6));
        self.shards.owner(&key)
    }

    fn fail_over(&mut self) {
        let primary = self.some_primary();
        let replica = self.shards.replica_of(primary);
        self.step("CLUSTER FAILOVER", Vec::new(), |show| {
            show.shards.fail_over(replica);
        });
    }

    /// The keys that a node has.
    fn keys_of(&self, at: usize) -> Vec<String> {
        self.shards
            .redis(at)
            .query(redis::cmd("KEYS").arg("room:*"))
    }

    fn kill(&mut self) {
        let at = self.some_primary();
        let (replica, keys) = (self.shards.replica_of(at), self.keys_of(at));
        self.step("kill -9", keys, |show| {
            show.shards.kill(at);
            show.shards.takes_over(replica);
            sleep(Duration::from_secs(1));
            show.shards.start_again(at);
        });
    }

    fn freeze(&mut self) {
        let at = self.some_primary();
        let (replica, keys) = (self.shards.replica_of(at), self.keys_of(at));
        self.step("a frozen primary", keys, |show| {
            show.shards.freeze(at, true);
            let began = std::time::Instant::now();
            show.shards.takes_over(replica);
            sleep(FROZEN.saturating_sub(began.elapsed()));
            show.shards.freeze(at, false);
        });
    }

    /// A node comes, gets some slots, gives them back and leaves.
    fn come_and_go(&mut self, gap: Duration) {
        let mut came = 0;
        self.step("a node comes", Vec::new(), |show| came = show.shards.add());
        // The first slot that it gets: no proxy has a link to it before.
        self.gap(came, gap + Duration::from_secs(5));
        let keys = (0..TO_A_NEW_NODE).map(|room| format!("room:r{room}"));
        let mut keys: Vec<String> = keys.collect();
        self.step("slots go to it", Vec::new(), |show| {
            for key in &keys {
                show.shards.move_slot(key, came, Way::Keys, || {});
            }
        });
        keys.push(format!("room:{QUIET}"));
        self.step("slots leave it", Vec::new(), |show| {
            for key in &keys {
                let to = show.another(key);
                show.shards.move_slot(key, to, Way::Keys, || {});
            }
        });
        self.step("it leaves", Vec::new(), |show| show.shards.remove(came));
    }

    fn end(mut self, measure: &Measure, seed: u64) {
        self.crowd.talk(false);
        let mut ears = self.ears.into_inner();
        ears.hush();
        let shards = &self.shards;
        let owner = |key: &str| shards.redis(shards.owner(key));
        self.crowd.come_to_rest(owner);
        ears.come_to_rest(owner);
        self.broken.extend(ears.ended());
        let ended = self.crowd.scene.ended.lock().expect("a list").clone();
        self.broken.extend(ended);
        let steps = &self.steps;
        let allowed = |key: &str| Allowed {
            other_history: lossy(steps, key).next().is_some(),
            drops: false,
        };
        let heard = ears.end(owner, allowed);
        let mut histories = self.crowd.end(owner, allowed);
        let talked: usize = histories.iter().map(|(_, history)| history.log.len()).sum();
        for step in steps {
            let (took, what) = heard.longest(step.from, step.to);
            let deaf = heard.deaf(step.from, step.to);
            println!(
                "{:>20} at {} ms: heard within {took} ms; nothing could be stored for {deaf} ms",
                step.what, step.from
            );
            if took > HEARD_WITHIN {
                self.broken
                    .push(format!("{}: {what} was heard after {took} ms", step.what));
            }
        }
        println!("{} rooms, {talked} messages of people", measure.size.rooms);
        histories.extend(heard.histories);
        for (room, history) in &histories {
            let mut broken = judge(history);
            broken.extend(told(steps, &format!("room:{room}"), history));
            if !broken.is_empty() && self.broken.len() < 20 {
                history.keep(&format!("cluster-{room}"));
            }
            self.broken
                .extend(broken.into_iter().map(|words| format!("{room}: {words}")));
        }
        assert!(
            self.broken.is_empty(),
            "seed {seed}\nbroken promises: {}",
            harness::shown::first(&self.broken)
        );
    }
}

/// The steps in which a room may have lost something.
fn lossy<'a>(steps: &'a [Step], key: &'a str) -> impl Iterator<Item = &'a Step> {
    let of_it = move |step: &&Step| step.lossy.iter().any(|lossy| lossy == key);
    steps.iter().filter(of_it)
}

/// Who was told of another history, or of a loss, or lost what was confirmed, where nothing may have been lost.
fn told(steps: &[Step], key: &str, history: &History) -> Vec<String> {
    let held = |text: &str| history.log.iter().any(|row| row.text == text);
    let mut wrong = Vec::new();
    for diary in &history.diaries {
        for (ms, event) in &diary.moments {
            let what = match event {
                Event::Reset(at) if !lossy(steps, key).any(|step| *ms >= step.from) => {
                    format!("was told reset at {at}")
                }
                Event::Lost { from, to, reason } => {
                    format!("was told that {from} to {to} are lost: {reason}")
                }
                Event::Confirmed(text) if !held(text) => {
                    let near =
                        |step: &Step| (step.from.saturating_sub(BEHIND)..=step.to).contains(ms);
                    if lossy(steps, key).any(near) {
                        continue;
                    }
                    format!("'{text}' was confirmed, and is gone")
                }
                _ => continue,
            };
            wrong.push(format!("{} at {ms} ms: {what}", diary.device));
        }
    }
    wrong
}
