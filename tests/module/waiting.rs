//! For whom mail waits: leases, what is replicated and saved of it, and whose rooms a caller is told of.

use harness::eventually;
use harness::redis::Redis;
use harness::value::{field, int, list, ok, text};
use redis::Value;

/// A server that tells soon.
fn server() -> Redis {
    let redis = Redis::with(&[
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--save",
        "",
    ]);
    for setting in ["waiting-delay 100", "grace 100", "start-grace 100"] {
        ok(&mut redis.connect(), &format!("CONFIG SET room.{setting}"));
    }
    redis
}

fn rows(redis: &Redis, lease: u64) -> Vec<Value> {
    let asked = format!("ROOM.WAITING w LEASE {lease}");
    list(&field(&ok(&mut redis.connect(), &asked), "rows")).to_vec()
}

/// Key and uid of whoever waits, once somebody does.
fn who_waits(redis: &Redis) -> Vec<(String, String)> {
    let rows = eventually("somebody waits", || {
        let rows = rows(redis, 100);
        (!rows.is_empty()).then_some(rows)
    });
    let mut who: Vec<(String, String)> = rows
        .iter()
        .map(|row| (text(&list(row)[0]), text(&list(row)[1])))
        .collect();
    who.sort_unstable();
    who
}

fn run(redis: &Redis, words: &str) -> Value {
    ok(&mut redis.connect(), words)
}

/// Tells of everybody in a room.
fn tell(redis: &Redis, key: &str) -> i64 {
    let head = run(redis, &format!("ROOM.HEADS {key}"));
    let head = text(&list(&head)[0]);
    int(&run(redis, &format!("ROOM.TOLD {key} {head} ann bob")))
}

#[test]
fn what_was_told_is_in_aof_rdb_and_replicas() {
    let mut redis = server();
    let replica = redis.replica();
    run(&redis, "ROOM.INVITE r ann bob");
    run(&redis, "ROOM.PUBLISH r ann hi");
    assert_eq!(who_waits(&redis), [("r".into(), "bob".into())]);
    assert_eq!(tell(&redis, "r"), 2);
    redis.in_step(&replica);
    assert_eq!(redis.digest("r"), replica.digest("r"));
    for around in ["DEBUG LOADAOF", "DEBUG RELOAD NOSAVE", "BGREWRITEAOF"] {
        if around == "DEBUG RELOAD NOSAVE" {
            run(&redis, "SAVE");
        }
        let (before, after) = redis.digests_around(around, "r");
        assert_eq!(before, after, "{around}");
    }
    redis.crash_and_restart();
    for setting in ["waiting-delay 100", "start-grace 100"] {
        run(&redis, &format!("CONFIG SET room.{setting}"));
    }
    run(&redis, "ROOM.INVITE r eve");
    run(&redis, "ROOM.PUBLISH r ann more");
    assert_eq!(
        who_waits(&redis),
        [("r".into(), "eve".into())],
        "bob is quiet"
    );
    let refused = replica.run_words("ROOM.WAITING w LEASE 1000").unwrap_err();
    assert_eq!(refused.code(), Some("READONLY"));
}

#[test]
fn a_room_is_found_wherever_it_goes() {
    let redis = server();
    run(&redis, "ROOM.INVITE r bob");
    run(&redis, "ROOM.PUBLISH r ann hi");
    let is = |key: &str| vec![(key.to_owned(), "bob".to_owned())];
    assert_eq!(who_waits(&redis), is("r"));
    run(&redis, "RENAME r s");
    assert_eq!(who_waits(&redis), is("s"));
    let (dump, _) = redis.dump("s");
    run(&redis, "DEL s");
    redis.query::<()>(redis::cmd("RESTORE").arg("t").arg(0).arg(dump));
    assert_eq!(who_waits(&redis), is("t"));
    run(&redis, "COPY t u DB 1");
    run(&redis, "DEL t");
    run(&redis, "SWAPDB 0 1");
    assert_eq!(who_waits(&redis), is("u"));
    run(&redis, "FLUSHALL");
    eventually("nothing is kept of it", || {
        rows(&redis, 100);
        (redis.info("room_waiting_rooms") == 0).then_some(())
    });
}

#[test]
fn only_rooms_that_the_caller_may_read() {
    let redis = server();
    run(
        &redis,
        "ACL SETUSER worker on >p ~mine:* +room.waiting +room.told",
    );
    for key in ["mine:r", "other:r"] {
        run(&redis, &format!("ROOM.INVITE {key} bob"));
        run(&redis, &format!("ROOM.PUBLISH {key} ann hi"));
    }
    let mut worker = redis.connect();
    ok(&mut worker, "AUTH worker p");
    let mut of_worker = || {
        let rows = ok(&mut worker, "ROOM.WAITING w LEASE 60000");
        let rows = list(&field(&rows, "rows")).to_vec();
        rows.first().map(|row| (text(&list(row)[0]), rows.len()))
    };
    assert_eq!(
        eventually("its own", &mut of_worker),
        ("mine:r".to_owned(), 1)
    );
    let others = eventually("the other one", || {
        let rows = rows(&redis, 60_000);
        rows.first().map(|row| text(&list(row)[0]))
    });
    assert_eq!(others, "other:r");
}

#[test]
fn a_script_and_a_transaction_may_ask() {
    let redis = server();
    run(&redis, "ROOM.INVITE r bob");
    run(&redis, "ROOM.PUBLISH r ann hi");
    let asked = "return redis.call('ROOM.WAITING', 'w', 'LEASE', '100')";
    eventually("somebody waits", || {
        let said: Value = redis.query(redis::cmd("EVAL").arg(asked).arg(0));
        (!list(&field(&said, "rows")).is_empty()).then_some(())
    });
    let mut connection = redis.connect();
    ok(&mut connection, "MULTI");
    ok(&mut connection, "ROOM.WAITING w LEASE 100");
    ok(&mut connection, "EXEC");
}

#[test]
fn a_call_whose_time_was_up_says_that_more_is_to_be_looked_at() {
    let redis = server();
    run(&redis, "CONFIG SET room.waiting-time 0");
    redis.invite_quiet_behind("r", "bob", 400);
    let calls = eventually("bob waits", || {
        let mut calls = 0;
        loop {
            calls += 1;
            let said = run(&redis, "ROOM.WAITING w LEASE 60000");
            match (
                list(&field(&said, "rows")).len(),
                int(&field(&said, "more")),
            ) {
                (0, 1) => {}
                (0, _) => return None,
                (many, more) => return Some((calls, many, more)),
            }
        }
    });
    assert!(calls.0 > 10, "32 members a call: {calls:?}");
    assert_eq!((calls.1, calls.2), (1, 0));
}
