//! Waiting mail is told while proxies, servers and the receiver die, replicas take over and slots move: each that waits, repeats under
//! known ids, no more tellings than there was reason for, and nothing that was acknowledged before it was leased.
//!
//! What counts as acknowledged or said is what the replica had as well, and that is asked for in the end: nothing of it may be gone.

mod servers;

use crate::number;
use harness::eventually;
use harness::process::built;
use harness::proxy::Proxy;
use harness::random::Random;
use harness::receiver::{Receiver, SECRET};
use harness::value::{field, int, list, text};
use servers::{Fault, Kind, Servers};
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
    seed: u64,
    random: Random,
    kind: Kind,
    servers: Servers,
    proxies: Vec<(Proxy, Vec<String>)>,
    receiver: Receiver,
    /// How the receiver fails: 0 not, 1 no answer, 2 an error.
    fails: Arc<AtomicUsize>,
    positions: BTreeMap<String, Vec<String>>,
    /// What each has acknowledged (seq), and since when Redis has said so.
    acked: BTreeMap<Who, Vec<(u64, Instant)>>,
    /// Messages.
    said: usize,
    killed: usize,
    faults: BTreeMap<String, usize>,
}

fn room(at: usize) -> String {
    format!("room {at}").replace(' ', "-")
}

fn seq(position: &str) -> u64 {
    let seq = position.split('-').next();
    seq.and_then(|seq| seq.parse().ok()).expect("a position")
}

impl Run {
    fn begin(kind: Kind, seed: u64, folder: &Path) -> Self {
        let servers = Servers::start(kind);
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
            (Proxy::to(&servers.url(), &words), options.clone())
        });
        let proxies = proxies.collect();
        Self {
            seed,
            random: Random::new(seed),
            kind,
            servers,
            proxies,
            receiver,
            fails,
            positions: BTreeMap::new(),
            acked: BTreeMap::new(),
            said: 0,
            killed: 0,
            faults: BTreeMap::new(),
        }
    }

    fn talk(&mut self) {
        for at in 0..ROOMS {
            let uids: Vec<String> = (0..UIDS).map(|uid| format!("u{uid}")).collect();
            let invite = format!("ROOM.INVITE room:{} {}", room(at), uids.join(" "));
            self.confirmed(&room(at), &invite);
            self.publish(at);
        }
        let mut planned = self.kind.faults(self.seed).iter().peekable();
        for step in 0..STEPS {
            if let Some((_, fault)) = planned.next_if(|(by, _)| step as f64 >= by * STEPS as f64) {
                self.happens(*fault);
            }
            match self.random.below(20) {
                0 => self.kill_proxy(),
                1 if self.kind == Kind::One => self.happens(Fault::Killed),
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

    fn confirmed(&self, room: &str, command: &str) -> redis::Value {
        self.servers.confirmed(&format!("room:{room}"), command)
    }

    fn happens(&mut self, fault: Fault) {
        let key = format!("room:{}", room(self.random.below(ROOMS)));
        self.servers.happens(fault, &key, &mut self.random);
        *self.faults.entry(format!("{fault:?}")).or_default() += 1;
    }

    fn publish(&mut self, at: usize) {
        let key = room(at);
        self.said += 1;
        // Under its id it is stored once, however often that is tried.
        let publish = format!("ROOM.PUBLISH room:{key} bot hello ID m{}", self.said);
        let said = self.confirmed(&key, &publish);
        let position = text(&list(&said)[4]);
        self.positions.entry(key).or_default().push(position);
    }

    fn ack(&mut self) {
        let key = room(self.random.below(ROOMS));
        let uid = format!("u{}", self.random.below(UIDS));
        let positions = &self.positions[&key];
        let position = positions[self.random.below(positions.len())].clone();
        self.confirmed(&key, &format!("ROOM.ACK room:{key} {position} {uid}"));
        let (who, seq) = ((key, uid), seq(&position));
        // What is less changes nothing.
        if seq > self.has(&who) {
            let acked = self.acked.entry(who).or_default();
            acked.push((seq, Instant::now()));
        }
    }

    fn kill_proxy(&mut self) {
        let which = self.random.below(self.proxies.len());
        let (proxy, options) = &mut self.proxies[which];
        proxy.kill();
        let program = built("ROOMCAST_PROXY", "roomcast-proxy");
        let words: Vec<&str> = options.iter().map(String::as_str).collect();
        proxy.start_again(&program, &self.servers.url(), &words);
        self.killed += 1;
    }

    /// The last that a member has acknowledged.
    fn has(&self, who: &Who) -> u64 {
        let acked = self.acked.get(who).into_iter().flatten();
        acked.map(|(seq, _)| *seq).max().unwrap_or(0)
    }

    /// What was confirmed is there: else what follows would ask for what nobody knows any more.
    fn is_kept(&self) {
        for (key, positions) in &self.positions {
            let info = self.confirmed(key, &format!("ROOM.INFO room:{key}"));
            let head = text(&field(&info, "head"));
            let last = seq(positions.last().expect("a message"));
            assert_eq!(seq(&head), last, "{key}");
        }
        for who in self.acked.keys() {
            let asked = format!("ROOM.PENDING room:{} {}", who.0, who.1);
            eventually("what was acknowledged is kept", || {
                let pending = self.confirmed(&who.0, &asked);
                (int(&field(&pending, "cursor")) == self.has(who) as i64).then_some(())
            });
        }
    }

    fn judge(&self) {
        self.is_kept();
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
            // Nobody is ever here, so only what somebody acknowledged is a reason to tell once more.
            let acked = self.acked.get(&who).map_or(0, Vec::len);
            assert!(ids.len() <= 1 + acked, "{who:?}: {acked} acks, {ids:?}");
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
            let pending = self.confirmed(&who.0, &asked);
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
    must_be_told(Kind::One, 2);
}

#[test]
fn waiting_mail_is_told_whichever_replica_takes_over() {
    must_be_told(Kind::Watched, 1);
}

#[test]
fn waiting_mail_is_told_wherever_its_room_goes() {
    must_be_told(Kind::Cluster, 1);
}

/// A third of `ROOMCAST_WAITING` runs, or a `few`.
fn must_be_told(kind: Kind, few: u64) {
    let runs = number("ROOMCAST_WAITING").map_or(few, |all| all.div_ceil(3));
    let first = number("ROOMCAST_SEED").unwrap_or_else(Random::seed);
    let (mut posts, mut tellings, mut killed) = (0, 0, 0);
    let mut faults: BTreeMap<String, usize> = BTreeMap::new();
    for seed in first..first + runs {
        println!("{kind:?}: seed {seed}");
        let folder = tempfile::tempdir().expect("a folder");
        let mut run = Run::begin(kind, seed, folder.path());
        run.talk();
        run.judge();
        posts += run.receiver.posts().len();
        tellings += run.receiver.told().len();
        killed += run.killed;
        for (fault, many) in run.faults {
            *faults.entry(fault).or_default() += many;
        }
    }
    println!(
        "{kind:?}: {runs} runs: {posts} posts, {tellings} tellings taken, {killed} proxies killed, {faults:?}"
    );
}
