//! The story that all of this is for, with a client that sends only what the tutorial's sends.

use harness::client::{Client, texts};
use harness::eventually;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{field, int, ok, payloads};
use serde_json::json;

pub(crate) fn pending(redis: &Redis, room: &str, uid: &str) -> i64 {
    int(&field(
        &ok(&mut redis.connect(), &format!("ROOM.PENDING {room} {uid}")),
        "pending",
    ))
}

pub(crate) fn offline(redis: &Redis, room: &str, uid: &str) {
    eventually(&format!("{uid} is offline"), || {
        let pending = ok(&mut redis.connect(), &format!("ROOM.PENDING {room} {uid}"));
        (int(&field(&pending, "online")) == 0).then_some(())
    });
}

fn caught_up(redis: &Redis, room: &str, uid: &str, client: &mut Client) {
    client.serve_until("everything is acknowledged", || {
        pending(redis, room, uid) == 0
    });
}

#[test]
fn who_was_away_gets_exactly_what_was_missed_once_in_order() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "1", "A");
    let mut b = Client::login(proxy.port, "1", "B");
    a.say("hello");
    assert_eq!(texts(&b.messages_until("hello")), ["hello"]);
    caught_up(&redis, "room:1", "B", &mut b);

    b.drop_connection();
    offline(&redis, "room:1", "B");
    for text in ["one", "two", "three"] {
        a.say(text);
    }
    a.messages_until("three");
    let queue = ok(&mut redis.connect(), "ROOM.QUEUE room:1 B");
    let queued: Vec<serde_json::Value> = payloads(&queue)
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    assert_eq!(texts(&queued), ["one", "two", "three"]);
    assert_eq!(pending(&redis, "room:1", "B"), 3);

    let mut b = Client::connect(proxy.port);
    b.send(&json!({"event": "login", "name": "Bea", "roomid": "1", "uid": "B"}));
    let echo = b.wait("login");
    assert_eq!(
        (&echo["pending"], &echo["resumed"], &echo["total"]),
        (&json!(3), &json!(false), &json!(2))
    );
    let synced = b.wait("synced");
    assert_eq!((&synced["total"], &synced["num"]), (&json!(2), &json!(2)));
    let missed = b.take_messages();
    assert_eq!(texts(&missed), ["one", "two", "three"]);
    for (message, seq) in missed.iter().zip(2..) {
        assert_eq!(
            (&message["total"], &message["uid"]),
            (&json!(2), &json!("A"))
        );
        // Of when the message was encoded, which may have been before B came back.
        assert!(["1", "2"].contains(&message["num"].to_string().as_str()));
        assert_eq!(
            (&message["seq"], &message["roomid"], &message["name"]),
            (&json!(seq), &json!("1"), &json!("A"))
        );
    }
    a.say("live");
    assert_eq!(texts(&b.messages_until("live")), ["live"]);
    caught_up(&redis, "room:1", "B", &mut b);

    b.drop_connection();
    let mut third = Client::login(proxy.port, "1", "B");
    assert_eq!(
        texts(&third.take_messages()),
        [] as [&str; 0],
        "nothing comes a second time"
    );
    a.say("again");
    assert_eq!(texts(&third.messages_until("again")), ["again"]);
}

#[test]
fn a_long_absence_is_caught_up_page_by_page_while_others_talk() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--page", "2000"]);
    ok(&mut redis.connect(), "ROOM.INVITE room:r away");
    let mut talker = Client::login(proxy.port, "r", "talker");
    let publish = |from: usize, to: usize| {
        let mut pipe = redis::pipe();
        for i in from..to {
            pipe.cmd("ROOM.PUBLISH")
                .arg("room:r")
                .arg("bot")
                .arg(format!("{{\"event\":\"message\",\"message\":\"{i}\"}}"))
                .ignore();
        }
        pipe.query::<()>(&mut redis.connect()).unwrap();
    };
    publish(0, 3000);
    let mut away = Client::connect(proxy.port);
    away.send(&json!({"event": "login", "roomid": "r", "uid": "away", "name": "x"}));
    publish(3000, 4000);
    let seen = texts(&away.messages_until("3999"));
    assert_eq!(seen.len(), 4000);
    assert!(
        seen.iter()
            .enumerate()
            .all(|(i, text)| *text == i.to_string()),
        "in order, without a gap"
    );
    talker.messages_until("3999");
}

#[test]
fn presence_and_other_events_reach_those_online_and_are_not_kept() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    ok(&mut redis.connect(), "CONFIG SET room.grace 200");
    let mut a = Client::login(proxy.port, "p", "a");
    let b = Client::login(proxy.port, "p", "b");
    let came = a.find("the arrival of b", |event| {
        event["event"] == "login" && event["uid"] == "b"
    });
    assert_eq!((&came["num"], &came["total"]), (&json!(2), &json!(2)));
    let mut b = b;
    a.send(&json!({"event": "typing", "on": true}));
    let typing = b.wait("typing");
    assert_eq!((&typing["uid"], &typing["on"]), (&json!("a"), &json!(true)));
    assert!(typing.get("seq").is_none());
    assert_eq!(
        int(&field(
            &ok(&mut redis.connect(), "ROOM.INFO room:p"),
            "messages"
        )),
        0
    );
    a.send(&json!({"event": "members"}));
    let members = a.wait("members");
    assert_eq!(members["members"].as_array().map(Vec::len), Some(2));
    b.drop_connection();
    let went = a.find("the departure of b", |event| event["event"] == "logout");
    assert_eq!((&went["uid"], &went["num"]), (&json!("b"), &json!(1)));
}

#[test]
fn one_socket_may_be_in_many_rooms_log_out_and_leave() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::connect(proxy.port);
    for room in ["x", "y"] {
        a.send(&json!({"event": "login", "roomid": room, "uid": "a", "name": "a"}));
        a.wait("synced");
    }
    a.send(&json!({"event": "message", "message": "to y", "roomid": "y"}));
    assert_eq!(a.wait("message")["roomid"], "y");
    a.say("to the first");
    assert_eq!(a.wait("message")["roomid"], "x");
    a.confirm();
    a.send(&json!({"event": "logout", "roomid": "x"}));
    a.wait("logout");
    offline(&redis, "room:x", "a");
    assert_eq!(
        pending(&redis, "room:x", "a"),
        0,
        "what was confirmed is reported before"
    );
    a.send(&json!({"event": "leave", "roomid": "y"}));
    assert_eq!(a.wait("logout")["reason"], "left");
    assert_eq!(redis.query::<i64>(redis::cmd("EXISTS").arg("room:y")), 0);
    a.say("nowhere");
    assert_eq!(a.wait("error")["code"], "NOLOGIN");
}

#[test]
fn a_room_that_nobody_is_in_any_more_costs_nothing() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--room-pause", "100ms"]);
    for room in 0..20 {
        let mut a = Client::login(proxy.port, &format!("r{room}"), "a");
        a.say("hello");
        a.messages_until("hello");
    }
    eventually("all rooms are gone", || {
        (proxy.metric("roomcast_rooms") == 0).then_some(())
    });
}
