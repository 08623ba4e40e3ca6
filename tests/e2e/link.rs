//! Links that break without a word: a pulled cable, a stalled connection, a frozen proxy.

use crate::story::{offline, pending};
use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::relay::Relay;
use harness::value::{int, list, ok, text};
use serde_json::json;
use std::time::{Duration, Instant};

/// Times so short that a test need not wait long for them, and long against a machine's hiccups.
const QUICK: [&str; 8] = [
    "--heartbeat",
    "500ms",
    "--dead-after",
    "2s",
    "--lease",
    "2s",
    "--redis-timeout",
    "1s",
];

pub(crate) fn online(redis: &Redis, room: &str) -> Vec<String> {
    let page = ok(&mut redis.connect(), &format!("ROOM.MEMBERS {room} ONLINE"));
    let rows = list(&list(&page)[1]).to_vec();
    let mut uids: Vec<String> = rows.iter().map(|row| text(&list(row)[0])).collect();
    uids.sort();
    uids
}

fn via(relay: &Relay) -> String {
    format!("redis://127.0.0.1:{}", relay.port)
}

/// Reads and answers heartbeats until Redis counts exactly these as online.
fn online_becomes(redis: &Redis, client: &mut Client, expected: &[&str]) {
    client.serve_until(&format!("{expected:?} are online"), || {
        online(redis, "room:r") == expected
    });
}

#[test]
fn a_client_that_vanishes_without_a_word_is_offline_soon_and_misses_nothing() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &QUICK);
    let relay = Relay::to(proxy.port);
    let mut a = Client::login(proxy.port, "r", "a");
    let mut b = Client::login(relay.port, "r", "b");
    a.say("before");
    assert_eq!(texts(&b.messages_until("before")), ["before"]);
    b.serve_until("b has acknowledged", || pending(&redis, "room:r", "b") == 0);
    relay.stall();
    // The socket takes it, nobody gets it.
    a.say("into the dead link");
    online_becomes(&redis, &mut a, &["a"]);
    a.say("later");
    let mut again = Client::login(proxy.port, "r", "b");
    assert_eq!(
        texts(&again.messages_until("later")),
        ["into the dead link", "later"]
    );
}

#[test]
fn a_cut_link_to_redis_heals_and_nothing_is_lost() {
    let redis = Redis::start();
    let relay = Relay::to(redis.port);
    let proxy = Proxy::to(&via(&relay), &QUICK);
    let mut a = Client::login(proxy.port, "r", "a");
    relay.cut();
    offline(&redis, "room:r", "a");
    a.send(&json!({"event": "message", "message": "unheard", "id": "1"}));
    assert_eq!(a.wait("error")["code"], "UNAVAILABLE");
    for text in ["one", "two"] {
        ok(
            &mut redis.connect(),
            &format!("ROOM.PUBLISH room:r bot {text}"),
        );
    }
    relay.mend();
    assert_eq!(texts(&a.messages_until("two")), ["one", "two"]);
    online_becomes(&redis, &mut a, &["a"]);
}

#[test]
fn what_was_confirmed_while_redis_was_away_is_reported() {
    let redis = Redis::start();
    let relay = Relay::to(redis.port);
    let proxy = Proxy::to(&via(&relay), &QUICK);
    let mut a = Client::connect(proxy.port);
    a.send(&json!({"event": "login", "roomid": "r", "uid": "a", "ack": "client", "v": 1}));
    a.wait("synced");
    a.say("before");
    let position = a.wait("message")["position"].clone();
    relay.cut();
    offline(&redis, "room:r", "a");
    let before = proxy.metric("roomcast_events_total");
    a.send(&json!({"event": "ack", "position": position}));
    a.serve_until("the proxy has the ack", || {
        proxy.metric("roomcast_events_total") > before
    });
    assert_eq!(pending(&redis, "room:r", "a"), 1);
    relay.mend();
    a.serve_until("a has acknowledged", || pending(&redis, "room:r", "a") == 0);
}

#[test]
fn a_kick_while_redis_was_away_is_not_missed() {
    let redis = Redis::start();
    let relay = Relay::to(redis.port);
    let proxy = Proxy::to(&via(&relay), &QUICK);
    ok(&mut redis.connect(), "ROOM.INVITE room:r a");
    ok(&mut redis.connect(), "ROOM.KICK room:r a");
    let mut a = Client::login(proxy.port, "r", "a");
    let mut b = Client::login(proxy.port, "r", "b");
    for kick in [false, true, false] {
        relay.cut();
        offline(&redis, "room:r", "a");
        if kick {
            ok(&mut redis.connect(), "ROOM.KICK room:r a");
        }
        relay.mend();
        if kick {
            a.wait("kicked");
            online_becomes(&redis, &mut b, &["b"]);
            a = Client::login(proxy.port, "r", "a");
        }
        online_becomes(&redis, &mut a, &["a", "b"]);
        ok(&mut redis.connect(), "ROOM.PUBLISH room:r bot again");
        a.messages_until("again");
    }
}

