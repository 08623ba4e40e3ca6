//! Instructions on the user's side, counted by valgrind: what our own code costs, whatever the machine is doing.
//!
//! The kernel's part, which is most of a delivery, is not in them.

use crate::crowd::{Crowd, Roomcast};
use harness::connection::Connection;
use harness::counted::Counter;
use harness::process::built;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::ok;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use tempfile::TempDir;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Connections in the room
    #[arg(long, default_value_t = 1000)]
    sockets: usize,
    /// Bursts of each size
    #[arg(long, default_value_t = 40)]
    bursts: usize,
    /// Publishes of each kind
    #[arg(long, default_value_t = 2000)]
    publishes: usize,
    /// Members who are away
    #[arg(long, default_value_t = 100_000)]
    members: usize,
    /// Only redis-server, not the proxy
    #[arg(long)]
    only_server: bool,
    /// Only ATTACH, RANGE and QUEUE
    #[arg(long)]
    only_looks: bool,
    /// Keep the counts of each function here, for callgrind_annotate
    #[arg(long)]
    profiles: Option<PathBuf>,
}

pub(crate) fn run(options: &Options) -> Value {
    let deliveries = match options.only_server || options.only_looks {
        true => Value::Null,
        false => deliveries(options),
    };
    let publishes = match options.only_looks {
        true => Value::Null,
        false => publishes(options),
    };
    let (redis, counter, _folder) = server(options, "looks");
    let looks = crate::looks::run(&redis, &counter);
    json!({"deliveries": deliveries, "publishes": publishes, "looks": looks})
}

/// Where the counts go: to the wanted folder, or to one that goes away.
fn counter(options: &Options, name: &str) -> (Counter, TempDir) {
    let own = tempfile::tempdir().expect("a folder");
    let folder = match &options.profiles {
        Some(folder) => folder.join(name),
        None => own.path().to_owned(),
    };
    std::fs::create_dir_all(&folder).expect("a folder");
    (Counter::new(&folder), own)
}

/// Of the proxy, per delivery.
fn deliveries(options: &Options) -> Value {
    let (counter, _folder) = counter(options, "proxy");
    let program = counter.wrap(&built("ROOMCAST_PROXY", "roomcast-proxy"));
    let redis = Redis::start();
    let proxy = Proxy::of(&program, &redis.url(), &["--log-json"]);
    let crowd = Crowd::new();
    let talk = Arc::new(Roomcast {
        rooms: 1,
        acks: false,
    });
    crowd.come(proxy.port, options.sockets, false, &talk);
    let mut connection = redis.connect();
    let mut send = |bursts: usize, burst: usize| {
        for _ in 0..bursts {
            let target = crowd.counts.messages.load(Relaxed) + (options.sockets * burst) as u64;
            publish(&mut connection, "ROOM.PUBLISH", "room:0", burst, 100);
            crowd.wait_for(target);
        }
    };
    println!(
        "instructions of the proxy per delivery, {} sockets\n",
        options.sockets
    );
    println!("{:>8} {:>14}", "burst", "instructions");
    let rows = [1, 10].map(|burst| {
        send(2, burst);
        counter.take(proxy.process());
        send(options.bursts, burst);
        let many = (options.bursts * burst * options.sockets) as f64;
        let each = counter.take(proxy.process()) as f64 / many;
        println!("{burst:>8} {each:>14.0}");
        json!({"sockets": options.sockets, "burst": burst, "instructions": each})
    });
    Value::Array(rows.into())
}

/// A redis-server whose instructions are counted; the folder is to outlive it.
fn server(options: &Options, name: &str) -> (Redis, Counter, TempDir) {
    let (counter, folder) = counter(options, name);
    let server = std::env::var("REDIS_SERVER").unwrap_or_else(|_| "redis-server".into());
    // Its housekeeping goes by the wall clock, and so would count more on a busy machine.
    let redis = Redis::of(
        &counter.wrap(Path::new(&server)),
        &["--save", "", "--hz", "1"],
    );
    (redis, counter, folder)
}

/// Of redis-server, per publish.
fn publishes(options: &Options) -> Value {
    let (redis, counter, _folder) = server(options, "redis");
    let mut c = redis.connect();
    invite(&mut c, "absent", options.members);
    for key in ["none", "absent"] {
        publish(&mut c, "ROOM.PUBLISH", key, 1, 100);
        ok(&mut c, &format!("ROOM.LIMITS {key} maxlen 1000 keep 1000"));
        publish(&mut c, "ROOM.PUBLISH", key, 1500, 100);
    }
    println!("\ninstructions of redis-server per publish of 100 bytes, pipelined\n");
    let mut count = |command: &str, key: &str| {
        publish(&mut c, command, key, 100, 100);
        counter.take(redis.process());
        publish(&mut c, command, key, options.publishes, 100);
        counter.take(redis.process()) as f64 / options.publishes as f64
    };
    let bare = count("PUBLISH", "none");
    let none = count("ROOM.PUBLISH", "none");
    let absent = count("ROOM.PUBLISH", "absent");
    ok(&mut redis.connect(), "ROOM.LIMITS absent waiting-delay 1h");
    let waiting = count("ROOM.PUBLISH", "absent");
    println!("{:>34} {bare:>10.0}", "PUBLISH");
    println!("{:>34} {none:>10.0} {:>6.2} x", "ROOM.PUBLISH", none / bare);
    let with = format!("… with {} absent members", options.members);
    println!("{with:>34} {absent:>10.0} {:>6.3} x that", absent / none);
    let of_it = waiting / absent;
    println!(
        "{:>34} {waiting:>10.0} {of_it:>6.3} x that",
        "… of whose mail somebody is told"
    );
    json!({
        "publish": bare, "room_publish": none, "with_absent": absent, "absent_members": options.members,
        "with_waiting_delay": waiting,
    })
}

fn invite(connection: &mut Connection, key: &str, members: usize) {
    let uids: Vec<String> = (0..members).map(|i| format!("member-{i:09}")).collect();
    for some in uids.chunks(1000) {
        let mut invite = redis::cmd("ROOM.INVITE");
        invite.arg(key).arg(some);
        invite.query::<i64>(connection).expect("new members");
    }
}

fn publish(connection: &mut Connection, command: &str, key: &str, many: usize, size: usize) {
    let text = format!(
        r#"{{"event":"message","message":"{}"}}"#,
        "x".repeat(size - 32)
    );
    for _ in 0..many.div_ceil(100) {
        let mut pipe = redis::pipe();
        for _ in 0..many.min(100) {
            let one = pipe.cmd(command).arg(key);
            if command == "ROOM.PUBLISH" {
                one.arg("bot");
            }
            one.arg(&text).ignore();
        }
        pipe.query::<()>(connection).expect("messages");
    }
}
