//! A client's own heartbeats: who confirms by `ack` is answered, as that confirms nothing.

use crate::story::pending;
use harness::client::Client;
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::{Value, json};

fn enter(port: u16, uid: &str, ack: Value) -> Client {
    let mut client = Client::connect(port);
    client.send(&json!({"event": "login", "roomid": "r", "uid": uid, "ack": ack}));
    client.wait("synced");
    client
}

/// How many pongs come for this many pings; what was asked behind them has come then.
fn pongs(client: &mut Client, pings: usize) -> Vec<Value> {
    for _ in 0..pings {
        client.send(&json!({"event": "heartbeat", "message": "ping"}));
    }
    client.send(&json!({"event": "members"}));
    client.wait("members");
    let (pongs, rest) = client
        .seen
        .drain(..)
        .partition(|event| event["event"] == "pong");
    client.seen = rest;
    pongs
}

#[test]
fn each_ping_of_who_confirms_by_acks_has_one_pong() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut ann = enter(proxy.port, "ann", json!("client"));
    let mut bob = enter(proxy.port, "bob", Value::Null);
    ann.say("hello");
    ann.messages_until("hello");
    bob.messages_until("hello");
    let answers = pongs(&mut ann, 3);
    assert_eq!(answers.len(), 3);
    for pong in &answers {
        let fields = pong.as_object().expect("an object");
        assert_eq!(fields.len(), 2, "{pong}");
        assert!(pong["ts"].as_u64().is_some_and(|ts| ts > 1_700_000_000_000));
    }
    assert_eq!(pending(&redis, "room:r", "ann"), 1, "it confirms nothing");
    assert_eq!(
        pongs(&mut bob, 3),
        Vec::<Value>::new(),
        "a bare sign of life"
    );
    let mut nobody = Client::connect(proxy.port);
    nobody.send(&json!({"event": "heartbeat", "message": "ping"}));
    nobody.send(&json!({"event": "kicked"}));
    nobody.wait("error");
    assert_eq!(nobody.seen, Vec::<Value>::new());
    // Nobody else may say that word.
    ann.send(&json!({"event": "pong"}));
    assert_eq!(ann.wait("error")["code"], "BADEVENT");
}
