//! Redis goes away and comes back: sockets stay, sessions are announced again, nothing is lost.

use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{field, int, ok, words};
use serde_json::json;

#[test]
fn sockets_survive_a_restart_of_redis() {
    let mut redis = Redis::with(&["--appendonly", "yes", "--appendfsync", "always"]);
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "r", "a");
    let mut b = Client::login(proxy.port, "r", "b");
    a.say("before");
    b.messages_until("before");
    redis.stop();
    proxy.becomes_ready(false);
    a.send(&json!({"event": "message", "message": "into the void", "id": "v1"}));
    assert_eq!(a.wait("error")["code"], "UNAVAILABLE");
    redis.start_again();
    proxy.becomes_ready(true);
    eventually("the sessions are announced again", || {
        let info = words("ROOM.INFO room:r")
            .query::<redis::Value>(&mut redis.connect())
            .ok()?;
        (int(&field(&info, "online")) == 2).then_some(())
    });
    a.send(&json!({"event": "message", "message": "retried", "id": "v1"}));
    assert_eq!(a.wait("sent")["duplicate"], false);
    assert_eq!(texts(&b.messages_until("retried")), ["retried"]);
}

#[test]
fn what_is_published_while_the_link_is_cut_is_read_from_the_log() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "r", "a");
    a.say("before");
    a.messages_until("before");
    // Both connections of the proxy die; messages are stored before it is back.
    let mut c = redis.connect();
    for command in [
        "MULTI",
        "CLIENT KILL TYPE normal SKIPME yes",
        "CLIENT KILL TYPE pubsub",
        "ROOM.PUBLISH room:r bot unheard",
        "EXEC",
    ] {
        ok(&mut c, command);
    }
    assert_eq!(texts(&a.messages_until("unheard")), ["unheard"]);
    ok(&mut c, "ROOM.PUBLISH room:r bot live");
    a.messages_until("live");
}

#[test]
fn a_history_that_was_rolled_back_is_a_reset() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "r", "a");
    a.say("kept");
    a.messages_until("kept");
    let dump: Vec<u8> = redis.query(redis::cmd("DUMP").arg("room:r"));
    a.say("forgotten");
    a.messages_until("forgotten");
    redis.query::<()>(
        redis::cmd("RESTORE")
            .arg("room:r")
            .arg(0)
            .arg(&dump)
            .arg("REPLACE"),
    );
    a.wait("reset");
    // The number 2 is given a second time: nobody skips it.
    ok(&mut redis.connect(), "ROOM.PUBLISH room:r bot other");
    let other = a.messages_until("other").pop().expect("a message");
    assert_eq!(other["seq"], 2);
}
