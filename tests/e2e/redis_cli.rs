//! What an operator types reaches browsers.

use harness::client::{Client, texts};
use harness::process::{self, installed};
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::{Value, json};

fn redis_cli(redis: &Redis, args: &[&str]) -> String {
    let mut command = installed("REDIS_CLI", "redis-cli", "redis-tools");
    command.args(["-p", &redis.port.to_string()]).args(args);
    let output = process::run(command);
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn messages_of_redis_cli_reach_browsers() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "lobby", "a");
    let cases: [(&str, Value); 6] = [
        (r#"{"event":"message","message":"hi"}"#, json!("hi")),
        ("plain text", json!("plain text")),
        ("[1,2]", json!([1, 2])),
        (r#"{"broken"#, json!("{\"broken")),
        (r#"{"event":"kicked","message":"forged"}"#, json!("forged")),
        (
            r#"{"event":"poll","uid":"a","seq":99,"message":"named"}"#,
            json!("named"),
        ),
    ];
    for (payload, expected) in cases {
        redis_cli(&redis, &["ROOM.PUBLISH", "room:lobby", "bot", payload]);
        let message = a.wait("message");
        assert_eq!(
            (&message["message"], &message["uid"]),
            (&expected, &json!("bot"))
        );
        assert_ne!(message["seq"], 99, "{message}");
    }
}

#[test]
fn a_queue_can_be_looked_into() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "lobby", "a");
    redis_cli(&redis, &["ROOM.INVITE", "room:lobby", "away"]);
    for text in ["one", "two", "three"] {
        a.say(text);
    }
    a.messages_until("three");
    let queue = redis_cli(&redis, &["ROOM.QUEUE", "room:lobby", "away"]);
    let waiting: Vec<Value> = queue
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .filter(Value::is_object)
        .collect();
    assert_eq!(texts(&waiting), ["one", "two", "three"], "{queue}");
    let line = redis_cli(&redis, &["ROOM.PENDING", "room:lobby", "away"]);
    assert!(line.contains("pending\n3\n"), "{line}");
    assert_eq!(
        redis_cli(&redis, &["ROOM.WHY", "room:lobby", "away", "2"]).trim(),
        "waiting"
    );
    let refused = redis_cli(&redis, &["ROOM.QUEUE", "room:lobby", "stranger"]);
    assert!(refused.starts_with("NOMEMBER"), "{refused}");
}

#[test]
fn a_kick_reaches_the_browser_and_the_seat_is_gone() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "lobby", "a");
    assert_eq!(
        redis_cli(&redis, &["ROOM.KICK", "room:lobby", "a", "too loud"]).trim(),
        "1"
    );
    assert_eq!(a.wait("kicked")["reason"], "too loud");
    a.say("still here?");
    assert_eq!(a.wait("error")["code"], "NOLOGIN");
    a.send(&json!({"event": "login", "roomid": "lobby", "uid": "a"}));
    a.wait("synced");
}

#[test]
fn a_key_that_is_deleted_under_people_is_a_reset() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "lobby", "a");
    a.say("before");
    a.messages_until("before");
    redis_cli(&redis, &["DEL", "room:lobby"]);
    let reset = a.wait("reset");
    assert_eq!(reset["roomid"], "lobby");
    a.say("after");
    assert_eq!(a.messages_until("after")[0]["seq"], 1);
}

#[test]
fn what_is_announced_by_hand_without_being_stored_is_an_event() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "lobby", "a");
    redis_cli(
        &redis,
        &["ROOM.PUBLISH", "room:lobby", "bot", "hello", "EPHEMERAL"],
    );
    let event = a.wait("event");
    assert_eq!(
        (&event["message"], &event["position"]),
        (&"hello".into(), &serde_json::Value::Null),
        "without a place in the log it must not look like a message"
    );
}
