//! What the module does without a command: departures, limits in silent rooms, and when it must wait with them.

use crate::ear::Ear;
use harness::connection::Connection;
use harness::eventually;
use harness::redis::Redis;
use harness::value::{field, int, list, ok, text, words};
use std::time::Duration;

/// When a member last acted.
fn acted(c: &mut Connection, key: &str, uid: &str) -> i64 {
    let page = ok(c, &format!("ROOM.MEMBERS {key}"));
    let mut rows = list(&list(&page)[1]).iter().map(list);
    let row = rows.find(|row| text(&row[0]) == uid);
    int(&row.unwrap_or_else(|| panic!("no member {uid}"))[4])
}

fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

#[test]
fn a_departure_while_writes_are_paused_is_told_after() {
    let mut redis = Redis::with(&[
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--room.grace",
        "200",
    ]);
    let mut c = redis.connect();
    let mut leaver = redis.connect();
    ok(&mut leaver, "ROOM.JOIN r a");
    pause(300);
    let joined = acted(&mut c, "r", "a");
    ok(&mut c, "CLIENT PAUSE 3000 WRITE");
    drop(leaver);
    pause(1500);
    assert!(redis.is_alive(), "replicating now would end the server");
    assert_eq!(acted(&mut c, "r", "a"), joined, "nothing is written yet");
    eventually("the departure is told", || {
        (acted(&mut c, "r", "a") > joined).then_some(())
    });
    let digest = redis.digest("r");
    redis.crash_and_restart();
    assert_eq!(redis.digest("r"), digest);
}

/// A primary with an AOF, and its replica; absent members of room `r` are released after half a second.
fn pair() -> (Redis, Redis) {
    let primary = Redis::with(&[
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--room.grace",
        "200",
        "--room.start-grace",
        "0",
    ]);
    let replica = primary.replica();
    (primary, replica)
}

#[test]
fn a_departure_is_the_same_on_all_copies() {
    let (mut primary, replica) = pair();
    let mut c = primary.connect();
    ok(&mut c, "ROOM.INVITE r u w");
    ok(&mut c, "ROOM.LIMITS r keep 0 member-ttl 500");
    ok(&mut c, "ROOM.PUBLISH r w m");
    eventually("both are released", || {
        (primary.info("room_members_released") == 2).then_some(())
    });
    // Or time would release both again, between one look at a digest and the next.
    ok(&mut c, "ROOM.LIMITS r member-ttl 600000");
    let mut ear = Ear::on(&primary, "r");
    let mut visitor = primary.connect();
    ok(&mut visitor, "ROOM.ATTACH r u");
    ear.hears("+u");
    drop(visitor);
    ear.hears("-u");
    ok(&mut c, "ROOM.PUBLISH r w n");
    primary.in_step(&replica);
    let digest = primary.digest("r");
    assert_eq!(replica.digest("r"), digest);
    primary.crash_and_restart();
    assert_eq!(primary.digest("r"), digest);
}

#[test]
fn a_demoted_primary_changes_nothing_and_has_no_sessions() {
    let (primary, mut other) = pair();
    let mut member = primary.connect();
    ok(&mut member, "ROOM.HELLO p LEASE 600000");
    ok(&mut member, "ROOM.JOIN r u");
    pause(300);
    primary.in_step(&other);
    ok(&mut other.connect(), "REPLICAOF NO ONE");
    ok(
        &mut primary.connect(),
        &format!("REPLICAOF 127.0.0.1 {}", other.port),
    );
    assert_eq!(primary.info("room_uids_online"), 0);
    other.in_step(&primary);
    let digest = other.digest("r");
    assert_eq!(primary.digest("r"), digest);
    drop(member);
    pause(700);
    assert_eq!(primary.digest("r"), digest, "its copy is its primary's");
    assert!(other.is_alive());
}

#[test]
fn a_primary_that_was_a_replica_asks_for_all_sessions() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.HELLO p LEASE 600000");
    ok(&mut c, "ROOM.JOIN r u");
    ok(&mut redis.connect(), "REPLICAOF 127.0.0.1 1");
    ok(&mut redis.connect(), "REPLICAOF NO ONE");
    assert_eq!(text(&ok(&mut c, "ROOM.HELLO p LEASE 600000")), "ANNOUNCE");
}

/// How many messages a room stores.
fn messages(c: &mut Connection, key: &str) -> i64 {
    int(&field(&ok(c, &format!("ROOM.INFO {key}")), "messages"))
}

/// A server whose members are released after four seconds of absence.
fn short_lived() -> Redis {
    Redis::with(&[
        "--save",
        "",
        "--room.grace",
        "100",
        "--room.start-grace",
        "0",
        "--room.member-ttl",
        "4000",
        "--room.keep",
        "0",
    ])
}

