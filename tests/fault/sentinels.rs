//! People talk while sentinels let one server after another be the primary, asked to or because the old one was killed;
//! then the old one comes back, and takes itself for the primary until the sentinels have told it.
//!
//! What a failover may lose is what was confirmed by the old primary and had not come to the new one: so it was confirmed
//! from about when the failover began until both proxies had gone over. What was confirmed before or after is kept.
//! Whoever saw what was lost is told `reset`, and the rest is as ever. Where nobody was killed hardly anything is lost, as
//! the proxies leave the old primary before a replica takes its place.

use crate::checker::judge;
use crate::history::{Allowed, Event, History};
use crate::number;
use crate::stage::Stage;
use crate::world::{OPTIONS, REDIS};
use harness::eventually;
use harness::process::free_port;
use harness::proxy::Proxy;
use harness::random::Random;
use harness::sentinel::{Watched, role};
use harness::value::ok;
use std::collections::HashSet;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// How long after the first `+switch-master` both proxies must be linked to the new primary.
const BACK_WITHIN: Duration = Duration::from_secs(2);
/// What a replica may be behind while nothing fails, in milliseconds.
const BEHIND: u64 = 500;

/// How long people talk to a primary whose replicas are separated.
const TAIL: Duration = Duration::from_millis(400);

/// So many may be confirmed and lost in a failover that was asked for, on a machine so busy that a proxy hears too late of
/// it. If none heard in time it would be a second's worth: about 140.
const LOST: usize = 30;

/// Why there is another primary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    Asked,
    Killed,
}

#[test]
fn an_operator_asks_for_failovers() {
    Show::of(Cause::Asked);
}

#[test]
fn primaries_are_killed_and_come_back_stale() {
    Show::of(Cause::Killed);
}

struct Show {
    watched: Watched,
    proxies: Vec<Proxy>,
    stage: Stage,
    /// From when until when a failover may have lost what was confirmed.
    windows: Vec<(u64, u64)>,
    broken: Vec<String>,
}

impl Show {
    /// `ROOMCAST_FAILOVERS` of them (2 if not given).
    fn of(cause: Cause) {
        let seed = number("ROOMCAST_SEED").unwrap_or_else(Random::seed);
        let mut random = Random::new(seed);
        let watched = Watched::start(2, 3, &REDIS);
        let proxies: Vec<Proxy> = (0..2)
            .map(|_| Proxy::to(&watched.url(), &OPTIONS))
            .collect();
        let ports = proxies.iter().map(|proxy| proxy.port).collect();
        let mut show = Self {
            stage: Stage::begin(ports, None, &mut random),
            watched,
            proxies,
            windows: Vec::new(),
            broken: Vec::new(),
        };
        let first = show.watched.primary();
        show.stage.come_to_rest(&show.watched.servers[first]);
        show.stage.talk(true);
        for number in 0..number("ROOMCAST_FAILOVERS").unwrap_or(2) {
            sleep(Duration::from_millis(500 + random.below(1000) as u64));
            show.fail_over(cause, number);
        }
        sleep(Duration::from_millis(500));
        show.end(cause, seed);
    }

    fn fail_over(&mut self, cause: Cause, number: u64) {
        let ear = self.watched.ear();
        let old = self.watched.primary();
        let began = self.stage.now();
        match cause {
            Cause::Asked => self.watched.fail_over(),
            Cause::Killed => {
                // Every other one with a tail that no replica has.
                if number % 2 == 1 {
                    self.separate_replicas(old);
                }
                self.watched.servers[old].kill();
            }
        }
        let new = self.watched.switched_from(self.watched.servers[old].port);
        self.both_are_linked_to(new);
        let back = Instant::now();
        self.windows
            .push((began.saturating_sub(BEHIND), self.stage.now()));
        let switched = ear.switched_to(self.watched.servers[new].port);
        let took = switched.map(|switched| back.saturating_duration_since(switched));
        println!("{cause:?} {number}: linked {took:?} after the switch");
        if took.is_none_or(|took| took > BACK_WITHIN) {
            let words = format!("failover {number}: linked {took:?} after +switch-master");
            self.broken.push(words);
        }
        if cause == Cause::Killed {
            self.come_back(old, new);
        }
        self.watched.settled();
        self.both_are_linked_to(new);
    }

