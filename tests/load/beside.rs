//! A small room on the worker that serves a very large one without pause: what its people notice. At the same time as many sit
//! in a small room of a second proxy, which has the same machine and the same Redis, and no large room.

use crate::crowd::{Crowd, Heard, Roomcast, Said, Talk, now_us};
use crate::figures::at;
use harness::proxy::Proxy;
use harness::redis::Redis;
use redis::Cmd;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{scope, sleep};
use std::time::Duration;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Connections in the large room
    #[arg(long, default_value_t = 9_900)]
    large: usize,
    /// Connections in each small one
    #[arg(long, default_value_t = 10)]
    small: usize,
    /// Seconds with the large room at rest, and as many with it busy
    #[arg(long, default_value_t = 20)]
    seconds: u64,
}

/// Between two messages of a small room.
const PACE: Duration = Duration::from_millis(20);
/// Messages of the large room that are under way.
const AHEAD: u64 = 2;

/// Who only listens, in one room.
struct Listeners(&'static str);

impl Talk for Listeners {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        ("/ws", None)
    }

    fn hello(&self, client: usize, _: bool) -> Vec<Said> {
        let room = self.0;
        vec![Said::Text(format!(
            r#"{{"event":"login","roomid":"{room}","uid":"listener-{client}"}}"#
        ))]
    }

    fn heard(&self, client: usize, text: &[u8]) -> Heard {
        let all = Roomcast {
            rooms: 1,
            acks: false,
        };
        all.heard(client, text)
    }
}

fn say(room: &str) -> Cmd {
    let text = format!(r#"{{"event":"message","message":"hi","t":{}}}"#, now_us());
    let mut command = redis::cmd("ROOM.PUBLISH");
    command.arg(format!("room:{room}")).arg("bot").arg(text);
    command
}

pub(crate) fn run(options: &Options) -> Value {
    let redis = Redis::start();
    let one = ["--workers", "1"];
    let (busy, other) = (Proxy::with(&redis, &one), Proxy::with(&redis, &one));
    let (large, beside, apart) = (Crowd::new(), Crowd::new(), Crowd::new());
    let everybody = Roomcast {
        rooms: 1,
        acks: false,
    };
    large.come(busy.port, options.large, false, &Arc::new(everybody));
    beside.come(
        busy.port,
        options.small,
        false,
        &Arc::new(Listeners("beside")),
    );
    apart.come(
        other.port,
        options.small,
        false,
        &Arc::new(Listeners("apart")),
    );
    println!(
        "a room of {} beside one of {}\n\n{:>12} {:>12} {:>12} {:>9} {:>14}",
        options.small, options.large, "large room", "p99 ms", "apart ms", "ratio", "its messages/s"
    );
    let mut rows = Vec::new();
    for busy in [false, true] {
        let over = AtomicBool::new(false);
        let before = large.counts.messages.load(Relaxed);
        scope(|scope| {
            for room in ["beside", "apart"] {
                let (redis, over) = (&redis, &over);
                scope.spawn(move || {
                    let mut connection = redis.connect();
                    while !over.load(Relaxed) {
                        say(room).exec(&mut connection).expect("a message");
                        sleep(PACE);
                    }
                });
            }
            if busy {
                scope.spawn(|| keep_busy(&redis, &large, options, &over));
            }
            sleep(Duration::from_secs(options.seconds));
            over.store(true, Relaxed);
        });
        sleep(Duration::from_secs(1));
        let came = large.counts.messages.load(Relaxed) - before;
        let rate = came as f64 / options.large as f64 / options.seconds as f64;
        let [p99, apart] = [&beside, &apart].map(p99);
        let (what, ratio) = (if busy { "busy" } else { "at rest" }, p99 / apart);
        println!("{what:>12} {p99:>12.2} {apart:>12.2} {ratio:>9.2} {rate:>14.1}");
        rows.push(json!({"large_room": what, "p99_ms": p99, "apart_p99_ms": apart, "ratio": ratio, "large_per_s": rate}));
    }
    json!({"large": options.large, "small": options.small, "rows": rows})
}

/// The next message of the large room is there before all have the last one.
fn keep_busy(redis: &Redis, large: &Crowd, options: &Options, over: &AtomicBool) {
    let mut connection = redis.connect();
    let mut target = large.counts.messages.load(Relaxed);
    while !over.load(Relaxed) {
        say("0").exec(&mut connection).expect("a message");
        target += options.large as u64;
        large.wait_for(target.saturating_sub(AHEAD * options.large as u64));
    }
}

fn p99(crowd: &Crowd) -> f64 {
    let took = std::mem::take(&mut *crowd.counts.latencies.lock().expect("latencies"));
    at(took, [0.99])[0] / 1000.0
}
