//! Rows and rooms that end when an operator wants it, and never while somebody is here or may come back.

use crate::ear::Ear;
use harness::connection::Connection;
use harness::eventually::{PATIENCE, eventually};
use harness::redis::Redis;
use harness::value::{field, int, list, ok, text};
use std::time::{Duration, Instant};

/// Nobody is a ghost for long; `settings` besides.
fn server(settings: &[&str]) -> Redis {
    let options = [
        "--save",
        "",
        "--room.start-grace",
        "0",
        "--room.grace",
        "100",
        "--room.device-grace",
        "100",
    ];
    Redis::with(&[&options, settings].concat())
}

/// The members of a room, sorted.
fn members(redis: &Redis, room: &str) -> Vec<String> {
    let page = redis.run_words(&format!("ROOM.MEMBERS {room} COUNT 100"));
    let page = page.expect("a room");
    let rows = list(&list(&page)[1]).iter();
    let mut uids: Vec<String> = rows.map(|row| text(&list(row)[0])).collect();
    uids.sort();
    uids
}

fn becomes(redis: &Redis, counter: &str, many: u64) {
    eventually(&format!("{counter} is {many}"), || {
        (redis.info(counter) == many).then_some(())
    });
}

/// Joins and goes at once by a logout.
fn visits(c: &mut Connection, uid: &str) {
    ok(c, &format!("ROOM.JOIN r {uid}"));
    ok(c, &format!("ROOM.DETACH r {uid}"));
}

/// Once one more visitor is gone, all who came before it were looked at long after their time.
fn one_more_goes(redis: &Redis, forgotten: u64) {
    let mut c = redis.connect();
    visits(&mut c, "last");
    ok(&mut c, "ROOM.PUBLISH r bot another");
    becomes(redis, "room_members_forgotten", forgotten);
}

#[test]
fn a_newcomer_who_never_read_goes_and_nobody_else() {
    let redis = server(&[]);
    let replica = redis.replica();
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r invited");
    visits(&mut c, "reader");
    visits(&mut c, "talker");
    visits(&mut c, "later-invited");
    visits(&mut c, "came");
    ok(&mut c, "ROOM.INVITE r later-invited");
    ok(&mut c, "ROOM.PUBLISH r talker hello");
    let head = crate::workload::head(&mut c, "r");
    assert_eq!(int(&ok(&mut c, &format!("ROOM.ACK r {head} reader"))), 1);
    ok(&mut c, "ROOM.PUBLISH r bot waits");
    let mut ear = Ear::on(&redis, "r");
    ok(&mut c, "CONFIG SET room.newcomer-ttl 500ms");
    assert_eq!(ear.hears_control("came"), "left");
    one_more_goes(&redis, 2);
    let stay = ["invited", "later-invited", "reader", "talker"];
    assert_eq!(members(&redis, "r"), stay);
    redis.in_step(&replica);
    assert_eq!(replica.digest("r"), redis.digest("r"));
}

#[test]
fn a_newcomer_for_whom_nothing_waits_stays() {
    let redis = server(&["--room.newcomer-ttl", "300"]);
    let mut c = redis.connect();
    ok(&mut c, "ROOM.JOIN quiet came");
    ok(&mut c, "ROOM.DETACH quiet came");
    one_more_goes(&redis, 1);
    assert_eq!(members(&redis, "quiet"), ["came"]);
}

/// Who is here, and who may come back: `uid` of each kind in room `r`, where messages wait.
fn here_and_ghost(redis: &Redis) -> Connection {
    let (mut here, mut dies) = (redis.connect(), redis.connect());
    ok(&mut here, "ROOM.JOIN r here");
    ok(&mut dies, "ROOM.JOIN r ghost");
    ok(&mut here, "ROOM.PUBLISH r bot waits");
    drop(dies);
    becomes(redis, "room_ghosts", 1);
    here
}

#[test]
fn nobody_goes_who_is_online_or_a_ghost() {
    for setting in ["newcomer-ttl", "forget-after"] {
        let redis = server(&["--room.device-grace", "600000"]);
        let here = here_and_ghost(&redis);
        ok(
            &mut redis.connect(),
            &format!("CONFIG SET room.{setting} 500ms"),
        );
        one_more_goes(&redis, 1);
        one_more_goes(&redis, 2);
        assert_eq!(members(&redis, "r"), ["ghost", "here"], "{setting}");
        drop(here);
    }
}

