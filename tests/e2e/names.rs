//! Proxies' names, and people who are kicked.

use harness::client::Client;
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{int, list, ok, text};
use serde_json::json;
use std::time::{Duration, Instant};

/// uid and number of sessions.
fn sessions(redis: &Redis) -> Vec<(String, i64)> {
    let page = ok(&mut redis.connect(), "ROOM.MEMBERS room:r ONLINE");
    let rows = list(&list(&page)[1]).to_vec();
    let row = |row| (text(&list(row)[0]), int(&list(row)[3]));
    let mut sessions: Vec<(String, i64)> = rows.iter().map(row).collect();
    sessions.sort();
    sessions
}

#[test]
fn two_proxies_of_one_name_both_serve() {
    let redis = Redis::start();
    let options = ["--name", "twin", "--lease", "1s"];
    let first = Proxy::with(&redis, &options);
    let mut a = Client::login(first.port, "r", "a");
    let second = Proxy::with(&redis, &options);
    let mut b = Client::login(second.port, "r", "b");
    let both = [("a".to_owned(), 1), ("b".to_owned(), 1)];
    eventually("the older one has another name", || {
        (sessions(&redis) == both).then_some(())
    });
    // Long enough for many renewals of both.
    let end = Instant::now() + Duration::from_secs(4);
    while Instant::now() < end {
        assert_eq!(sessions(&redis), both, "nobody's sessions end");
        a.serve_until("a moment is over", {
            let moment = Instant::now() + Duration::from_millis(50);
            move || Instant::now() >= moment
        });
    }
    a.say("from the first");
    b.messages_until("from the first");
    b.say("from the second");
    a.messages_until("from the second");
    for proxy in [&first, &second] {
        assert_eq!(proxy.metric("roomcast_redis_lost_total"), 0);
    }
}

#[test]
fn who_is_kicked_goes_for_the_others_once() {
    let redis = Redis::start();
    let (one, two) = (Proxy::start(&redis), Proxy::start(&redis));
    let mut a = Client::login(one.port, "r", "a");
    let mut b = Client::login(two.port, "r", "b");
    let mut victim = Client::login(one.port, "r", "victim");
    for other in [&mut a, &mut b] {
        other.find("the victim came", |event| {
            event["event"] == "login" && event["uid"] == "victim"
        });
    }
    ok(&mut redis.connect(), "ROOM.KICK room:r victim spam");
    assert_eq!(victim.wait("kicked")["reason"], "spam");
    for other in [&mut a, &mut b] {
        assert_eq!(other.wait("logout")["uid"], "victim");
    }
    // Whatever the end of its seat sets off is over when it has come again.
    drop(victim);
    let _again = Client::login(one.port, "r", "victim");
    for other in [&mut a, &mut b] {
        other.find("the victim came again", |event| {
            event["event"] == "login" && event["uid"] == "victim"
        });
        let gone = |event: &&serde_json::Value| event["event"] == "logout";
        assert_eq!(other.seen.iter().find(gone), None, "told twice");
    }
}

#[test]
fn a_room_whose_slot_moves_is_no_reset() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "r", "a");
    a.say("before");
    let at = a.messages_until("before").pop().expect("a message");
    let position = at["position"].as_str().expect("a position");
    let header = format!("c {} 0 1 1 -", position.replace('-', " "));
    let heard: i64 = redis.query(
        redis::cmd("PUBLISH")
            .arg("room:r")
            .arg(format!("{header}\nmoved")),
    );
    assert_eq!(heard, 1);
    ok(&mut redis.connect(), "ROOM.PUBLISH room:r bot after");
    a.messages_until("after");
    let strange =
        |event: &&serde_json::Value| event["event"] == "reset" || event["event"] == "lost";
    assert_eq!(a.seen.iter().find(strange), None);
    a.send(&json!({"event": "message", "message": "own", "id": "1"}));
    assert_eq!(a.wait("sent")["duplicate"], false);
}
