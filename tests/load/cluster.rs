//! What a message, a room and a subscription cost a cluster, with few and with more shards, and with a room's people at many
//! proxies or at one. The rate is what people talk at, far from any core's limit: so CPU is counted, not messages a second, and
//! what all use while nobody talks is taken off.

use crate::entered::{confirm_all, enter};
use harness::follower::Follower;
use harness::process::free_port;
use harness::proxy::Proxy;
use harness::shards::Shards;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::sleep;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// What was confirmed last is gathered for up to two seconds.
const GATHERED: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
pub(crate) struct Options {
    #[arg(long, value_delimiter = ',', default_value = "1,2,3")]
    shards: Vec<usize>,
    #[arg(long, value_delimiter = ',', default_value = "1,8")]
    proxies: Vec<usize>,
    #[arg(long, default_value_t = 2000)]
    rooms: usize,
    /// People in each room
    #[arg(long, default_value_t = 8)]
    people: usize,
    /// Messages a second in all rooms together
    #[arg(long, default_value_t = 200)]
    rate: usize,
    /// Seconds of talk in each row
    #[arg(long, default_value_t = 15)]
    seconds: usize,
}

/// Where a room's people are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Placed {
    /// As a load balancer spreads connections.
    Everywhere,
    /// As one does that goes by the room's name.
    Together,
}

pub(crate) fn run(options: &Options) -> Value {
    println!(
        "{} rooms of {} people, {} messages a second in all; microseconds of CPU a message, all nodes together\n",
        options.rooms, options.people, options.rate
    );
    println!(
        "{:>7} {:>8} {:>10} {:>9} {:>9} {:>9} {:>10} {:>13} {:>9}",
        "shards",
        "proxies",
        "a room at",
        "Redis us",
        "proxy us",
        "most/node",
        "bytes/room",
        "channels/node",
        "ACKs/msg"
    );
    let mut rows = Vec::new();
    for shards in &options.shards {
        for proxies in &options.proxies {
            rows.push(row(options, *shards, *proxies, Placed::Everywhere));
            if *proxies > 1 {
                rows.push(row(options, *shards, *proxies, Placed::Together));
            }
        }
    }
    json!({
        "rooms": options.rooms, "people": options.people, "rate": options.rate, "seconds": options.seconds, "rows": rows,
    })
}

/// What all nodes that own slots, and all proxies, have used.
struct Used {
    nodes: Vec<Duration>,
    proxies: Duration,
    acks: u64,
}

fn used(shards: &Shards, proxies: &[Proxy]) -> Used {
    let nodes = shards.primaries();
    let cpu = |at: &usize| shards.redis(*at).process().cpu_of_main();
    Used {
        nodes: nodes.iter().map(cpu).collect(),
        proxies: proxies.iter().map(|proxy| proxy.process().cpu()).sum(),
        acks: nodes.iter().map(|at| acks(shards, *at)).sum(),
    }
}

/// What is used while something happens, and until the last acknowledgement is told.
fn spent(shards: &Shards, proxies: &[Proxy], what: impl FnOnce()) -> Used {
    let before = used(shards, proxies);
    what();
    sleep(GATHERED);
    let after = used(shards, proxies);
    let nodes = after.nodes.iter().zip(&before.nodes);
    Used {
        nodes: nodes.map(|(after, before)| *after - *before).collect(),
        proxies: after.proxies - before.proxies,
        acks: after.acks - before.acks,
    }
}

fn acks(shards: &Shards, at: usize) -> u64 {
    let stats: String = shards
        .redis(at)
        .query(redis::cmd("INFO").arg("commandstats"));
    let calls = stats.lines().find_map(|line| {
        let rest = line.to_ascii_lowercase();
        let rest = rest.strip_prefix("cmdstat_room.ack:calls=")?;
        rest.split(',').next()?.parse().ok()
    });
    calls.unwrap_or(0)
}

fn memory(shards: &Shards) -> u64 {
    let nodes = shards.primaries();
    let used = nodes.iter().map(|at| shards.redis(*at).info("used_memory"));
    used.sum()
}

