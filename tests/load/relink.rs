//! Tens of thousands of rooms come back after a reconnect: how long that takes at a short answer time-out, whether the link
//! lasts, and what others on the same Redis notice of it.

use crate::figures::at;
use harness::light::Light;
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::time::{sleep, timeout};

/// How long all rooms may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// The name by which Redis knows the proxy whose link ends.
const NAME: &str = "relinked";
/// Between two messages of each of the rooms that are listened to.
const PACE: Duration = Duration::from_millis(5);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Rooms of the proxy whose link ends
    #[arg(long, default_value_t = 60_000)]
    rooms: usize,
    /// Rooms of one connection
    #[arg(long, default_value_t = 1000)]
    of_one: usize,
    /// How long an answer of Redis may take, in milliseconds
    #[arg(long, default_value_t = 700)]
    timeout: u64,
    /// Seconds of talk before the link ends
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often the link ends
    #[arg(long, default_value_t = 3)]
    times: usize,
}

/// What arrived: when it was published, and how long it took, in microseconds.
pub(crate) type Arrived = Arc<Mutex<Vec<(u64, f64)>>>;

pub(crate) fn run(options: &Options) -> Value {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(measure(options))
}

async fn measure(options: &Options) -> Value {
    let redis = Redis::start();
    let timeout = format!("{}ms", options.timeout);
    let of_one = options.of_one.to_string();
    let large = ["--max-rooms", &of_one, "--max-rate", "1000000"];
    let proxy = Proxy::measured_at(
        SocketAddr::from((Ipv4Addr::LOCALHOST, harness::process::free_port())),
        &redis.url(),
        &[&["--name", NAME, "--redis-timeout", &timeout][..], &large].concat(),
    );
    let other = Proxy::start(&redis);
    let began = Instant::now();
    let rooms: Vec<String> = (0..options.rooms).map(|room| room.to_string()).collect();
    let crowd = crowd(&proxy, &rooms, options.of_one).await;
    println!(
        "{} rooms of {} connections, logged in within {:.1} s; answers within {timeout}\n",
        options.rooms,
        crowd.len(),
        began.elapsed().as_secs_f64()
    );
    let over = Arc::new(AtomicBool::new(false));
    let elsewhere = listen(other.port, "elsewhere").await;
    let busy = listen(proxy.port, "busy").await;
    let publisher = publish(&redis, over.clone());
    sleep(Duration::from_secs(1)).await;
    println!(
        "{:>10} {:>10} {:>14} {:>14} {:>14}",
        "back s", "links", "p99 before ms", "p99 meanwhile", "busy room ms"
    );
    let mut rows = Vec::new();
    for _ in 0..options.times {
        let row = once(options, &redis, &proxy, &elsewhere, &busy).await;
        println!(
            "{:>10.2} {:>10} {:>14.2} {:>14.2} {:>14.0}",
            row.back, row.links, row.before, row.meanwhile, row.busy
        );
        rows.push(json!({
            "back_s": row.back, "links": row.links, "p99_before_ms": row.before, "p99_meanwhile_ms": row.meanwhile,
            "busy_room_ms": row.busy,
        }));
    }
    over.store(true, Relaxed);
    publisher.join().expect("a publisher");
    drop(crowd);
    json!({"rooms": options.rooms, "timeout_ms": options.timeout, "rows": rows})
}

struct Row {
    /// Seconds until all rooms were attached again.
    back: f64,
    /// Links that were lost for that: one if none of it began again.
    links: u64,
    /// Milliseconds from publishing to arrival through another proxy.
    before: f64,
    meanwhile: f64,
    /// Milliseconds until a room of this proxy that is talked in was live again.
    busy: f64,
}

