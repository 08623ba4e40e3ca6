//! Where a run's rooms are: one Redis, a primary that sentinels watch, or a cluster. What is confirmed here outlives whatever fails
//! next: the replica has it as well.

use harness::connection::Connection;
use harness::eventually::within;
use harness::random::Random;
use harness::redis::Redis;
use harness::sentinel::{Watched, role};
use harness::shards::Shards;
use harness::slots::Way;
use harness::value::words;
use redis::Value;
use std::thread::sleep;
use std::time::Duration;

/// A failover, and all that belongs to it.
const PATIENCE: Duration = Duration::from_secs(60);

const OPTIONS: [&str; 16] = [
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
    "--repl-diskless-sync-delay",
    "0",
];

/// Which servers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    One,
    Watched,
    Cluster,
}

/// What happens to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A primary is killed. Where it has a replica that takes its place.
    Killed,
    /// A replica takes a primary's place, which agrees.
    FailOver,
    /// The slot of a room moves to another node.
    Reshard,
}

impl Kind {
    /// What happens here, and after how much of a run (0 to 1).
    pub(crate) const fn faults(self, seed: u64) -> &'static [(f64, Fault)] {
        match self {
            // At any time, as often as chance wants it.
            Self::One => &[],
            // It takes sentinels 10 s to see that all is well again, and only then there is a next time.
            Self::Watched if seed.is_multiple_of(2) => &[(0.5, Fault::Killed)],
            Self::Watched => &[(0.5, Fault::FailOver)],
            Self::Cluster => &[
                (0.2, Fault::Reshard),
                (0.4, Fault::Killed),
                (0.6, Fault::Reshard),
                (0.8, Fault::FailOver),
            ],
        }
    }
}

/// See the top of the file.
pub(crate) enum Servers {
    One(Box<Redis>),
    Watched(Watched),
    Cluster(Box<Shards>),
}

impl Servers {
    pub(crate) fn start(kind: Kind) -> Self {
        match kind {
            Kind::One => Self::One(Box::new(Redis::with(&OPTIONS))),
            Kind::Watched => Self::Watched(Watched::start(1, 3, &OPTIONS)),
            // Two of three agree that the third is dead.
            Kind::Cluster => Self::Cluster(Box::new(Shards::start(3, &OPTIONS))),
        }
    }

    /// For a proxy.
    pub(crate) fn url(&self) -> String {
        match self {
            Self::One(redis) => redis.url(),
            Self::Watched(watched) => watched.url(),
            Self::Cluster(shards) => shards.url(),
        }
    }

    /// Runs a command about a key until it is done and the replica has it. It may be run more than once.
    pub(crate) fn confirmed(&self, key: &str, command: &str) -> Value {
        within(PATIENCE, command, || self.try_confirm(key, command))
    }

    fn try_confirm(&self, key: &str, command: &str) -> Option<Value> {
        let redis = self.primary_of(key);
        let mut c = Connection::to(redis.port).ok()?;
        let said = words(command).query(&mut c).ok()?;
        let copies: u64 = match self {
            Self::One(_) => 0,
            Self::Watched(_) | Self::Cluster(_) => 1,
        };
        let wait = words(&format!("WAIT {copies} 1000"));
        let has: u64 = wait.query(&mut c).ok()?;
        (has >= copies).then_some(said)
    }

    fn primary_of(&self, key: &str) -> &Redis {
        match self {
            Self::One(redis) => redis,
            Self::Watched(watched) => &watched.servers[watched.primary()],
            Self::Cluster(shards) => shards.redis(shards.owner(key)),
        }
    }

    /// Something happens to the server of a key; when it is over what was confirmed is there, and will be after the next one.
    pub(crate) fn happens(&mut self, fault: Fault, key: &str, random: &mut Random) {
        match self {
            Self::One(redis) => redis.crash_and_restart(),
            Self::Watched(watched) => {
                let old = watched.primary();
                match fault {
                    Fault::Killed => watched.servers[old].kill(),
                    Fault::FailOver | Fault::Reshard => watched.fail_over(),
                }
                let new = watched.switched_from(watched.servers[old].port);
                if fault == Fault::Killed {
                    // It comes back as the primary that it was, until it is told otherwise.
                    watched.servers[old].start_again();
                }
                assert_eq!(role(&watched.servers[new]), "master");
                let what = "the old primary replicates the new one";
                within(PATIENCE, what, || {
                    (role(&watched.servers[old]) == "slave").then_some(())
                });
                watched.servers[new].in_step(&watched.servers[old]);
            }
            Self::Cluster(shards) => {
                of_a_cluster(shards, fault, key, random);
                shards.settled();
            }
        }
    }
}

fn of_a_cluster(shards: &mut Shards, fault: Fault, key: &str, random: &mut Random) {
    let owner = shards.owner(key);
    match fault {
        Fault::Killed => {
            let replica = shards.replica_of(owner);
            shards.kill(owner);
            shards.takes_over(replica);
            shards.start_again(owner);
        }
        Fault::FailOver => shards.fail_over(shards.replica_of(owner)),
        Fault::Reshard => {
            let mut others = shards.primaries();
            others.retain(|other| *other != owner);
            let to = others[random.below(others.len())];
            let gap = Duration::from_millis(random.below(500) as u64);
            shards.move_slot(key, to, Way::Keys, || sleep(gap));
        }
    }
}
