//! How much of a log is kept, and what happens when Redis is full.

use crate::workload::{head, publish};
use harness::connection::Connection;
use harness::eventually;
use harness::redis::Redis;
use harness::value::{err, field, int, list, ok, payloads, published, text, words};
use redis::Value;

fn count(c: &mut Connection, field_name: &str) -> i64 {
    int(&field(&ok(c, "ROOM.INFO r"), field_name))
}

fn lost(c: &mut Connection, uid: &str) -> Option<(i64, i64, String)> {
    match field(&ok(c, &format!("ROOM.JOIN r {uid}")), "lost") {
        Value::Nil => None,
        lost => Some((
            int(&list(&lost)[0]),
            int(&list(&lost)[1]),
            text(&list(&lost)[2]),
        )),
    }
}

#[test]
fn what_everybody_has_read_goes_but_for_a_margin() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r a b");
    ok(&mut c, "ROOM.LIMITS r keep 3");
    for i in 0..10 {
        ok(&mut c, &format!("ROOM.PUBLISH r x m{i}"));
    }
    let middle = text(&field(&ok(&mut c, "ROOM.RANGE r 6 6"), "before"));
    let end = head(&mut c, "r");
    ok(&mut c, &format!("ROOM.ACK r {end} a"));
    assert_eq!(count(&mut c, "messages"), 10, "b waits for all of them");
    ok(&mut c, &format!("ROOM.ACK r {middle} b"));
    assert_eq!((count(&mut c, "messages"), count(&mut c, "first")), (5, 6));
    ok(&mut c, &format!("ROOM.ACK r {end} b"));
    assert_eq!(count(&mut c, "messages"), 3);
    ok(&mut c, "ROOM.LIMITS r keep 0");
    assert_eq!(count(&mut c, "messages"), 0);
    assert_eq!(lost(&mut c, "a"), None, "read is not lost");
    ok(&mut c, "ROOM.PUBLISH r x m10");
    assert_eq!(payloads(&ok(&mut c, "ROOM.QUEUE r a")), ["m10"]);
}

#[test]
fn a_member_who_leaves_no_longer_holds_the_log() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r a gone");
    ok(&mut c, "ROOM.LIMITS r keep 0");
    ok(&mut c, "ROOM.PUBLISH r x m");
    let end = head(&mut c, "r");
    ok(&mut c, &format!("ROOM.ACK r {end} a"));
    assert_eq!(count(&mut c, "messages"), 1);
    ok(&mut c, "ROOM.LEAVE r gone");
    assert_eq!(count(&mut c, "messages"), 0);
}

#[test]
fn maxlen_and_maxbytes_drop_and_tell() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r a");
    ok(&mut c, "ROOM.LIMITS r maxlen 5");
    for i in 0..12 {
        ok(&mut c, &format!("ROOM.PUBLISH r x m{i}"));
    }
    assert_eq!(
        payloads(&ok(&mut c, "ROOM.QUEUE r a")),
        ["m7", "m8", "m9", "m10", "m11"]
    );
    assert_eq!(int(&field(&ok(&mut c, "ROOM.PENDING r a"), "lost")), 7);
    assert_eq!(lost(&mut c, "a"), Some((1, 7, "maxlen".into())));
    ok(&mut c, "ROOM.LIMITS r maxlen default maxbytes 1000");
    for _ in 0..10 {
        publish(&mut c, "r", "x", &[b'x'; 300]);
    }
    assert!(count(&mut c, "bytes") <= 1000 && count(&mut c, "messages") == 3);
    publish(&mut c, "r", "x", &[b'x'; 5000]);
    assert_eq!(
        count(&mut c, "messages"),
        1,
        "the newest message stays, however small the limit"
    );
    assert_eq!(text(&ok(&mut c, "ROOM.WHY r a 20")), "dropped (maxbytes)");
    assert_eq!(redis.info("room_dropped_messages"), 22);
}

#[test]
fn maxage_works_in_a_silent_room() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r a");
    ok(&mut c, "ROOM.PUBLISH r x old");
    ok(&mut c, "ROOM.LIMITS r maxage 200");
    eventually("the message is too old", || {
        (count(&mut c, "messages") == 0).then_some(())
    });
    assert_eq!(lost(&mut c, "a"), Some((1, 1, "maxage".into())));
}

