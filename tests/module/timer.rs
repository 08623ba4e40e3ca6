//! What the module does without a command: departures, limits in silent rooms, and when it must wait with them.

use harness::eventually;
use harness::redis::Redis;
use harness::value::{int, list, ok};
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