/// The people that come by one proxy, each on a connection of their own in all of their rooms.
fn come(options: &Options, runtime: &Runtime, proxies: &[Proxy], placed: Placed) {
    for person in 0..options.people {
        for (at, proxy) in proxies.iter().enumerate() {
            let here = |room: &usize| match placed {
                Placed::Everywhere => (room + person) % proxies.len() == at,
                Placed::Together => room % proxies.len() == at,
            };
            let rooms = (0..options.rooms).filter(here);
            let light = runtime.block_on(enter(proxy.port, &format!("u{person}"), rooms));
            runtime.spawn(confirm_all(light));
        }
    }
}

fn row(options: &Options, many: usize, proxies: usize, placed: Placed) -> Value {
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let shards = Shards::start(many, &["--save", ""]);
    let most = options.rooms.to_string();
    let large = ["--max-rooms", &most, "--max-rate", "1000000"];
    let start = |_| {
        let at = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        Proxy::measured_at(at, &shards.url(), &large)
    };
    let proxies: Vec<Proxy> = (0..proxies).map(start).collect();
    let empty = memory(&shards);
    come(options, &runtime, &proxies, placed);
    // Everything is allocated at the first message.
    talk(options, &shards, options.rooms);
    sleep(GATHERED);
    let grown = memory(&shards).saturating_sub(empty);
    let messages = options.rate * options.seconds;
    let idle = spent(&shards, &proxies, || {
        sleep(Duration::from_secs(options.seconds as u64))
    });
    let busy = spent(&shards, &proxies, || talk(options, &shards, messages));
    let of_message = |busy: Duration, idle: Duration| {
        (busy.as_secs_f64() - idle.as_secs_f64()) * 1e6 / messages as f64
    };
    let nodes = busy.nodes.iter().zip(&idle.nodes);
    let nodes: Vec<f64> = nodes.map(|(busy, idle)| of_message(*busy, *idle)).collect();
    let channels = shards.primaries().into_iter();
    let channels = channels.map(|at| shards.redis(at).info("pubsubshard_channels"));
    let row = json!({
        "shards": many,
        "proxies": proxies.len(),
        "together": placed == Placed::Together,
        "redis_us": nodes.iter().sum::<f64>(),
        "busiest_node_us": nodes.iter().copied().fold(0.0, f64::max),
        "proxies_us": of_message(busy.proxies, idle.proxies),
        "idle_redis_percent": idle.nodes.iter().sum::<Duration>().as_secs_f64() * 100.0 / options.seconds as f64,
        "bytes_of_a_room": grown / options.rooms as u64,
        "channels_of_a_node": channels.max(),
        "acks_of_a_message": busy.acks as f64 / messages as f64,
    });
    println!(
        "{many:>7} {:>8} {:>10} {:>9.1} {:>9.1} {:>9.1} {:>10} {:>13} {:>9.2}",
        proxies.len(),
        if placed == Placed::Together {
            "one"
        } else {
            "all"
        },
        row["redis_us"].as_f64().unwrap_or(0.0),
        row["proxies_us"].as_f64().unwrap_or(0.0),
        row["busiest_node_us"].as_f64().unwrap_or(0.0),
        row["bytes_of_a_room"],
        row["channels_of_a_node"],
        row["acks_of_a_message"].as_f64().unwrap_or(0.0),
    );
    row
}

/// So many messages, one room after the other.
fn talk(options: &Options, shards: &Shards, messages: usize) {
    let mut follower = Follower::of(shards.ports());
    let began = Instant::now();
    for number in 0..messages {
        let mut publish = redis::cmd("ROOM.PUBLISH");
        let key = format!("room:{}", number % options.rooms);
        let text = format!(r#"{{"event":"message","message":"{number:0>60}"}}"#);
        publish.arg(key).arg("bot").arg(text);
        follower.run(&publish).expect("it is stored");
        let due = Duration::from_secs_f64((number + 1) as f64 / options.rate as f64);
        sleep(due.saturating_sub(began.elapsed()));
    }
}
