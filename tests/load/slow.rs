//! A client that reads 1 KB/s in a room with 1 MB/s: what it costs the proxy, and whether others notice.

use crate::figures::{at, rss};
use harness::light::Light;
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

const MESSAGE: usize = 1024;
const PER_SECOND: u32 = 1000;
const OTHERS: usize = 20;
/// Messages that are published together.
const TICK: u32 = 5;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Seconds of each half: without the slow client, and with it
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

struct Room {
    proxy: Proxy,
    redis: Redis,
    over: AtomicBool,
    /// Microseconds from publishing to arrival, of everybody but the slow one.
    latencies: Mutex<Vec<f64>>,
}

pub(crate) fn run(options: &Options) -> Value {
    let redis = Redis::start();
    let room = Arc::new(Room {
        proxy: Proxy::start(&redis),
        redis,
        over: AtomicBool::new(false),
        latencies: Mutex::default(),
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let publisher = {
        let room = room.clone();
        thread::spawn(move || publish(&room))
    };
    runtime.block_on(async {
        for other in 0..OTHERS {
            let room = room.clone();
            tokio::spawn(async move { listen(&room, other).await });
        }
        sleep(Duration::from_secs(3)).await;
        let half = Duration::from_secs(options.seconds);
        let (without, quiet) = measure(&room, half).await;
        let slow = tokio::spawn(crawl(room.clone()));
        let (with, busy) = measure(&room, half).await;
        room.over.store(true, Relaxed);
        println!("{OTHERS} clients at {PER_SECOND} messages of {MESSAGE} bytes a second, {} s each\n", options.seconds);
        println!("{:>28} {:>12} {:>12} {:>8}", "", "without", "with slow", "ratio");
        for (name, i) in [("median us", 0), ("p99 us", 1)] {
            println!("{name:>28} {:>12.0} {:>12.0} {:>8.2}", without[i], with[i], with[i] / without[i]);
        }
        println!("{:>28} {quiet:>12} {busy:>12} {:>+8}", "proxy's most memory, bytes", busy as i64 - quiet as i64);
        let last = publisher.join().expect("a publisher");
        let (first, behind, missing) = tokio::time::timeout(Duration::from_secs(60), slow)
            .await
            .expect("the slow one has all in time")
            .expect("the slow one");
        println!("\nThe slow one read from {first} to {last}; it was {behind} messages behind when it speeded up; {missing} were missing.");
        let back = room.proxy.metric("roomcast_slow_total");
        println!("It went back to the log {back} times.");
        json!({
            "seconds": options.seconds, "median_us": [without[0], with[0]], "p99_us": [without[1], with[1]],
            "proxy_rss": [quiet, busy], "read_from": first, "read_to": last, "behind": behind, "missing": missing,
            "back_to_the_log": back,
        })
    })
}

/// Median and 99th percentile of the latency, and the most memory that the proxy had.
async fn measure(room: &Room, time: Duration) -> ([f64; 2], u64) {
    room.latencies.lock().expect("latencies").clear();
    let begin = Instant::now();
    let mut most = 0;
    while begin.elapsed() < time {
        sleep(Duration::from_millis(200)).await;
        most = most.max(rss(room.proxy.process()));
    }
    let latencies = std::mem::take(&mut *room.latencies.lock().expect("latencies"));
    (at(latencies, [0.5, 0.99]), most)
}

fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("a clock after 1970").as_micros() as u64
}

/// The number of the last message.
fn publish(room: &Room) -> u64 {
    let mut connection = room.redis.connect();
    let mut next = Instant::now();
    let mut last = 0;
    while !room.over.load(Relaxed) {
        let mut pipe = redis::pipe();
        for _ in 0..TICK {
            let fill = "x".repeat(MESSAGE - 60);
            let text = format!(
                r#"{{"event":"message","message":{},"fill":"{fill}"}}"#,
                now_us()
            );
            pipe.cmd("ROOM.PUBLISH").arg("room:r").arg("bot").arg(text);
        }
        let replies: Vec<[u64; 4]> = pipe.query(&mut connection).expect("messages");
        last = replies.last().map_or(last, |reply| reply[0]);
        next += Duration::from_secs(1) * TICK / PER_SECOND;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    last
}

async fn login(room: &Room, uid: &str) -> Light {
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, room.proxy.port));
    let mut light = Light::connect(to, "/ws", None).await.expect("a connection");
    let login = format!(r#"{{"event":"login","roomid":"r","uid":"{uid}","ack":"client"}}"#);
    light.send(&login).await.expect("a login");
    light
}

async fn listen(room: &Room, other: usize) {
    let mut light = login(room, &format!("other-{other}")).await;
    let mut seen = 0_u64;
    while let Ok(bytes) = light.next().await {
        let event: Value = serde_json::from_slice(&bytes).expect("JSON");
        if event["event"] != "message" {
            continue;
        }
        let latency = now_us().saturating_sub(event["message"].as_u64().unwrap_or(0));
        room.latencies
            .lock()
            .expect("latencies")
            .push(latency as f64);
        seen += 1;
        if seen.is_multiple_of(100) {
            ack(&mut light, &event).await;
        }
    }
}

async fn ack(light: &mut Light, event: &Value) {
    let ack = format!(r#"{{"event":"ack","position":{}}}"#, event["position"]);
    let _ = light.send(&ack).await;
}

/// Reads a hundred bytes each tenth of a second until it is over, then everything. The first number, how many messages
/// it was behind, how many were missing.
async fn crawl(room: Arc<Room>) -> (u64, u64, u64) {
    let mut light = login(&room, "slow").await;
    let mut seqs: Vec<u64> = Vec::new();
    let mut read = |bytes: &[u8]| {
        let event: Value = serde_json::from_slice(bytes).expect("JSON");
        if event["event"] == "lost" {
            let (from, to) = (event["from"].as_u64(), event["to"].as_u64());
            seqs.extend(from.unwrap_or(1)..=to.unwrap_or(0));
        }
        seqs.extend(
            event["seq"]
                .as_u64()
                .filter(|_| event["event"] == "message"),
        );
        seqs.last().copied().unwrap_or(0)
    };
    while !room.over.load(Relaxed) {
        sleep(Duration::from_millis(100)).await;
        light.read_some(100).await.expect("some bytes");
        while let Some((_, bytes)) = light.take() {
            read(&bytes);
            // As a page does that processes what it reads.
            let event: Value = serde_json::from_slice(&bytes).expect("JSON");
            if event["event"] == "message" {
                ack(&mut light, &event).await;
            }
        }
    }
    let head = || {
        let heads = room.redis.run_words("ROOM.HEADS room:r").expect("a head");
        let text = harness::value::text(&harness::value::list(&heads)[0]);
        text.split('-')
            .next()
            .and_then(|seq| seq.parse().ok())
            .unwrap_or(0_u64)
    };
    sleep(Duration::from_millis(200)).await;
    let head = head();
    let mut at = read(br#"{"event":"synced"}"#);
    let behind = head - at;
    while at < head {
        at = read(&light.next().await.expect("the rest"));
    }
    let first = seqs.first().copied().unwrap_or(0);
    let missing = (head - first + 1) - seqs.len() as u64;
    assert!(seqs.is_sorted(), "in order");
    (first, behind, missing)
}
