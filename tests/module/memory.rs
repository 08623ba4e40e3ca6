//! What messages and members cost, in `used_memory`.

use harness::connection::Connection;
use harness::redis::Redis;
use harness::value::ok;
use redis::cmd;

fn used(redis: &Redis) -> f64 {
    redis.info("used_memory") as f64
}

#[test]
fn a_message_costs_five_bytes_more_than_its_payload() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r absent");
    let publish = |c: &mut Connection, many: usize| {
        let mut pipe = redis::pipe();
        for _ in 0..many {
            pipe.cmd("ROOM.PUBLISH")
                .arg("r")
                .arg("0123456789abcdef")
                .arg(&[b'x'; 100][..])
                .ignore();
        }
        pipe.query::<()>(c).expect("published messages");
    };
    publish(&mut c, 1000);
    let before = used(&redis);
    const MANY: usize = 90_000;
    for _ in 0..MANY / 1000 {
        publish(&mut c, 1000);
    }
    let each = (used(&redis) - before) / MANY as f64 - 100.0;
    assert!(each <= 5.0, "{each} bytes of overhead per message");
}

#[test]
fn a_member_costs_64_bytes_and_a_message_for_100_000_is_stored_once() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r 0123456789abcdef");
    let before = used(&redis);
    for some in 0..100 {
        let mut invite = cmd("ROOM.INVITE");
        invite.arg("r");
        (0..1000).for_each(|i| {
            invite.arg(format!("{:016}", some * 1000 + i));
        });
        invite.query::<i64>(&mut c).expect("new members");
    }
    drop(c);
    let each = (used(&redis) - before) / 100_000.0;
    assert!(each <= 64.0, "{each} bytes per member");
    let mut c = redis.connect();
    let before = used(&redis);
    for _ in 0..1000 {
        cmd("ROOM.PUBLISH")
            .arg("r")
            .arg("bot")
            .arg(&[b'x'; 1000][..])
            .query::<redis::Value>(&mut c)
            .expect("a message");
    }
    let each = (used(&redis) - before) / 1000.0;
    assert!(
        (1000.0..1100.0).contains(&each),
        "{each} bytes for 1000 bytes to 100,000 absent members"
    );
}

/// `used_memory` that each of many small rooms adds: with one member, and then with a first message.
#[test]
fn a_small_room_costs_450_bytes_and_its_first_message_250() {
    const ROOMS: usize = 20_000;
    let redis = Redis::start();
    let mut c = redis.connect();
    let mut each = |command: &str, rest: &[&[u8]]| {
        let before = used(&redis);
        for from in (0..ROOMS).step_by(1000) {
            let mut pipe = redis::pipe();
            for i in from..from + 1000 {
                let key = format!("room:{:06}", 100_000 + i);
                pipe.cmd(command)
                    .arg(key)
                    .arg("0123456789abcdef")
                    .arg(rest)
                    .ignore();
            }
            pipe.query::<()>(&mut c).expect("rooms");
        }
        (used(&redis) - before) / ROOMS as f64
    };
    // Buffers, and the key table, are what they are after the first ones.
    each("ROOM.INVITE", &[]);
    ok(&mut redis.connect(), "FLUSHALL SYNC");
    let room = each("ROOM.INVITE", &[]);
    let message = each("ROOM.PUBLISH", &[&[b'x'; 100]]);
    println!("a room {room:.0} bytes, its first message {message:.0}");
    assert!(room <= 450.0, "{room} bytes for a room with one member");
    assert!(message <= 250.0, "{message} bytes for a first message");
}
