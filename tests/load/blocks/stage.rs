//! A server that is filled, and then watched while something large happens: PINGs, processor time, the module's counters.

use crate::figures::at;
use harness::connection::Connection;
use harness::eventually::within;
use harness::redis::Redis;
use redis::{Cmd, Value};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Uids in a call that fills the server: small, so that filling is not what held it longest.
pub(super) const FILL: usize = 500;
/// How long what a row sets off may take.
const MOST: Duration = Duration::from_secs(120);
const COUNTERS: [&str; 3] = ["command", "tick", "event"];
/// How long the others are not told that somebody went, and a device that went holds the log, in these servers.
const GRACE_MS: u64 = 1000;

/// A counter of the longest time, in ms.
#[derive(Clone, Copy)]
pub(super) enum Held {
    /// It rose to this while the server was watched.
    Longer(f64),
    /// It was this before, and did not rise.
    NotLonger(f64),
    /// The module has no such counter.
    Unknown,
}

/// What was seen.
pub(super) struct Seen {
    pub(super) ping_ms: f64,
    pub(super) cpu_ms: f64,
    calls: Vec<f64>,
    pub(super) held: [Held; 3],
}

impl Seen {
    /// Median and worst processor time of a call, in ms.
    pub(super) fn calls(&self) -> Option<(f64, f64)> {
        let [median, worst] = at(self.calls.clone(), [0.5, 1.0]);
        (!self.calls.is_empty()).then_some((median, worst))
    }

    pub(super) const fn many_calls(&self) -> usize {
        self.calls.len()
    }

    pub(super) fn json(&self, name: &str) -> serde_json::Value {
        let held = self.held.map(|held| match held {
            Held::Longer(ms) | Held::NotLonger(ms) => Some(ms),
            Held::Unknown => None,
        });
        let (median, worst) = self.calls().unzip();
        json!({
            "row": name, "ping_ms": self.ping_ms, "cpu_ms": self.cpu_ms,
            "call_cpu_median_ms": median, "call_cpu_worst_ms": worst, "calls": self.calls.len(),
            "command_ms": held[0], "tick_ms": held[1], "event_ms": held[2],
        })
    }
}

/// See the top of the file.
pub(super) struct Stage {
    name: &'static str,
    pub(super) redis: Redis,
    /// The connection that fills and acts.
    pub(super) c: Connection,
    watch: Option<Watch>,
    seen: Option<Seen>,
}

struct Watch {
    over: Arc<AtomicBool>,
    pings: JoinHandle<f64>,
    cpu: Duration,
    calls: Vec<f64>,
    before: [Option<f64>; 3],
}

impl Stage {
    pub(super) fn new(name: &'static str) -> Self {
        let redis = Redis::start();
        let mut c = redis.connect();
        for (setting, ms) in [
            ("grace", GRACE_MS),
            ("start-grace", 0),
            ("device-grace", GRACE_MS),
        ] {
            // A module of before may lack one.
            let mut set = redis::cmd("CONFIG");
            set.arg("SET").arg(format!("room.{setting}")).arg(ms);
            let _ = set.query::<Value>(&mut c);
        }
        Self {
            name,
            redis,
            c,
            watch: None,
            seen: None,
        }
    }

    /// Says how far it is, on standard error.
    pub(super) fn say(&self, what: &str) {
        eprintln!("{}: {what}", self.name);
    }

    /// A setting's number; `None` where the module has no such setting.
    pub(super) fn setting(&mut self, name: &str) -> Option<usize> {
        let mut get = redis::cmd("CONFIG");
        get.arg("GET").arg(name);
        let found: Vec<String> = get.query(&mut self.c).expect("CONFIG GET");
        found.get(1).and_then(|text| text.parse().ok())
    }

    /// Runs a command for these uids, `each` at a time; gives each call's processor time to the watch, if there is one.
    pub(super) fn in_calls(&mut self, command: &str, key: &str, many: usize, each: usize) {
        let uids: Vec<String> = (0..many).map(|i| format!("member-{i:09}")).collect();
        let mut told = Instant::now();
        for (at, some) in uids.chunks(each).enumerate() {
            let mut call = redis::cmd(command);
            call.arg(key).arg(some);
            self.call(&call);
            if told.elapsed() > Duration::from_secs(5) {
                self.say(&format!("{command} {} of {many}", at * each));
                told = Instant::now();
            }
        }
    }