#[test]
fn a_stalled_link_to_redis_is_noticed_by_both_sides() {
    let redis = Redis::start();
    let relay = Relay::to(redis.port);
    let proxy = Proxy::to(&via(&relay), &QUICK);
    let mut a = Client::login(proxy.port, "r", "a");
    a.say("before");
    a.messages_until("before");
    relay.stall();
    // Redis: the lease runs out. The proxy: an answer does not come in time.
    offline(&redis, "room:r", "a");
    a.serve_until("the proxy knows that Redis is away", || !proxy.is_ready());
    ok(&mut redis.connect(), "ROOM.PUBLISH room:r bot meanwhile");
    relay.cut();
    relay.mend();
    assert_eq!(texts(&a.messages_until("meanwhile")), ["meanwhile"]);
    online_becomes(&redis, &mut a, &["a"]);
}

#[test]
fn a_slow_link_to_redis_delivers_everything_in_order() {
    let redis = Redis::start();
    let relay = Relay::to(redis.port);
    let proxy = Proxy::to(&via(&relay), &[]);
    let mut a = Client::login(proxy.port, "r", "a");
    relay.slow(100_000);
    let mut c = redis.connect();
    for i in 0..200 {
        ok(
            &mut c,
            &format!("ROOM.PUBLISH room:r bot {i}-{}", "x".repeat(500)),
        );
    }
    let last = format!("199-{}", "x".repeat(500));
    let seen = texts(&a.messages_until(&last));
    let numbers: Vec<String> = seen
        .iter()
        .map(|text| text.split('-').next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(numbers, (0..200).map(|i| i.to_string()).collect::<Vec<_>>());
}

#[test]
fn a_frozen_proxy_loses_its_sessions_and_takes_them_up_again() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &QUICK);
    let mut a = Client::login(proxy.port, "r", "a");
    a.say("before");
    a.messages_until("before");
    a.serve_until("a has acknowledged", || pending(&redis, "room:r", "a") == 0);
    proxy.freeze();
    eventually("the lease of a frozen proxy runs out", || {
        online(&redis, "room:r").is_empty().then_some(())
    });
    ok(&mut redis.connect(), "ROOM.PUBLISH room:r bot meanwhile");
    assert_eq!(pending(&redis, "room:r", "a"), 1);
    proxy.thaw();
    assert_eq!(texts(&a.messages_until("meanwhile")), ["meanwhile"]);
    online_becomes(&redis, &mut a, &["a"]);
}

/// All of them read, and answer heartbeats.
fn serve(clients: &mut [&mut Client], mut done: impl FnMut() -> bool) {
    eventually("all are served", || {
        for client in &mut *clients {
            let until = Instant::now() + Duration::from_millis(20);
            client.serve_until("a moment", || Instant::now() >= until);
        }
        done().then_some(())
    });
}

#[test]
fn a_pause_of_the_proxy_is_not_its_clients_silence_and_the_dead_are_counted_once() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &QUICK);
    let relay = Relay::to(proxy.port);
    let mut a = Client::login(proxy.port, "r", "a");
    let mut b = Client::login(proxy.port, "r", "b");
    let mut c = Client::login(relay.port, "r", "c");
    let dead = || proxy.metric("roomcast_dead_connections_total");
    // As long as the lease and the time after which a client is dead, and far beyond both.
    for long in [2, 6] {
        proxy.freeze();
        // What they say lies unread.
        a.say("from a");
        let until = Instant::now() + Duration::from_secs(long);
        serve(&mut [&mut b, &mut c], || Instant::now() >= until);
        proxy.thaw();
        for client in [&mut a, &mut b, &mut c] {
            assert_eq!(texts(&client.messages_until("from a")), ["from a"]);
        }
        // Longer than a silent client lives.
        let until = Instant::now() + Duration::from_secs(3);
        serve(&mut [&mut a, &mut b, &mut c], || Instant::now() >= until);
        assert_eq!(dead(), 0, "after {long} s");
        assert_eq!(proxy.metric("roomcast_connections"), 3);
    }
    relay.stall();
    serve(&mut [&mut a, &mut b], || {
        proxy.metric("roomcast_connections") == 2
    });
    assert_eq!(dead(), 1);
}

#[test]
fn a_frozen_proxy_is_replaced_by_another() {
    let redis = Redis::start();
    let (frozen, other) = (Proxy::with(&redis, &QUICK), Proxy::with(&redis, &QUICK));
    let a = Client::login(frozen.port, "r", "a");
    let mut b = Client::login(other.port, "r", "b");
    frozen.freeze();
    b.say("for a");
    b.messages_until("for a");
    online_becomes(&redis, &mut b, &["b"]);
    // a's browser gives up and comes back elsewhere.
    let mut again = Client::login(other.port, "r", "a");
    assert_eq!(texts(&again.messages_until("for a")), ["for a"]);
    again.serve_until("a has acknowledged", || pending(&redis, "room:r", "a") == 0);
    frozen.thaw();
    a.drop_connection();
    // What the frozen one still believes moves nothing back.
    b.say("after");
    assert_eq!(texts(&again.messages_until("after")), ["after"]);
    assert!(
        int(&harness::value::field(
            &ok(&mut redis.connect(), "ROOM.PENDING room:r a"),
            "cursor"
        )) >= 1
    );
}
