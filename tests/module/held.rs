//! A room that this server did not make itself waits for the devices that it never saw: after a start, a promotion, and
//! where it arrived.

use crate::devices::{cursor_in, grace, proxy, rises_after, server, server_with, two_devices};
use harness::connection::Connection;
use harness::eventually;
use harness::redis::Redis;
use harness::value::{field, int, list, ok, words};
use std::time::{Duration, Instant};

/// `room.device-grace`: devices come back in time, on a busy machine too.
const MIDDLE: Duration = Duration::from_secs(4);

/// The phone comes first and has everything; the laptop (if it comes) is at 3 still. `since`: from before the room came.
fn come_back(redis: &Redis, room: &str, since: Instant, with_laptop: bool) {
    let head = crate::workload::head(&mut redis.connect(), room);
    let mut phone = proxy(redis, "p1");
    ok(&mut phone, &format!("ROOM.ATTACH {room} u"));
    let acknowledge = |c: &mut Connection| int(&ok(c, &format!("ROOM.ACK {room} {head} u")));
    assert_eq!(acknowledge(&mut phone), 0, "{room} is held");
    let acknowledged = acknowledge(&mut redis.connect());
    assert_eq!(acknowledged, 0, "{room} is held for an operator too");
    assert!(redis.info("room_acks_held") >= 1);
    if !with_laptop {
        return rises_after(redis, room, since, MIDDLE, (3, 10));
    }
    let mut laptop = proxy(redis, "p2");
    ok(&mut laptop, &format!("ROOM.ATTACH {room} u"));
    assert!(since.elapsed() < MIDDLE, "this machine is too slow");
    while since.elapsed() < MIDDLE + Duration::from_secs(1) {
        assert_eq!(cursor_in(redis, room), 3);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(acknowledge(&mut laptop), 1);
    assert_eq!(cursor_in(redis, room), 10);
}

fn restarts(options: &[&str], restart: fn(&mut Redis)) {
    for with_laptop in [true, false] {
        let mut redis = server_with(MIDDLE, options);
        let devices = two_devices(&redis);
        let since = Instant::now();
        restart(&mut redis);
        drop(devices);
        let mut c = redis.connect();
        ok(&mut c, "ROOM.JOIN young u");
        ok(&mut c, "ROOM.PUBLISH young x m");
        let head = crate::workload::head(&mut c, "young");
        let moved = ok(&mut c, &format!("ROOM.ACK young {head} u"));
        assert_eq!(int(&moved), 1, "a room that is born now is free");
        come_back(&redis, "r", since, with_laptop);
    }
}

#[test]
fn a_start_from_an_aof_waits_for_all_devices() {
    restarts(
        &["--appendonly", "yes", "--appendfsync", "always"],
        Redis::crash_and_restart,
    );
}

#[test]
fn a_start_from_an_rdb_waits_for_all_devices() {
    restarts(&["--save", "3600", "1"], Redis::restart);
}

#[test]
fn a_promotion_waits_for_all_devices() {
    for with_laptop in [true, false] {
        let primary = server(MIDDLE);
        let ms = grace(MIDDLE);
        let options = ["--save", "", "--room.device-grace", &ms];
        let replica = primary.replica_via(primary.port, &options);
        let _devices = two_devices(&primary);
        primary.in_step(&replica);
        let since = Instant::now();
        ok(&mut replica.connect(), "REPLICAOF NO ONE");
        come_back(&replica, "r", since, with_laptop);
    }
}

#[test]
fn a_room_that_arrives_waits_for_all_devices() {
    for (room, with_laptop) in [("restored", true), ("renamed", false), ("copied", false)] {
        let redis = server(MIDDLE);
        let _devices = two_devices(&redis);
        let mut c = redis.connect();
        let since = Instant::now();
        match room {
            "restored" => {
                let dump: Vec<u8> = words("DUMP r").query(&mut c).expect("a dump");
                let mut restore = words("RESTORE restored 0");
                restore.arg(dump).exec(&mut c).expect("a restored room");
            }
            "renamed" => drop(ok(&mut c, "RENAME r renamed")),
            _ => drop(ok(&mut c, "COPY r copied")),
        }
        come_back(&redis, room, since, with_laptop);
    }
}

#[test]
fn a_device_that_comes_back_by_its_position_is_held_as_well() {
    let mut redis = server_with(MIDDLE, &["--appendonly", "yes", "--appendfsync", "always"]);
    let (_phone, _laptop, positions) = two_devices(&redis);
    let since = Instant::now();
    redis.crash_and_restart();
    let mut phone = proxy(&redis, "p1");
    let joined = ok(
        &mut phone,
        &format!("ROOM.JOIN r u SINCE {}", positions[10]),
    );
    assert_eq!(int(&field(&joined, "resumed")), 1);
    rises_after(&redis, "r", since, MIDDLE, (3, 10));
}

/// More than one tick raises, and on a replica as well.
#[test]
fn cursors_that_were_held_rise_in_the_end_all_of_them() {
    const MANY: usize = 2000;
    let mut redis = server_with(MIDDLE, &["--appendonly", "yes"]);
    let uids: Vec<String> = (0..MANY).map(|i| format!("u{i}")).collect();
    let all = |c: &mut Connection, command: &str| {
        let done = words(command).arg(&uids).query::<redis::Value>(c);
        done.unwrap_or_else(|error| panic!("{command}: {error}"))
    };
    let mut c = redis.connect();
    all(&mut c, "ROOM.INVITE r");
    ok(&mut c, "ROOM.PUBLISH r x m");
    redis.restart();
    let replica = redis.replica();
    let mut p = proxy(&redis, "p");
    let head = crate::workload::head(&mut p, "r");
    all(&mut p, "ROOM.ATTACH r");
    let moved = all(&mut p, &format!("ROOM.ACK r {head}"));
    assert_eq!(int(&moved), 0);
    assert_eq!(redis.info("room_acks_held"), MANY as u64);
    eventually("nobody lags", || {
        let furthest = ok(&mut p, "ROOM.LAG r TOP 1");
        (int(&list(&list(&furthest)[0])[1]) == 1).then_some(())
    });
    redis.in_step(&replica);
    assert_eq!(replica.digest("r"), redis.digest("r"));
}
