//! Two databases of one Redis, a proxy on each: nothing of a room in one reaches the room of the same name in the other.

use harness::client::{Client, texts};
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::ok;
use serde_json::json;

/// In this database, beside the others' 0.
const OTHER: u8 = 1;

#[test]
fn databases_do_not_hear_each_other() {
    let redis = Redis::start();
    let zero = Proxy::start(&redis);
    let one = Proxy::to(&format!("{}/{OTHER}", redis.url()), &[]);
    let mut a = Client::login(zero.port, "r", "a");
    let mut b = Client::login(one.port, "r", "b");
    let mut c = Client::login(one.port, "r", "c");
    let ranges = zero.metric("roomcast_redis_ranges_total");
    // Who was kicked before anybody was told of it does not go for the others either.
    b.find("c came", |event| {
        event["event"] == "login" && event["uid"] == "c"
    });

    b.send(&json!({"event": "typing"}));
    c.wait("typing");
    b.say("for c");
    assert_eq!(texts(&c.messages_until("for c")), ["for c"]);
    let mut operator = redis.connect();
    ok(&mut operator, &format!("SELECT {OTHER}"));
    ok(&mut operator, "ROOM.KICK room:r a");
    ok(&mut operator, "ROOM.KICK room:r c");
    c.wait("kicked");
    b.find("c went", |event| event["event"] == "logout");

    // What was announced in the other database came before this: none of it did.
    a.say("for a");
    a.messages_until("for a");
    let told = ["typing", "kicked", "login", "logout", "presence", "reset"];
    let strange = |event: &&serde_json::Value| {
        let name = event["event"].as_str().unwrap_or_default();
        let own = name == "login" && event["uid"] == "a";
        told.contains(&name) && !own
    };
    assert_eq!(a.seen.iter().find(strange), None);
    assert_eq!(zero.metric("roomcast_redis_ranges_total"), ranges);
}
