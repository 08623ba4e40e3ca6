//! A proxy's name: whose it is, who gets it, and what others are told of those who come and go.

use crate::ear::Ear;
use harness::connection::Connection;
use harness::eventually::eventually;
use harness::redis::Redis;
use harness::value::{err, field, int, ok, text, words};
use redis::cmd;
use std::collections::BTreeSet;

fn hello(c: &mut Connection, words: &str) -> String {
    text(&ok(c, &format!("ROOM.HELLO {words}")))
}

/// How many sessions a uid of room `r` has.
fn online(redis: &Redis, uid: &str) -> i64 {
    let pending = redis.run_words(&format!("ROOM.PENDING r {uid}"));
    int(&field(&pending.expect("a member"), "online"))
}

#[test]
fn the_same_process_takes_its_name_over_without_a_word() {
    let redis = Redis::start();
    let (mut old, mut new) = (redis.connect(), redis.connect());
    assert_eq!(hello(&mut old, "p LEASE 60000 ID 1"), "ANNOUNCE");
    assert_eq!(hello(&mut old, "p LEASE 60000 ID 1"), "OK");
    ok(&mut old, "ROOM.JOIN r ann");
    assert_eq!(hello(&mut new, "p LEASE 60000 ID 1"), "ANNOUNCE");
    assert_eq!(online(&redis, "ann"), 0, "its old connection is done with");
    assert_eq!(redis.info("room_proxies"), 1);
    assert_eq!(hello(&mut new, "p LEASE 60000 ID 1"), "OK");
    assert_eq!(hello(&mut old, "p LEASE 60000 ID 1"), "ANNOUNCE");
}

#[test]
fn of_two_processes_the_newer_one_gets_the_name_and_the_older_one_knows() {
    for newer in ["p LEASE 60000 ID 2", "p LEASE 60000"] {
        let redis = Redis::start();
        let (mut old, mut new) = (redis.connect(), redis.connect());
        hello(&mut old, "p LEASE 60000 ID 1");
        ok(&mut old, "ROOM.JOIN r ann");
        assert_eq!(hello(&mut new, newer), "ANNOUNCE");
        ok(&mut new, "ROOM.JOIN r ben");
        for _ in 0..3 {
            assert_eq!(hello(&mut old, "p LEASE 60000 ID 1"), "SUPERSEDED");
            assert_eq!(hello(&mut new, newer), "OK");
        }
        assert_eq!((online(&redis, "ann"), online(&redis, "ben")), (0, 1));
        assert_eq!(hello(&mut old, "p-1 LEASE 60000 ID 1"), "ANNOUNCE");
        ok(&mut old, "ROOM.ATTACH r ann");
        assert_eq!((online(&redis, "ann"), online(&redis, "ben")), (1, 1));
        assert_eq!(redis.info("room_proxies"), 2);
    }
}

/// Proxies of before know no ID: the newest one wins each time.
#[test]
fn without_an_id_a_name_goes_to_whoever_asked_last() {
    let redis = Redis::start();
    let (mut one, mut two) = (redis.connect(), redis.connect());
    assert_eq!(hello(&mut one, "p LEASE 60000"), "ANNOUNCE");
    for _ in 0..2 {
        assert_eq!(hello(&mut two, "p LEASE 60000"), "ANNOUNCE");
        assert_eq!(hello(&mut one, "p LEASE 60000"), "ANNOUNCE");
    }
}

fn user(redis: &Redis, name: &str, rules: &str) -> Connection {
    ok(
        &mut redis.connect(),
        &format!("ACL SETUSER {name} on nopass {rules}"),
    );
    let mut c = redis.connect();
    ok(&mut c, &format!("AUTH {name} any"));
    c
}

