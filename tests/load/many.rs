//! Ten thousand connections: what they cost at rest, how fast they come, how fast they come back, and what their
//! acknowledgements cost Redis.

use crate::crowd::{Crowd, Roomcast};
use crate::figures::rss;
use harness::certs::Authority;
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread::sleep;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Connections
    #[arg(long, default_value_t = 10_000)]
    sockets: usize,
    /// Rooms that they are spread over
    #[arg(long, default_value_t = 1)]
    rooms: usize,
    /// Messages that each missed
    #[arg(long, default_value_t = 50)]
    missed: usize,
    /// Seconds with ten messages a second to each room, all acknowledged
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// By wss://
    #[arg(long)]
    tls: bool,
}

pub(crate) fn run(options: &Options) -> Value {
    let redis = Redis::start();
    let authority = Authority::new();
    let pair = authority.certify("localhost");
    let mut with = vec!["--log-json"];
    if options.tls {
        with.extend(pair.options("--tls-cert", "--tls-key"));
    }
    let crowd_of = || match options.tls {
        true => Crowd::secure(authority.client()),
        false => Crowd::new(),
    };
    let (mut first, second) = (Proxy::with(&redis, &with), Proxy::with(&redis, &with));
    let crowd = crowd_of();
    let talk = Arc::new(Roomcast {
        rooms: options.rooms,
        acks: false,
    });
    println!(
        "{} connections in {} room(s){}\n",
        options.sockets,
        options.rooms,
        if options.tls { ", with TLS" } else { "" }
    );

    let before = rss(first.process());
    let came = crowd.come(first.port, options.sockets, false, &talk);
    sleep(Duration::from_secs(3));
    let each = (rss(first.process()) - before) / options.sockets as u64;
    let logins = options.sockets as f64 / came.as_secs_f64();
    println!("{:>34} {logins:>12.0}", "logins a second");
    println!("{:>34} {each:>12}", "proxy's memory per connection, B");

    first.kill();
    crowd.go();
    publish(&redis, options, options.missed);
    let crowd = crowd_of();
    let cpu = redis.process().cpu();
    let back = crowd.come(second.port, options.sockets, true, &talk);
    let redis_cpu = (redis.process().cpu() - cpu).as_secs_f64() / back.as_secs_f64();
    let got = crowd.counts.messages.load(Relaxed);
    assert_eq!(
        got,
        (options.sockets * options.missed) as u64,
        "each got what it missed"
    );
    let reads = second.metric("roomcast_redis_ranges_total");
    println!(
        "{:>34} {:>12.2}",
        format!("back with {} missed each, s", options.missed),
        back.as_secs_f64()
    );
    println!(
        "{:>34} {:>12.0}",
        "  Redis CPU meanwhile, %",
        redis_cpu * 100.0
    );
    println!("{:>34} {reads:>12}", "  reads of the log");
    crowd.go();

    let acks = acks(&redis, &second, &crowd_of(), options);
    println!(
        "{:>34} {:>12.1}",
        "Redis CPU for ROOM.ACK, %",
        acks.0 * 100.0
    );
    println!("{:>34} {:>12.1}", "Redis CPU in all, %", acks.1 * 100.0);
    json!({
        "sockets": options.sockets, "rooms": options.rooms, "logins_per_s": logins,
        "rss_per_connection": each, "back_s": back.as_secs_f64(), "missed": options.missed,
        "back_redis_cpu": redis_cpu, "back_reads": reads, "ack_share": acks.0, "redis_share": acks.1,
    })
}

fn publish(redis: &Redis, options: &Options, messages: usize) {
    let mut connection = redis.connect();
    let text = format!(r#"{{"event":"message","message":"{}"}}"#, "x".repeat(60));
    for _ in 0..messages {
        let mut pipe = redis::pipe();
        for room in 0..options.rooms {
            pipe.cmd("ROOM.PUBLISH")
                .arg(format!("room:{room}"))
                .arg("bot")
                .arg(&text)
                .ignore();
        }
        pipe.query::<()>(&mut connection).expect("messages");
    }
}

/// All acknowledge each message: the share of Redis' time for that, and for everything.
fn acks(redis: &Redis, proxy: &Proxy, crowd: &Crowd, options: &Options) -> (f64, f64) {
    let talk = Arc::new(Roomcast {
        rooms: options.rooms,
        acks: true,
    });
    crowd.come(proxy.port, options.sockets, true, &talk);
    sleep(Duration::from_secs(2));
    let (began, cpu, spent) = (Instant::now(), redis.process().cpu(), ack_micros(redis));
    for _ in 0..options.seconds * 10 {
        publish(redis, options, 1);
        sleep(Duration::from_millis(100));
    }
    let time = began.elapsed().as_secs_f64();
    let all = (redis.process().cpu() - cpu).as_secs_f64();
    ((ack_micros(redis) - spent) / 1e6 / time, all / time)
}

fn ack_micros(redis: &Redis) -> f64 {
    let stats: String = redis.query(redis::cmd("INFO").arg("commandstats"));
    let line = stats
        .lines()
        .find_map(|line| {
            line.to_lowercase()
                .strip_prefix("cmdstat_room.ack:")
                .map(str::to_owned)
        })
        .unwrap_or_default();
    let micros = line
        .split(',')
        .find_map(|field| field.strip_prefix("usec="));
    micros.and_then(|text| text.parse().ok()).unwrap_or(0.0)
}
