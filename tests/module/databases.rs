//! Databases of one server are separate: channels know none, so each announcement names its own, and what is done in one
//! ends nobody's session in another.

use harness::connection::Connection;
use harness::eventually;
use harness::redis::Redis;
use harness::value::{field, int, ok};
use redis::Value;
use room_core::announce::{self, Kind};

fn in_db(redis: &Redis, db: u8) -> Connection {
    let mut connection = redis.connect();
    ok(&mut connection, &format!("SELECT {db}"));
    connection
}

/// Announcements until this payload: kind and database of each.
fn told_until(ear: &mut Connection, last: &str) -> Vec<(Kind, i32)> {
    let mut told = Vec::new();
    loop {
        let push = ear.recv().expect("an announcement in time");
        let (Value::Array(parts) | Value::Push { data: parts, .. }) = push else {
            panic!("no message: {push:?}");
        };
        let Some(Value::BulkString(frame)) = parts.last() else {
            continue;
        };
        let Some((header, payload)) = announce::parse(frame) else {
            panic!("no announcement: {frame:?}");
        };
        told.push((header.kind, header.db));
        if payload == last.as_bytes() {
            return told;
        }
    }
}

#[test]
fn an_announcement_names_its_database() {
    let redis = Redis::start();
    let mut ear = redis.connect();
    ok(&mut ear, "SUBSCRIBE r");
    let mut three = in_db(&redis, 3);
    ok(&mut three, "ROOM.JOIN r a");
    ok(&mut three, "ROOM.PUBLISH r a hello");
    ok(&mut three, "ROOM.PUBLISH r a typing EPHEMERAL");
    ok(&mut three, "ROOM.KICK r a out");
    ok(&mut three, "ROOM.LEAVE r a");
    ok(&mut redis.connect(), "ROOM.PUBLISH r a end");
    let told = told_until(&mut ear, "end");
    let (last, before) = told.split_last().expect("the last one");
    assert_eq!(*last, (Kind::Message, 0));
    assert!(
        before.len() >= 4 && before.iter().all(|(_, db)| *db == 3),
        "{told:?}"
    );
}

#[test]
fn a_room_that_goes_with_its_database_is_told_there() {
    let redis = Redis::start();
    for how in ["DEL r", "FLUSHDB", "SWAPDB 3 5"] {
        let mut ear = redis.connect();
        let mut three = in_db(&redis, 3);
        ok(&mut three, "ROOM.JOIN r a");
        ok(&mut ear, "SUBSCRIBE r");
        ok(&mut three, how);
        let told = told_until(&mut ear, "gone");
        assert_eq!(told.last(), Some(&(Kind::Control, 3)), "{how}");
    }
}

#[test]
fn what_is_done_in_one_database_ends_nothing_in_another() {
    let redis = Redis::start();
    let (mut zero, mut one) = (in_db(&redis, 0), in_db(&redis, 1));
    for connection in [&mut zero, &mut one] {
        ok(connection, "ROOM.JOIN r a");
    }
    let online = |c: &mut Connection| int(&field(&ok(c, "ROOM.PENDING r a"), "online"));
    ok(&mut one, "ROOM.KICK r a");
    assert_eq!((online(&mut zero), online(&mut one)), (1, 0));
    ok(&mut one, "ROOM.JOIN r a");
    ok(&mut one, "ROOM.PUBLISH r a x");
    assert_eq!(int(&field(&ok(&mut zero, "ROOM.INFO r"), "messages")), 0);
    ok(&mut one, "FLUSHDB");
    assert_eq!(online(&mut zero), 1);
    ok(&mut one, "ROOM.JOIN r a");
    assert_eq!(
        int(&field(&ok(&mut one, "ROOM.INFO r"), "online")),
        1,
        "a new room inherits nothing"
    );
    ok(&mut zero, "FLUSHALL");
    eventually("nobody is online", || {
        (redis.info("room_uids_online") == 0 && redis.info("room_waiting_chores") == 0)
            .then_some(())
    });
}
