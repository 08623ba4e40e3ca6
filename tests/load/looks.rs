//! Instructions of redis-server for what proxies ask when people come: ATTACH, RANGE and QUEUE.

use harness::connection::Connection;
use harness::counted::Counter;
use harness::redis::Redis;
use redis::Cmd;
use serde_json::{Value, json};

/// Uids of one ATTACH.
const UIDS: usize = 500;
/// Rows of one page, and bytes of a payload.
const ROWS: usize = 100;
const PAYLOAD: usize = 100;
/// Calls of each kind that are counted, and those before.
const CALLS: usize = 20;
const WARM: usize = 2;
const ROOM: &str = "looked-at";

/// Counts each of them, pipelined and one at a time.
pub(crate) fn run(redis: &Redis, counter: &Counter) -> Value {
    let mut c = redis.connect();
    fill(&mut c);
    println!(
        "\ninstructions of redis-server per command: {UIDS} uids, or {ROWS} rows of {PAYLOAD} bytes\n"
    );
    println!("{:>24} {:>12} {:>12}", "", "pipelined", "one by one");
    let calls = 0..2 * (WARM + CALLS);
    let attach: Vec<Cmd> = calls.clone().map(attach).collect();
    let range = vec![redis::cmd("ROOM.RANGE").arg(ROOM).arg("-").arg("+").clone(); calls.len()];
    let queue = vec![redis::cmd("ROOM.QUEUE").arg(ROOM).arg(uid(0)).clone(); calls.len()];
    let rows = [
        ("ATTACH, who is away", &attach),
        ("ATTACH, who is here", &attach),
        ("RANGE", &range),
        ("QUEUE", &queue),
    ];
    let rows = rows.map(|(name, commands)| {
        let mut halves = commands.chunks(WARM + CALLS);
        let mut each = |pipelined: bool| {
            let (warm, counted) = halves.next().expect("commands").split_at(WARM);
            send(&mut c, warm, pipelined);
            counter.take(redis.process());
            send(&mut c, counted, pipelined);
            counter.take(redis.process()) as f64 / CALLS as f64
        };
        let (pipelined, alone) = (each(true), each(false));
        println!("{name:>24} {pipelined:>12.0} {alone:>12.0}");
        json!({"command": name, "pipelined": pipelined, "one_by_one": alone})
    });
    Value::Array(rows.into())
}

fn uid(i: usize) -> String {
    format!("member-{i:09}")
}

/// The uids of each call are others.
fn attach(call: usize) -> Cmd {
    let uids: Vec<String> = (call * UIDS..(call + 1) * UIDS).map(uid).collect();
    redis::cmd("ROOM.ATTACH").arg(ROOM).arg(uids).clone()
}

fn fill(c: &mut Connection) {
    for call in 0..2 * (WARM + CALLS) {
        let uids: Vec<String> = (call * UIDS..(call + 1) * UIDS).map(uid).collect();
        let invited = redis::cmd("ROOM.INVITE").arg(ROOM).arg(uids).exec(c);
        invited.expect("new members");
    }
    for _ in 0..ROWS {
        let mut publish = redis::cmd("ROOM.PUBLISH");
        publish.arg(ROOM).arg("bot").arg("x".repeat(PAYLOAD));
        publish.exec(c).expect("a message");
    }
}

fn send(c: &mut Connection, commands: &[Cmd], pipelined: bool) {
    let each = if pipelined { commands.len() } else { 1 };
    for some in commands.chunks(each) {
        let mut pipe = redis::pipe();
        for one in some {
            pipe.add_command(one.clone()).ignore();
        }
        pipe.query::<()>(c).expect("answers");
    }
}
