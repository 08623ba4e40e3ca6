//! A Redis that is far: what a round trip costs live messages, logins, kicks and acknowledgements, and how a busy room comes
//! back after a reconnect.

use crate::figures::at;
use harness::light::Light;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::relay::Relay;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::time::{sleep, timeout};

/// What does not come within this time is shown as this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// Messages that are published together.
const TICKS: u64 = 100;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Round trips to Redis, in milliseconds
    #[arg(long, value_delimiter = ',', default_value = "0,1,10,50,200")]
    trips: Vec<u64>,
    /// Messages a second
    #[arg(long, value_delimiter = ',', default_value = "10,1000")]
    rates: Vec<u64>,
    /// People in the room, who all acknowledge
    #[arg(long, default_value_t = 24)]
    people: usize,
    /// Seconds of talk in each row
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// People who acknowledge nothing
    #[arg(long)]
    without_acks: bool,
}

struct Room {
    proxy: Proxy,
    relay: Relay,
    redis: Redis,
    trip: Duration,
    over: AtomicBool,
    said: AtomicU64,
    /// Microseconds from publishing to arrival.
    latencies: Mutex<Vec<f64>>,
}

/// One row of the table, in milliseconds.
struct Row {
    live: [f64; 2],
    synced: [f64; 2],
    kick: f64,
    acked: f64,
    back: f64,
    reads: u64,
}