#[test]
fn time_online_is_not_absence_though_nothing_was_said() {
    let redis = short_lived();
    let mut c = redis.connect();
    ok(&mut c, "CONFIG SET room.grace 1000");
    let mut idle = redis.connect();
    ok(&mut idle, "ROOM.JOIN r idle");
    pause(6000);
    // It goes, and only then the room holds something that it could be kept from: its last act is six seconds ago.
    drop(idle);
    ok(&mut c, "ROOM.PUBLISH r w important");
    pause(3500);
    assert_eq!(messages(&mut c, "r"), 1, "absent for 3.5 seconds");
    eventually("it is released", || {
        (messages(&mut c, "r") == 0).then_some(())
    });
}

#[test]
fn a_server_that_dies_tells_no_departure_and_releases_nobody_early() {
    let mut redis = Redis::with(&[
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--room.start-grace",
        "0",
        "--room.member-ttl",
        "4000",
    ]);
    let mut idle = redis.connect();
    ok(&mut idle, "ROOM.JOIN r idle");
    pause(6000);
    redis.crash_and_restart();
    let mut c = redis.connect();
    ok(&mut c, "CONFIG SET room.keep 0");
    ok(&mut c, "ROOM.PUBLISH r w important");
    pause(2500);
    assert_eq!(messages(&mut c, "r"), 1);
    eventually("it is released", || {
        (messages(&mut c, "r") == 0).then_some(())
    });
}

#[test]
fn who_attaches_holds_the_log_again() {
    let redis = short_lived();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r away other");
    ok(&mut c, "ROOM.LIMITS r member-ttl 300");
    ok(&mut c, "ROOM.PUBLISH r w m");
    eventually("both are released", || {
        (redis.info("room_members_released") == 2).then_some(())
    });
    ok(&mut c, "ROOM.ATTACH r away");
    pause(300);
    ok(&mut c, "ROOM.PUBLISH r w to-away");
    pause(1500);
    assert_eq!(messages(&mut c, "r"), 1);
    // A visit that nobody was told of counts too.
    ok(&mut c, "ROOM.LIMITS r member-ttl 3000");
    let mut visitor = redis.connect();
    let mut pipe = redis::pipe();
    for command in ["ROOM.ATTACH", "ROOM.DETACH"] {
        pipe.cmd(command).arg("r").arg("other").ignore();
    }
    pipe.query::<()>(&mut visitor).expect("a visit");
    pause(500);
    let page = ok(&mut c, "ROOM.MEMBERS r");
    let now: Vec<i64> = words("TIME").query(&mut c).expect("the time");
    for row in list(&list(&page)[1]) {
        assert!(int(&list(row)[4]) > now[0] * 1000 - 1500, "{page:?}");
    }
}

#[test]
fn a_room_in_which_nothing_changes_is_left_alone() {
    let redis = short_lived();
    let mut c = redis.connect();
    ok(&mut c, "CONFIG SET room.member-ttl 60000");
    ok(&mut c, "ROOM.INVITE r away");
    for _ in 0..150 {
        ok(&mut c, "ROOM.PUBLISH r w m");
    }
    let mut watcher = redis.connect();
    ok(&mut watcher, "WATCH r");
    pause(3200);
    assert!(int(&ok(&mut c, "OBJECT IDLETIME r")) >= 2);
    ok(&mut watcher, "MULTI");
    ok(&mut watcher, "PING");
    assert_ne!(ok(&mut watcher, "EXEC"), redis::Value::Nil);
}

#[test]
fn other_keys_do_not_keep_old_messages_alive() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "DEBUG POPULATE 60000");
    ok(&mut c, "ROOM.INVITE r away");
    ok(&mut c, "ROOM.LIMITS r maxage 500");
    ok(&mut c, "ROOM.PUBLISH r w m");
    eventually("the message is too old", || {
        (messages(&mut c, "r") == 0).then_some(())
    });
}

#[test]
fn a_large_connection_that_ends_is_told_in_parts() {
    let (redis, replica) = pair();
    let mut c = redis.connect();
    let mut proxy = redis.connect();
    const MANY: usize = 30_000;
    let uids: Vec<String> = (0..MANY).map(|i| format!("u{i}")).collect();
    for some in uids.chunks(2000) {
        words("ROOM.INVITE r").arg(some).exec(&mut c).unwrap();
        words("ROOM.ATTACH r").arg(some).exec(&mut proxy).unwrap();
    }
    pause(2500);
    ok(&mut replica.connect(), "CONFIG RESETSTAT");
    drop(proxy);
    let marks = || {
        let info: String = replica.query(redis::cmd("INFO").arg("commandstats"));
        let line = info.lines().find(|line| line.contains("ROOM._APPLY"))?;
        let calls = line.split("calls=").nth(1)?.split(',').next()?;
        calls.parse::<usize>().ok()
    };
    eventually("they are told in parts", || {
        marks().filter(|calls| *calls >= MANY / 1000)
    });
    eventually("all of them are told, to the replica as well", || {
        redis.in_step(&replica);
        (redis.digest("r") == replica.digest("r")).then_some(())
    });
}
