//! Tens of thousands of rooms of one node of a cluster come back after its failover: how long that takes, and what the rooms of
//! another node notice of it.

use crate::figures::at;
use crate::relink::{Arrived, PATIENCE, crowd, listen, now_us};
use harness::follower::Follower;
use harness::proxy::Proxy;
use harness::shards::Shards;
use room_core::slots::slot_of;
use serde_json::{Value, json};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

/// Between two messages of each of the rooms that are listened to.
const PACE: Duration = Duration::from_millis(5);

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Rooms of the node that fails over
    #[arg(long, default_value_t = 60_000)]
    rooms: usize,
    /// Rooms of one connection
    #[arg(long, default_value_t = 1000)]
    of_one: usize,
    /// Seconds of talk before each failover
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// How often the node fails over
    #[arg(long, default_value_t = 3)]
    times: usize,
}

/// One of a thread of its own: the crowd's turn does not hold up those who measure.
fn runtime() -> Runtime {
    let mut builder = Builder::new_multi_thread();
    let built = builder.worker_threads(1).enable_all().build();
    built.expect("a runtime")
}

/// Names of rooms that this node has, or that it has not.
fn names(shards: &Shards, node: usize, has: bool) -> impl Iterator<Item = String> {
    let owned = shards.slots_of(node);
    let names = (0..).map(|number: usize| number.to_string());
    names.filter(move |name| owned(slot_of(format!("room:{name}").as_bytes())) == has)
}

pub(crate) fn run(options: &Options) -> Value {
    let (of_crowd, of_ears) = (runtime(), runtime());
    let shards = Shards::start(3, &["--save", ""]);
    let node = shards.primaries()[0];
    let of_one = options.of_one.to_string();
    let large = ["--max-rooms", &of_one, "--max-rate", "1000000"];
    let to = || SocketAddr::from((Ipv4Addr::LOCALHOST, harness::process::free_port()));
    let proxy = Proxy::measured_at(to(), &shards.url(), &large);
    let other = Proxy::measured_at(to(), &shards.url(), &large);
    let rooms: Vec<String> = names(&shards, node, true).take(options.rooms + 1).collect();
    let (busy_room, rooms) = rooms.split_last().expect("rooms");
    let elsewhere_room = names(&shards, node, false).next().expect("a room");
    let began = Instant::now();
    let crowd = of_crowd.block_on(crowd(&proxy, rooms, options.of_one));
    println!(
        "{} rooms of one node, logged in within {:.1} s\n",
        options.rooms,
        began.elapsed().as_secs_f64()
    );
    let hear = |proxy: &Proxy, room: &str| of_ears.block_on(listen(proxy.port, room));
    let here = hear(&proxy, &elsewhere_room);
    let there = hear(&other, &elsewhere_room);
    let busy = hear(&proxy, busy_room);
    let over = Arc::new(AtomicBool::new(false));
    let talked_in = [elsewhere_room.clone(), busy_room.clone()];
    let publishers = talked_in.map(|room| publish(shards.ports(), room, over.clone()));
    sleep(Duration::from_secs(1));
    println!(
        "{:>8} {:>22} {:>22} {:>13}",
        "back s", "p99 same proxy ms", "p99 another proxy ms", "busy room ms"
    );
    let mut rows = Vec::new();
    let mut at = node;
    for _ in 0..options.times {
        let (row, next) = once(options, &shards, at, &proxy, [&here, &there, &busy]);
        at = next;
        rows.push(row);
    }
    over.store(true, Relaxed);
    for publisher in publishers {
        publisher.join().expect("a publisher");
    }
    drop(crowd);
    json!({"rooms": options.rooms, "rows": rows})
}

fn p99(arrived: &Arrived) -> f64 {
    let all = std::mem::take(&mut *arrived.lock().expect("arrivals"));
    at(all.into_iter().map(|of| of.1 / 1000.0).collect(), [0.99])[0]
}

/// One failover: what was measured, and who has the slots now.
fn once(
    options: &Options,
    shards: &Shards,
    node: usize,
    proxy: &Proxy,
    [here, there, busy]: [&Arrived; 3],
) -> (Value, usize) {
    // What came before is of no interest.
    let _ = [here, there].map(p99);
    sleep(Duration::from_secs(options.seconds));
    let before = [here, there].map(p99);
    let relinked = || proxy.metric("roomcast_relinked_total");
    // The room that is listened to is one of them.
    let wanted = relinked() + options.rooms as u64 + 1;
    let replica = shards.replica_of(node);
    busy.lock().expect("arrivals").clear();
    let (began, asked) = (Instant::now(), now_us());
    shards.fail_over(replica);
    while relinked() < wanted && began.elapsed() < PATIENCE {
        sleep(Duration::from_millis(20));
    }
    let back = began.elapsed().as_secs_f64();
    let meanwhile = [here, there].map(p99);
    sleep(Duration::from_millis(500));
    let came = std::mem::take(&mut *busy.lock().expect("arrivals"));
    let times = came.iter().map(|of| of.0 as f64 + of.1);
    let mut times: Vec<f64> = times.filter(|came| *came > asked as f64).collect();
    times.sort_by(f64::total_cmp);
    let gaps = times.windows(2).map(|two| two[1] - two[0]);
    let gap = gaps.fold(0.0, f64::max) / 1000.0;
    println!(
        "{back:>8.2} {:>22} {:>22} {gap:>13.0}",
        format!("{:.2}, before {:.2}", meanwhile[0], before[0]),
        format!("{:.2}, before {:.2}", meanwhile[1], before[1]),
    );
    let row = json!({
        "back_s": back, "p99_before_ms": before[0], "p99_meanwhile_ms": meanwhile[0],
        "other_p99_before_ms": before[1], "other_p99_meanwhile_ms": meanwhile[1], "busy_room_ms": gap,
    });
    shards.settled();
    (row, replica)
}

/// Talks in a room, wherever it is.
fn publish(nodes: Vec<u16>, room: String, over: Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let mut follower = Follower::of(nodes);
    thread::spawn(move || {
        let mut next = Instant::now();
        while !over.load(Relaxed) {
            let text = format!(r#"{{"event":"message","message":{}}}"#, now_us());
            let mut publish = redis::cmd("ROOM.PUBLISH");
            publish.arg(format!("room:{room}")).arg("bot").arg(text);
            follower.run(&publish).expect("a message");
            next += PACE;
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
    })
}
