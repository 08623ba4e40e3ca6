//! Does it cost more to publish where 100,000 people are away?
//!
//! Two rooms in one redis-server hold as many messages each (`maxlen`, and as large a `keep`, so that both drop one
//! message per publish); one has members who are all away, the other has none. A round publishes the same messages to
//! the one and to the other, in turns first, and compares the processor time that the server used for each. Rounds are
//! paired so that a noisy machine disturbs both sides alike.

use crate::figures::{at, micros};
use harness::connection::Connection;
use harness::redis::Redis;
use harness::value::ok;
use serde_json::{Value, json};

/// Messages that each room holds.
const KEPT: usize = 1000;
/// Commands that are sent together.
const BATCH: usize = 500;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Members who are away
    #[arg(long, default_value_t = 100_000)]
    members: usize,
    /// Paired rounds
    #[arg(long, default_value_t = 31, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Messages a round publishes to each room
    #[arg(long, default_value_t = 20_000)]
    messages: usize,
    /// Bytes of one message
    #[arg(long, default_value_t = 100)]
    size: usize,
}

/// Microseconds of server CPU per publish: with none, with absent members.
type Round = (f64, f64);

pub(crate) fn run(options: &Options) -> Value {
    let redis = Redis::start();
    let mut connection = redis.connect();
    prepare(&mut connection, options);
    println!(
        "publish to a room with {} absent members against one with none:\n{} paired rounds of {} messages of {} bytes, server CPU per publish\n",
        options.members, options.rounds, options.messages, options.size
    );
    println!(
        "{:>7} {:>12} {:>12} {:>8}",
        "round", "none us", "absent us", "ratio"
    );
    let mut measure = |key: &str| {
        let before = redis.process().cpu();
        publish(&mut connection, key, options.messages, options.size);
        micros(redis.process().cpu() - before) / options.messages as f64
    };
    // Caches and the allocator warm up.
    measure("none");
    measure("absent");
    let rounds: Vec<Round> = (1..=options.rounds)
        .map(|round| {
            let pair = if round % 2 == 0 {
                let absent = measure("absent");
                (measure("none"), absent)
            } else {
                (measure("none"), measure("absent"))
            };
            println!(
                "{round:>7} {:>12.3} {:>12.3} {:>8.3}",
                pair.0,
                pair.1,
                pair.1 / pair.0
            );
            pair
        })
        .collect();
    let column = |of: fn(&Round) -> f64| at(rounds.iter().map(of).collect(), [0.25, 0.5, 0.75]);
    let (none, absent, ratio) = (column(|r| r.0), column(|r| r.1), column(|r| r.1 / r.0));
    println!();
    for (i, name) in ["25 %", "median", "75 %"].iter().enumerate() {
        println!(
            "{name:>7} {:>12.3} {:>12.3} {:>8.3}",
            none[i], absent[i], ratio[i]
        );
    }
    json!({
        "members": options.members, "rounds": options.rounds, "none_us": none[1], "absent_us": absent[1],
        "ratio": ratio[1], "ratio_quartiles": [ratio[0], ratio[2]],
    })
}

fn prepare(connection: &mut Connection, options: &Options) {
    let some: Vec<String> = (0..options.members)
        .map(|i| format!("member-{i:09}"))
        .collect();
    for uids in some.chunks(1000) {
        let mut invite = redis::cmd("ROOM.INVITE");
        invite.arg("absent").arg(uids);
        invite.query::<i64>(connection).expect("new members");
    }
    for key in ["none", "absent"] {
        publish(connection, key, 1, options.size);
        ok(
            connection,
            &format!("ROOM.LIMITS {key} maxlen {KEPT} keep {KEPT}"),
        );
        publish(connection, key, KEPT, options.size);
    }
}

fn publish(connection: &mut Connection, key: &str, messages: usize, size: usize) {
    let payload = vec![b'x'; size];
    let mut left = messages;
    while left > 0 {
        let batch = left.min(BATCH);
        let mut pipe = redis::pipe();
        for _ in 0..batch {
            pipe.cmd("ROOM.PUBLISH")
                .arg(key)
                .arg("bot")
                .arg(&payload)
                .ignore();
        }
        pipe.query::<()>(connection).expect("published messages");
        left -= batch;
    }
}