async fn once(
    options: &Options,
    redis: &Redis,
    proxy: &Proxy,
    elsewhere: &Arrived,
    busy: &Arrived,
) -> Row {
    let p99 = |arrived: &Arrived| {
        let all = std::mem::take(&mut *arrived.lock().expect("arrivals"));
        at(all.into_iter().map(|of| of.1 / 1000.0).collect(), [0.99])[0]
    };
    p99(elsewhere);
    sleep(Duration::from_secs(options.seconds)).await;
    let before = p99(elsewhere);
    busy.lock().expect("arrivals").clear();
    let metric = |name: &str| proxy.metric(&format!("roomcast_{name}_total"));
    let (relinked, lost) = (metric("relinked"), metric("redis_lost"));
    end_link(redis);
    let (began, ended) = (Instant::now(), now_us());
    // The room that is listened to is one of them.
    let wanted = relinked + options.rooms as u64 + 1;
    while metric("relinked") < wanted && began.elapsed() < PATIENCE {
        sleep(Duration::from_millis(20)).await;
    }
    let back = began.elapsed().as_secs_f64();
    let meanwhile = p99(elsewhere);
    let links = metric("redis_lost") - lost;
    sleep(Duration::from_millis(500)).await;
    let came = std::mem::take(&mut *busy.lock().expect("arrivals"));
    let first = came.into_iter().filter(|of| of.0 > ended);
    let first = first.map(|(at, took)| (at - ended) as f64 + took);
    Row {
        back,
        links,
        before,
        meanwhile,
        busy: first.fold(f64::INFINITY, f64::min) / 1000.0,
    }
}

/// Redis ends all connections of the proxy.
fn end_link(redis: &Redis) {
    let clients: String = redis.query(&harness::value::words("CLIENT LIST"));
    let ours = clients
        .lines()
        .filter(|line| line.contains(&format!(" name={NAME} ")));
    let ids = ours.filter_map(|line| line.strip_prefix("id=")?.split(' ').next());
    for id in ids {
        redis
            .run_words(&format!("CLIENT KILL ID {id}"))
            .expect("an ended connection");
    }
}

/// Microseconds since 1970.
pub(crate) fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("a clock after 1970").as_micros() as u64
}

/// One connection for so many of these rooms each.
pub(crate) async fn crowd(
    proxy: &Proxy,
    rooms: &[String],
    of_one: usize,
) -> Vec<tokio::task::JoinHandle<()>> {
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, proxy.port));
    let mut crowd = Vec::new();
    for (uid, rooms) in rooms.chunks(of_one).enumerate() {
        let mut light = Light::connect(to, "/ws", None).await.expect("a connection");
        for room in rooms {
            let login = format!(r#"{{"event":"login","roomid":"{room}","uid":"u{uid}"}}"#);
            light.send(&login).await.expect("a login");
        }
        for _ in rooms {
            wait(&mut light, "synced").await;
        }
        crowd.push(tokio::spawn(
            async move { while light.next().await.is_ok() {} },
        ));
    }
    crowd
}

async fn wait(light: &mut Light, wanted: &str) {
    let wanted = format!(r#"{{"event":"{wanted}""#);
    let coming = async {
        while let Ok(bytes) = light.next().await {
            if bytes.starts_with(wanted.as_bytes()) {
                return;
            }
        }
    };
    timeout(PATIENCE, coming).await.expect("an event in time");
}

/// Hears a room.
pub(crate) async fn listen(port: u16, roomid: &str) -> Arrived {
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut light = Light::connect(to, "/ws", None).await.expect("a connection");
    let login = format!(r#"{{"event":"login","roomid":"{roomid}","uid":"listener"}}"#);
    light.send(&login).await.expect("a login");
    wait(&mut light, "synced").await;
    let arrived = Arrived::default();
    let to = arrived.clone();
    tokio::spawn(async move {
        while let Ok(bytes) = light.next().await {
            let event: Value = serde_json::from_slice(&bytes).expect("JSON");
            if event["event"] == "heartbeat" {
                let _ = light
                    .send(r#"{"event":"heartbeat","message":"pong"}"#)
                    .await;
            }
            if let Some(at) = event["message"].as_u64() {
                let took = now_us().saturating_sub(at) as f64;
                to.lock().expect("arrivals").push((at, took));
            }
        }
    });
    arrived
}

/// Talks in both rooms that are listened to.
fn publish(redis: &Redis, over: Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let mut connection = redis.connect();
    thread::spawn(move || {
        let mut next = Instant::now();
        while !over.load(Relaxed) {
            for room in ["elsewhere", "busy"] {
                let text = format!(r#"{{"event":"message","message":{}}}"#, now_us());
                redis::cmd("ROOM.PUBLISH")
                    .arg(format!("room:{room}"))
                    .arg("bot")
                    .arg(text)
                    .query::<redis::Value>(&mut connection)
                    .expect("a message");
            }
            next += PACE;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    })
}
