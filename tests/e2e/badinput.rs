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
    let (deep, name) = ("[".repeat(5000), "n".repeat(129));
    let name = format!(r#"{{"event":"login","roomid":"q","uid":"{name}"}}"#);
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
    for (text, code) in cases.into_iter().chain(hostile(&deep, &name)) {
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

/// What is meant to hurt rather than to be misunderstood.
fn hostile<'a>(deep: &'a str, long_name: &'a str) -> Vec<(&'a str, &'static str)> {
    vec![
        (deep, "BADJSON"),
        (long_name, "BADUID"),
        ("{\"event\":\"message\",\"message\":1e99999", "BADJSON"),
        ("\u{feff}{}", "BADJSON"),
        ("%s%s%n", "BADJSON"),
        (
            r#"{"event":"login","roomid":"q","uid":"a\u0000b"}"#,
            "BADUID",
        ),
        (r#"{"event":"login","roomid":"q","uid":"a\nb"}"#, "BADUID"),
        (
            r#"{"event":"login","roomid":"q","uid":"\ud800"}"#,
            "BADFIELD",
        ),
        (r#"{"event":"login","roomid":"a b","uid":"u"}"#, "BADFIELD"),
        (r#"{"event":"login","roomid":"","uid":"u"}"#, "BADFIELD"),
        (
            r#"{"event":"login","roomid":"q","uid":"u","history":-1}"#,
            "BADFIELD",
        ),
        (
            r#"{"event":"login","roomid":"q","uid":"u","history":1e30}"#,
            "BADFIELD",
        ),
        (
            r#"{"event":"login","roomid":"q","uid":"u","ack":"server"}"#,
            "BADFIELD",
        ),
        (
            r#"{"event":"login","roomid":"q","uid":"u","v":99}"#,
            "BADFIELD",
        ),
        (
            r#"{"event":"login","roomid":"q","uid":"u","since":"18446744073709551616-00000000"}"#,
            "BADPOS",
        ),
        (r#"{"event":"ack","position":7}"#, "BADFIELD"),
        (r#"{"event":"sent","id":"x"}"#, "BADEVENT"),
        (r#"{"event":"reset"}"#, "BADEVENT"),
        (r#"{"event":"presence"}"#, "BADEVENT"),
    ]
}

#[test]
fn before_a_login_everything_but_a_login_is_refused() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::connect(proxy.port);
    for event in ["message", "typing", "logout", "leave", "members"] {
        a.send(&json!({"event": event, "message": "x"}));
        let error = a.wait("error");
        assert_eq!(
            (&error["code"], &error["of"]),
            (&json!("NOLOGIN"), &json!(event))
        );
    }
    a.send(&json!({"event": "ack", "position": "1-00000000"}));
    assert_eq!(a.wait("error")["code"], "NOLOGIN");
    a.send(&json!({"event": "heartbeat", "message": "pong"}));
    a.send(&json!({"event": "login", "roomid": "r", "uid": "a"}));
    a.wait("synced");
    assert_eq!(redis.query::<i64>(&redis::cmd("DBSIZE")), 1);
}

#[test]
fn hostile_texts_arrive_as_they_were_sent() {
    let redis = Redis::start();
    let proxy = Proxy::start(&redis);
    let mut a = Client::login(proxy.port, "r", "e%s%n");
    let mut b = Client::login(proxy.port, "r", "<script>");
    for text in [
        "%s%s%n%p",
        "a\0b",
        "\u{2028}\u{202e}",
        "\r\n+OK\r\n",
        "</script>",
        "\"\\",
    ] {
        a.say(text);
        assert_eq!(b.messages_until(text)[0]["uid"], "e%s%n");
    }
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
    let limits = ["--max-rate", "5", "--max-event", "1000"];
    let proxy = Proxy::with(&redis, &[&limits[..], &["--busy-timeout", "1s"]].concat());
    let mut large = Client::login(proxy.port, "r", "large");
    large.send(&json!({"event": "message", "message": "x".repeat(2000)}));
    assert_eq!(large.closed(), 4101);
    let mut binary = Client::login(proxy.port, "r", "binary");
    binary.send_binary(b"\0\x01\xff");
    assert_eq!(binary.closed(), 4102);
    let mut flood = Client::login(proxy.port, "r", "flood");
    for _ in 0..100 {
        flood.say("x");
    }
    assert_eq!(flood.closed(), 4005, "it may come back");
    let info = ok(&mut redis.connect(), "ROOM.INFO room:r");
    let sent = int(&field(&info, "messages"));
    assert!(
        (40..80).contains(&sent),
        "{sent}: a burst is fine, more is slow"
    );
    // What is done at once is no flood, be it as much as a burst.
    let mut burst = Client::login(proxy.port, "r", "burst");
    for i in 0..45 {
        burst.say(&format!("{i}"));
    }
    burst.messages_until("44");
}