    /// Runs one command; its processor time goes to the watch, if there is one.
    pub(super) fn call(&mut self, command: &Cmd) -> Value {
        let before = self.redis.process().cpu_of_main();
        let reply = command.query(&mut self.c);
        let after = self.redis.process().cpu_of_main();
        if let Some(watch) = &mut self.watch {
            watch.calls.push((after - before).as_secs_f64() * 1e3);
        }
        reply.unwrap_or_else(|error| panic!("{}: {error}", self.name))
    }

    /// From here on it is watched.
    pub(super) fn watch(&mut self) {
        let over = Arc::new(AtomicBool::new(false));
        let pings = std::thread::spawn({
            let (over, mut c) = (over.clone(), self.redis.connect());
            move || longest_ping(&mut c, &over)
        });
        self.watch = Some(Watch {
            over,
            pings,
            cpu: self.redis.process().cpu_of_main(),
            calls: Vec::new(),
            before: self.counters(),
        });
    }

    /// Until here. The rest is waited for first: what was put off to ticks.
    pub(super) fn watched(&mut self) {
        self.wait_until_quiet();
        let after = self.counters();
        let cpu = self.redis.process().cpu_of_main();
        let watch = self.watch.take().expect("a watch");
        watch.over.store(true, Ordering::Relaxed);
        let held = std::array::from_fn(|at| match (watch.before[at], after[at]) {
            (Some(before), Some(after)) if after > before => Held::Longer(after),
            (Some(before), Some(_)) => Held::NotLonger(before),
            _ => Held::Unknown,
        });
        self.seen = Some(Seen {
            ping_ms: watch.pings.join().expect("pings"),
            cpu_ms: (cpu - watch.cpu).as_secs_f64() * 1e3,
            calls: watch.calls,
            held,
        });
    }

    pub(super) fn end(self) -> Seen {
        self.seen.expect("a row that was watched")
    }

    /// Waits for a field of INFO room.
    pub(super) fn wait_for(&mut self, name: &str, value: u64) {
        let what = format!("{}: {name} is {value}", self.name);
        within(MOST, &what, || {
            (self.field(name) == Some(value)).then_some(())
        });
    }

    /// Waits until the ticks have nothing to do any more: no clean-up is left, and what the grace put off was told.
    fn wait_until_quiet(&mut self) {
        for name in ["room_waiting_chores", "room_ghosts"] {
            if self.field(name).is_some() {
                self.wait_for(name, 0);
            }
        }
        std::thread::sleep(Duration::from_millis(2 * GRACE_MS));
        let mut cpu = self.redis.process().cpu_of_main();
        let what = format!("{}: ticks have nothing to do", self.name);
        within(MOST, &what, || {
            std::thread::sleep(Duration::from_millis(500));
            let now = self.redis.process().cpu_of_main();
            let used = now - std::mem::replace(&mut cpu, now);
            // The PINGs take a part.
            (used < Duration::from_millis(150)).then_some(())
        });
    }

    fn counters(&mut self) -> [Option<f64>; 3] {
        COUNTERS.map(|name| {
            let us = self.field(&format!("room_longest_{name}_us"));
            us.map(|us| us as f64 / 1e3)
        })
    }

    fn field(&mut self, name: &str) -> Option<u64> {
        let info: String = redis::cmd("INFO")
            .arg("everything")
            .query(&mut self.c)
            .expect("INFO");
        let mut lines = info.lines();
        let text = lines.find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        text.trim().parse().ok()
    }
}

/// PINGs a thousand times a second; the longest that one took, in ms.
fn longest_ping(c: &mut Connection, over: &AtomicBool) -> f64 {
    let mut longest = Duration::ZERO;
    while !over.load(Ordering::Relaxed) {
        let began = Instant::now();
        redis::cmd("PING").query::<String>(c).expect("a PONG");
        longest = longest.max(began.elapsed());
        std::thread::sleep(Duration::from_millis(1));
    }
    longest.as_secs_f64() * 1e3
}
