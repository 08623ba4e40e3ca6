//! Waiting mail is told while proxies, Redis and the receiver die: each that waits, repeats under known ids, and nothing that was
//! acknowledged before it was leased.

use crate::number;
use harness::process::built;
use harness::proxy::Proxy;
use harness::random::Random;
use harness::receiver::{Receiver, SECRET};
use harness::redis::Redis;
use harness::value::{list, ok, text};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

const ROOMS: usize = 4;
const UIDS: usize = 8;
const STEPS: usize = 80;
/// Members are leased for so long; what is older than a few of these was asked about anew.
const LEASE: Duration = Duration::from_secs(2);
const LONG_AGO: Duration = Duration::from_secs(5);

/// Room and uid.
type Who = (String, String);

struct Run {
    random: Random,
    redis: Redis,
    proxies: Vec<(Proxy, Vec<String>)>,
    receiver: Receiver,
    /// How the receiver fails: 0 not, 1 no answer, 2 an error.
    fails: Arc<AtomicUsize>,
    positions: BTreeMap<String, Vec<String>>,
    /// What each has acknowledged (seq), and since when Redis has said so.
    acked: BTreeMap<Who, Vec<(u64, Instant)>>,
    killed: usize,
}

fn room(at: usize) -> String {
    format!("room {at}").replace(' ', "-")
}

fn seq(position: &str) -> u64 {
    let seq = position.split('-').next();
    seq.and_then(|seq| seq.parse().ok()).expect("a position")
}

impl Run {
    fn begin(seed: u64, folder: &Path) -> Self {
        let redis = Redis::with(&[
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--save",
            "",
            "--room.waiting-delay",
            "100",
            "--room.grace",
            "100",
            "--room.start-grace",
            "200",
            // After a start no device is waited for that could have less.
            "--room.device-grace",
            "0",
        ]);
        let receiver = Receiver::start();
        let fails = Arc::new(AtomicUsize::new(0));
        let of_receiver = fails.clone();
        receiver.answers(move |_| match of_receiver.load(Relaxed) {
            0 => (200, String::new()),
            1 => (0, String::new()),
            _ => (503, String::new()),
        });
        let secrets = folder.join("secrets");
        std::fs::write(&secrets, SECRET).expect("a file");
        let (url, secrets) = (receiver.url(), secrets.to_str().expect("text").to_owned());
        let lease = format!("{}ms", LEASE.as_millis());
        let options = [
            "--webhook",
            &url,
            "--webhook-secret-file",
            &secrets,
            "--webhook-every",
            "50ms",
            "--webhook-timeout",
            "500ms",
            "--webhook-lease",
            &lease,
            "--webhook-batch",
            "5",
        ];
        let options: Vec<String> = options.map(str::to_owned).into();
        let proxies = (0..3).map(|_| {
            let words: Vec<&str> = options.iter().map(String::as_str).collect();
            (Proxy::with(&redis, &words), options.clone())
        });
        let proxies = proxies.collect();
        Self {
            random: Random::new(seed),
            redis,
            proxies,
            receiver,
            fails,
            positions: BTreeMap::new(),
            acked: BTreeMap::new(),
            killed: 0,
        }
    }

    fn talk(&mut self) {
        for at in 0..ROOMS {
            let uids: Vec<String> = (0..UIDS).map(|uid| format!("u{uid}")).collect();
            let invite = format!("ROOM.INVITE room:{} {}", room(at), uids.join(" "));
            ok(&mut self.redis.connect(), &invite);
            self.publish(at);
        }
        for _ in 0..STEPS {
            match self.random.below(20) {
                0 => self.kill_proxy(),
                1 => self.redis.crash_and_restart(),
                2 => self.fails.store(self.random.below(3), Relaxed),
                3..=6 => self.ack(),
                _ => {
                    let at = self.random.below(ROOMS);
                    self.publish(at);
                }
            }
            sleep(Duration::from_millis(self.random.below(120) as u64));
        }
        self.fails.store(0, Relaxed);
        (0..ROOMS).for_each(|at| self.publish(at));
    }

    fn publish(&mut self, at: usize) {
        let key = room(at);
        let said = ok(
            &mut self.redis.connect(),
            &format!("ROOM.PUBLISH room:{key} bot hello"),
        );
        let position = text(&list(&said)[4]);
        self.positions.entry(key).or_default().push(position);
    }

    fn ack(&mut self) {
        let key = room(self.random.below(ROOMS));
        let uid = format!("u{}", self.random.below(UIDS));
        let positions = &self.positions[&key];
        let position = positions[self.random.below(positions.len())].clone();
        ok(
            &mut self.redis.connect(),
            &format!("ROOM.ACK room:{key} {position} {uid}"),
        );
        let acked = self.acked.entry((key, uid)).or_default();
        acked.push((seq(&position), Instant::now()));
    }

