//! One redis-server, or a primary with replicas and sentinels, or a cluster, of which each may be killed: it comes back.

use harness::redis::Redis;
use harness::sentinel::{NAME, Watched};
use harness::shards::Shards;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A server that was killed comes back so late that the sentinels have noticed.
const BACK_AFTER: Duration = Duration::from_secs(5);
const OPTIONS: [&str; 4] = ["--save", "", "--appendonly", "yes"];

/// See the top of the file.
pub(crate) enum Servers {
    One(Redis),
    /// And since when each of the servers is gone.
    Watched(Watched, Vec<Option<Instant>>),
    /// The same.
    Sharded(Shards, Vec<Option<Instant>>),
}

impl Servers {
    /// One at this port, which keeps its data in the folder, if there is one.
    pub(crate) fn one(port: u16, data: Option<&PathBuf>) -> Self {
        let Some(folder) = data else {
            return Self::One(Redis::at(port, None, &["--save", ""]));
        };
        std::fs::create_dir_all(folder)
            .unwrap_or_else(|error| panic!("{} cannot be made: {error}", folder.display()));
        Self::One(Redis::at(port, Some(folder), &OPTIONS))
    }

    /// A primary at this port, two replicas, three sentinels.
    pub(crate) fn watched(port: u16) -> Self {
        println!(
            "Starting a primary, two replicas and three sentinels, until all know each other …"
        );
        let watched = Watched::of(Redis::at(port, None, &OPTIONS), 2, 3, &OPTIONS);
        let gone = vec![None; watched.servers.len()];
        Self::Watched(watched, gone)
    }

    /// Three primaries with a replica each.
    pub(crate) fn sharded() -> Self {
        println!("Starting a cluster of three primaries and three replicas, until all agree …");
        let shards = Shards::start(3, &OPTIONS);
        let gone = vec![None; shards.ports().len()];
        Self::Sharded(shards, gone)
    }

    /// For the proxy.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::One(redis) => redis.url(),
            Self::Watched(watched, _) => watched.url(),
            Self::Sharded(shards, _) => shards.url(),
        }
    }

    /// How one looks into the rooms: where there is one server, into that which they are on at first.
    pub(crate) fn cli(&self) -> String {
        match self {
            Self::One(redis) => format!("redis-cli -p {}", redis.port),
            Self::Watched(watched, _) => format!("redis-cli -p {}", watched.servers[0].port),
            Self::Sharded(shards, _) => format!("redis-cli -c -p {}", shards.ports()[0]),
        }
    }

    /// What more there is to try.
    pub(crate) fn told(&self) -> String {
        let watched = match self {
            Self::One(_) => return String::new(),
            Self::Watched(watched, _) => watched,
            Self::Sharded(shards, _) => return told_of(shards, &self.cli()),
        };
        let cli = format!("redis-cli -p {}", watched.sentinels[0].port);
        let servers = watched.servers.iter();
        let servers =
            servers.map(|redis| format!("{} (pid {})", redis.port, redis.process().pid()));
        format!(
            "
  The servers        {}
  Who is primary     {cli} SENTINEL GET-MASTER-ADDR-BY-NAME {NAME}
  A failover         {cli} SENTINEL FAILOVER {NAME}
  A crash            kill -9 the primary's pid: it comes back after {} s, and is a replica soon after
",
            servers.collect::<Vec<_>>().join(", "),
            BACK_AFTER.as_secs(),
        )
    }

    /// The exit code of one that has ended for good. One of several comes back.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let watched = match self {
            Self::One(redis) => return redis.ended(),
            Self::Sharded(shards, gone) => {
                for (at, gone) in gone.iter_mut().enumerate() {
                    comes_back(shards.redis_mut(at), gone);
                }
                return None;
            }
            Self::Watched(watched, gone) => {
                for (redis, gone) in watched.servers.iter_mut().zip(gone) {
                    comes_back(redis, gone);
                }
                watched
            }
        };
        watched
            .sentinels
            .iter_mut()
            .find_map(|sentinel| sentinel.ended())
    }

    /// Ends all of them.
    pub(crate) fn stop(&mut self) {
        match self {
            Self::One(redis) => redis.stop(),
            Self::Watched(watched, _) => {
                watched
                    .sentinels
                    .iter_mut()
                    .for_each(|sentinel| sentinel.stop());
                watched.servers.iter_mut().for_each(Redis::stop);
            }
            Self::Sharded(shards, gone) => {
                (0..gone.len()).for_each(|at| shards.redis_mut(at).stop());
            }
        }
    }
}

/// One that was killed comes back after a while.
fn comes_back(redis: &mut Redis, gone: &mut Option<Instant>) {
    match gone {
        None if redis.ended().is_some() => *gone = Some(Instant::now()),
        Some(since) if since.elapsed() >= BACK_AFTER => {
            redis.start_again();
            *gone = None;
            let pid = redis.process().pid();
            println!("The server at {} is back (pid {pid}).", redis.port);
        }
        _ => {}
    }
}

/// What more there is to try with a cluster.
fn told_of(shards: &Shards, cli: &str) -> String {
    let of = |at: usize| {
        let redis = shards.redis(at);
        format!("{} (pid {})", redis.port, redis.process().pid())
    };
    let list = |places: Vec<usize>| places.into_iter().map(of).collect::<Vec<_>>().join(", ");
    let primaries = shards.primaries();
    let others = shards.places().into_iter();
    let others = others.filter(|at| !primaries.contains(at)).collect();
    let replica = shards.redis(shards.replica_of(primaries[0])).port;
    format!(
        "
  The primaries      {}
  Their replicas     {}
  Who has a room     {cli} CLUSTER KEYSLOT room:lobby, and {cli} CLUSTER SLOTS
  A failover         redis-cli -p {replica} CLUSTER FAILOVER
  A crash            kill -9 a primary's pid: its replica takes over, and it comes back after {} s
",
        list(primaries),
        list(others),
        BACK_AFTER.as_secs(),
    )
}
