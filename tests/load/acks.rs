//! What acknowledgements cost Redis where a room's people are on many proxies: each of ten proxies has one person in every
//! room, and all confirm everything. Redis' own counters say what its commands took.

use crate::entered::{confirm_all, enter};
use harness::process::free_port;
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::time::sleep;

/// Messages that are published together.
const TICKS: u64 = 50;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Proxies, each with one person in each room
    #[arg(long, default_value_t = 10)]
    proxies: usize,
    #[arg(long, default_value_t = 1000)]
    rooms: usize,
    /// Messages a second in each room
    #[arg(long, value_delimiter = ',', default_value = "0.1,1,2,4")]
    rates: Vec<f64>,
    /// Seconds of talk in each row, after as many to settle
    #[arg(long, default_value_t = 8)]
    seconds: u64,
    /// The proxies' `--acks-per-second`
    #[arg(long, default_value_t = 250)]
    acks_per_second: u32,
}

/// Calls and microseconds of a command.
#[derive(Clone, Copy, Default)]
struct Spent {
    calls: u64,
    us: u64,
}

pub(crate) fn run(options: &Options) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(measure(options))
}

async fn measure(options: &Options) -> Value {
    let redis = Redis::start();
    let (most, acks) = (
        options.rooms.to_string(),
        options.acks_per_second.to_string(),
    );
    let large = [
        "--max-rooms",
        &most,
        "--max-rate",
        "1000000",
        "--acks-per-second",
        &acks,
    ];
    let proxies: Vec<Proxy> = (0..options.proxies)
        .map(|_| {
            let at = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
            Proxy::measured_at(at, &redis.url(), &large)
        })
        .collect();
    for (number, proxy) in proxies.iter().enumerate() {
        let light = enter(proxy.port, &format!("p{number}"), 0..options.rooms).await;
        tokio::spawn(confirm_all(light));
    }
    println!(
        "{} proxies, {} rooms, a person of each proxy in each room; microseconds of Redis a message\n",
        options.proxies, options.rooms
    );
    println!(
        "{:>10} {:>10} {:>10} {:>10} {:>10} {:>10}",
        "rate/room", "messages", "publish", "acks", "ACKs", "ratio"
    );
    let mut rows = Vec::new();
    for rate in &options.rates {
        talk(&redis, options, *rate).await;
        let before = (spent(&redis, "room.publish"), spent(&redis, "room.ack"));
        talk(&redis, options, *rate).await;
        // The last of them are gathered still.
        sleep(Duration::from_secs(3)).await;
        let after = (spent(&redis, "room.publish"), spent(&redis, "room.ack"));
        let messages = (after.0.calls - before.0.calls) as f64;
        let publish = (after.0.us - before.0.us) as f64 / messages;
        let acks = (after.1.us - before.1.us) as f64 / messages;
        let calls = (after.1.calls - before.1.calls) as f64 / messages;
        let ratio = acks / publish;
        println!(
            "{rate:>10} {messages:>10} {publish:>10.2} {acks:>10.2} {calls:>10.2} {ratio:>10.2}"
        );
        rows.push(json!({
            "rate": rate, "messages": messages, "publish_us": publish, "acks_us": acks, "acks": calls, "ratio": ratio,
        }));
    }
    json!({
        "proxies": options.proxies, "rooms": options.rooms, "acks_per_second": options.acks_per_second, "rows": rows,
    })
}

/// Every room is spoken in at this rate, one after the other.
async fn talk(redis: &Redis, options: &Options, rate: f64) {
    let mut c = redis.connect();
    let (began, mut said) = (Instant::now(), 0);
    let wanted = (options.rooms as f64 * rate * options.seconds as f64) as u64;
    while said < wanted {
        let due = (began.elapsed().as_secs_f64() * options.rooms as f64 * rate) as u64;
        let mut together = redis::pipe();
        let many = due.min(wanted).saturating_sub(said);
        for _ in 0..many {
            let room = said % options.rooms as u64;
            let payload = format!(r#"{{"event":"message","message":"{said:0>60}"}}"#);
            together
                .cmd("ROOM.PUBLISH")
                .arg(format!("room:{room}"))
                .arg("bot")
                .arg(payload)
                .ignore();
            said += 1;
        }
        if many > 0 {
            together.query::<()>(&mut c).expect("they are stored");
        }
        sleep(Duration::from_millis(1000 / TICKS)).await;
    }
}

fn spent(redis: &Redis, command: &str) -> Spent {
    let stats: String = redis.query(redis::cmd("INFO").arg("commandstats"));
    let name = format!("cmdstat_{command}:");
    let line = stats.lines().find_map(|line| {
        line.to_ascii_lowercase()
            .strip_prefix(&name)
            .map(str::to_owned)
    });
    let line = line.unwrap_or_default();
    let of = |field: &str| {
        let value = line.split(',').find_map(|pair| pair.strip_prefix(field));
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    };
    Spent {
        calls: of("calls="),
        us: of("usec="),
    }
}
