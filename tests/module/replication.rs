//! Replicas are equal by digest, and their subscribers hear each message once.

use crate::workload::{fill, head, publish};
use harness::eventually;
use harness::redis::Redis;
use harness::value::{ok, words};
use room_core::announce;
use std::time::Duration;

fn in_step(primary: &Redis, replica: &Redis) {
    let offset = primary.info("master_repl_offset");
    eventually("the replica has everything", || {
        (replica.info("master_repl_offset") >= offset).then_some(())
    });
}

#[test]
fn a_replica_and_its_replica_are_equal() {
    let primary = Redis::start();
    fill(&primary, "before");
    let replica = primary.replica();
    let second = replica.replica();
    fill(&primary, "after");
    ok(&mut primary.connect(), "ROOM.INVITE gone a");
    ok(&mut primary.connect(), "ROOM.LEAVE gone a");
    in_step(&primary, &replica);
    in_step(&primary, &second);
    for key in ["before", "after"] {
        assert_eq!(primary.digest(key), replica.digest(key), "{key}");
        assert_eq!(primary.digest(key), second.digest(key), "{key}");
    }
    assert_eq!(replica.query::<i64>(redis::cmd("EXISTS").arg("gone")), 0);
}

#[test]
fn settings_of_a_replica_do_not_matter() {
    let primary = Redis::start();
    let replica = primary.replica();
    ok(&mut replica.connect(), "CONFIG SET room.maxlen 3");
    ok(&mut replica.connect(), "CONFIG SET room.dedupe-count 1");
    ok(&mut primary.connect(), "CONFIG SET room.keep 5");
    ok(&mut primary.connect(), "CONFIG SET room.maxlen 50");
    fill(&primary, "r");
    in_step(&primary, &replica);
    assert_eq!(primary.digest("r"), replica.digest("r"));
}

#[test]
fn a_promoted_replica_goes_on_where_the_primary_was() {
    let mut primary = Redis::start();
    let replica = primary.replica();
    fill(&primary, "r");
    in_step(&primary, &replica);
    let (digest, before) = (primary.digest("r"), head(&mut primary.connect(), "r"));
    primary.stop();
    ok(&mut replica.connect(), "REPLICAOF NO ONE");
    assert_eq!(replica.digest("r"), digest);
    let mut c = replica.connect();
    let resumed = ok(&mut c, &format!("ROOM.JOIN r alice SINCE {before}"));
    assert_eq!(
        harness::value::int(&harness::value::field(&resumed, "resumed")),
        1
    );
    publish(&mut c, "r", "bot", b"x");
}

#[test]
fn subscribers_of_primary_and_replica_hear_each_message_once() {
    let primary = Redis::start();
    let replica = primary.replica();
    let mut near = primary.connect();
    let mut far = replica.connect();
    for connection in [&mut near, &mut far] {
        connection
            .set_read_timeout(Some(Duration::from_secs(10)))
            .unwrap();
    }
    let (mut near, mut far) = (near.as_pubsub(), far.as_pubsub());
    near.subscribe("r").unwrap();
    far.subscribe("r").unwrap();
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
        .query::<redis::Value>(&mut c)
        .unwrap();
    // A plain message marks the end.
    ok(&mut c, "PUBLISH r end");
    for subscriber in [&mut near, &mut far] {
        let mut heard = Vec::new();
        loop {
            let message = subscriber.get_message().expect("a message in time");
            let frame = message.get_payload_bytes().to_vec();
            match announce::parse(&frame) {
                Some((_, payload)) => heard.push(String::from_utf8(payload.to_vec()).unwrap()),
                None => break,
            }
        }
        assert_eq!(heard, ["m0", "m1", "m2", "m3", "m4", "m5", "m6"]);
    }
}