    fn kill_proxy(&mut self) {
        let which = self.random.below(self.proxies.len());
        let (proxy, options) = &mut self.proxies[which];
        proxy.kill();
        let program = built("ROOMCAST_PROXY", "roomcast-proxy");
        let words: Vec<&str> = options.iter().map(String::as_str).collect();
        proxy.start_again(&program, &self.redis.url(), &words);
        self.killed += 1;
    }

    /// The last that a member has acknowledged.
    fn has(&self, who: &Who) -> u64 {
        let acked = self.acked.get(who).into_iter().flatten();
        acked.map(|(seq, _)| *seq).max().unwrap_or(0)
    }

    fn judge(&self) {
        let end = Instant::now() + Duration::from_secs(60);
        while !self.missing().is_empty() {
            assert!(Instant::now() < end, "not told of:\n{}", self.shown());
            sleep(Duration::from_millis(50));
        }
        let mut of_ids: BTreeMap<String, Who> = BTreeMap::new();
        let mut ids: BTreeMap<Who, Vec<String>> = BTreeMap::new();
        for post in self.receiver.posts() {
            for (telling, row) in post.tellings().into_iter().zip(rows(&post.body)) {
                let (room, uid, id) = telling;
                let who = (room, uid);
                let known = of_ids.entry(id.clone()).or_insert_with(|| who.clone());
                assert_eq!(*known, who, "{id} is of two");
                let of_it = ids.entry(who.clone()).or_default();
                if of_it.last() != Some(&id) {
                    of_it.push(id);
                }
                let acked = self.acked.get(&who).into_iter().flatten();
                let mut before = acked.filter(|(_, at)| *at + LONG_AGO < post.at);
                assert!(
                    before.all(|(seq, _)| *seq < row),
                    "{who:?}: {row} was acknowledged long before"
                );
            }
        }
        for (who, ids) in ids {
            let different: BTreeSet<&String> = ids.iter().collect();
            assert_eq!(
                different.len(),
                ids.len(),
                "{who:?}: a telling came back: {ids:?}"
            );
        }
    }

    /// What Redis says of those who were not told of.
    fn shown(&self) -> String {
        let missing = self.missing().into_iter().take(5);
        let lines = missing.map(|who| {
            let asked = format!("ROOM.PENDING room:{} {}", who.0, who.1);
            let pending = ok(&mut self.redis.connect(), &asked);
            let posts = self.receiver.posts().into_iter();
            let of_it = posts.filter(|post| {
                let mut tellings = post.tellings().into_iter();
                tellings.any(|row| (row.0, row.1) == who)
            });
            let posts: Vec<_> = of_it.map(|post| (post.status, post.body)).collect();
            format!("{who:?} has {}: {pending:?}, {posts:?}", self.has(&who))
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Who waits and was not told of.
    fn missing(&self) -> BTreeSet<Who> {
        let mut missing = BTreeSet::new();
        let posts = self.receiver.posts();
        let taken: Vec<_> = posts.iter().filter(|post| post.status == 200).collect();
        for (key, positions) in &self.positions {
            let head = seq(positions.last().expect("a message"));
            for uid in 0..UIDS {
                let who = (key.clone(), format!("u{uid}"));
                let has = self.has(&who);
                let told = taken.iter().any(|post| {
                    let both = post.tellings().into_iter().zip(rows(&post.body));
                    both.into_iter()
                        .any(|(telling, row)| (telling.0, telling.1) == who && row > has)
                });
                if has < head && !told {
                    missing.insert(who);
                }
            }
        }
        missing
    }
}

/// Up to which message each telling of a post tells.
fn rows(body: &serde_json::Value) -> Vec<u64> {
    let rows = body["data"]["waiting"].as_array().into_iter().flatten();
    rows.map(|row| seq(row["head"].as_str().unwrap_or_default()))
        .collect()
}

#[test]
fn waiting_mail_is_told_whatever_dies() {
    let runs = number("ROOMCAST_WAITING").unwrap_or(2);
    let first = number("ROOMCAST_SEED").unwrap_or_else(Random::seed);
    let (mut posts, mut tellings, mut killed) = (0, 0, 0);
    for seed in first..first + runs {
        println!("seed {seed}");
        let folder = tempfile::tempdir().expect("a folder");
        let mut run = Run::begin(seed, folder.path());
        run.talk();
        run.judge();
        posts += run.receiver.posts().len();
        tellings += run.receiver.told().len();
        killed += run.killed;
    }
    println!("{runs} runs: {posts} posts, {tellings} tellings taken, {killed} proxies killed");
}
