//! Many rooms come back after a reconnect over a link that takes much longer for all of them than one answer may take.

use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::relay::Relay;
use harness::value::ok;
use serde_json::json;

const ROOMS: usize = 4000;
/// One room's subscription, its sessions, and the answers are some 100 bytes each way: all of them are seconds.
const BYTES_A_SECOND: u64 = 150_000;
const OPTIONS: [&str; 10] = [
    "--workers",
    "8",
    "--redis-timeout",
    "700ms",
    "--lease",
    "10s",
    "--max-rooms",
    "10000",
    "--max-rate",
    "100000",
];

#[test]
fn many_rooms_come_back_in_one_go() {
    let redis = Redis::start();
    let relay = Relay::to(redis.port);
    let url = format!("redis://127.0.0.1:{}", relay.port);
    let proxy = Proxy::to(&url, &OPTIONS);
    let mut many = Client::connect(proxy.port);
    for room in 0..ROOMS {
        many.send(&json!({"event": "login", "roomid": room.to_string(), "uid": "many"}));
    }
    for _ in 0..ROOMS {
        many.wait("synced");
    }
    relay.cut();
    many.serve_until("the proxy knows that Redis is away", || {
        proxy.metric("roomcast_redis_up") == 0
    });
    ok(&mut redis.connect(), "ROOM.PUBLISH room:7 bot meanwhile");
    relay.slow(BYTES_A_SECOND);
    many.serve_until("all rooms are there again", || {
        proxy.metric("roomcast_relinked_total") >= ROOMS as u64
    });
    assert_eq!(texts(&many.messages_until("meanwhile")), ["meanwhile"]);
    // None of it was given up and begun again.
    assert_eq!(proxy.metric("roomcast_redis_lost_total"), 1);
    assert_eq!(proxy.metric("roomcast_relinked_total"), ROOMS as u64);
    eventually("all are online", || {
        let sessions = redis.info("room_sessions");
        (sessions == ROOMS as u64).then_some(())
    });
}
