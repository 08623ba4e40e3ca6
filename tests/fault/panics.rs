//! A part of the proxy panics: the log tells, and what the panic touched ends, so that clients can begin again. Nobody stays
//! in a room that is deaf, or online without a connection.

use crate::world::broken;
use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{int, list, ok, text};
use serde_json::json;

const OPTIONS: [&str; 4] = ["--broken", "panics", "--workers", "2"];

fn online(redis: &Redis) -> Vec<String> {
    let page = ok(&mut redis.connect(), "ROOM.MEMBERS room:r ONLINE");
    let rows = list(&list(&page)[1]).to_vec();
    let mut uids: Vec<String> = rows.iter().map(|row| text(&list(row)[0])).collect();
    uids.sort();
    uids
}

fn online_becomes(redis: &Redis, expected: &[&str]) {
    eventually(&format!("{expected:?} are online"), || {
        (online(redis) == expected).then_some(())
    });
}

fn panic_in(place: &str, client: &mut Client) {
    let roomid = format!("panic-{place}");
    client.send(&json!({"event": "login", "roomid": roomid, "uid": "x"}));
}

/// In the log and not elsewhere: a line of its own with the level.
fn told(proxy: &Proxy) -> bool {
    let printed = proxy.process().printed();
    let told = |line: &str| line.contains("ERROR") && line.contains("a defect on request");
    printed.lines().any(told)
}

#[test]
fn a_panic_in_a_connection_ends_that_one_only() {
    let redis = Redis::start();
    let proxy = Proxy::of(&broken(), &redis.url(), &OPTIONS);
    let mut a = Client::login(proxy.port, "r", "a");
    let mut b = Client::login(proxy.port, "r", "b");
    panic_in("connection", &mut b);
    assert_eq!(b.closed(), 1006, "it ends without a word, so b comes back");
    online_becomes(&redis, &["a"]);
    a.say("for b");
    a.messages_until("for b");
    let mut b = Client::login(proxy.port, "r", "b");
    assert_eq!(texts(&b.messages_until("for b")), ["for b"]);
    a.say("both");
    for client in [&mut a, &mut b] {
        assert_eq!(texts(&client.messages_until("both")), ["both"]);
    }
    assert!(told(&proxy));
    assert_eq!(proxy.metric("roomcast_redis_lost_total"), 0);
}

#[test]
fn a_panic_in_a_room_ends_all_connections_and_sessions_and_the_next_ones_work() {
    let redis = Redis::start();
    let proxy = Proxy::of(&broken(), &redis.url(), &OPTIONS);
    let mut a = Client::login(proxy.port, "r", "a");
    let mut b = Client::login(proxy.port, "elsewhere", "b");
    a.say("before");
    a.messages_until("before");
    panic_in("room", &mut b);
    for client in [&mut a, &mut b] {
        assert_eq!(client.closed(), 4002, "they may come back");
        let closing = json!({"event": "closing", "after": 1000});
        assert_eq!(client.seen.last(), Some(&closing), "in a moment");
    }
    online_becomes(&redis, &[]);
    eventually("there is a link again", || {
        (proxy.metric("roomcast_redis_up") == 1).then_some(())
    });
    ok(&mut redis.connect(), "ROOM.PUBLISH room:r bot meanwhile");
    let mut a = Client::login(proxy.port, "r", "a");
    let mut c = Client::login(proxy.port, "r", "c");
    a.messages_until("meanwhile");
    online_becomes(&redis, &["a", "c"]);
    c.say("after");
    assert_eq!(texts(&a.messages_until("after")), ["after"]);
    assert!(told(&proxy));
    let exists = int(&ok(&mut redis.connect(), "EXISTS room:panic-room"));
    assert_eq!(exists, 0, "nothing of what panicked was done");
    eventually("only the new ones are counted", || {
        let many = ["connections", "seats"].map(|of| proxy.metric(&format!("roomcast_{of}")));
        (many == [2, 2]).then_some(())
    });
}

#[test]
fn a_panic_of_the_link_ends_the_program_which_would_be_deaf_and_green() {
    let redis = Redis::start();
    let mut proxy = Proxy::of(&broken(), &redis.url(), &OPTIONS);
    let mut a = Client::login(proxy.port, "r", "a");
    panic_in("link", &mut a);
    let code = eventually("the program ends", || proxy.ended());
    assert_eq!(code, 1);
    assert!(told(&proxy));
    assert_eq!(a.closed(), 1006, "its clients come back elsewhere");
    online_becomes(&redis, &[]);
}
