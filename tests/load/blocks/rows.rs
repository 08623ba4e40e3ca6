//! What is measured: each row fills a server, and does one thing to it.

use super::stage::{FILL, Stage};
use harness::connection::Connection;
use harness::value::ok;
use redis::Value;

type Row = fn(&mut Stage, usize);

pub(super) const ROWS: [(&str, Row); 12] = [
    ("INVITE of all", invite),
    ("LEAVE of all", leave),
    ("a connection ends", connection_ends),
    ("a lease runs out", lease_ends),
    ("ATTACH of all", attach),
    ("DEL, all online", del),
    ("RESTORE", restore),
    ("RANGE of all", range),
    ("QUEUE of all", queue),
    ("FLUSHALL, rooms online", flushall),
    ("SWAPDB, rooms online", swapdb),
    ("FLUSHALL of plain sets", flush_sets),
];

/// Rooms where rooms are counted.
const fn rooms(members: usize) -> usize {
    members / 10
}

/// Uids of one call, as many as the module takes; one without a limit gets all.
fn most(stage: &mut Stage, members: usize) -> usize {
    stage.setting("room.max-uids").unwrap_or(members)
}

fn invite(stage: &mut Stage, members: usize) {
    let each = most(stage, members);
    stage.watch();
    stage.in_calls("ROOM.INVITE", "r", members, each);
    stage.watched();
}

fn leave(stage: &mut Stage, members: usize) {
    stage.in_calls("ROOM.INVITE", "r", members, FILL);
    let each = match stage.setting("room.max-uids") {
        Some(most) => most.min(1000),
        None => members,
    };
    stage.watch();
    stage.in_calls("ROOM.LEAVE", "r", members, each);
    stage.watched();
}

/// Makes all online on a connection of its own.
fn all_online(stage: &mut Stage, members: usize) -> Connection {
    stage.in_calls("ROOM.INVITE", "r", members, FILL);
    let mut proxy = stage.redis.connect();
    std::mem::swap(&mut proxy, &mut stage.c);
    ok(&mut stage.c, "ROOM.HELLO proxy LEASE 600000");
    stage.in_calls("ROOM.ATTACH", "r", members, FILL);
    std::mem::swap(&mut proxy, &mut stage.c);
    stage.wait_for("room_uids_online", members as u64);
    stage.say("all are online");
    proxy
}

fn connection_ends(stage: &mut Stage, members: usize) {
    let proxy = all_online(stage, members);
    stage.watch();
    drop(proxy);
    stage.wait_for("room_uids_online", 0);
    stage.watched();
}

fn lease_ends(stage: &mut Stage, members: usize) {
    let mut proxy = all_online(stage, members);
    stage.watch();
    ok(&mut proxy, "ROOM.HELLO proxy LEASE 500");
    stage.wait_for("room_uids_online", 0);
    stage.watched();
}

fn attach(stage: &mut Stage, members: usize) {
    stage.in_calls("ROOM.INVITE", "r", members, FILL);
    ok(&mut stage.c, "ROOM.HELLO proxy LEASE 600000");
    // The largest that proxies sent before there was a limit.
    let each = most(stage, members).min(5000);
    stage.watch();
    stage.in_calls("ROOM.ATTACH", "r", members, each);
    stage.watched();
}

fn del(stage: &mut Stage, members: usize) {
    let _proxy = all_online(stage, members);
    stage.watch();
    stage.call(redis::cmd("DEL").arg("r"));
    stage.wait_for("room_uids_online", 0);
    stage.watched();
}

fn restore(stage: &mut Stage, members: usize) {
    stage.in_calls("ROOM.INVITE", "r", members, FILL);
    let dump: Vec<u8> = redis::cmd("DUMP")
        .arg("r")
        .query(&mut stage.c)
        .expect("a dump");
    stage.watch();
    stage.call(redis::cmd("RESTORE").arg("copy").arg(0).arg(dump));
    stage.watched();
}

/// Messages that somebody waits for.
fn messages(stage: &mut Stage, many: usize) {
    ok(&mut stage.c, "ROOM.INVITE r absent");
    ok(&mut stage.c, "ROOM.LIMITS r maxlen 0 maxbytes 0");
    for _ in 0..many.div_ceil(1000) {
        let mut pipe = redis::pipe();
        for _ in 0..1000 {
            let publish = pipe.cmd("ROOM.PUBLISH").arg("r").arg("bot");
            publish.arg(&[b'x'; 100][..]).ignore();
        }
        pipe.query::<()>(&mut stage.c).expect("messages");
    }
    stage.say("all is said");
}

fn range(stage: &mut Stage, members: usize) {
    messages(stage, members);
    stage.watch();
    let mut from = 0;
    while from < members {
        let mut page = redis::cmd("ROOM.RANGE");
        page.arg("r").arg(from + 1).arg("+");
        page.arg("COUNT").arg(members).arg("BYTES").arg(u32::MAX);
        let rows = rows_of(&stage.call(&page));
        assert!(rows > 0, "the log ends at {from}");
        from += rows;
    }
    stage.watched();
}

/// Its first pages: the queue stays what it is, as nothing is acknowledged.
fn queue(stage: &mut Stage, members: usize) {
    messages(stage, members);
    stage.watch();
    for _ in 0..5 {
        let mut page = redis::cmd("ROOM.QUEUE");
        page.arg("r").arg("absent").arg("COUNT").arg(members);
        stage.call(page.arg("BYTES").arg(u32::MAX));
    }
    stage.watched();
}

/// How many rows a page has: a flat map in RESP2.
fn rows_of(reply: &Value) -> usize {
    let Value::Array(parts) = reply else {
        panic!("a page was expected");
    };
    let mut pairs = parts.chunks(2);
    let rows = pairs.find_map(|pair| match pair {
        [Value::BulkString(name), Value::Array(rows)] if name == b"rows" => Some(rows.len()),
        _ => None,
    });
    rows.expect("rows")
}

/// Rooms with one member, who is online.
fn rooms_online(stage: &mut Stage, many: usize) {
    let mut all: Vec<usize> = (0..many).collect();
    for some in all.chunks_mut(FILL) {
        let mut pipe = redis::pipe();
        for i in some {
            let key = format!("room:{i:06}");
            pipe.cmd("ROOM.INVITE").arg(&key).arg("somebody").ignore();
            pipe.cmd("ROOM.ATTACH").arg(&key).arg("somebody").ignore();
        }
        pipe.query::<()>(&mut stage.c).expect("rooms");
    }
    stage.wait_for("room_uids_online", many as u64);
    stage.say("all rooms are online");
}

fn flushall(stage: &mut Stage, members: usize) {
    rooms_online(stage, rooms(members));
    stage.watch();
    stage.call(&redis::cmd("FLUSHALL"));
    stage.wait_for("room_uids_online", 0);
    stage.watched();
}

fn swapdb(stage: &mut Stage, members: usize) {
    rooms_online(stage, rooms(members));
    stage.watch();
    stage.call(redis::cmd("SWAPDB").arg(0).arg(1));
    stage.wait_for("room_uids_online", 0);
    stage.watched();
}

fn flush_sets(stage: &mut Stage, members: usize) {
    let all: Vec<usize> = (0..rooms(members)).collect();
    for some in all.chunks(FILL) {
        let mut pipe = redis::pipe();
        for i in some {
            let key = format!("room:{i:06}");
            pipe.cmd("SADD").arg(key).arg("somebody").ignore();
        }
        pipe.query::<()>(&mut stage.c).expect("sets");
    }
    stage.watch();
    stage.call(&redis::cmd("FLUSHALL"));
    stage.watched();
}