#[test]
fn a_name_belongs_to_its_user_while_the_connection_lives() {
    let redis = Redis::start();
    let mut one = user(&redis, "one", "+@all ~* &*");
    let mut two = user(&redis, "two", "+@all ~* &*");
    hello(&mut one, "p LEASE 200 ID 1");
    ok(&mut one, "ROOM.JOIN r ann");
    eventually("its lease ends", || {
        (redis.info("room_leases_expired") == 1).then_some(())
    });
    for id in ["", " ID 1", " ID 2"] {
        let refused = err(&mut two, &words(&format!("ROOM.HELLO p LEASE 60000{id}")));
        assert!(refused.starts_with("NOPERM"), "{refused}");
    }
    let mut again = user(&redis, "one", "");
    assert_eq!(hello(&mut again, "p LEASE 200 ID 1"), "ANNOUNCE");
    drop((one, again));
    eventually("nobody holds it any more", || {
        let greeted = words("ROOM.HELLO p LEASE 60000").query::<String>(&mut two);
        greeted.ok().filter(|word| word == "ANNOUNCE")
    });
}

#[test]
fn a_name_belongs_to_its_user_while_the_lease_lives() {
    let redis = Redis::start();
    let mut one = user(&redis, "one", "+@all ~* &*");
    let mut two = user(&redis, "two", "+@all ~* &*");
    hello(&mut one, "p LEASE 3600000");
    drop(one);
    eventually("its connection is gone", || {
        (redis.info("room_proxies") == 0).then_some(())
    });
    let refused = err(&mut two, &words("ROOM.HELLO p LEASE 60000"));
    assert!(refused.starts_with("NOPERM"), "{refused}");
    let mut again = user(&redis, "one", "");
    assert_eq!(hello(&mut again, "p LEASE 60000"), "ANNOUNCE");
}

/// Whether the server's version, as Redis and Valkey say it, is at least this.
fn is_at_least(redis: &Redis, field: &str, major: u32, minor: u32) -> bool {
    let info: String = redis.query(cmd("INFO").arg("server"));
    let version = info.lines().find_map(|line| line.strip_prefix(field));
    let mut numbers = version.unwrap_or("0.0").split('.').map(str::parse::<u32>);
    let mut next = || numbers.next().and_then(Result::ok).unwrap_or(0);
    (next(), next()) >= (major, minor)
}

/// Our commands in an ACL category.
fn category(redis: &Redis, name: &str) -> BTreeSet<String> {
    let all: Vec<String> = redis.query(cmd("ACL").arg("CAT").arg(name));
    let all = all.iter().map(|name| name.to_uppercase());
    all.filter(|name| name.starts_with("ROOM.")).collect()
}

#[test]
fn commands_are_in_the_categories_that_the_server_has() {
    let redis = Redis::start();
    let kinds: Vec<String> = redis.query(cmd("ACL").arg("CAT"));
    let valkey = is_at_least(&redis, "valkey_version:", 7, 2);
    let by_modules = valkey || is_at_least(&redis, "redis_version:", 7, 2);
    let own = is_at_least(&redis, "valkey_version:", 8, 0)
        || (!valkey && is_at_least(&redis, "redis_version:", 7, 4));
    assert_eq!(kinds.iter().any(|kind| kind == "room"), own, "{kinds:?}");
    let all: Vec<String> = redis.query(
        cmd("COMMAND")
            .arg("LIST")
            .arg("FILTERBY")
            .arg("MODULE")
            .arg("room"),
    );
    let all: BTreeSet<String> = all.iter().map(|name| name.to_uppercase()).collect();
    if own {
        assert_eq!(category(&redis, "room"), all);
    }
    let (reads, writes) = (category(&redis, "read"), category(&redis, "write"));
    if !by_modules {
        // There they are in no category but @all.
        assert_eq!((reads.len(), writes.len()), (0, 0));
    } else {
        assert!(reads.is_disjoint(&writes));
        let neither: Vec<&String> = all
            .iter()
            .filter(|&name| !reads.contains(name) && !writes.contains(name))
            .collect();
        assert_eq!(neither, ["ROOM.HELLO"]);
        for name in [
            "ROOM.ATTACH",
            "ROOM.DETACH",
            "ROOM.AWAY",
            "ROOM.PUBLISH",
            "ROOM.WAITING",
        ] {
            assert!(writes.contains(name), "{name}");
        }
    }
    ok(&mut redis.connect(), "ROOM.INVITE r ann");
    let mut reader = user(&redis, "reader", "+@read ~* &*");
    let looked = words("ROOM.INFO r").query::<redis::Value>(&mut reader);
    assert_eq!(looked.is_ok(), by_modules, "{looked:?}");
    let refused = err(&mut reader, &words("ROOM.PUBLISH r ann m"));
    assert!(refused.starts_with("NOPERM"), "{refused}");
}

