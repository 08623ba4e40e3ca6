//! Many proxies behind a load balancer, while people with several devices talk: now one is killed, now one stands still, and in
//! the end all are replaced one after the other, as an operator does.
//!
//! Nothing is lost or comes twice, and nobody is away for longer than it takes the balancer to notice and them to come back.

use crate::checker::judge;
use crate::crowd::{Crowd, Guest, patient};
use crate::history::{Allowed, Event, History, Kind};
use crate::number;
use crate::world::{OPTIONS, REDIS};
use harness::balancer::{Balancer, Kind as By};
use harness::process::built;
use harness::proxy::Proxy;
use harness::random::Random;
use harness::redis::Redis;
use std::thread::sleep;
use std::time::Duration;

const PROXIES: usize = 8;
/// The balancer is before them, and adds headers.
const BEHIND: [&str; 3] = ["--open", "--trusted-proxies", "127.0.0.1"];
/// People in each room.
const IN_A_ROOM: usize = 10;
/// Milliseconds between two messages of one device in a room: so many, and so many more at most.
const PACE: (u64, usize) = (2_000, 8_000);
/// Between two things that happen.
const EVERY: Duration = Duration::from_secs(3);
/// A proxy that stands still does so for longer than its lease and than the balancer takes to notice.
const FROZEN: Duration = Duration::from_secs(4);
/// Milliseconds from the end of a connection until its room lets that device in again: two checks of the balancer (500 ms), a
/// second for a connection to one that stands still, and a backoff of 0.1 s, on a machine with much else to do.
const AWAY: u64 = 5_000;

/// How much of everything: a part, or with `ROOMCAST_PROXIES=1` all.
struct Measure {
    people: usize,
    failures: usize,
}

impl Measure {
    fn chosen() -> Self {
        match number("ROOMCAST_PROXIES").is_some() {
            true => Self {
                people: 500,
                failures: 20,
            },
            false => Self {
                people: 60,
                failures: 4,
            },
        }
    }
}

#[test]
fn proxies_die_freeze_and_are_replaced_behind_a_balancer() {
    let seed = number("ROOMCAST_SEED").unwrap_or_else(Random::seed);
    println!("seed {seed}");
    let mut random = Random::new(seed);
    let measure = Measure::chosen();
    let mut show = Show::begin(&measure, &mut random);
    for _ in 0..measure.failures {
        sleep(EVERY);
        let which = random.below(PROXIES);
        match random.below(2) {
            0 => show.kill(which),
            _ => show.freeze(which),
        }
    }
    sleep(EVERY);
    show.replace_all();
    show.end(seed);
}

struct Show {
    redis: Redis,
    proxies: Vec<Proxy>,
    _balancer: Balancer,
    crowd: Crowd,
    options: Vec<&'static str>,
}

impl Show {
    fn begin(measure: &Measure, random: &mut Random) -> Self {
        let redis = Redis::with(&REDIS);
        let options = [&OPTIONS[..], &BEHIND].concat();
        let start = |_| Proxy::to(&redis.url(), &options);
        let proxies: Vec<Proxy> = (0..PROXIES).map(start).collect();
        let ports: Vec<u16> = proxies.iter().map(|proxy| proxy.port).collect();
        let balancer = Balancer::start(By::Haproxy, &ports);
        let scene = patient(vec![balancer.port], PACE);
        let mut crowd = Crowd::of(&scene, guests(measure.people), random);
        crowd.come_to_rest(|_| &redis);
        crowd.talk(true);
        Self {
            redis,
            proxies,
            _balancer: balancer,
            crowd,
            options,
        }
    }

    /// Dies without a word; another one takes its place a little later.
    fn kill(&mut self, which: usize) {
        self.proxies[which].kill();
        sleep(Duration::from_secs(1));
        self.start_again(which);
    }

    fn start_again(&mut self, which: usize) {
        let program = built("ROOMCAST_PROXY", "roomcast-proxy");
        let url = self.redis.url();
        self.proxies[which].start_again(&program, &url, &self.options);
    }

    fn freeze(&self, which: usize) {
        self.proxies[which].freeze();
        sleep(FROZEN);
        self.proxies[which].thaw();
    }

    /// Each is asked to end, and a new one takes its place.
    fn replace_all(&mut self) {
        for which in 0..PROXIES {
            assert_eq!(self.proxies[which].stop(), 0, "it says goodbye");
            self.start_again(which);
            // As an operator waits until the balancer takes the new one.
            sleep(Duration::from_secs(1));
        }
    }

    fn end(mut self, seed: u64) {
        self.crowd.talk(false);
        self.crowd.come_to_rest(|_| &self.redis);
        let histories = self.crowd.end(|_| &self.redis, |_| Allowed::default());
        let mut broken = Vec::new();
        let (mut stored, mut times) = (0, Vec::new());
        for (room, history) in &histories {
            stored += history.log.len();
            broken.extend(
                judge(history)
                    .into_iter()
                    .map(|words| format!("{room}: {words}")),
            );
            times.extend(absences(history));
        }
        times.sort_unstable();
        let at = |part: f64| times.get((times.len() as f64 * part) as usize).copied();
        println!(
            "{stored} messages in {} rooms; {} absences: half of them up to {:?} ms, 99 of 100 up to {:?}, all up to {:?}",
            histories.len(),
            times.len(),
            at(0.5),
            at(0.99),
            times.last()
        );
        let long = times.iter().filter(|time| **time > AWAY).count();
        if long > 0 {
            broken.push(format!(
                "{long} times somebody was away for longer than {AWAY} ms"
            ));
        }
        if !broken.is_empty() {
            let of = broken[0].split(':').next().unwrap_or_default();
            let first = histories.iter().find(|(room, _)| room == of);
            first.inspect(|(_, history)| history.keep("proxies"));
        }
        assert!(
            broken.is_empty(),
            "seed {seed}\nbroken promises: {}",
            harness::shown::first(&broken)
        );
    }
}

/// People in rooms of ten; of three people one has two devices, and one has three.
fn guests(people: usize) -> Vec<Guest> {
    let mut guests = Vec::new();
    for person in 0..people {
        let devices = 1 + person % 3;
        for device in 0..devices {
            guests.push(Guest {
                device: format!("u{person}d{device}"),
                uid: format!("u{person}"),
                // Some are as the tutorial's client is.
                kind: match devices == 1 && person % 2 == 0 {
                    true => Kind::Plain,
                    false => Kind::Careful,
                },
                shared: devices > 1,
                rooms: vec![format!("r{}", person / IN_A_ROOM)],
            });
        }
    }
    guests
}

/// How long devices were away each time, in milliseconds.
fn absences(history: &History) -> Vec<u64> {
    let mut times = Vec::new();
    for diary in &history.diaries {
        let mut ended = None;
        for (ms, event) in &diary.moments {
            match event {
                Event::Ended => ended = ended.or(Some(*ms)),
                Event::Login { .. } => times.extend(ended.take().map(|ended| ms - ended)),
                _ => {}
            }
        }
    }
    times
}
