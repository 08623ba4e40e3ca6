//! What a publish costs Redis, against what people would use instead, by `redis-benchmark` (50 connections).

use crate::figures::{median, micros};
use harness::process::installed;
use harness::redis::Redis;
use harness::value::ok;
use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// Messages that the room and the stream keep.
const KEPT: usize = 500;
const LUA: &str = "local seq = redis.call('INCR', KEYS[1]) \
    redis.call('XADD', KEYS[2], 'MAXLEN', '~', 500, '*', 'seq', seq, 'uid', ARGV[1], 'payload', ARGV[2]) \
    redis.call('PUBLISH', KEYS[3], ARGV[2]) return seq";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Rounds of each cell; ways take turns in each
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// Commands of one way in a round
    #[arg(long, default_value_t = 40_000)]
    commands: usize,
}

/// A way to publish: its name, and the command behind `redis-benchmark`'s options.
type Way = (&'static str, Vec<String>);

pub(crate) fn run(options: &Options) -> serde_json::Value {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.PUBLISH room bot first");
    ok(
        &mut c,
        &format!("ROOM.LIMITS room maxlen {KEPT} keep {KEPT}"),
    );
    let script: String = redis::cmd("SCRIPT")
        .arg("LOAD")
        .arg(LUA)
        .query(&mut c)
        .expect("a script");
    println!(
        "server CPU per command in us, and times a bare PUBLISH (medians of {} paired rounds)\n\n{:>6} {:>5} {:>9} | {:>12} {:>22} {:>22} {:>22} | {:>16}",
        options.rounds,
        "bytes",
        "subs",
        "pipeline",
        "PUBLISH",
        "ROOM.PUBLISH",
        "Lua INCR+XADD+PUBLISH",
        "XADD",
        "ROOM/s : Lua/s"
    );
    let mut cells = Vec::new();
    for subscribers in [0, 1] {
        let listening: Vec<_> = (0..subscribers).map(|_| listen(&redis)).collect();
        for size in [64, 1024] {
            for pipeline in [1, 16] {
                let ways = ways(&script, size);
                cells.push(cell(&redis, options, &ways, (size, subscribers, pipeline)));
            }
        }
        drop(listening);
    }
    serde_json::Value::Array(cells)
}

fn ways(script: &str, size: usize) -> [Way; 4] {
    let payload = "x".repeat(size);
    let words = |words: &[&str]| -> Vec<String> {
        let words = words.iter().map(|word| (*word).to_owned());
        words.chain([payload.clone()]).collect()
    };
    [
        ("PUBLISH", words(&["PUBLISH", "room"])),
        ("ROOM.PUBLISH", words(&["ROOM.PUBLISH", "room", "bot"])),
        (
            "Lua",
            words(&["EVALSHA", script, "3", "counter", "stream", "room", "bot"]),
        ),
        (
            "XADD",
            words(&["XADD", "other", "MAXLEN", "~", "500", "*", "payload"]),
        ),
    ]
}

fn cell(
    redis: &Redis,
    options: &Options,
    ways: &[Way; 4],
    (size, subscribers, pipeline): (usize, usize, usize),
) -> serde_json::Value {
    let mut costs: Vec<[f64; 4]> = Vec::new();
    let mut rates: Vec<[f64; 4]> = Vec::new();
    for round in 0..=options.rounds {
        let (mut cost, mut rate) = ([0.0; 4], [0.0; 4]);
        for turn in 0..4 {
            let way = (turn + round) % 4;
            let cpu = redis.process().cpu();
            let began = Instant::now();
            benchmark(redis, pipeline, options.commands, &ways[way].1);
            cost[way] = micros(redis.process().cpu() - cpu) / options.commands as f64;
            rate[way] = options.commands as f64 / began.elapsed().as_secs_f64();
        }
        // The first one warms up.
        if round > 0 {
            costs.push(cost);
            rates.push(rate);
        }
    }
    let of = |way: usize| median(costs.iter().map(|cost| cost[way]));
    let ratio = |way: usize| median(costs.iter().map(|cost| cost[way] / cost[0]));
    let faster = median(rates.iter().map(|rate| rate[1] / rate[2]));
    let shown = |way: usize| format!("{:.2} ({:.2} x)", of(way), ratio(way));
    println!(
        "{size:>6} {subscribers:>5} {pipeline:>9} | {:>12.2} {:>22} {:>22} {:>22} | {faster:>14.1} x",
        of(0),
        shown(1),
        shown(2),
        shown(3)
    );
    serde_json::json!({
        "bytes": size, "subscribers": subscribers, "pipeline": pipeline,
        "publish_us": of(0), "room_publish_us": of(1), "lua_us": of(2), "xadd_us": of(3),
        "room_publish_over_publish": ratio(1), "lua_over_publish": ratio(2), "room_over_lua_rate": faster,
    })
}

fn benchmark(redis: &Redis, pipeline: usize, commands: usize, words: &[String]) {
    let mut command = installed("REDIS_BENCHMARK", "redis-benchmark", "redis-tools");
    command
        .args(["-p", &redis.port.to_string(), "-c", "50", "-q"])
        .args(["-P", &pipeline.to_string(), "-n", &commands.to_string()])
        .args(words);
    let output = command.output().expect("redis-benchmark runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// A subscriber that reads and forgets; it ends with the stream.
fn listen(redis: &Redis) -> TcpStream {
    use std::io::Write;
    let mut stream = TcpStream::connect(("127.0.0.1", redis.port)).expect("a connection");
    stream
        .write_all(b"SUBSCRIBE room\r\n")
        .expect("a subscription");
    let mut reading = stream.try_clone().expect("a second handle");
    std::thread::spawn(move || {
        let mut buffer = vec![0; 1 << 20];
        while reading.read(&mut buffer).is_ok_and(|many| many > 0) {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    stream
}
