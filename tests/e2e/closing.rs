//! Before each close after which a client may come back it is told when; before any other it is not.

use crate::tokens::signed::{KeyFile, SECRET, claims, enter, now, signed};
use harness::client::Client;
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::{Value, json};

/// The code that it is closed with, and what `closing` says, which is the last event.
fn ends(client: &mut Client) -> (u16, Option<Value>) {
    let code = client.closed();
    let closing = |event: &&Value| event["event"] == "closing";
    assert!(client.seen.iter().filter(closing).count() <= 1);
    let last = client.seen.last().filter(closing);
    (code, last.map(|event| event["after"].clone()))
}

#[test]
fn who_may_come_back_is_told_when() {
    let redis = Redis::start();
    let times = [
        "--heartbeat",
        "200ms",
        "--dead-after",
        "1s",
        "--login-timeout",
        "1s",
        "--drain",
        "0",
    ];
    let mut proxy = Proxy::with(&redis, &times);
    let mut nobody = Client::connect(proxy.port);
    // It answers no ping while it reads nothing.
    let mut silent = Client::login(proxy.port, "r", "silent");
    eventually("it is given up", || {
        (proxy.metric("roomcast_dead_connections_total") == 1).then_some(())
    });
    assert_eq!(ends(&mut silent), (4001, Some(json!(0))));
    assert_eq!(ends(&mut nobody), (4004, Some(json!(0))));
    let mut last = Client::login(proxy.port, "r", "last");
    proxy.stop();
    assert_eq!(ends(&mut last), (4000, Some(json!(0))));

    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &[]);
    let mut soon = claims("bob", json!({"lobby": ["member", "read"]}));
    soon["exp"] = (now() + 2).into();
    let mut bob = enter(proxy.port, &signed(SECRET, &soon));
    assert_eq!(ends(&mut bob), (4003, Some(json!(0))));
    soon["exp"] = (now() - 1).into();
    let mut late = Client::connect(proxy.port);
    late.send(&json!({"event": "login", "roomid": "lobby", "token": signed(SECRET, &soon)}));
    assert_eq!(ends(&mut late), (4003, Some(json!(0))));
}

#[test]
fn who_may_not_is_not() {
    let redis = Redis::start();
    let keys = KeyFile::new(SECRET);
    let proxy = keys.proxy(&redis, &["--max-event", "2000"]);
    let connect = || Client::connect(proxy.port);
    let (mut large, mut binary, mut bad) = (connect(), connect(), connect());
    large.send(&json!({"event": "typing", "x": "x".repeat(3_000)}));
    assert_eq!(ends(&mut large), (4101, None));
    binary.send_binary(b"x");
    assert_eq!(ends(&mut binary), (4102, None));
    bad.send(&json!({"event": "login", "roomid": "lobby", "token": "nonsense"}));
    assert_eq!(ends(&mut bad), (4103, None));
}
