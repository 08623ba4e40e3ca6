//! What messages and members cost Redis, in bytes of `used_memory`.

use harness::connection::Connection;
use harness::redis::Redis;
use harness::value::ok;
use serde_json::{Value, json};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Messages, and members
    #[arg(long, default_value_t = 90_000)]
    many: usize,
}

/// What is sent together.
const TOGETHER: usize = 1000;

pub(crate) fn run(options: &Options) -> Value {
    println!("bytes of used_memory, each of {}\n", options.many);
    let mut rows = Vec::new();
    for size in [20, 100, 1000] {
        let each = grown(options.many, |c, from, many| {
            let mut pipe = redis::pipe();
            for _ in from..from + many {
                let payload = vec![b'x'; size];
                let command = pipe.cmd("ROOM.PUBLISH").arg("r").arg("0123456789abcdef");
                command.arg(payload).ignore();
            }
            pipe.query(c)
        });
        let over = each - size as f64;
        println!(
            "{:>40} {over:>8.1}",
            format!("a message of {size} bytes, over those")
        );
        rows.push(json!({"message_bytes": size, "over": over}));
    }
    let member = grown(options.many, |c, from, many| {
        let uids = (from..from + many).map(|i| format!("{i:016}"));
        let mut invite = redis::cmd("ROOM.INVITE");
        invite.arg("r").arg(uids.collect::<Vec<_>>());
        invite.query::<i64>(c).map(drop)
    });
    println!("{:>40} {member:>8.1}", "a member with a uid of 16 bytes");
    json!({"messages": rows, "member": member})
}

/// How much the memory grows for each of `many`.
fn grown(
    many: usize,
    mut add: impl FnMut(&mut Connection, usize, usize) -> redis::RedisResult<()>,
) -> f64 {
    let redis = Redis::start();
    let mut connection = redis.connect();
    // Somebody is away, so that everything is kept; and buffers have their size.
    let mut invite = redis::cmd("ROOM.INVITE");
    invite.arg("r").arg("absent");
    invite.query::<i64>(&mut connection).expect("a member");
    add(&mut connection, 0, TOGETHER).expect("the first ones");
    ok(&mut connection, "ROOM.LIMITS r maxlen 0 maxbytes 0");
    let before = redis.info("used_memory");
    let mut from = TOGETHER;
    while from < TOGETHER + many {
        add(&mut connection, from, TOGETHER).expect("more");
        from += TOGETHER;
    }
    drop(connection);
    (redis.info("used_memory") as f64 - before as f64) / many as f64
}