pub(crate) fn run(options: &Options) -> Value {
    println!(
        "{} people, {} s of talk a row; milliseconds\n",
        options.people, options.seconds
    );
    println!(
        "{:>8} {:>8} {:>10} {:>10} {:>10} {:>10} {:>8} {:>10} {:>10} {:>8}",
        "trip",
        "rate/s",
        "live p50",
        "live p99",
        "synced",
        "slowest",
        "kick",
        "acked",
        "back",
        "reads"
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let mut rows = Vec::new();
    for &trip in &options.trips {
        for &rate in &options.rates {
            let row = runtime.block_on(measure(options, trip, rate));
            println!(
                "{trip:>8} {rate:>8} {:>10.1} {:>10.1} {:>10.1} {:>10.1} {:>8.1} {:>10.1} {:>10.1} {:>8}",
                row.live[0],
                row.live[1],
                row.synced[0],
                row.synced[1],
                row.kick,
                row.acked,
                row.back,
                row.reads
            );
            rows.push(json!({
                "trip_ms": trip, "rate": rate, "live_ms": row.live, "synced_ms": row.synced, "kick_ms": row.kick,
                "acked_ms": row.acked, "back_ms": row.back, "reads": row.reads,
            }));
        }
    }
    json!({"people": options.people, "seconds": options.seconds, "acks": !options.without_acks, "rows": rows})
}

async fn measure(options: &Options, trip: u64, rate: u64) -> Row {
    let redis = Redis::start();
    let relay = Relay::to(redis.port);
    relay.delay(Duration::from_millis(trip));
    let room = Arc::new(Room {
        proxy: Proxy::to(&format!("redis://127.0.0.1:{}", relay.port), &[]),
        relay,
        redis,
        trip: Duration::from_millis(trip),
        over: AtomicBool::new(false),
        said: AtomicU64::new(0),
        latencies: Mutex::default(),
    });
    for person in 0..options.people {
        let light = login(&room, &format!("person-{person}")).await;
        tokio::spawn(listen(room.clone(), light, !options.without_acks));
    }
    let publisher = {
        let room = room.clone();
        thread::spawn(move || publish(&room, rate))
    };
    sleep(Duration::from_secs(1)).await;
    room.latencies.lock().expect("latencies").clear();
    sleep(Duration::from_secs(options.seconds)).await;
    let latencies = std::mem::take(&mut *room.latencies.lock().expect("latencies"));
    let live = at(latencies, [0.5, 0.99]).map(|us| us / 1000.0);
    let mut logins = Vec::new();
    for newcomer in 0..6 {
        logins.push(synced(&room, &format!("new-{newcomer}")).await);
    }
    let kick = kick(&room).await;
    let (back, reads) = come_back(&room).await;
    room.over.store(true, Relaxed);
    publisher.join().expect("a publisher");
    let acked = if options.without_acks {
        f64::NAN
    } else {
        acked(&room, options.people).await
    };
    Row {
        live,
        synced: at(logins, [0.5, 1.0]),
        kick,
        acked,
        back,
        reads,
    }
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

fn now_us() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.expect("a clock after 1970").as_micros() as u64
}

fn publish(room: &Room, rate: u64) {
    let mut connection = room.redis.connect();
    let mut next = Instant::now();
    let (each, ticks) = if rate > TICKS {
        (rate / TICKS, TICKS)
    } else {
        (1, rate)
    };
    while !room.over.load(Relaxed) {
        let mut pipe = redis::pipe();
        for _ in 0..each {
            let text = format!(r#"{{"event":"message","message":{}}}"#, now_us());
            pipe.cmd("ROOM.PUBLISH")
                .arg("room:r")
                .arg("bot")
                .arg(text)
                .ignore();
        }
        pipe.query::<()>(&mut connection).expect("messages");
        room.said.fetch_add(each, Relaxed);
        next += Duration::from_secs(1) / ticks as u32;
        thread::sleep(next.saturating_duration_since(Instant::now()));
    }
}

async fn login(room: &Room, uid: &str) -> Light {
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, room.proxy.port));
    let mut light = Light::connect(to, "/ws", None).await.expect("a connection");
    let login = format!(r#"{{"event":"login","roomid":"r","uid":"{uid}","ack":"client"}}"#);
    light.send(&login).await.expect("a login");
    light
}

/// Hears everything, and acknowledges ten times a second.
async fn listen(room: Arc<Room>, mut light: Light, acks: bool) {
    let mut told = Instant::now();
    let mut last = None;
    loop {
        let bytes = match timeout(Duration::from_millis(100), light.next()).await {
            Ok(Ok(bytes)) => Some(bytes),
            Ok(Err(_)) => return,
            Err(_) => None,
        };
        if let Some(bytes) = bytes {
            let event: Value = serde_json::from_slice(&bytes).expect("JSON");
            if event["event"] == "message" {
                let latency = now_us().saturating_sub(event["message"].as_u64().unwrap_or(0));
                room.latencies
                    .lock()
                    .expect("latencies")
                    .push(latency as f64);
                last = Some(event["position"].clone());
            }
        }
        if acks
            && told.elapsed() >= Duration::from_millis(100)
            && let Some(position) = last.take()
        {
            told = Instant::now();
            let _ = light
                .send(&format!(r#"{{"event":"ack","position":{position}}}"#))
                .await;
        }
    }
}

/// Milliseconds from connecting to `synced`.
async fn synced(room: &Room, uid: &str) -> f64 {
    let began = Instant::now();
    let mut light = login(room, uid).await;
    wait(&mut light, "synced", began).await
}

async fn wait(light: &mut Light, wanted: &str, began: Instant) -> f64 {
    let coming = async {
        while let Ok(bytes) = light.next().await {
            let event: Value = serde_json::from_slice(&bytes).expect("JSON");
            if event["event"] == wanted {
                return;
            }
        }
    };
    let _ = timeout(PATIENCE, coming).await;
    ms(began)
}

/// Milliseconds from a kick in Redis to `kicked` at the client.
async fn kick(room: &Room) -> f64 {
    let mut light = login(room, "kicked").await;
    wait(&mut light, "synced", Instant::now()).await;
    let began = Instant::now();
    room.redis
        .run_words("ROOM.KICK room:r kicked")
        .expect("a kick");
    wait(&mut light, "kicked", began).await
}

/// Milliseconds from the end of all connections to Redis until a listener is live again, beside the proxy's own wait, and
/// how often the log was read for that.
async fn come_back(room: &Room) -> (f64, u64) {
    let reads = || room.proxy.metric("roomcast_redis_ranges_total");
    let mut light = login(room, "witness").await;
    wait(&mut light, "synced", Instant::now()).await;
    let before = reads();
    room.relay.cut();
    sleep(Duration::from_millis(200)).await;
    room.relay.mend();
    room.relay.delay(room.trip);
    let (began, cut) = (Instant::now(), now_us());
    let coming = async {
        while let Ok(bytes) = light.next().await {
            let event: Value = serde_json::from_slice(&bytes).expect("JSON");
            if event["event"] == "message" && event["message"].as_u64().unwrap_or(0) > cut {
                return;
            }
        }
    };
    let _ = timeout(PATIENCE, coming).await;
    let back = ms(began);
    sleep(Duration::from_secs(1)).await;
    (back, reads() - before)
}

/// Milliseconds until Redis knows that everybody has everything.
async fn acked(room: &Room, people: usize) -> f64 {
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let waits = (0..people).any(|person| {
            let pending = room
                .redis
                .run_words(&format!("ROOM.PENDING room:r person-{person}"));
            let pending =
                pending.map(|reply| harness::value::int(&harness::value::field(&reply, "pending")));
            pending.is_ok_and(|pending| pending > 0)
        });
        if !waits {
            break;
        }
        sleep(Duration::from_millis(5)).await;
    }
    ms(began)
}
