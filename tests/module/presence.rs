//! Who is online is a fact about connections.

use harness::connection::Connection;
use harness::eventually::{PATIENCE, eventually, within};
use harness::redis::Redis;
use harness::value::{field, int, list, ok, payloads, text, words};
use std::time::{Duration, Instant};

fn online(redis: &Redis, key: &str) -> Vec<String> {
    let page = redis
        .run_words(&format!("ROOM.MEMBERS {key} ONLINE"))
        .expect("members");
    let mut uids: Vec<String> = list(&list(&page)[1])
        .iter()
        .map(|row| text(&list(row)[0]))
        .collect();
    uids.sort();
    uids
}

fn online_becomes(redis: &Redis, expected: &[&str]) {
    eventually(&format!("{expected:?} are online"), || {
        (online(redis, "r") == expected).then_some(())
    });
}

fn id(c: &mut Connection) -> i64 {
    int(&ok(c, "CLIENT ID"))
}

#[test]
fn a_dead_connection_takes_its_sessions_along() {
    let redis = Redis::start();
    let (mut one, mut two) = (redis.connect(), redis.connect());
    ok(&mut one, "ROOM.JOIN r a");
    ok(&mut one, "ROOM.JOIN r b");
    ok(&mut two, "ROOM.JOIN r b");
    assert_eq!(online(&redis, "r"), ["a", "b"]);
    ok(
        &mut redis.connect(),
        &format!("CLIENT KILL ID {}", id(&mut one)),
    );
    online_becomes(&redis, &["b"]);
    assert_eq!(int(&ok(&mut two, "ROOM.DETACH r b nobody")), 1);
    assert_eq!(online(&redis, "r"), [] as [&str; 0]);
    assert_eq!(int(&field(&ok(&mut two, "ROOM.PENDING r b"), "online")), 0);
}

#[test]
fn scripts_and_replicas_make_no_sessions_and_transactions_do() {
    let redis = Redis::start();
    let mut c = redis.connect();
    words("EVAL")
        .arg("return redis.call('ROOM.JOIN', KEYS[1], 'script')")
        .arg(1)
        .arg("r")
        .query::<redis::Value>(&mut c)
        .unwrap();
    assert_eq!(online(&redis, "r"), [] as [&str; 0]);
    for command in ["MULTI", "ROOM.JOIN r multi", "EXEC"] {
        ok(&mut c, command);
    }
    assert_eq!(online(&redis, "r"), ["multi"]);
    let replica = redis.replica();
    assert_eq!(online(&replica, "r"), [] as [&str; 0]);
    ok(&mut replica.connect(), "ROOM.ATTACH r multi");
    assert_eq!(online(&replica, "r"), [] as [&str; 0]);
}

#[test]
fn attach_announces_again_and_names_strangers() {
    let redis = Redis::start();
    ok(&mut redis.connect(), "ROOM.INVITE r a b");
    let mut c = redis.connect();
    let attached = ok(&mut c, "ROOM.ATTACH r a stranger b");
    assert_eq!(
        list(&field(&attached, "gone"))
            .iter()
            .map(text)
            .collect::<Vec<_>>(),
        ["stranger"]
    );
    assert_eq!(online(&redis, "r"), ["a", "b"]);
}

#[test]
fn the_lowest_session_is_what_a_uid_has() {
    let redis = Redis::start();
    let (mut phone, mut laptop) = (redis.connect(), redis.connect());
    ok(&mut phone, "ROOM.JOIN r u");
    ok(&mut laptop, "ROOM.JOIN r u");
    let mut positions = Vec::new();
    for i in 0..5 {
        ok(&mut phone, &format!("ROOM.PUBLISH r x m{i}"));
        positions.push(crate::workload::head(&mut phone, "r"));
    }
    assert_eq!(
        int(&ok(&mut phone, &format!("ROOM.ACK r {} u", positions[4]))),
        0,
        "the laptop is behind"
    );
    assert_eq!(
        int(&ok(&mut laptop, &format!("ROOM.ACK r {} u", positions[1]))),
        1
    );
    assert_eq!(
        int(&field(&ok(&mut phone, "ROOM.PENDING r u"), "cursor")),
        2
    );
}

