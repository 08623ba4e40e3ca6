//! A publish by the HTTP API beside one by WebSocket: CPU of the proxy and of Redis, and how long whoever publishes waits for the
//! answer. One at a time, each with an id; somebody else is in the room and hears all of it. Ways take turns.

use crate::figures::{at, median, micros};
use harness::http::{Http, KEY};
use harness::light::Light;
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Instant;
use tokio::runtime::{Builder, Runtime};

/// The most that one request may bring.
const BATCH: usize = 100;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Rounds; ways take turns in each
    #[arg(long, default_value_t = 15)]
    rounds: usize,
    /// Messages of one way in a round
    #[arg(long, default_value_t = 2000)]
    messages: usize,
    /// Bytes of one message
    #[arg(long, default_value_t = 100)]
    size: usize,
}

const WAYS: [&str; 3] = ["WebSocket", "HTTP", "HTTP, by the hundred"];

struct Stage {
    redis: Redis,
    proxy: Proxy,
    runtime: Runtime,
    socket: Light,
    http: Http,
    text: String,
    said: usize,
}

/// What one way took in a round: microseconds of the proxy and of Redis for a message, and of each answer.
struct Took {
    proxy: f64,
    redis: f64,
    answers: Vec<f64>,
}

pub(crate) fn run(options: &Options) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let keys = folder.path().join("api-keys");
    std::fs::write(&keys, KEY).expect("a file");
    let redis = Redis::with(&[
        "--save",
        "",
        "--room.room-ids",
        "100000",
        "--room.dedupe-age",
        "1s",
    ]);
    let at = SocketAddr::from((Ipv4Addr::LOCALHOST, harness::process::free_port()));
    let keys = keys.to_str().expect("a path of text");
    let proxy = Proxy::measured_at(
        at,
        &redis.url(),
        &[
            "--api-key-file",
            keys,
            "--max-rate",
            "1000000",
            "--http-timeout",
            "1h",
        ],
    );
    let runtime = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let enter = |uid: &'static str| async move {
        let mut socket = Light::connect(at, "/ws", None).await?;
        let login = json!({"event": "login", "roomid": "r", "uid": uid, "ack": "client"});
        socket.send(&login.to_string()).await?;
        until(&mut socket, "synced").await?;
        std::io::Result::Ok(socket)
    };
    let mut listener = runtime.block_on(enter("listener")).expect("a login");
    runtime.spawn(async move { while listener.next().await.is_ok() {} });
    let socket = runtime.block_on(enter("speaker")).expect("a login");
    let mut stage = Stage {
        http: Http::to(proxy.port),
        redis,
        proxy,
        runtime,
        socket,
        text: "x".repeat(options.size),
        said: 0,
    };
    let mut all: [Vec<Took>; 3] = Default::default();
    for round in 0..=options.rounds {
        for turn in 0..WAYS.len() {
            let way = (turn + round) % WAYS.len();
            let took = stage.measure(way, options.messages);
            // The first round warms up.
            if round > 0 {
                all[way].push(took);
            }
        }
    }
    shown(options, &all)
}

fn shown(options: &Options, all: &[Vec<Took>; 3]) -> Value {
    println!(
        "{} rounds of {} messages of {} bytes, one listener; microseconds\n\n{:<22} {:>12} {:>12} {:>12} {:>12}",
        options.rounds,
        options.messages,
        options.size,
        "a message by",
        "proxy CPU",
        "Redis CPU",
        "answer p50",
        "answer p99"
    );
    let rows = WAYS.iter().zip(all).map(|(way, took)| {
        let proxy = median(took.iter().map(|took| took.proxy));
        let redis = median(took.iter().map(|took| took.redis));
        let answers = took.iter().flat_map(|took| took.answers.iter().copied());
        let [p50, p99] = at(answers.collect(), [0.5, 0.99]);
        println!("{way:<22} {proxy:>12.1} {redis:>12.1} {p50:>12.0} {p99:>12.0}");
        json!({"way": way, "proxy_us": proxy, "redis_us": redis, "p50_us": p50, "p99_us": p99})
    });
    rows.collect()
}

async fn until(socket: &mut Light, event: &str) -> std::io::Result<()> {
    let begin = format!("{{\"event\":\"{event}\"");
    while !socket.next().await?.starts_with(begin.as_bytes()) {}
    Ok(())
}

impl Stage {
    fn measure(&mut self, way: usize, messages: usize) -> Took {
        let before = (self.proxy.process().cpu(), self.redis.process().cpu());
        let mut answers = Vec::with_capacity(messages);
        let each = if way == 2 { BATCH } else { 1 };
        for _ in 0..messages / each {
            let began = Instant::now();
            match way {
                0 => self.by_socket(),
                1 => self.by_http(),
                _ => self.by_the_hundred(),
            }
            answers.push(micros(began.elapsed()));
        }
        let many = (messages / each * each) as f64;
        Took {
            proxy: micros(self.proxy.process().cpu() - before.0) / many,
            redis: micros(self.redis.process().cpu() - before.1) / many,
            answers,
        }
    }

    fn next(&mut self) -> Value {
        self.said += 1;
        json!({"uid": "bot", "message": self.text, "id": format!("id-{}", self.said)})
    }

    fn by_socket(&mut self) {
        let mut said = self.next();
        said["event"] = json!("message");
        let (runtime, socket) = (&self.runtime, &mut self.socket);
        let sent = runtime.block_on(async {
            socket.send(&said.to_string()).await?;
            until(socket, "sent").await
        });
        sent.expect("it is sent");
    }

    fn by_http(&mut self) {
        let said = self.next();
        self.http.post("/api/rooms/r/messages", &said).ok();
    }

    fn by_the_hundred(&mut self) {
        let said: Value = (0..BATCH).map(|_| self.next()).collect();
        self.http.post("/api/rooms/r/messages", &said).ok();
    }
}
