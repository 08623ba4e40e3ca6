//! Messages that common readers cannot read: refused at the door, and delivered where they were stored before.

use crate::story::pending;
use harness::client::{Client, texts};
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::Value;

/// Brackets in one another, as many as this.
fn nested(depth: usize) -> String {
    format!("{}{}", "[".repeat(depth), "]".repeat(depth))
}

/// Values of any field that are refused.
fn bad_values() -> Vec<String> {
    vec![
        r#""\ud800""#.into(),
        r#""before \udfff after""#.into(),
        r#""\udc00\ud800""#.into(),
        r#"{"\ud800":1}"#.into(),
        r#"[["\ud83d"]]"#.into(),
        nested(32),
        nested(1000),
        format!("{}1{}", r#"{"a":"#.repeat(40), "}".repeat(40)),
    ]
}

#[test]
fn what_common_readers_cannot_read_is_refused_at_the_door() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "r", "a");
    let mut refused = |text: &str| {
        a.send_text(text);
        let error = a.wait("error");
        assert_eq!(error["code"], "BADFIELD", "{text}: {error}");
    };
    for value in bad_values() {
        refused(&format!(r#"{{"event":"message","message":{value}}}"#));
        refused(&format!(
            r#"{{"event":"message","message":"m","of":{value}}}"#
        ));
        refused(&format!(r#"{{"event":"typing","of":{value}}}"#));
        refused(&format!(
            r#"{{"event":"login","roomid":"r","uid":"a","name":{value}}}"#
        ));
    }
    let long = "n".repeat(257);
    refused(&format!(
        r#"{{"event":"login","roomid":"r","uid":"a","name":"{long}"}}"#
    ));
    refused(&format!(
        r#"{{"event":"message","message":"m","name":"{long}"}}"#
    ));
    // With event and message they are 65.
    let fields: String = (0..63).map(|i| format!(r#","f{i}":{i}"#)).collect();
    refused(&format!(r#"{{"event":"message","message":"m"{fields}}}"#));
    a.say("alive");
    assert_eq!(texts(&a.messages_until("alive")), ["alive"], "nothing else");
}

#[test]
fn what_is_just_allowed_arrives_as_it_was_sent() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "r", "a");
    let mut b = Client::login(proxy.port, "r", "b");
    let (deep, long) = (nested(31), "n".repeat(256));
    let fields: String = (0..61).map(|i| format!(r#","f{i}":{i}"#)).collect();
    a.send_text(&format!(
        r#"{{"event":"message","message":"\ud83d\ude00","name":"{long}"{fields}}}"#
    ));
    let message = b.wait("message");
    assert_eq!(message["message"], "\u{1f600}");
    assert_eq!(message["name"], long.as_str());
    assert_eq!(message["f60"], 60);
    a.send_text(&format!(r#"{{"event":"message","message":{deep}}}"#));
    assert_eq!(b.wait("message")["message"].to_string(), deep);
    // A number that some readers cannot hold is text to us.
    a.send_text(r#"{"event":"message","message":1e999}"#);
    let is_it = |seen: &Value| raw(seen).contains(r#""message":1e999,"#);
    b.find("the number", is_it);
}

#[test]
fn what_was_stored_before_is_delivered_and_poisons_nobody() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    Client::login(proxy.port, "r", "a").drop_connection();
    // As a proxy of before wrote them.
    let row = |value: String| format!(r#"{{"event":"message","message":{value}}}"#);
    let rows: Vec<String> = bad_values().into_iter().map(row).collect();
    for row in &rows {
        let mut publish = redis::cmd("ROOM.PUBLISH");
        publish.arg("room:r").arg("old").arg(row);
        redis.query::<redis::Value>(&publish);
    }
    let mut a = Client::login(proxy.port, "r", "a");
    a.say("after");
    let came = a.messages_until("after");
    // Whoever reads JSON can read them: what cannot be read is text in it.
    let as_row = |event: &Value| match &event["message"] {
        Value::String(text) => text.clone(),
        read => row(read.to_string()),
    };
    let mut expected = rows;
    expected.push("after".into());
    assert_eq!(came.iter().map(as_row).collect::<Vec<_>>(), expected);
    a.serve_until("everything is acknowledged", || {
        pending(&redis, "room:r", "a") == 0
    });
}

/// What came, as text: the client keeps what it cannot read as it is.
fn raw(seen: &Value) -> String {
    match seen {
        Value::String(text) => text.clone(),
        read => read.to_string(),
    }
}
