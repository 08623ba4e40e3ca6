//! A room survives every way in which Redis keeps data, to the bit.

use crate::workload::{fill, head, publish};
use harness::eventually;
use harness::redis::Redis;
use harness::value::{ints, ok, payloads};

fn rewritten(redis: &Redis) {
    ok(&mut redis.connect(), "BGREWRITEAOF");
    eventually("the AOF is rewritten", || {
        let (running, scheduled) = (
            redis.info("aof_rewrite_in_progress"),
            redis.info("aof_rewrite_scheduled"),
        );
        (running + scheduled == 0).then_some(())
    });
    let info: String = redis.query(redis::cmd("INFO").arg("persistence"));
    assert!(info.contains("aof_last_bgrewrite_status:ok"), "{info}");
}

/// The digest stays, and the room goes on: the next message continues the chain, a retried id is recognised.
fn still_the_same(redis: &mut Redis, again: impl FnOnce(&mut Redis)) {
    fill(redis, "r");
    let (digest, head_before) = (redis.digest("r"), head(&mut redis.connect(), "r"));
    again(redis);
    assert_eq!(redis.digest("r"), digest);
    let mut c = redis.connect();
    assert_eq!(head(&mut c, "r"), head_before);
    assert_eq!(
        ints(&ok(&mut c, "ROOM.PUBLISH r alice retried ID id-19"))[3],
        1,
        "the id is remembered"
    );
    publish(&mut c, "r", "bot", b"after");
    let page = ok(&mut c, "ROOM.RANGE r - + COUNT 100000 BYTES 100000000");
    assert_eq!(payloads(&page).last().map(String::as_str), Some("after"));
}

#[test]
fn debug_reload() {
    still_the_same(&mut Redis::start(), |redis| {
        ok(&mut redis.connect(), "DEBUG RELOAD");
    });
}

#[test]
fn restart_from_rdb() {
    still_the_same(&mut Redis::with(&["--save", "3600", "1"]), Redis::restart);
}

#[test]
fn restart_from_aof() {
    still_the_same(
        &mut Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]),
        Redis::crash_and_restart,
    );
}

#[test]
fn restart_from_rewritten_aof() {
    still_the_same(
        &mut Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]),
        |redis| {
            rewritten(redis);
            redis.crash_and_restart();
        },
    );
}

#[test]
fn restart_from_rewritten_aof_of_commands() {
    let options = [
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--aof-use-rdb-preamble",
        "no",
    ];
    still_the_same(&mut Redis::with(&options), |redis| {
        rewritten(redis);
        redis.crash_and_restart();
    });
}

#[test]
fn what_happens_after_a_rewrite_is_kept_too() {
    let options = [
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--aof-use-rdb-preamble",
        "no",
    ];
    let mut redis = Redis::with(&options);
    fill(&redis, "r");
    rewritten(&redis);
    let mut c = redis.connect();
    ok(&mut c, "ROOM.JOIN r late HISTORY 3");
    ok(&mut c, "ROOM.LIMITS r maxlen 20");
    publish(&mut c, "r", "late", b"later");
    let digest = redis.digest("r");
    redis.crash_and_restart();
    assert_eq!(redis.digest("r"), digest);
}
