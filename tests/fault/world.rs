//! Servers, and the links between them that can be broken.

use harness::eventually;
use harness::process::built;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::relay::Relay;
use std::path::PathBuf;
use std::time::Duration;

/// Times so short that a run takes seconds, and long against a machine's hiccups.
pub(crate) const OPTIONS: [&str; 10] = [
    "--heartbeat",
    "500ms",
    "--dead-after",
    "2s",
    "--lease",
    "2s",
    "--redis-timeout",
    "1s",
    "--outbox",
    "8192",
];
/// Kept over a restart. Nothing goes because everybody has read it: the checker wants to see all of it.
pub(crate) const REDIS: [&str; 10] = [
    "--save",
    "",
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--room.grace",
    "200",
    "--room.keep",
    "1000000",
];

/// A defect that is built in on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defect {
    AckEarly,
    NoGapCheck,
    NoDedupe,
    /// A browser keeps nothing under keys with this in their name.
    Forgets(&'static str),
}

impl Defect {
    pub(crate) fn forgets(self) -> Option<&'static str> {
        match self {
            Self::Forgets(key) => Some(key),
            _ => None,
        }
    }
}

/// One redis-server (and a replica if one is needed), two proxies, and relays on every link.
pub(crate) struct World {
    pub(crate) redis: Redis,
    replica: Option<(Redis, Relay)>,
    pub(crate) proxies: Vec<Proxy>,
    /// From each proxy to Redis.
    pub(crate) to_redis: Vec<Relay>,
    /// From clients to each proxy.
    pub(crate) to_proxy: Vec<Relay>,
    program: PathBuf,
    options: Vec<&'static str>,
}

impl World {
    pub(crate) fn start(with_replica: bool, defect: Option<Defect>) -> Self {
        let redis = Redis::with(&REDIS);
        let (program, more): (PathBuf, &[&str]) = match defect {
            Some(Defect::AckEarly) => (broken(), &["--broken", "ack-early"]),
            Some(Defect::NoGapCheck) => (broken(), &["--broken", "no-gap-check"]),
            _ => (built("ROOMCAST_PROXY", "roomcast-proxy"), &[]),
        };
        if defect == Some(Defect::NoDedupe) {
            let done = redis.run_words("CONFIG SET room.dedupe-count 0");
            done.expect("a setting");
        }
        let replica = with_replica.then(|| {
            let relay = Relay::to(redis.port);
            let replica = redis.replica_via(relay.port, &REDIS);
            (replica, relay)
        });
        let options = [&OPTIONS, more].concat();
        let to_redis: Vec<Relay> = (0..2).map(|_| Relay::to(redis.port)).collect();
        let proxies: Vec<Proxy> = to_redis
            .iter()
            .map(|relay| Proxy::of(&program, &url(relay), &options))
            .collect();
        let to_proxy = proxies.iter().map(|proxy| Relay::to(proxy.port)).collect();
        Self {
            redis,
            replica,
            proxies,
            to_redis,
            to_proxy,
            program,
            options,
        }
    }

    pub(crate) fn ports(&self) -> Vec<u16> {
        self.to_proxy.iter().map(|relay| relay.port).collect()
    }

    /// Kills a proxy; a new one takes its place.
    pub(crate) fn replace_proxy(&mut self, which: usize) {
        self.proxies[which].kill();
        let url = url(&self.to_redis[which]);
        self.proxies[which].start_again(&self.program, &url, &self.options);
    }

    /// Redis dies and starts again after a while.
    pub(crate) fn restart_redis(&mut self, after: Duration) {
        self.redis.kill();
        std::thread::sleep(after);
        self.redis.start_again();
        // It may have begun as a replica, and remembers.
        self.command("REPLICAOF NO ONE");
    }

    /// Nothing that is written from now on reaches the replica.
    pub(crate) fn separate_replica(&self) {
        if let Some((_, relay)) = &self.replica {
            relay.cut();
        }
    }

    /// Waits until the replica has what the primary has; the proxies are cut off first, so that nothing is added.
    pub(crate) fn catch_up_replica(&self) {
        self.to_redis.iter().for_each(Relay::cut);
        if let Some((replica, _)) = &self.replica {
            eventually("the replica has everything", || {
                let info: String = replica.query(redis::cmd("INFO").arg("replication"));
                let linked = info.contains("master_link_status:up");
                let offset = self.redis.info("master_repl_offset");
                (linked && replica.info("slave_repl_offset") == offset).then_some(())
            });
        }
    }

    /// The primary dies, the replica takes its place.
    pub(crate) fn fail_over(&mut self) {
        let Some((replica, _)) = self.replica.take() else {
            return;
        };
        self.to_redis.iter().for_each(Relay::cut);
        self.redis.kill();
        self.redis = replica;
        self.command("REPLICAOF NO ONE");
        for relay in &self.to_redis {
            relay.redirect(self.redis.port);
            relay.mend();
        }
    }

    pub(crate) fn has_replica(&self) -> bool {
        self.replica.is_some()
    }

    /// Runs a command; what comes of it may be an error.
    pub(crate) fn command(&self, words: &str) {
        let _ = self.redis.run_words(words);
    }

    /// Everything works again.
    pub(crate) fn heal(&self) {
        for relay in self.to_redis.iter().chain(&self.to_proxy) {
            relay.mend();
        }
        self.proxies.iter().for_each(Proxy::thaw);
    }
}

/// Made by `cargo build -p roomcast-proxy --features broken`.
pub(crate) fn broken() -> PathBuf {
    built("ROOMCAST_BROKEN_PROXY", "../debug/roomcast-proxy")
}

fn url(relay: &Relay) -> String {
    format!("redis://127.0.0.1:{}", relay.port)
}
