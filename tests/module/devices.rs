//! Several devices of one uid: the slowest of those that are here, or went a moment ago, is what the uid has. The raw
//! commands, as two proxies give them.

use harness::connection::Connection;
use harness::eventually::{PATIENCE, eventually};
use harness::redis::Redis;
use harness::value::{field, int, list, ok, text, words};
use std::time::{Duration, Instant};

/// For tests that wait for its end.
const SHORT: Duration = Duration::from_millis(700);
/// For tests that would fail if anything waited for its end.
const LONG: Duration = Duration::from_secs(600);

/// `room.device-grace` as an argument.
pub(crate) fn grace(of: Duration) -> String {
    of.as_millis().to_string()
}

pub(crate) fn server(device_grace: Duration) -> Redis {
    server_with(device_grace, &["--save", ""])
}

pub(crate) fn server_with(device_grace: Duration, options: &[&str]) -> Redis {
    let ms = grace(device_grace);
    let own = ["--room.grace", "100", "--room.device-grace", &ms];
    Redis::with(&[options, &own].concat())
}

/// A proxy's connection.
pub(crate) fn proxy(redis: &Redis, name: &str) -> Connection {
    let mut c = redis.connect();
    ok(&mut c, &format!("ROOM.HELLO {name} LEASE 3600000"));
    c
}

/// Publishes ten messages to `r`, which keeps none that everybody has: position n is that of message n, 0 the one before.
fn ten(redis: &Redis) -> Vec<String> {
    let mut c = redis.connect();
    ok(&mut c, "ROOM.LIMITS r keep 0");
    let mut positions = vec![crate::workload::head(&mut c, "r")];
    for i in 1..=10 {
        let published = ok(&mut c, &format!("ROOM.PUBLISH r x m{i}"));
        positions.push(text(&list(&published)[4]));
    }
    positions
}

fn ack(c: &mut Connection, position: &str) -> i64 {
    int(&ok(c, &format!("ROOM.ACK r {position} u")))
}

fn cursor(redis: &Redis) -> i64 {
    cursor_in(redis, "r")
}

pub(crate) fn cursor_in(redis: &Redis, room: &str) -> i64 {
    let pending = redis.run_words(&format!("ROOM.PENDING {room} u"));
    int(&field(&pending.expect("a member"), "cursor"))
}

/// What is in `r` for whoever is at the cursor.
fn waiting(redis: &Redis) -> i64 {
    let pending = redis.run_words("ROOM.PENDING r u").expect("a member");
    int(&field(&pending, "pending"))
}