#[test]
fn any_member_goes_where_that_is_wanted_and_the_last_one_takes_the_room_along() {
    let redis = server(&["--room.forget-after", "500ms"]);
    let replica = redis.replica();
    let mut ear = Ear::on(&redis, "r");
    let mut c = redis.connect();
    ok(&mut c, "ROOM.INVITE r invited");
    visits(&mut c, "reader");
    let mut told = [ear.hears_left(), ear.hears_left()];
    told.sort();
    assert_eq!(told, ["invited", "reader"]);
    eventually("the room is gone", || {
        (int(&ok(&mut c, "EXISTS r")) == 0).then_some(())
    });
    assert_eq!(redis.info("room_members_forgotten"), 2);
    redis.in_step(&replica);
    assert_eq!(int(&ok(&mut replica.connect(), "EXISTS r")), 0);
}

/// Each of the three, with a room or a member that is due long before the grace is over.
#[test]
fn nothing_ends_soon_after_a_start() {
    const GRACE: Duration = Duration::from_secs(3);
    for (setting, counter) in [
        ("newcomer-ttl", "room_members_forgotten"),
        ("forget-after", "room_members_forgotten"),
        ("idle-ttl", "room_rooms_idle"),
    ] {
        let since = Instant::now();
        let redis = server(&["--room.start-grace", "3s"]);
        let mut c = redis.connect();
        ok(&mut c, &format!("CONFIG SET room.{setting} 100ms"));
        visits(&mut c, "came");
        ok(&mut c, "ROOM.PUBLISH r bot waits");
        becomes(&redis, counter, 1);
        let passed = since.elapsed();
        assert!(passed >= GRACE, "{setting}: after {passed:?}");
    }
}

#[test]
fn a_room_in_which_nothing_happens_goes() {
    let redis = server(&["--room.device-grace", "600000"]);
    let replica = redis.replica();
    let mut c = redis.connect();
    let here = here_and_ghost(&redis);
    ok(&mut c, "ROOM.INVITE idle ann");
    ok(&mut c, "ROOM.PUBLISH idle bot hello");
    let since = Instant::now();
    ok(&mut c, "CONFIG SET room.idle-ttl 1500ms");
    let mut round = 0;
    while int(&ok(&mut c, "EXISTS idle")) == 1 {
        // Somebody speaks in this one all the time.
        ok(&mut c, "ROOM.PUBLISH busy bot hello");
        round += 1;
        assert!(since.elapsed() < PATIENCE, "it is still there");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(round > 1 && since.elapsed() > Duration::from_millis(1300));
    // As does the other one, when nobody speaks there any more.
    eventually("the other room is gone", || {
        (int(&ok(&mut c, "EXISTS busy")) == 0).then_some(())
    });
    assert_eq!(redis.info("room_rooms_idle"), 2);
    assert_eq!(int(&ok(&mut c, "EXISTS r")), 1, "somebody is here");
    drop(here);
    redis.in_step(&replica);
    assert_eq!(int(&ok(&mut replica.connect(), "EXISTS idle busy")), 0);
    assert_eq!(int(&ok(&mut replica.connect(), "EXISTS r")), 1);
}

#[test]
fn publish_ids_are_forgotten_where_nobody_publishes() {
    let mut redis = Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let replica = redis.replica();
    let mut c = redis.connect();
    ok(&mut c, "CONFIG SET room.dedupe-age 1h");
    for id in 0..20 {
        ok(&mut c, &format!("ROOM.PUBLISH r ann hello ID {id}"));
    }
    let before = redis.digest("r");
    ok(&mut c, "CONFIG SET room.dedupe-age 300ms");
    let after = eventually("the ids are forgotten", || {
        Some(redis.digest("r")).filter(|digest| *digest != before)
    });
    redis.in_step(&replica);
    assert_eq!(replica.digest("r"), after);
    let info = ok(&mut c, "ROOM.INFO r");
    assert_eq!(int(&field(&info, "messages")), 20, "and nothing else");
    ok(&mut c, "CONFIG SET room.dedupe-age 1h");
    redis.crash_and_restart();
    assert_eq!(redis.digest("r"), after);
    let again = redis.run_words("ROOM.PUBLISH r ann hello ID 19");
    let again = again.expect("a published message");
    assert_eq!(int(&list(&again)[3]), 0, "it is another message");
}
