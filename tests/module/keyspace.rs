//! Rooms among Redis' own commands.

use crate::workload::{fill, publish};
use harness::eventually;
use harness::redis::{Redis, STILL};
use harness::value::{field, int, ok, payloads, text};

#[test]
fn copy_dump_restore_and_rename() {
    let redis = Redis::with(&STILL);
    fill(&redis, "r");
    let mut c = redis.connect();
    let digest = redis.digest("r");
    assert_eq!(int(&ok(&mut c, "COPY r copy")), 1);
    assert_eq!(redis.digest("copy"), digest);
    let dump: Vec<u8> = redis.query(redis::cmd("DUMP").arg("r"));
    redis.query::<()>(redis::cmd("RESTORE").arg("restored").arg(0).arg(&dump));
    assert_eq!(redis.digest("restored"), digest);
    ok(&mut c, "RENAME r renamed");
    assert_eq!(redis.digest("renamed"), digest);
    publish(&mut c, "copy", "bot", b"only here");
    assert_ne!(redis.digest("copy"), digest);
    assert_eq!(redis.digest("renamed"), digest, "a copy is a copy");
}

#[test]
fn expire_scan_object_memory_and_select() {
    let redis = Redis::start();
    fill(&redis, "r");
    let mut c = redis.connect();
    assert_eq!(text(&ok(&mut c, "TYPE r")), "roomcast1");
    let scanned: (String, Vec<String>) =
        redis.query(redis::cmd("SCAN").arg("0").arg("TYPE").arg("roomcast1"));
    assert_eq!(scanned.1, ["r"]);
    assert_eq!(text(&ok(&mut c, "OBJECT ENCODING r")), "raw");
    let usage = int(&ok(&mut c, "MEMORY USAGE r"));
    let stored = int(&field(&ok(&mut c, "ROOM.INFO r"), "bytes"));
    assert!(
        usage > stored && usage < stored + 100_000,
        "{usage} for {stored}"
    );
    ok(&mut c, "PEXPIRE r 3600000");
    publish(&mut c, "r", "bot", b"x");
    assert!(
        int(&ok(&mut c, "PTTL r")) > 0,
        "publishing keeps the time to live"
    );
    ok(&mut c, "SELECT 3");
    assert_eq!(int(&ok(&mut c, "EXISTS r")), 0);
    ok(&mut c, "ROOM.JOIN r other");
    assert_eq!(int(&field(&ok(&mut c, "ROOM.INFO r"), "members")), 1);
    ok(&mut c, "SELECT 0");
    ok(&mut c, "PEXPIRE r 1");
    eventually("the room has expired", || {
        (int(&ok(&mut c, "EXISTS r")) == 0).then_some(())
    });
}

#[test]
fn a_large_room_is_freed_in_the_background() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r absent");
    for _ in 0..3000 {
        publish(&mut c, "r", "bot", &[b'x'; 1000]);
    }
    let before = redis.info("lazyfreed_objects");
    assert_eq!(int(&ok(&mut c, "UNLINK r")), 1);
    eventually("it is freed", || {
        (redis.info("lazyfreed_objects") > before).then_some(())
    });
    eventually("its memory is free", || {
        (redis.info("room_rooms") == 0).then_some(())
    });
    ok(&mut c, "ROOM.INVITE r absent");
    ok(&mut c, "FLUSHALL ASYNC");
    eventually("all rooms are gone", || {
        (redis.info("room_rooms") == 0).then_some(())
    });
}

#[test]
fn watch_sees_a_room_change() {
    let redis = Redis::start();
    fill(&redis, "r");
    let mut c = redis.connect();
    ok(&mut c, "WATCH r");
    publish(&mut redis.connect(), "r", "bot", b"x");
    ok(&mut c, "MULTI");
    ok(&mut c, "PING");
    assert_eq!(ok(&mut c, "EXEC"), redis::Value::Nil);
}

#[test]
fn eviction_takes_whole_rooms() {
    let mut redis = Redis::with(&[
        "--save",
        "",
        "--maxmemory",
        "8mb",
        "--maxmemory-policy",
        "allkeys-lru",
    ]);
    let mut c = redis.connect();
    for room in 0..60 {
        ok(&mut c, &format!("ROOM.INVITE r{room} absent"));
        for _ in 0..300 {
            publish(&mut c, &format!("r{room}"), "bot", &[b'x'; 900]);
        }
    }
    assert!(redis.info("evicted_keys") > 0);
    assert!(redis.is_alive());
    assert!(!payloads(&ok(&mut c, "ROOM.RANGE r59 - +")).is_empty());
}