/// A room that keeps nothing in which `slow`, a device of u, has acknowledged nothing of ten messages.
fn ten_messages(slow: &mut Connection) -> Vec<String> {
    ok(slow, "ROOM.JOIN r u");
    ok(slow, "ROOM.LIMITS r keep 0");
    let publish = |i| {
        ok(slow, &format!("ROOM.PUBLISH r x m{i}"));
        crate::workload::head(slow, "r")
    };
    (0..10).map(publish).collect()
}

fn cursor(redis: &Redis) -> i64 {
    int(&field(
        &redis.run_words("ROOM.PENDING r u").expect("a member"),
        "cursor",
    ))
}

#[test]
fn a_device_that_brings_its_position_takes_nothing_from_a_slower_one() {
    let redis = Redis::start();
    let (mut slow, mut fast) = (redis.connect(), redis.connect());
    let positions = ten_messages(&mut slow);
    for c in [&mut fast, &mut slow] {
        let joined = ok(c, &format!("ROOM.JOIN r u SINCE {}", positions[9]));
        assert_eq!(text(&field(&joined, "position")), positions[9]);
        assert_eq!(int(&field(&joined, "resumed")), 1);
        assert_eq!(cursor(&redis), 0);
        assert_eq!(payloads(&ok(c, "ROOM.QUEUE r u")).len(), 10);
    }
    ok(&mut slow, &format!("ROOM.ACK r {} u", positions[3]));
    assert_eq!(
        cursor(&redis),
        4,
        "the slow device's second tab is no session"
    );
    ok(&mut slow, &format!("ROOM.JOIN r u SINCE {}", positions[1]));
    ok(&mut fast, &format!("ROOM.ACK r {} u", positions[9]));
    assert_eq!(cursor(&redis), 4);
    ok(&mut slow, &format!("ROOM.ACK r {} u", positions[9]));
    assert_eq!(cursor(&redis), 10);
}

/// How long a device's position holds the cursor back after its connection died; a server that does not know this
/// setting lets it rise at once.
fn device_grace(redis: &Redis) -> Duration {
    let setting: Vec<String> = redis.query(&words("CONFIG GET room.device-grace"));
    let ms = setting.get(1).map_or(0, |ms| ms.parse().expect("a number"));
    Duration::from_millis(ms)
}

#[test]
fn when_the_slow_device_goes_the_cursor_is_the_fast_ones() {
    for go in ["detach", "die", "both"] {
        let redis = Redis::start();
        let replica = redis.replica();
        let (mut slow, mut fast) = (redis.connect(), redis.connect());
        ok(&mut fast, "ROOM.JOIN r u");
        let positions = ten_messages(&mut slow);
        ok(&mut fast, &format!("ROOM.ACK r {} u", positions[6]));
        ok(&mut fast, "ROOM.ATTACH r u");
        assert_eq!(cursor(&redis), 0);
        let gone = Instant::now();
        match go {
            "detach" => drop(ok(&mut slow, "ROOM.DETACH r u")),
            "die" => drop(slow),
            _ => {
                ok(&mut slow, "ROOM.DETACH r u");
                ok(&mut fast, "ROOM.DETACH r u");
            }
        }
        let held = if go == "die" {
            device_grace(&redis)
        } else {
            Duration::ZERO
        };
        within(PATIENCE + held, &format!("the cursor rises: {go}"), || {
            (cursor(&redis) == 7).then_some(())
        });
        assert!(gone.elapsed() >= held, "a device that died may come back");
        redis.in_step(&replica);
        assert_eq!(cursor(&replica), 7, "{go}");
        assert_eq!(payloads(&ok(&mut fast, "ROOM.RANGE r - +")).len(), 3);
        assert_eq!(redis.digest("r"), replica.digest("r"));
    }
}

