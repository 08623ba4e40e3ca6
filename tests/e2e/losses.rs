//! Whoever was told that messages are gone, and whose connection died before it read that, is told again: all of it.

use crate::story::{offline, pending};
use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::relay::Relay;
use harness::value::{field, int, ok};
use serde_json::{Value, json};

fn say(redis: &Redis, from: usize, to: usize) {
    let mut connection = redis.connect();
    for i in from..=to {
        ok(&mut connection, &format!("ROOM.PUBLISH room:r bot m{i}"));
    }
}

fn trim(redis: &Redis, before: usize) {
    let trim = format!("ROOM.TRIM room:r BEFORE {before}");
    ok(&mut redis.connect(), &trim);
}

/// Bob has confirmed three messages, and is gone while nine more are said, of which the first are dropped up to `gone`.
fn bob_is_behind(redis: &Redis, port: u16, gone: usize) {
    let mut bob = Client::login(port, "r", "bob");
    say(redis, 1, 3);
    bob.messages_until("m3");
    bob.serve_until("bob has confirmed", || pending(redis, "room:r", "bob") == 0);
    bob.drop_connection();
    offline(redis, "room:r", "bob");
    say(redis, 4, 12);
    trim(redis, gone + 1);
}

/// Somebody logs in and does not read; what waits in its socket when it is dropped has the kernel reset the connection. It is
/// back when the proxy has told that something is gone.
fn unread(proxy: &Proxy, more: &Value) -> Client {
    let before = proxy.metric("roomcast_lost_messages_total");
    let mut client = Client::connect(proxy.port);
    let mut login = json!({"event": "login", "roomid": "r", "uid": "bob", "v": 1});
    for (name, value) in more.as_object().expect("an object") {
        login[name] = value.clone();
    }
    client.send(&login);
    eventually("the loss is told", || {
        (proxy.metric("roomcast_lost_messages_total") > before).then_some(())
    });
    client
}

fn numbers(lost: &Value) -> (u64, u64) {
    let number = |name: &str| lost[name].as_u64().expect("a number");
    (number("from"), number("to"))
}

/// What PENDING says is lost to Bob, and where he is.
fn behind(redis: &Redis) -> (i64, i64) {
    let pending = ok(&mut redis.connect(), "ROOM.PENDING room:r bob");
    (
        int(&field(&pending, "lost")),
        int(&field(&pending, "cursor")),
    )
}

#[test]
fn a_loss_that_a_plain_client_did_not_read_is_told_again_as_a_whole() {
    let redis = Redis::start();
    let mut proxy = Proxy::start(&redis);
    bob_is_behind(&redis, proxy.port, 7);
    for gone in [7, 8, 9] {
        drop(unread(&proxy, &json!({})));
        offline(&redis, "room:r", "bob");
        assert_eq!(behind(&redis), (gone - 3, 3), "he has what he confirmed");
        trim(&redis, gone as usize + 2);
    }
    // The proxy itself dies.
    let stalled = unread(&proxy, &json!({}));
    proxy.kill();
    offline(&redis, "room:r", "bob");
    drop(stalled);
    let proxy = Proxy::start(&redis);
    let mut bob = Client::login(proxy.port, "r", "bob");
    assert_eq!(numbers(&bob.wait("lost")), (4, 10));
    assert_eq!(texts(&bob.take_messages()), ["m11", "m12"]);
    bob.serve_until("bob has confirmed", || behind(&redis) == (0, 12));
    bob.drop_connection();
    offline(&redis, "room:r", "bob");
    let bob = Client::login(proxy.port, "r", "bob");
    assert!(!bob.seen.iter().any(|event| event["event"] == "lost"));
}

#[test]
fn a_loss_with_nothing_behind_it_is_confirmed_too() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    bob_is_behind(&redis, proxy.port, 12);
    drop(unread(&proxy, &json!({})));
    offline(&redis, "room:r", "bob");
    let mut bob = Client::login(proxy.port, "r", "bob");
    assert_eq!(numbers(&bob.wait("lost")), (4, 12));
    bob.serve_until("bob has confirmed", || behind(&redis) == (0, 12));
}

#[test]
fn a_loss_in_a_running_session_is_told_again_too() {
    let redis = Redis::start();
    let relay = Relay::to(redis.port);
    let proxy = Proxy::to(&format!("redis://127.0.0.1:{}", relay.port), &[]);
    let mut bob = Client::login(proxy.port, "r", "bob");
    say(&redis, 1, 3);
    bob.messages_until("m3");
    bob.serve_until("bob has confirmed", || {
        pending(&redis, "room:r", "bob") == 0
    });
    relay.cut();
    offline(&redis, "room:r", "bob");
    say(&redis, 4, 12);
    trim(&redis, 8);
    // He reads nothing from here on.
    relay.mend();
    eventually("the loss is told", || {
        (proxy.metric("roomcast_lost_messages_total") == 4).then_some(())
    });
    assert_eq!(behind(&redis), (4, 3));
    drop(bob);
    offline(&redis, "room:r", "bob");
    let mut bob = Client::login(proxy.port, "r", "bob");
    assert_eq!(numbers(&bob.wait("lost")), (4, 7));
    assert_eq!(texts(&bob.take_messages())[0], "m8");
}

#[test]
fn who_acknowledges_by_itself_has_read_a_loss_when_it_says_so() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    bob_is_behind(&redis, proxy.port, 7);
    let own = json!({"ack": "client"});
    drop(unread(&proxy, &own));
    offline(&redis, "room:r", "bob");
    // It read that, and the connection died before it said so.
    let mut bob = unread(&proxy, &own);
    assert_eq!(numbers(&bob.wait("lost")), (4, 7));
    bob.messages_until("m12");
    drop(bob);
    offline(&redis, "room:r", "bob");
    assert_eq!(behind(&redis), (4, 3));
    let mut bob = unread(&proxy, &own);
    let lost = bob.wait("lost");
    assert_eq!(numbers(&lost), (4, 7));
    bob.send(&json!({"event": "ack", "position": lost["position"]}));
    bob.serve_until("that is read", || behind(&redis) == (0, 7));
    assert_eq!(pending(&redis, "room:r", "bob"), 5);
}