#[test]
fn long_absent_members_stop_holding_the_log_but_stay() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "CONFIG SET room.start-grace 0");
    ok(&mut c, "ROOM.INVITE r away");
    ok(&mut c, "ROOM.JOIN r here");
    ok(&mut c, "ROOM.LIMITS r keep 0 member-ttl 300");
    ok(&mut c, "ROOM.PUBLISH r x m");
    let end = head(&mut c, "r");
    ok(&mut c, &format!("ROOM.ACK r {end} here"));
    eventually("the absent member lets go", || {
        (count(&mut c, "messages") == 0).then_some(())
    });
    assert_eq!(
        (
            count(&mut c, "members"),
            redis.info("room_members_released")
        ),
        (2, 1)
    );
    // Who is online holds the log, however long it says nothing.
    ok(&mut c, "ROOM.PUBLISH r x n");
    std::thread::sleep(std::time::Duration::from_millis(1500));
    assert_eq!(count(&mut c, "messages"), 1);
    // Who comes back holds it again.
    ok(&mut c, "ROOM.JOIN r away");
    ok(
        &mut c,
        &format!("ROOM.ACK r {} here", head(&mut redis.connect(), "r")),
    );
    assert_eq!(count(&mut c, "messages"), 1);
}

#[test]
fn what_a_long_absent_member_misses_is_lost_to_it_and_counted() {
    let redis = Redis::start();
    let replica = redis.replica();
    let mut c = redis.connect();
    ok(&mut c, "CONFIG SET room.start-grace 0");
    ok(&mut c, "ROOM.INVITE r u w");
    ok(&mut c, "ROOM.LIMITS r keep 0 member-ttl 500");
    for i in 0..5 {
        ok(&mut c, &format!("ROOM.PUBLISH r w m{i}"));
        if i == 1 {
            let end = head(&mut c, "r");
            ok(&mut c, &format!("ROOM.ACK r {end} u w"));
        }
    }
    eventually("both let go", || {
        (count(&mut c, "messages") == 0).then_some(())
    });
    assert_eq!(redis.info("room_dropped_messages"), 3);
    let dropped = field(&ok(&mut c, "ROOM.INFO r"), "dropped");
    assert_eq!(
        (
            int(&field(&dropped, "read")),
            int(&field(&dropped, "member-ttl"))
        ),
        (2, 3)
    );
    assert_eq!(int(&field(&ok(&mut c, "ROOM.PENDING r u"), "lost")), 3);
    assert_eq!(text(&ok(&mut c, "ROOM.WHY r u 3")), "dropped (member-ttl)");
    ok(&mut c, "DEBUG RELOAD");
    assert_eq!(lost(&mut c, "u"), Some((3, 5, "member-ttl".into())));
    // w is away still: what others read is lost to it.
    ok(&mut c, "ROOM.PUBLISH r x m5");
    let end = head(&mut c, "r");
    // The room was loaded a moment ago: devices have their time to come.
    eventually("the room is free", || {
        ok(&mut c, &format!("ROOM.ACK r {end} u"));
        (count(&mut c, "messages") == 0).then_some(())
    });
    assert_eq!(redis.info("room_dropped_messages"), 4);
    assert_eq!(lost(&mut c, "w"), Some((3, 6, "member-ttl".into())));
    eventually("the replica is equal", || {
        (replica.digest("r") == redis.digest("r")).then_some(())
    });
}

#[test]
fn settings_give_the_defaults() {
    let redis = Redis::with(&["--save", "", "--room.maxlen", "7"]);
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r a");
    for i in 0..10 {
        ok(&mut c, &format!("ROOM.PUBLISH r x m{i}"));
    }
    assert_eq!(count(&mut c, "messages"), 7);
    ok(&mut c, "CONFIG SET room.maxlen 4");
    ok(&mut c, "ROOM.PUBLISH r x m");
    assert_eq!(count(&mut c, "messages"), 4);
    let settings: Vec<String> = redis.query(redis::cmd("CONFIG").arg("GET").arg("room.*"));
    assert_eq!(settings.len(), 42, "{settings:?}");
}

#[test]
fn a_full_server_drains() {
    let mut redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r a b");
    for _ in 0..500 {
        publish(&mut c, "r", "x", &[b'x'; 1000]);
    }
    let before = redis.digest("r");
    ok(&mut c, "CONFIG SET maxmemory 1");
    for command in [
        "ROOM.PUBLISH r x y",
        "ROOM.INVITE r c",
        "ROOM.JOIN r c",
        "ROOM.PUBLISH new x y",
        "ROOM.JOIN new c",
    ] {
        assert!(err(&mut c, &words(command)).starts_with("OOM"), "{command}");
    }
    assert_eq!(redis.digest("r"), before, "nothing is left half done");
    assert_eq!(int(&ok(&mut c, "EXISTS new")), 0);
    assert_eq!(
        published(&ok(&mut c, "ROOM.PUBLISH r x typing EPHEMERAL"))[0],
        0
    );
    assert_eq!(int(&field(&ok(&mut c, "ROOM.JOIN r a"), "pending")), 500);
    ok(&mut c, "ROOM.ATTACH r b");
    assert_eq!(payloads(&ok(&mut c, "ROOM.RANGE r - + COUNT 5")).len(), 5);
    let end = head(&mut c, "r");
    assert_eq!(int(&ok(&mut c, &format!("ROOM.ACK r {end} a b"))), 2);
    assert_eq!(count(&mut c, "messages"), 100, "what was read is freed");
    assert!(redis.is_alive());
}