#[test]
fn a_lease_ends_and_a_proxy_has_one_connection() {
    let redis = Redis::start();
    let mut c = redis.connect();
    assert_eq!(text(&ok(&mut c, "ROOM.HELLO p1 LEASE 300")), "ANNOUNCE");
    ok(&mut c, "ROOM.JOIN r a");
    assert_eq!(text(&ok(&mut c, "ROOM.HELLO p1 LEASE 300")), "OK");
    assert_eq!(online(&redis, "r"), ["a"]);
    online_becomes(&redis, &[]);
    assert_eq!(redis.info("room_leases_expired"), 1);
    assert_eq!(text(&ok(&mut c, "ROOM.HELLO p1 LEASE 60000")), "ANNOUNCE");
    ok(&mut c, "ROOM.ATTACH r a");
    let mut again = redis.connect();
    assert_eq!(
        text(&ok(&mut again, "ROOM.HELLO p1 LEASE 60000")),
        "ANNOUNCE"
    );
    assert_eq!(
        online(&redis, "r"),
        [] as [&str; 0],
        "the older connection is superseded"
    );
}

#[test]
fn a_kick_ends_the_sessions_and_is_counted() {
    let redis = Redis::start();
    let (mut one, mut two) = (redis.connect(), redis.connect());
    ok(&mut one, "ROOM.JOIN r u");
    ok(&mut two, "ROOM.JOIN r u");
    assert_eq!(int(&ok(&mut one, "ROOM.KICK r u rude")), 2);
    assert_eq!(online(&redis, "r"), [] as [&str; 0]);
    assert_eq!(
        int(&field(&ok(&mut one, "ROOM.INFO r"), "members")),
        1,
        "still a member"
    );
    ok(&mut two, "ROOM.INVITE r other");
    ok(&mut one, "ROOM.KICK r u");
    ok(&mut one, "DEBUG RELOAD");
    let attached = ok(&mut two, "ROOM.ATTACH r u other");
    let kicks = list(&field(&attached, "kicks")).to_vec();
    assert_eq!(kicks.len(), 1, "who was never kicked is not named");
    assert_eq!(
        (text(&list(&kicks[0])[0]), int(&list(&kicks[0])[1])),
        ("u".into(), 2)
    );
    for (uid, kicks) in [("u", 2), ("other", 0), ("new", 0)] {
        let joined = ok(&mut one, &format!("ROOM.JOIN r {uid}"));
        assert_eq!(int(&field(&joined, "kicks")), kicks, "{uid}");
    }
}

#[test]
fn one_ack_of_many_uids_at_different_places() {
    let redis = Redis::start();
    let (mut one, mut two) = (redis.connect(), redis.connect());
    let replica = redis.replica();
    const MANY: usize = 2000;
    let uids: Vec<String> = (0..MANY).map(|i| format!("u{i}")).collect();
    let all = |command: &str| words(command).arg(&uids).clone();
    all("ROOM.INVITE r").query::<i64>(&mut one).unwrap();
    let mut pipe = redis::pipe();
    (0..MANY).for_each(|_| {
        pipe.cmd("ROOM.PUBLISH").arg("r").arg("x").arg("m").ignore();
    });
    pipe.query::<()>(&mut one).unwrap();
    for c in [&mut one, &mut two] {
        all("ROOM.ATTACH r").query::<redis::Value>(c).unwrap();
    }
    let mut at: room_core::position::Position = {
        let page = ok(&mut one, "ROOM.RANGE r 1 1");
        text(&field(&page, "before")).parse().unwrap()
    };
    let page = ok(&mut one, "ROOM.RANGE r - + COUNT 100000");
    let mut pipe = redis::pipe();
    for (row, uid) in list(&field(&page, "rows")).iter().zip(&uids) {
        at = at.next(int(&list(row)[1]) as u64, b"x", b"m");
        pipe.cmd("ROOM.ACK")
            .arg("r")
            .arg(at.to_string())
            .arg(uid)
            .ignore();
    }
    pipe.query::<()>(&mut two).unwrap();
    let end = crate::workload::head(&mut one, "r");
    let moved: usize = all(&format!("ROOM.ACK r {end}")).query(&mut one).unwrap();
    assert_eq!(moved, MANY, "each to what its other session has");
    let cursor = |c: &mut Connection, uid: &str| {
        int(&field(&ok(c, &format!("ROOM.PENDING r {uid}")), "cursor"))
    };
    assert_eq!(cursor(&mut one, "u0"), 1);
    assert_eq!(cursor(&mut one, "u1999"), 2000);
    eventually("the replica has all of them", || {
        (replica.digest("r") == redis.digest("r")).then_some(())
    });
}
