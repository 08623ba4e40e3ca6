//! `ROOM.PUBLISH … ROOMID id`: an id that the room remembers whoever published, for its whole age, in every copy.

use harness::connection::Connection;
use harness::eventually;
use harness::redis::{Redis, STILL};
use harness::value::{err, int, list, ok, published, words};

/// The whole reply: seq, online, offline, whether it was there, position, age, number.
fn publish(c: &mut Connection, uid: &str, id: &str) -> Vec<redis::Value> {
    let reply = ok(c, &format!("ROOM.PUBLISH r {uid} hello ROOMID {id}"));
    list(&reply).to_vec()
}

fn is_again(c: &mut Connection, id: &str) -> bool {
    int(&publish(c, "somebody", id)[3]) == 1
}

#[test]
fn a_repeat_answers_what_the_first_one_did() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "CONFIG SET room.dedupe-age 1h");
    ok(&mut c, "CONFIG SET room.keep 1000");
    let first = publish(&mut c, "ann", "x");
    assert_eq!(published(&redis::Value::Array(first.clone())), [1, 0, 0, 0]);
    assert_eq!((int(&first[5]), int(&first[6])), (3_600_000, 10_000));
    // More than one uid's ids would be, by several uids.
    for id in 0..150 {
        publish(&mut c, ["ann", "bob"][id % 2], &format!("id-{id}"));
    }
    let again = publish(&mut c, "bob", "x");
    assert_eq!((int(&again[0]), int(&again[3])), (1, 1));
    assert_eq!(again[4..], first[4..], "position, age and number");
    for wrong in [
        "ID y ROOMID x",
        "ROOMID x ID y",
        "ROOMID x EPHEMERAL",
        "EPHEMERAL ROOMID x",
    ] {
        let said = err(&mut c, &words(&format!("ROOM.PUBLISH r ann hello {wrong}")));
        assert!(said.starts_with("ERR syntax error"), "{wrong}: {said}");
    }
    let long = format!("ROOM.PUBLISH r ann hello ROOMID {}", "x".repeat(65));
    assert!(err(&mut c, &words(&long)).starts_with("BADID"));
}

#[test]
fn a_full_room_refuses_and_forgets_none() {
    let redis = Redis::start();
    let mut c = redis.connect();
    ok(&mut c, "CONFIG SET room.dedupe-age 1h");
    ok(&mut c, "CONFIG SET room.room-ids 3");
    for id in ["a", "b", "c"] {
        publish(&mut c, "ann", id);
    }
    let said = err(&mut c, &words("ROOM.PUBLISH r ann hello ROOMID d"));
    assert!(
        said.starts_with("LIMIT") && said.contains("room.room-ids"),
        "{said}"
    );
    assert_eq!(redis.info("room_room_ids_full"), 1);
    assert!(is_again(&mut c, "a") && is_again(&mut c, "c"));
    ok(&mut c, "ROOM.PUBLISH r ann hello ID d");
    ok(&mut c, "CONFIG SET room.dedupe-age 200ms");
    let late = eventually("the old ones are over", || {
        let done = redis.run_words("ROOM.PUBLISH r ann hello ROOMID d");
        done.ok()
    });
    assert_eq!(int(&list(&late)[3]), 0);
    for wrong in ["0", "100001", "1s"] {
        err(&mut c, &words(&format!("CONFIG SET room.room-ids {wrong}")));
    }
}

#[test]
fn every_copy_knows_them() {
    for preamble in ["yes", "no"] {
        let mut options = vec!["--appendonly", "yes", "--appendfsync", "always"];
        options.extend(["--aof-use-rdb-preamble", preamble]);
        let mut redis = Redis::with(&[&STILL, &options[..]].concat());
        let replica = redis.replica();
        let mut c = redis.connect();
        for id in ["a", "b"] {
            publish(&mut c, "ann", id);
        }
        let before = redis.digest("r");
        redis.in_step(&replica);
        assert_eq!(replica.digest("r"), before);
        redis.crash_and_restart();
        assert_eq!(redis.digest("r"), before, "AOF");
        ok(&mut redis.connect(), "BGREWRITEAOF");
        eventually("the AOF is rewritten", || {
            let waits = redis.info("aof_rewrite_in_progress") + redis.info("aof_rewrite_scheduled");
            (waits == 0).then_some(())
        });
        redis.crash_and_restart();
        assert_eq!(redis.digest("r"), before, "rewritten AOF");
        let mut c = redis.connect();
        ok(&mut c, "DEBUG RELOAD");
        assert_eq!(redis.digest("r"), before, "RDB");
        ok(&mut c, "COPY r copy");
        let dump: Vec<u8> = redis.query(redis::cmd("DUMP").arg("r"));
        let mut restore = words("RESTORE restored 0");
        restore.arg(dump).query::<String>(&mut c).unwrap();
        for key in ["copy", "restored"] {
            let again = ok(&mut c, &format!("ROOM.PUBLISH {key} bob hello ROOMID b"));
            assert_eq!(published(&again)[3], 1, "{key}");
        }
        assert!(is_again(&mut c, "a") && !is_again(&mut c, "c"));
        ok(&mut replica.connect(), "REPLICAOF NO ONE");
        assert!(is_again(&mut replica.connect(), "a"), "after a failover");
    }
}
