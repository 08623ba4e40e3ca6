//! What can go wrong, each played on the running world.

use crate::history::Allowed;
use crate::people::Person;
use crate::world::World;
use harness::random::Random;
use harness::redis::Redis;
use redis::cmd;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::Duration;

/// The room's key.
pub(crate) const KEY: &str = "room:r";

/// See the top of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    ProxyKilled,
    ProxyFrozen,
    RedisKilled,
    LinkCut,
    LinkStalled,
    LinkSlow,
    ClientsCut,
    ClientsStalled,
    ClientsDropped,
    ClientsCrawl,
    ClientsMove,
    MemoryFull,
    FailOver,
    FailOverLosesTail,
    KeyDeleted,
    KeyExpired,
    KeyRenamed,
    KeyRestored,
    AllFlushed,
    LimitDrops,
}

use Fault::*;

/// Leave the room's history as it is.
pub(crate) const STEADY: [Fault; 13] = [
    ProxyKilled,
    ProxyFrozen,
    RedisKilled,
    LinkCut,
    LinkStalled,
    LinkSlow,
    ClientsCut,
    ClientsStalled,
    ClientsDropped,
    ClientsCrawl,
    ClientsMove,
    MemoryFull,
    FailOver,
];
/// Begin another history, or take a part of it back.
pub(crate) const OTHER_HISTORY: [Fault; 6] = [
    FailOverLosesTail,
    KeyDeleted,
    KeyExpired,
    KeyRenamed,
    KeyRestored,
    AllFlushed,
];

impl Fault {
    /// What clients may meet because of it.
    pub(crate) fn allows(self) -> Allowed {
        Allowed {
            other_history: OTHER_HISTORY.contains(&self),
            drops: self == LimitDrops,
        }
    }

    pub(crate) fn wants_replica(self) -> bool {
        matches!(self, FailOver | FailOverLosesTail)
    }

    /// Lets it happen, and end.
    pub(crate) fn play(self, world: &mut World, people: &[Person], random: &mut Random) {
        let which = random.below(2);
        // Some are over before anybody notices, some last until every lease has run out.
        let long = Duration::from_millis([200, 600, 2800][random.below(3)]);
        let some: Vec<&Person> = people.iter().filter(|_| random.below(2) == 0).collect();
        match self {
            ProxyKilled => world.replace_proxy(which),
            ProxyFrozen => {
                world.proxies[which].freeze();
                sleep(long);
                world.proxies[which].thaw();
            }
            RedisKilled => world.restart_redis(long / 4),
            LinkCut => during(
                long,
                || world.to_redis[which].cut(),
                || world.to_redis[which].mend(),
            ),
            LinkStalled => during(
                long,
                || world.to_redis[which].stall(),
                || world.to_redis[which].mend(),
            ),
            LinkSlow => during(
                long,
                || world.to_redis[which].slow(20_000),
                || world.to_redis[which].mend(),
            ),
            ClientsCut => during(
                long,
                || world.to_proxy[which].cut(),
                || world.to_proxy[which].mend(),
            ),
            ClientsStalled => during(
                long,
                || world.to_proxy[which].stall(),
                || world.to_proxy[which].mend(),
            ),
            ClientsDropped => drop_them(&some),
            ClientsCrawl => {
                let crawl = |ms| {
                    some.iter()
                        .for_each(|person| person.strings.crawl.store(ms, Relaxed))
                };
                during(
                    long.max(Duration::from_millis(600)),
                    || crawl(100),
                    || crawl(0),
                );
            }
            ClientsMove => {
                // Again and again, so that they move while they catch up.
                for _ in 0..6 {
                    some.iter().for_each(|person| {
                        person.strings.home.fetch_add(1, Relaxed);
                    });
                    drop_them(&some);
                    sleep(Duration::from_millis(50 + random.below(150) as u64));
                }
            }
            MemoryFull => during(
                long,
                || world.command("CONFIG SET maxmemory 1"),
                || world.command("CONFIG SET maxmemory 0"),
            ),
            FailOver => {
                world.catch_up_replica();
                world.fail_over();
            }
            FailOverLosesTail => {
                world.separate_replica();
                sleep(Duration::from_millis(500));
                world.fail_over();
            }
            KeyDeleted => world.command(&format!("DEL {KEY}")),
            KeyExpired => {
                world.command(&format!("PEXPIRE {KEY} 200"));
                sleep(Duration::from_millis(300));
            }
            KeyRenamed => world.command(&format!("RENAME {KEY} room:elsewhere")),
            KeyRestored => restore(&world.redis),
            AllFlushed => world.command("FLUSHALL"),
            LimitDrops => limit(world, &some, long),
        }
    }
}

fn during(long: Duration, begin: impl FnOnce(), end: impl FnOnce()) {
    begin();
    sleep(long);
    end();
}

fn drop_them(people: &[&Person]) {
    for person in people {
        person.strings.drops.fetch_add(1, Relaxed);
    }
}

/// Takes the room back to where it was some moments ago.
fn restore(redis: &Redis) {
    let dump: Option<Vec<u8>> = redis.query(cmd("DUMP").arg(KEY));
    sleep(Duration::from_millis(400));
    let Some(dump) = dump else { return };
    let mut restore = cmd("RESTORE");
    restore.arg(KEY).arg(0).arg(dump).arg("REPLACE");
    let _: redis::Value = redis.query(&restore);
}

/// Some are away or slow while the room keeps only a few messages.
fn limit(world: &World, some: &[&Person], long: Duration) {
    world.command(&format!("ROOM.LIMITS {KEY} maxlen 20 keep 10"));
    for person in some {
        person.strings.crawl.store(150, Relaxed);
    }
    sleep(long);
    drop_them(some);
    sleep(Duration::from_millis(300));
    for person in some {
        person.strings.crawl.store(0, Relaxed);
    }
    world.command(&format!("ROOM.LIMITS {KEY} maxlen 1000000 keep 1000000"));
}
