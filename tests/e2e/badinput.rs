//! Bad input to every event: an error event with a code, nothing changed, the socket alive.

use harness::client::Client;
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::value::{field, int, ok};
use serde_json::json;

#[test]
fn every_bad_event_is_answered_and_the_socket_lives() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "r", "a");
    let before = redis.digest("room:r");
    let long = "x".repeat(65);
    let cases = [
        ("", "BADJSON"),
        ("nonsense", "BADJSON"),
        ("[1]", "BADJSON"),
        ("\"text\"", "BADJSON"),
        ("null", "BADJSON"),
        ("{", "BADJSON"),
        ("{}", "BADEVENT"),
        (r#"{"event":5}"#, "BADEVENT"),
        (r#"{"event":""}"#, "BADEVENT"),
        (r#"{"event":"kicked"}"#, "BADEVENT"),
        (r#"{"event":"lost","from":1}"#, "BADEVENT"),
        (r#"{"event":"synced"}"#, "BADEVENT"),
        (r#"{"event":"error"}"#, "BADEVENT"),
        (r#"{"event":"login"}"#, "BADFIELD"),
        (r#"{"event":"login","roomid":"q","uid":"u v"}"#, "BADUID"),
        (r#"{"event":"login","roomid":"q","uid":""}"#, "BADUID"),
        (r#"{"event":"login","roomid":{},"uid":"u"}"#, "BADFIELD"),
        (
            r#"{"event":"login","roomid":"q","uid":"u","since":"x"}"#,
            "BADPOS",
        ),
        (r#"{"event":"message"}"#, "BADFIELD"),
        (
            r#"{"event":"message","message":"x","roomid":"elsewhere"}"#,
            "NOLOGIN",
        ),
        (r#"{"event":"message","message":"x","id":7}"#, "BADFIELD"),
        (r#"{"event":"typing","roomid":"elsewhere"}"#, "NOLOGIN"),
        (r#"{"event":"ack"}"#, "BADFIELD"),
        (r#"{"event":"ack","position":"999-00000000"}"#, "BADPOS"),
        (r#"{"event":"logout","roomid":"elsewhere"}"#, "NOLOGIN"),
        (r#"{"event":"leave","roomid":"elsewhere"}"#, "NOLOGIN"),
        (r#"{"event":"members","cursor":"x"}"#, "BADFIELD"),
        (
            &format!(r#"{{"event":"message","message":1,"id":"{long}"}}"#),
            "BADID",
        ),
    ];
    for (text, code) in cases {
        a.send_text(text);
        let error = a.wait("error");
        assert_eq!(error["code"], code, "{text}: {error}");
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|sentence| sentence.len() > 10),
            "{error}"
        );
    }
    assert_eq!(redis.digest("room:r"), before);
    assert_eq!(redis.query::<i64>(&redis::cmd("DBSIZE")), 1);
    a.say("alive");
    a.messages_until("alive");
}

#[test]
fn errors_of_redis_pass_through_with_what_they_answer() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "r", "a");
    ok(&mut redis.connect(), "CONFIG SET room.max-payload 100");
    a.send(&json!({"event": "message", "message": "x".repeat(200), "id": "big"}));
    let error = a.wait("error");
    assert_eq!(
        (&error["code"], &error["id"], &error["of"]),
        (&json!("TOOBIG"), &json!("big"), &json!("message"))
    );
    ok(&mut redis.connect(), "SET room:text x");
    a.send(&json!({"event": "login", "roomid": "text", "uid": "a"}));
    assert_eq!(a.wait("error")["code"], "WRONGTYPE");
    ok(&mut redis.connect(), "CONFIG SET room.max-members 1");
    a.send(&json!({"event": "login", "roomid": "r", "uid": "b"}));
    assert_eq!(a.wait("error")["code"], "LIMIT");
}

#[test]
fn violations_and_floods_close_with_a_code() {
    let redis = Redis::start();
    let proxy = Proxy::with(&redis, &["--max-rate", "5", "--max-event", "1000"]);
    let mut large = Client::login(proxy.port, "r", "large");
    large.send(&json!({"event": "message", "message": "x".repeat(2000)}));
    assert_eq!(large.closed(), 4101);
    let mut flood = Client::login(proxy.port, "r", "flood");
    for _ in 0..60 {
        flood.say("x");
    }
    assert_eq!(flood.closed(), 4100);
    let sent = int(&field(
        &ok(&mut redis.connect(), "ROOM.INFO room:r"),
        "messages",
    ));
    assert!(
        (40..60).contains(&sent),
        "{sent}: a burst is fine, more is not"
    );
}
