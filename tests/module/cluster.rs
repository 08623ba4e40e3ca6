//! In cluster mode a room is one slot: its channel is a shard channel there, and nobody hears anything twice.

use harness::connection::Connection;
use harness::eventually;
use harness::redis::Redis;
use harness::value::{ok, text, words};
use redis::Value;
use room_core::announce;

const CLUSTER: [&str; 6] = [
    "--save",
    "",
    "--cluster-enabled",
    "yes",
    "--cluster-node-timeout",
    "60000",
];

fn node() -> Redis {
    Redis::with(&CLUSTER)
}

/// A primary of all slots and its replica.
fn pair() -> (Redis, Redis) {
    let (primary, replica) = (node(), node());
    ok(&mut primary.connect(), "CLUSTER ADDSLOTSRANGE 0 16383");
    let id = text(&ok(&mut primary.connect(), "CLUSTER MYID"));
    ok(
        &mut replica.connect(),
        &format!("CLUSTER MEET 127.0.0.1 {}", primary.port),
    );
    eventually("the replica knows the primary", || {
        words(&format!("CLUSTER REPLICATE {id}"))
            .query::<Value>(&mut replica.connect())
            .ok()
    });
    for node in [&primary, &replica] {
        eventually("the cluster is fine", || {
            let info: String = node.query(&words("CLUSTER INFO"));
            info.contains("cluster_state:ok").then_some(())
        });
    }
    primary.in_step(&replica);
    // A shard's messages go to those of its nodes that the primary knows and has a link to; others lose them.
    eventually("the primary knows the replica", || {
        let nodes: String = primary.query(&words("CLUSTER NODES"));
        let replica = format!(" slave {id} ");
        let mut lines = nodes.lines();
        lines
            .any(|line| line.contains(&replica) && line.trim_end().ends_with(" connected"))
            .then_some(())
    });
    (primary, replica)
}

fn subscribed(node: &Redis, channel: &str) -> Connection {
    let mut connection = node.connect();
    if node
        .query::<String>(&words("INFO replication"))
        .contains("role:slave")
    {
        // Shard channels are read from a replica by those who say so.
        ok(&mut connection, "READONLY");
    }
    ok(&mut connection, &format!("SSUBSCRIBE {channel}"));
    connection
}

/// What came until the message that marks the end.
fn heard(connection: &mut Connection) -> Vec<String> {
    let mut heard = Vec::new();
    loop {
        let push = connection.recv().expect("a message in time");
        let (Value::Array(parts) | Value::Push { data: parts, .. }) = push else {
            panic!("no message: {push:?}");
        };
        let Some(Value::BulkString(frame)) = parts.last() else {
            panic!("no bytes: {parts:?}");
        };
        match announce::parse(frame) {
            Some((_, payload)) => heard.push(String::from_utf8_lossy(payload).into_owned()),
            None => return heard,
        }
    }
}

#[test]
fn shard_subscribers_hear_each_message_once() {
    let (primary, replica) = pair();
    let mut ears = [subscribed(&primary, "{r}1"), subscribed(&replica, "{r}1")];
    let mut c = primary.connect();
    ok(&mut c, "ROOM.INVITE {r}1 a");
    for i in 0..5 {
        ok(&mut c, &format!("ROOM.PUBLISH {{r}}1 bot m{i}"));
    }
    ok(&mut c, "SPUBLISH {r}1 end");
    for ear in &mut ears {
        assert_eq!(heard(ear), ["m0", "m1", "m2", "m3", "m4"]);
    }
    primary.in_step(&replica);
    assert_eq!(
        format!("{:?}", ok(&mut readonly(&replica), "ROOM.RANGE {r}1 - +")),
        format!("{:?}", ok(&mut c, "ROOM.RANGE {r}1 - +"))
    );
}

fn readonly(node: &Redis) -> Connection {
    let mut connection = node.connect();
    ok(&mut connection, "READONLY");
    connection
}

#[test]
fn keys_of_several_slots_are_refused() {
    let redis = node();
    ok(&mut redis.connect(), "CLUSTER ADDSLOTSRANGE 0 16383");
    eventually("the cluster is fine", || {
        let info: String = redis.query(&words("CLUSTER INFO"));
        info.contains("cluster_state:ok").then_some(())
    });
    let error = harness::value::err(&mut redis.connect(), &words("ROOM.HEADS a b"));
    assert!(error.starts_with("CROSSSLOT"), "{error}");
    ok(&mut redis.connect(), "ROOM.HEADS {x}a {x}b");
}

#[test]
fn a_key_that_is_deleted_where_it_is_is_gone_not_moved() {
    let redis = node();
    ok(&mut redis.connect(), "CLUSTER ADDSLOTSRANGE 0 16383");
    harness::cluster::wait_for_state(&redis, "ok");
    let mut c = redis.connect();
    ok(&mut c, "ROOM.JOIN r a");
    let mut ear = subscribed(&redis, "r");
    ok(&mut c, "DEL r");
    ok(&mut c, "SPUBLISH r end");
    assert_eq!(heard(&mut ear), ["gone"]);
}