#[test]
fn a_kick_is_told_of_members_and_of_others() {
    let redis = Redis::with(&["--save", "", "--room.grace", "200"]);
    let mut ear = Ear::on(&redis, "r");
    let (mut one, mut two) = (redis.connect(), redis.connect());
    ok(&mut one, "ROOM.JOIN r ann");
    ok(&mut two, "ROOM.JOIN r ben");
    ear.hears("+ben");
    let digest = redis.digest("r");
    assert_eq!(int(&ok(&mut one, "ROOM.KICK r stranger spam")), 0);
    assert_eq!(ear.hears_control("stranger"), "kicked spam");
    assert_eq!(redis.digest("r"), digest, "there is nothing to keep of it");
    assert_eq!(int(&ok(&mut one, "ROOM.KICK r ann")), 1);
    assert_eq!(ear.hears_control("ann"), "kicked");
    assert_eq!(ear.lines_until("-ann"), ["-ann"]);
    // Nobody is told a second time, when the grace is over or the connection dies.
    drop(one);
    drop(two);
    assert_eq!(ear.lines_until("-ben"), ["-ben"]);
}

#[test]
fn a_kick_of_who_was_told_gone_tells_no_presence() {
    let redis = Redis::with(&["--save", "", "--room.grace", "0"]);
    let mut ear = Ear::on(&redis, "r");
    let mut c = redis.connect();
    ok(&mut c, "ROOM.JOIN r ann");
    ear.hears("+ann");
    ok(&mut c, "ROOM.DETACH r ann");
    ear.hears("-ann");
    ok(&mut c, "ROOM.KICK r ann");
    ok(&mut c, "ROOM.JOIN r ben");
    assert_eq!(ear.lines_until("+ben"), ["+ben"]);
}

#[test]
fn after_a_restart_nobody_is_told_that_everybody_came() {
    let mut redis = Redis::with(&[
        "--appendonly",
        "yes",
        "--appendfsync",
        "always",
        "--room.grace",
        "200",
        "--room.start-grace",
        "600000",
    ]);
    ok(&mut redis.connect(), "ROOM.INVITE r ann ben");
    redis.crash_and_restart();
    let mut ear = Ear::on(&redis, "r");
    let (mut one, mut two) = (redis.connect(), redis.connect());
    hello(&mut one, "p LEASE 60000 ID 1");
    ok(&mut one, "ROOM.ATTACH r ann ben");
    ok(&mut two, "ROOM.JOIN r new");
    let mut lines = ear.lines_until("+new");
    ok(&mut one, "ROOM.DETACH r ann");
    lines.extend(ear.lines_until("-ann"));
    let (here, news): (Vec<String>, Vec<String>) =
        lines.into_iter().partition(|line| line.starts_with('='));
    assert_eq!(news, ["+new", "-ann"]);
    // Whoever asked before these two were back learns once that they are here.
    assert!(
        ["=ann", "=ben"]
            .iter()
            .all(|line| here.contains(&(*line).to_owned())),
        "{here:?}"
    );
    ok(&mut one, "ROOM.ATTACH r ann");
    ok(&mut two, "ROOM.DETACH r new");
    let lines = ear.lines_until("-new");
    assert!(!lines.contains(&"+ben".to_owned()), "{lines:?}");
}
