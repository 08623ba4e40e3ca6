//! What is wrong with a request.

use super::{api, messages, proxy, room};
use harness::redis::Redis;
use harness::value::ok;
use serde_json::json;

const JSON: &str = "Content-Type: application/json";

#[test]
fn what_is_wrong_with_a_request_is_said_by_a_code() {
    let redis = Redis::start();
    let (proxy, _keys) = proxy(&redis, &["--api-body", "70000"]);
    ok(&mut redis.connect(), "SET room:string x");
    let mut http = api(&proxy);
    http.post(&messages("r"), &json!({"uid": "bot", "message": 1}))
        .ok();
    let long = format!(r#"{{"uid":"u","message":"{}"}}"#, "x".repeat(69_000));
    let longer = "x".repeat(70_001);
    let one = r#"{"uid":"u","message":1}"#;
    let many = format!(
        "[{}]",
        vec![r#"{"uid":"u","message":1,"id":"x"}"#; 101].join(",")
    );
    let uids = format!(r#"{{"uids":[{}]}}"#, vec!["1"; 1001].join(","));
    let rooms = format!(
        r#"{{"uid":"u","rooms":[{}]}}"#,
        vec![r#""r""#; 101].join(",")
    );
    let (to, key) = (messages("r"), "Idempotency-Key: ");
    let (no_key, long_key) = (format!("{key}\"\""), format!("{key}{}", "x".repeat(65)));
    let reason = format!(r#"{{"uid":"u","reason":"{}"}}"#, "x".repeat(1025));
    type Case<'a> = (&'a str, String, &'a [&'a str], &'a str, (u16, &'a str));
    let cases: &[Case<'_>] = &[
        ("POST", to.clone(), &[], one, (415, "BADTYPE")),
        (
            "POST",
            to.clone(),
            &["Content-Type: text/plain"],
            one,
            (415, "BADTYPE"),
        ),
        (
            "POST",
            to.clone(),
            &["Content-Type: application/jsonp"],
            one,
            (415, "BADTYPE"),
        ),
        ("POST", to.clone(), &[JSON, JSON], one, (400, "BADFIELD")),
        ("POST", to.clone(), &[JSON], "", (400, "BADJSON")),
        ("POST", to.clone(), &[JSON], "null", (400, "BADJSON")),
        ("POST", to.clone(), &[JSON], "[]", (400, "TOOMANY")),
        ("POST", to.clone(), &[JSON], "[1]", (400, "BADJSON")),
        (
            "POST",
            to.clone(),
            &[JSON],
            &format!("[{one}]"),
            (400, "BADFIELD"),
        ),
        ("POST", to.clone(), &[JSON], &many, (400, "TOOMANY")),
        ("POST", to.clone(), &[JSON], &long, (413, "TOOBIG")),
        ("POST", to.clone(), &[JSON], &longer, (413, "TOOBIG")),
        ("POST", to.clone(), &[JSON, &no_key], one, (400, "BADID")),
        ("POST", to.clone(), &[JSON, &long_key], one, (400, "BADID")),
        (
            "POST",
            to.clone(),
            &[JSON, "Idempotency-Key: x", "Idempotency-Key: x"],
            one,
            (400, "BADFIELD"),
        ),
        (
            "POST",
            to.clone(),
            &[JSON, "Idempotency-Key: y"],
            r#"{"uid":"u","message":1,"id":"x"}"#,
            (409, "CONFLICT"),
        ),
        (
            "POST",
            format!("{to}?dry=1"),
            &[JSON],
            one,
            (400, "BADFIELD"),
        ),
        ("POST", messages("string"), &[JSON], one, (409, "WRONGTYPE")),
        ("DELETE", to.clone(), &[], "", (405, "BADMETHOD")),
        (
            "PUT",
            "/api/unread".into(),
            &[JSON],
            one,
            (405, "BADMETHOD"),
        ),
        ("GET", "/api/nothing".into(), &[], "", (404, "NOTFOUND")),
        ("GET", "/api/rooms".into(), &[], "", (404, "NOTFOUND")),
        ("GET", "/api/rooms/nowhere".into(), &[], "", (404, "NOROOM")),
        ("GET", messages("nowhere"), &[], "", (404, "NOROOM")),
        ("GET", format!("{to}?limit=0"), &[], "", (400, "BADFIELD")),
        ("GET", format!("{to}?limit=101"), &[], "", (400, "BADFIELD")),
        (
            "GET",
            format!("{to}?limit=5&limit=5"),
            &[],
            "",
            (400, "BADFIELD"),
        ),
        ("GET", format!("{to}?until=1"), &[], "", (400, "BADFIELD")),
        (
            "GET",
            room("r", "/members?cursor=x"),
            &[],
            "",
            (400, "BADFIELD"),
        ),
        (
            "GET",
            room("r", "/members/stranger"),
            &[],
            "",
            (404, "NOMEMBER"),
        ),
        (
            "GET",
            "/api/bans?cursor=0".into(),
            &[],
            "",
            (400, "BADFIELD"),
        ),
        (
            "POST",
            room("r", "/invite"),
            &[JSON],
            "{}",
            (400, "BADFIELD"),
        ),
        (
            "POST",
            room("r", "/invite"),
            &[JSON],
            r#"{"uids":[]}"#,
            (400, "TOOMANY"),
        ),
        (
            "POST",
            room("r", "/invite"),
            &[JSON],
            r#"{"uids":["a b"]}"#,
            (400, "BADUID"),
        ),
        (
            "POST",
            room("r", "/invite"),
            &[JSON],
            r#"{"uids":[{}]}"#,
            (400, "BADFIELD"),
        ),
        (
            "POST",
            room("r", "/invite"),
            &[JSON],
            r#"{"uids":["a"],"x":1}"#,
            (400, "BADFIELD"),
        ),
        (
            "POST",
            room("r", "/invite"),
            &[JSON],
            &uids,
            (400, "TOOMANY"),
        ),
        (
            "POST",
            room("r", "/leave"),
            &[JSON],
            "nonsense",
            (400, "BADJSON"),
        ),
        (
            "POST",
            room("r", "/kick"),
            &[JSON],
            &reason,
            (413, "TOOBIG"),
        ),
        (
            "POST",
            "/api/bans".into(),
            &[JSON],
            &reason,
            (413, "TOOBIG"),
        ),
        (
            "POST",
            "/api/bans".into(),
            &[JSON],
            r#"{"uid":"u","until":9007199254740992}"#,
            (400, "BADFIELD"),
        ),
        (
            "POST",
            "/api/rooms/r%zz/messages".into(),
            &[JSON],
            one,
            (400, "BADFIELD"),
        ),
        ("GET", "/api/rooms/50%".into(), &[], "", (400, "BADFIELD")),
        (
            "POST",
            room("nowhere", "/kick"),
            &[JSON],
            r#"{"uid":"u"}"#,
            (404, "NOROOM"),
        ),
        (
            "POST",
            "/api/unread".into(),
            &[JSON],
            &rooms,
            (400, "TOOMANY"),
        ),
        (
            "POST",
            "/api/unread".into(),
            &[JSON],
            r#"{"uid":"u","rooms":["a b"]}"#,
            (400, "BADFIELD"),
        ),
        (
            "POST",
            "/api/unread".into(),
            &[JSON],
            r#"{"uid":"u","rooms":[]}"#,
            (400, "TOOMANY"),
        ),
    ];
    for (method, path, headers, body, wanted) in cases {
        let shown: String = body.chars().take(80).collect();
        let answer = http.ask(method, path, headers, body.as_bytes());
        let (status, code) = answer.problem();
        assert_eq!(
            (status, code.as_str()),
            *wanted,
            "{method} {path} {shown}: {}",
            answer.body
        );
        // What follows a body that was too large is read on another connection.
        http = api(&proxy);
    }
    let allowed = http.ask("DELETE", &to, &[], b"");
    let allowed = allowed.header("allow").map(|allowed| allowed.to_owned());
    assert_eq!(allowed.as_deref(), Some("POST,GET,HEAD"));
    let bad = http.ask(
        "POST",
        &to,
        &[JSON],
        b"{\"uid\":\"u\",\"message\":\"\xff\"}",
    );
    assert_eq!(bad.problem(), (400, "BADJSON".into()));
    let metrics = proxy.metrics();
    let counted =
        "roomcast_api_requests_total{route=\"POST /api/rooms/{roomid}/messages\",status=\"415\"} 3";
    assert!(metrics.contains(counted), "{metrics}");
}

#[test]
fn what_redis_refuses_has_its_code() {
    let redis = Redis::start();
    let (proxy, _keys) = proxy(&redis, &[]);
    let mut http = api(&proxy);
    let said = json!({"uid": "bot", "message": 1});
    http.post(&messages("r"), &said).ok();
    ok(&mut redis.connect(), "CONFIG SET maxmemory 1");
    let answer = http.post(&messages("r"), &said);
    assert_eq!(answer.problem(), (503, "OOM".into()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    ok(&mut redis.connect(), "CONFIG SET maxmemory 0");
    ok(&mut redis.connect(), "CONFIG SET room.max-members 1");
    let two = json!({"uids": ["a", "b"]});
    assert_eq!(
        http.post(&room("r", "/invite"), &two).problem(),
        (429, "LIMIT".into())
    );
    ok(&mut redis.connect(), "ACL SETUSER default -ROOM.KICK");
    let answer = http.post(&room("r", "/kick"), &json!({"uid": "a"}));
    assert_eq!(answer.problem(), (502, "NOPERM".into()));
    assert!(!answer.body.contains("ROOM.KICK"), "{}", answer.body);
}
