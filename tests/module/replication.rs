//! Replicas are equal by digest, and their subscribers hear each message once.

use crate::random::{Work, digests, stands};
use crate::workload::{fill, head, publish};
use harness::eventually;
use harness::random::Random;
use harness::redis::{Redis, STILL};
use harness::value::{err, field, int, list, ok, words};
use redis::Value;
use room_core::announce;

#[test]
fn a_replica_and_its_replica_are_equal() {
    let primary = Redis::with(&STILL);
    fill(&primary, "before");
    let replica = primary.replica();
    let second = replica.replica();
    fill(&primary, "after");
    ok(&mut primary.connect(), "ROOM.INVITE gone a");
    ok(&mut primary.connect(), "ROOM.LEAVE gone a");
    primary.in_step(&replica);
    replica.in_step(&second);
    for key in ["before", "after"] {
        assert_eq!(primary.digest(key), replica.digest(key), "{key}");
        assert_eq!(primary.digest(key), second.digest(key), "{key}");
    }
    assert_eq!(replica.query::<i64>(redis::cmd("EXISTS").arg("gone")), 0);
}

#[test]
fn settings_of_a_replica_do_not_matter() {
    let primary = Redis::with(&STILL);
    let replica = primary.replica();
    ok(&mut replica.connect(), "CONFIG SET room.maxlen 3");
    ok(&mut replica.connect(), "CONFIG SET room.dedupe-count 1");
    ok(&mut primary.connect(), "CONFIG SET room.keep 5");
    ok(&mut primary.connect(), "CONFIG SET room.maxlen 50");
    fill(&primary, "r");
    primary.in_step(&replica);
    assert_eq!(primary.digest("r"), replica.digest("r"));
}

#[test]
fn a_promoted_replica_goes_on_where_the_primary_was() {
    let mut primary = Redis::with(&STILL);
    let replica = primary.replica();
    fill(&primary, "r");
    primary.in_step(&replica);
    let (digest, before) = (primary.digest("r"), head(&mut primary.connect(), "r"));
    primary.stop();
    ok(&mut replica.connect(), "REPLICAOF NO ONE");
    assert_eq!(replica.digest("r"), digest);
    let mut c = replica.connect();
    let resumed = ok(&mut c, &format!("ROOM.JOIN r alice SINCE {before}"));
    assert_eq!(int(&field(&resumed, "resumed")), 1);
    publish(&mut c, "r", "bot", b"x");
}

#[test]
fn subscribers_of_primary_and_replicas_hear_each_message_once() {
    let primary = Redis::start();
    let replica = primary.replica();
    let second = replica.replica();
    let mut subscribers = [&primary, &replica, &second].map(|redis| {
        let mut subscriber = redis.connect();
        ok(&mut subscriber, "SUBSCRIBE r");
        subscriber
    });
    let mut c = primary.connect();
    for i in 0..5 {
        publish(&mut c, "r", "bot", format!("m{i}").as_bytes());
    }
    ok(&mut c, "MULTI");
    ok(&mut c, "ROOM.PUBLISH r bot m5");
    ok(&mut c, "EXEC");
    words("EVAL")
        .arg("return redis.call('ROOM.PUBLISH', KEYS[1], 'bot', 'm6')")
        .arg(1)
        .arg("r")
        .query::<Value>(&mut c)
        .unwrap();
    // A plain message marks the end.
    ok(&mut c, "PUBLISH r end");
    for subscriber in &mut subscribers {
        let mut heard = Vec::new();
        loop {
            let message = subscriber.recv().expect("a message in time");
            let Some(Value::BulkString(frame)) = list(&message).last() else {
                panic!("no bytes: {message:?}");
            };
            match announce::parse(frame) {
                Some((_, payload)) => heard.push(String::from_utf8(payload.to_vec()).unwrap()),
                None => break,
            }
        }
        assert_eq!(heard, ["m0", "m1", "m2", "m3", "m4", "m5", "m6"]);
    }
}

#[test]
fn random_work_leaves_equal_rooms() {
    let primary = Redis::start();
    let replica = primary.replica();
    let second = replica.replica();
    let mut work = Work::on(&primary, Random::printed());
    for _ in 0..5 {
        work.run(400);
        assert!(stands(&primary));
        // Ticks go on meanwhile: what they do arrives a moment later.
        eventually("all three are equal", || {
            primary.in_step(&replica);
            replica.in_step(&second);
            let expected = digests(&primary);
            (digests(&replica) == expected && digests(&second) == expected).then_some(())
        });
    }
}

#[test]
fn what_time_does_is_replicated() {
    let primary = Redis::start();
    ok(&mut primary.connect(), "CONFIG SET room.start-grace 0");
    let replica = primary.replica();
    let mut c = primary.connect();
    ok(&mut c, "ROOM.INVITE aged a");
    ok(&mut c, "ROOM.LIMITS aged maxage 100");
    ok(&mut c, "ROOM.INVITE absent a");
    ok(&mut c, "ROOM.LIMITS absent keep 0 member-ttl 100");
    for key in ["aged", "absent"] {
        publish(&mut c, key, "bot", b"soon gone");
    }
    primary.in_step(&replica);
    for key in ["aged", "absent"] {
        eventually("the replica dropped the message too", || {
            let page = ok(&mut replica.connect(), &format!("ROOM.INFO {key}"));
            (int(&field(&page, "messages")) == 0).then_some(())
        });
    }
    primary.in_step(&replica);
    assert_eq!(digests(&replica), digests(&primary));
}

#[test]
fn a_promoted_replica_has_sessions_of_its_own_only() {
    let mut primary = Redis::start();
    let replica = primary.replica();
    let mut old = primary.connect();
    ok(&mut old, "ROOM.JOIN r a");
    primary.in_step(&replica);
    primary.stop();
    ok(&mut replica.connect(), "REPLICAOF NO ONE");
    let mut c = replica.connect();
    assert_eq!(int(&field(&ok(&mut c, "ROOM.PENDING r a"), "online")), 0);
    ok(&mut c, "ROOM.ATTACH r a");
    assert_eq!(int(&field(&ok(&mut c, "ROOM.PENDING r a"), "online")), 1);
}

#[test]
fn a_replica_serves_readers_and_refuses_writers() {
    let primary = Redis::start();
    fill(&primary, "r");
    let replica = primary.replica();
    let mut c = replica.connect();
    for command in [
        "ROOM.RANGE r - +",
        "ROOM.QUEUE r bob",
        "ROOM.MEMBERS r",
        "ROOM.INFO r",
    ] {
        assert_eq!(
            format!("{:?}", ok(&mut c, command)).len(),
            format!("{:?}", ok(&mut primary.connect(), command)).len(),
            "{command}"
        );
    }
    for command in [
        "ROOM.PUBLISH r a x",
        "ROOM.JOIN r z",
        "ROOM.LEAVE r bob",
        "ROOM.TRIM r MAXLEN 1",
    ] {
        assert!(
            err(&mut c, &words(command)).starts_with("READONLY"),
            "{command}"
        );
    }
}
