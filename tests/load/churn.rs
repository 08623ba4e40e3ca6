//! People who come, talk and vanish, for long: whether the proxy keeps anything of them.

use crate::crowd::{Crowd, Heard, Said, Talk};
use crate::figures::rss;
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::sleep;
use std::time::{Duration, Instant};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// People who are there at a time
    #[arg(long, default_value_t = 120)]
    people: usize,
    /// Rooms that they wander through
    #[arg(long, default_value_t = 3_000)]
    rooms: usize,
    /// Seconds of coming and going in each round
    #[arg(long, default_value_t = 45)]
    seconds: u64,
    /// Rounds: buffers and tables have their size after the first
    #[arg(long, default_value_t = 4)]
    rounds: usize,
    /// Seconds of quiet after each, before live bytes are counted
    #[arg(long, default_value_t = 20)]
    quiet: u64,
}

/// How long they stay: some of them vanish before they are in.
const STAY_MS: [u64; 4] = [5, 200, 900, 1_700];

/// Everybody who comes is somebody else, in three rooms.
struct Wanderers {
    rooms: usize,
    came: AtomicUsize,
}

impl Talk for Wanderers {
    fn path(&self) -> (&'static str, Option<&'static str>) {
        ("/ws", None)
    }

    fn hello(&self, _: usize, _: bool) -> Vec<Said> {
        let number = self.came.fetch_add(1, Relaxed);
        let room = |n: usize| (number * 31 + n * 977) % self.rooms;
        let rooms = (0..3).map(|n| format!(r#"{{"roomid":"r{}"}}"#, room(n)));
        let rooms = rooms.collect::<Vec<_>>().join(",");
        let ack = if number.is_multiple_of(2) {
            r#","ack":"client""#
        } else {
            ""
        };
        vec![
            Said::Text(format!(
                r#"{{"event":"login","uid":"w{number}","rooms":[{rooms}]{ack}}}"#
            )),
            Said::Text(format!(
                r#"{{"event":"message","message":"here is {number}"}}"#
            )),
            Said::Text(r#"{"event":"typing"}"#.into()),
        ]
    }

    fn heard(&self, _: usize, bytes: &[u8]) -> Heard {
        if bytes.starts_with(br#"{"event":"heartbeat""#) {
            return Heard::answer(r#"{"event":"heartbeat","message":"pong"}"#);
        }
        Heard::messages(u64::from(bytes.starts_with(br#"{"event":"message""#)))
    }
}

pub(crate) fn run(options: &Options) -> Value {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--log-json"]);
    let live = || proxy.metric("roomcast_allocated_bytes");
    let talk = Arc::new(Wanderers {
        rooms: options.rooms,
        came: AtomicUsize::new(0),
    });
    sleep(Duration::from_secs(2));
    let new = live();
    println!(
        "{:>10} {:>12} {:>12} {:>10} {:>8}",
        "round", "live bytes", "resident", "came", "rooms"
    );
    println!("{:>10} {new:>12}", "new");
    let mut rows = Vec::new();
    for round in 1..=options.rounds {
        wander(&proxy, options, &talk);
        sleep(Duration::from_secs(options.quiet));
        let (live, resident) = (live(), rss(proxy.process()));
        let came = talk.came.load(Relaxed);
        let rooms = proxy.metric("roomcast_rooms");
        println!("{round:>10} {live:>12} {resident:>12} {came:>10} {rooms:>8}");
        rows.push((
            live,
            json!({ "live": live, "rss": resident, "came": came, "rooms_left": rooms }),
        ));
    }
    let ratio = match (rows.first(), rows.last()) {
        (Some(first), Some(last)) => last.0 as f64 / first.0 as f64,
        _ => f64::NAN,
    };
    println!("\nlive bytes after the last round, of those after the first: {ratio:.3}");
    let rows: Vec<Value> = rows.into_iter().map(|row| row.1).collect();
    json!({
        "people": options.people, "rooms": options.rooms, "seconds": options.seconds, "live_new": new,
        "rounds": rows, "ratio": ratio,
    })
}

/// Lets people come and go.
fn wander(proxy: &Proxy, options: &Options, talk: &Arc<Wanderers>) {
    let end = Instant::now() + Duration::from_secs(options.seconds);
    let groups = STAY_MS.len();
    std::thread::scope(|scope| {
        let group = |stay: u64| {
            let (port, many) = (proxy.port, options.people / groups);
            scope.spawn(move || {
                let crowd = Crowd::new();
                while Instant::now() < end {
                    crowd.send_in(port, many, false, talk);
                    sleep(Duration::from_millis(stay));
                    crowd.go();
                }
            });
        };
        STAY_MS.into_iter().for_each(group);
    });
}
