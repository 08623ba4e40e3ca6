//! A room survives every way in which Redis keeps data, to the bit.

use crate::random::{Work, digests, stands};
use crate::workload::{fill, head, publish};
use harness::eventually;
use harness::random::Random;
use harness::redis::{Redis, STILL};
use harness::value::{field, int, ok, payloads, published};

/// A server on which no room changes by time alone, with these options.
fn still(options: &[&str]) -> Redis {
    Redis::with(&[&STILL, options].concat())
}

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
        published(&ok(&mut c, "ROOM.PUBLISH r alice retried ID id-18"))[3],
        1,
        "the id is remembered"
    );
    assert_eq!(
        published(&ok(&mut c, "ROOM.PUBLISH r bot retried ROOMID id-19"))[3],
        1,
        "the room's is too, whoever publishes"
    );
    publish(&mut c, "r", "bot", b"after");
    let page = ok(&mut c, "ROOM.RANGE r - + COUNT 100000 BYTES 100000000");
    assert_eq!(payloads(&page).last().map(String::as_str), Some("after"));
}

#[test]
fn debug_reload() {
    still_the_same(&mut still(&[]), |redis| {
        ok(&mut redis.connect(), "DEBUG RELOAD");
    });
}

#[test]
fn restart_from_rdb() {
    still_the_same(&mut still(&["--save", "3600", "1"]), Redis::restart);
}

#[test]
fn restart_from_aof() {
    still_the_same(
        &mut still(&["--appendonly", "yes", "--appendfsync", "always"]),
        Redis::crash_and_restart,
    );
}

#[test]
fn restart_from_rewritten_aof() {
    still_the_same(
        &mut still(&["--appendonly", "yes", "--appendfsync", "always"]),
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
    still_the_same(&mut still(&options), |redis| {
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
    let mut redis = still(&options);
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

#[test]
fn random_rooms_survive_every_way() {
    for preamble in ["yes", "no"] {
        let mut redis = Redis::with(&[
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
            "--aof-use-rdb-preamble",
            preamble,
            // Departures are marked after the test; the ghosts' end is waited for.
            "--room.grace",
            "1h",
        ]);
        let mut work = Work::on(&redis, Random::printed());
        work.run(600);
        drop(work);
        assert!(stands(&redis));
        let before = digests(&redis);
        ok(&mut redis.connect(), "DEBUG RELOAD");
        assert_eq!(digests(&redis), before, "DEBUG RELOAD");
        redis.crash_and_restart();
        assert_eq!(digests(&redis), before, "AOF");
        rewritten(&redis);
        let mut work = Work::on(&redis, Random::printed());
        work.run(200);
        drop(work);
        let before = digests(&redis);
        redis.crash_and_restart();
        assert_eq!(digests(&redis), before, "rewritten AOF and what followed");
    }
}

#[test]
fn who_was_online_is_not_kept() {
    let mut redis = Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut c = redis.connect();
    ok(&mut c, "ROOM.JOIN r a");
    assert_eq!(redis.info("room_uids_online"), 1);
    ok(&mut redis.connect(), "DEBUG RELOAD");
    redis.crash_and_restart();
    let info = ok(&mut redis.connect(), "ROOM.INFO r");
    assert_eq!(int(&field(&info, "online")), 0);
    assert_eq!(int(&field(&info, "members")), 1);
    assert_eq!(redis.info("room_uids_online"), 0);
}

#[test]
fn a_time_to_live_is_kept() {
    let mut redis = Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    fill(&redis, "r");
    ok(&mut redis.connect(), "PEXPIRE r 3600000");
    let expires = ok(&mut redis.connect(), "PEXPIRETIME r");
    publish(&mut redis.connect(), "r", "bot", b"x");
    for again in [Redis::crash_and_restart, Redis::restart] {
        again(&mut redis);
        assert_eq!(ok(&mut redis.connect(), "PEXPIRETIME r"), expires);
    }
}