/// The cursor stands at `from` for `grace` at least, and rises to `to` then. `since`: from before the grace began.
pub(crate) fn rises_after(
    redis: &Redis,
    room: &str,
    since: Instant,
    grace: Duration,
    (from, to): (i64, i64),
) {
    loop {
        let at = cursor_in(redis, room);
        let passed = since.elapsed();
        if at == to {
            assert!(
                passed + Duration::from_millis(5) >= grace,
                "it rose after {passed:?}"
            );
            return;
        }
        assert_eq!(at, from, "after {passed:?}");
        assert!(passed < grace + PATIENCE, "it stands after {passed:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn ghosts_become(redis: &Redis, many: u64) {
    eventually(&format!("{many} ghosts"), || {
        (redis.info("room_ghosts") == many).then_some(())
    });
}

/// A phone that has everything and a laptop at message 3, on two proxies. The cursor is at 3.
pub(crate) fn two_devices(redis: &Redis) -> (Connection, Connection, Vec<String>) {
    let (mut phone, mut laptop) = (proxy(redis, "p1"), proxy(redis, "p2"));
    ok(&mut phone, "ROOM.JOIN r u");
    ok(&mut laptop, "ROOM.JOIN r u");
    let positions = ten(redis);
    assert_eq!(ack(&mut laptop, &positions[3]), 0);
    assert_eq!(ack(&mut phone, &positions[10]), 1);
    assert_eq!((cursor(redis), waiting(redis)), (3, 7));
    (phone, laptop, positions)
}

#[test]
fn a_device_whose_connection_died_holds_the_cursor_for_a_while() {
    let redis = server(SHORT);
    let (mut phone, laptop, positions) = two_devices(&redis);
    let since = Instant::now();
    drop(laptop);
    ack(&mut phone, &positions[10]);
    rises_after(&redis, "r", since, SHORT, (3, 10));
    ghosts_become(&redis, 0);
}

#[test]
fn a_device_that_logged_out_holds_nothing() {
    let redis = server(LONG);
    let (_phone, mut laptop, _) = two_devices(&redis);
    ok(&mut laptop, "ROOM.DETACH r u");
    eventually("the cursor is the phone's", || {
        (cursor(&redis) == 10).then_some(())
    });
}

#[test]
fn without_a_grace_nobody_leaves_a_ghost() {
    let redis = server(Duration::ZERO);
    let (_phone, mut laptop, positions) = two_devices(&redis);
    let away = ok(&mut laptop, &format!("ROOM.AWAY r {} u", positions[3]));
    assert_eq!(int(&away), 0);
    drop(laptop);
    eventually("the cursor is the phone's", || {
        (cursor(&redis) == 10).then_some(())
    });
}

/// One tab of the uid goes, and others on the same proxy stay, which is one session.
#[test]
fn away_keeps_a_position_where_other_tabs_stay() {
    let redis = server(SHORT);
    let mut p = proxy(&redis, "p");
    ok(&mut p, "ROOM.JOIN r u");
    let positions = ten(&redis);
    let since = Instant::now();
    let away = ok(&mut p, &format!("ROOM.AWAY r {} u stranger", positions[4]));
    assert_eq!(int(&away), 1, "of members only");
    assert_eq!(ack(&mut p, &positions[9]), 1);
    rises_after(&redis, "r", since, SHORT, (4, 9));
    assert_eq!(redis.info("room_devices_away"), 1);
}

/// What a proxy does that stops: AWAY, then DETACH.
#[test]
fn away_keeps_a_position_where_the_session_ends() {
    let redis = server(SHORT);
    let (_phone, mut laptop, positions) = two_devices(&redis);
    let since = Instant::now();
    ok(&mut laptop, &format!("ROOM.AWAY r {} u", positions[3]));
    ok(&mut laptop, "ROOM.DETACH r u");
    rises_after(&redis, "r", since, SHORT, (3, 10));
}

#[test]
fn an_away_of_another_history_is_refused() {
    let redis = server(LONG);
    let (_phone, mut laptop, _) = two_devices(&redis);
    let refused = words("ROOM.AWAY r 3-00000000 u").query::<i64>(&mut laptop);
    let refused = refused.expect_err("a position of no history");
    assert_eq!(refused.code(), Some("BADPOS"));
    assert_eq!(redis.info("room_ghosts"), 0);
}

/// Ghosts at 2, 5 and 8 of a member, who has the messages up to 2 therefore. Those are kept.
fn three_ghosts(redis: &Redis) -> Vec<String> {
    ok(&mut redis.connect(), "ROOM.INVITE r u");
    let positions = ten(redis);
    ok(&mut redis.connect(), "ROOM.LIMITS r keep 10");
    for at in [2, 5, 8] {
        ok(
            &mut proxy(redis, "gone"),
            &format!("ROOM.AWAY r {} u", positions[at]),
        );
    }
    assert_eq!(redis.info("room_ghosts"), 3);
    eventually("the cursor is the slowest's", || {
        (cursor(redis) == 2).then_some(())
    });
    positions
}

/// Where a JOIN of a new connection begins, which stays open.
fn joins(redis: &Redis, name: &str, options: &str) -> (String, Connection) {
    let mut c = proxy(redis, name);
    let joined = ok(&mut c, &format!("ROOM.JOIN r u{options}"));
    (text(&field(&joined, "position")), c)
}

#[test]
fn who_joins_takes_over_the_ghost_that_it_left() {
    let redis = server(LONG);
    let at = three_ghosts(&redis);
    let (begins, _below) = joins(&redis, "a", &format!(" SINCE {}", at[1]));
    assert_eq!(begins, at[1]);
    assert_eq!(redis.info("room_ghosts"), 3, "all of them are above it");
    let (begins, _between) = joins(&redis, "b", &format!(" SINCE {}", at[6]));
    assert_eq!(begins, at[6]);
    assert_eq!(redis.info("room_ghosts"), 2, "the one at 5 is taken over");
    let (begins, _lowest) = joins(&redis, "c", "");
    assert_eq!(begins, at[2], "the lowest of 2 and 8");
    let (begins, _last) = joins(&redis, "d", "");
    assert_eq!(begins, at[8]);
    assert_eq!(redis.info("room_ghosts"), 0);
    assert_eq!(
        cursor(&redis),
        2,
        "whoever is at 1 lowers nothing, and holds it"
    );
}

#[test]
fn a_position_of_another_history_takes_over_the_lowest() {
    let redis = server(LONG);
    let _at = three_ghosts(&redis);
    let (_, _joined) = joins(&redis, "a", " SINCE 6-00000000");
    assert_eq!(redis.info("room_ghosts"), 2);
    let (begins, _next) = joins(&redis, "b", "");
    assert!(begins.starts_with("5-"), "{begins}");
}

#[test]
fn who_attaches_takes_over_what_its_own_proxy_left() {
    let redis = server(LONG);
    let (phone, laptop, positions) = two_devices(&redis);
    drop((phone, laptop));
    ghosts_become(&redis, 2);
    let mut laptop = proxy(&redis, "p2");
    ok(&mut laptop, "ROOM.ATTACH r u");
    assert_eq!(redis.info("room_ghosts"), 1, "the phone's is left");
    assert_eq!(ack(&mut laptop, &positions[8]), 1);
    assert_eq!(cursor(&redis), 8, "its session was at 3");
    let mut phone = proxy(&redis, "p1");
    ok(&mut phone, "ROOM.ATTACH r u");
    assert_eq!(redis.info("room_ghosts"), 0);
    ack(&mut laptop, &positions[10]);
    assert_eq!(cursor(&redis), 10, "its session was at 10");
}

#[test]
fn a_proxy_of_another_name_takes_nothing_over() {
    let redis = server(LONG);
    let (mut phone, laptop, positions) = two_devices(&redis);
    drop(laptop);
    ghosts_become(&redis, 1);
    let mut other = proxy(&redis, "p3");
    ok(&mut other, "ROOM.ATTACH r u");
    ack(&mut other, &positions[10]);
    ack(&mut phone, &positions[10]);
    assert_eq!((cursor(&redis), waiting(&redis)), (3, 7));
}

#[test]
fn a_proxy_without_a_session_moves_nothing() {
    let redis = server(LONG);
    ok(&mut redis.connect(), "ROOM.INVITE r u");
    let positions = ten(&redis);
    let mut p = proxy(&redis, "p");
    assert_eq!(ack(&mut p, &positions[10]), 0);
    assert_eq!(cursor(&redis), 0);
    ok(&mut p, "ROOM.ATTACH r u");
    assert_eq!(ack(&mut p, &positions[10]), 1);
}

#[test]
fn an_operator_moves_no_further_than_the_devices() {
    let redis = server(LONG);
    let (_phone, mut laptop, positions) = two_devices(&redis);
    let mut cli = redis.connect();
    assert_eq!(ack(&mut cli, &positions[10]), 0, "the laptop is at 3");
    ack(&mut laptop, &positions[5]);
    drop(laptop);
    ghosts_become(&redis, 1);
    assert_eq!(ack(&mut cli, &positions[10]), 0, "its ghost is at 5");
    assert_eq!(cursor(&redis), 5);
    ok(&mut cli, "ROOM.INVITE other u");
    ok(&mut cli, "ROOM.PUBLISH other x m");
    let head = crate::workload::head(&mut cli, "other");
    let moved = ok(&mut cli, &format!("ROOM.ACK other {head} u"));
    assert_eq!(int(&moved), 1, "nobody is there");
}