    /// Nothing that is written from now on reaches a replica; then some is.
    fn separate_replicas(&self, primary: usize) {
        let nowhere = format!("REPLICAOF 127.0.0.1 {}", free_port());
        for (place, redis) in self.watched.servers.iter().enumerate() {
            if place != primary {
                ok(&mut redis.connect(), &nowhere);
            }
        }
        sleep(TAIL);
    }

    /// The old primary comes back with what it had, and all links end while there are two.
    fn come_back(&mut self, old: usize, new: usize) {
        self.watched.servers[old].start_again();
        let (stale, primary) = (&self.watched.servers[old], &self.watched.servers[new]);
        let mut c = primary.connect();
        for kind in ["normal", "pubsub"] {
            ok(&mut c, &format!("CLIENT KILL TYPE {kind} SKIPME yes"));
        }
        self.both_are_linked_to(new);
        if role(stale) != "master" || stale.info("room_proxies") != 0 {
            self.broken
                .push("a proxy is linked to the stale primary, or it was none".into());
        }
    }

    fn both_are_linked_to(&self, place: usize) {
        let mut before = (Vec::new(), 0);
        eventually("both proxies are linked to the primary", || {
            let ready: Vec<bool> = self.proxies.iter().map(Proxy::is_ready).collect();
            let now = (ready, self.watched.servers[place].info("room_proxies"));
            let done = now.0.iter().all(|ready| *ready) && now.1 == 2;
            if now != before {
                // Seen only where the test fails.
                let (ready, linked) = &now;
                println!("{} ms: ready {ready:?}, {linked} linked", self.stage.now());
                before = now;
            }
            done.then_some(())
        });
    }

    fn end(mut self, cause: Cause, seed: u64) {
        let primary = &self.watched.servers[self.watched.primary()];
        self.stage.talk(false);
        self.stage.come_to_rest(primary);
        let allowed = Allowed {
            other_history: true,
            drops: false,
        };
        let history = self.stage.end(primary, allowed);
        self.broken.extend(judge(&history));
        let lost = lost(&history);
        println!(
            "{cause:?}: {} stored, {} confirmed and lost",
            history.log.len(),
            lost.len()
        );
        if cause == Cause::Asked && lost.len() > LOST * self.windows.len() {
            self.broken
                .push(format!("{} confirmed messages are gone", lost.len()));
        }
        if cause == Cause::Killed && self.windows.len() > 1 && lost.is_empty() {
            self.broken.push("no tail was lost, which was to be".into());
        }
        for (ms, text) in lost {
            if !self
                .windows
                .iter()
                .any(|(from, to)| (*from..=*to).contains(&ms))
            {
                let words =
                    format!("'{text}' was confirmed at {ms} ms, in no failover, and is gone");
                self.broken.push(words);
            }
        }
        if !self.broken.is_empty() {
            history.keep(&format!("sentinels-{cause:?}"));
        }
        assert!(
            self.broken.is_empty(),
            "seed {seed}, failovers at {:?}\nbroken promises: {}",
            self.windows,
            harness::shown::first(&self.broken)
        );
    }
}

/// What was confirmed, and when, and is not in the room.
fn lost(history: &History) -> Vec<(u64, &str)> {
    let held: HashSet<&str> = history.log.iter().map(|row| &*row.text).collect();
    let moments = history.diaries.iter().flat_map(|diary| &diary.moments);
    let confirmed = moments.filter_map(|(ms, event)| match event {
        Event::Confirmed(text) => Some((*ms, &**text)),
        _ => None,
    });
    confirmed.filter(|(_, text)| !held.contains(text)).collect()
}
