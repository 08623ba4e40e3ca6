//! What the module does without a command: departures, limits in silent rooms, and when it must wait with them.

use harness::eventually;
use harness::redis::Redis;
use harness::value::{int, list, ok, text};
use redis::Connection;
use std::time::Duration;

/// When a member last acted.
fn acted(c: &mut Connection, key: &str) -> i64 {
    let page = ok(c, &format!("ROOM.MEMBERS {key}"));
    int(&list(&list(&list(&page)[1])[0])[4])
}

fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}

#[test]
fn a_departure_while_writes_are_paused_is_told_after() {
    let mut redis = Redis::with(&["--appendonly", "yes", "--room.grace", "200"]);
    let mut c = redis.connect();
    let mut leaver = redis.connect();
    ok(&mut leaver, "ROOM.JOIN r a");
    pause(300);
    let joined = acted(&mut c, "r");
    ok(&mut c, "CLIENT PAUSE 3000 WRITE");
    drop(leaver);
    pause(1500);
    assert!(redis.is_alive(), "replicating now would end the server");
    assert_eq!(acted(&mut c, "r"), joined, "nothing is written yet");
    eventually("the departure is told", || {
        (acted(&mut c, "r") > joined).then_some(())
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
        "--room.grace",
        "200",
        "--room.start-grace",
        "0",
    ]);
    let replica = primary.replica();
    (primary, replica)
}

fn in_step(primary: &Redis, replica: &Redis) {
    let offset = primary.info("master_repl_offset");
    eventually("the replica has everything", || {
        (replica.info("master_repl_offset") >= offset).then_some(())
    });
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
    let mut visitor = primary.connect();
    ok(&mut visitor, "ROOM.ATTACH r u");
    pause(300);
    drop(visitor);
    pause(600);
    in_step(&primary, &replica);
    ok(&mut c, "ROOM.PUBLISH r w n");
    in_step(&primary, &replica);
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
    in_step(&primary, &other);
    ok(&mut other.connect(), "REPLICAOF NO ONE");
    ok(
        &mut primary.connect(),
        &format!("REPLICAOF 127.0.0.1 {}", other.port),
    );
    assert_eq!(primary.info("room_uids_online"), 0);
    eventually("the link is up", || {
        let info: String = primary.query(redis::cmd("INFO").arg("replication"));
        info.contains("master_link_status:up").then_some(())
    });
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
