//! A bit of everything in one room, for the tests that save, copy or replicate it.

use harness::connection::Connection;
use harness::redis::Redis;
use harness::value::{ok, words};

/// Fills `key`: members at different places, messages of all sizes, limits, ids, a trim, a leave.
pub(crate) fn fill(redis: &Redis, key: &str) {
    let mut c = redis.connect();
    ok(&mut c, &format!("ROOM.JOIN {key} alice"));
    ok(
        &mut c,
        &format!("ROOM.INVITE {key} bob carol dave erin ünal"),
    );
    for i in 0..400 {
        publish(
            &mut c,
            key,
            if i % 3 == 0 { "alice" } else { "bot" },
            &vec![b'a' + (i % 26) as u8; i * 7 % 900],
        );
    }
    publish(&mut c, key, "big", &vec![b'B'; 40_000]);
    for i in 0..20 {
        let mut command = words(&format!("ROOM.PUBLISH {key} alice"));
        command
            .arg(format!("{{\"event\":\"message\",\"n\":{i}}}"))
            .arg(["ID", "ROOMID"][i % 2])
            .arg(format!("id-{i}"));
        command
            .query::<redis::Value>(&mut c)
            .expect("a published message");
    }
    let head = head(&mut c, key);
    ok(&mut c, &format!("ROOM.ACK {key} {head} alice bob"));
    ok(&mut c, &format!("ROOM.LIMITS {key} maxlen 300 keep 10"));
    ok(&mut c, &format!("ROOM.LEAVE {key} dave"));
    ok(&mut c, &format!("ROOM.TRIM {key} BEFORE 150"));
    publish(&mut c, key, "bot", b"not \xff text\0\r\n");
    ok(&mut c, &format!("ROOM.KICK {key} carol"));
}

pub(crate) fn publish(c: &mut Connection, key: &str, uid: &str, payload: &[u8]) {
    let mut command = words(&format!("ROOM.PUBLISH {key} {uid}"));
    command
        .arg(payload)
        .query::<redis::Value>(c)
        .expect("a published message");
}

pub(crate) fn head(c: &mut Connection, key: &str) -> String {
    let heads: Vec<String> = words(&format!("ROOM.HEADS {key}"))
        .query(c)
        .expect("a head");
    heads.into_iter().next().expect("a head")
}
