//! Who gets in, what is wrong with a request, and how much there may be.

use super::{apart, api, keys, messages, proxy, room};
use harness::certs::Authority;
use harness::eventually;
use harness::http::{Answer, Http, KEY};
use harness::process::{built, run};
use harness::proxy::Proxy;
use harness::redis::Redis;
use harness::stream::Stream;
use harness::value::ok;
use serde_json::json;
use std::process::Command;
use std::time::{Duration, Instant};

const JSON: &str = "Content-Type: application/json";

#[test]
fn only_a_key_gets_in() {
    let redis = Redis::start();
    let (proxy, _keys) = proxy(&redis, &[]);
    let mut http = api(&proxy);
    let body = br#"{"uid":"bot","message":1}"#;
    let right = format!("Authorization: Bearer {KEY}");
    let wrong = format!("Authorization: Bearer {}x", &KEY[..KEY.len() - 1]);
    let (longer, basic) = (format!("{right}x"), format!("Authorization: Basic {KEY}"));
    for (headers, code) in [
        (&[][..], "NOTOKEN"),
        (&[basic.as_str()], "NOTOKEN"),
        (&["Authorization: Bearer"], "NOTOKEN"),
        (&["Authorization: Bearer "], "NOTOKEN"),
        (&[wrong.as_str()], "BADTOKEN"),
        (&[longer.as_str()], "BADTOKEN"),
        (&[right.as_str(), right.as_str()], "BADTOKEN"),
    ] {
        for path in [messages("r"), "/api/unread".into(), "/api/nowhere".into()] {
            let answer = http.ask_with("POST", &path, &[&[JSON], headers].concat(), body);
            assert_eq!(answer.problem(), (401, code.into()), "{headers:?}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            assert!(!answer.body.contains(KEY));
        }
        // A key stands nowhere else.
        let path = format!("{}?access_token={KEY}", messages("r"));
        assert_eq!(http.ask_with("POST", &path, headers, body).status, 401);
    }
    assert_eq!(redis.query::<i64>(redis::cmd("EXISTS").arg("room:r")), 0);
    let small = format!("authorization: bearer {KEY}");
    assert_eq!(
        http.ask_with("POST", &messages("r"), &[JSON, &small], body)
            .status,
        200
    );
    assert_eq!(proxy.metric("roomcast_api_refused_total"), 28);
}

#[test]
fn there_is_no_api_without_keys_and_pages_of_others_get_nothing() {
    let redis = Redis::start();
    let without = Proxy::start(&redis);
    for path in ["/api/openapi.yaml", "/api/rooms/r"] {
        assert_eq!(Http::to(without.port).get(path).status, 404, "{path}");
    }
    let (proxy, port, _keys) = apart(&redis, &[]);
    assert_eq!(Http::to(proxy.port).get("/api/openapi.yaml").status, 404);
    let mut http = Http::to(port);
    for path in ["/", "/room.js", "/metrics", "/healthz", "/ws"] {
        assert_eq!(http.get(path).problem(), (404, "NOTFOUND".into()), "{path}");
    }
    let preflight = [
        "Origin: https://evil.example",
        "Access-Control-Request-Method: POST",
    ];
    let origin = ["Origin: https://evil.example"];
    for answer in [
        http.ask("OPTIONS", &messages("r"), &preflight, b""),
        http.ask("GET", "/api/openapi.yaml", &origin, b""),
        http.post_with(&messages("r"), &origin, &json!({"uid": "u", "message": 1})),
    ] {
        let of_cors = |name: &String| name.starts_with("access-control");
        assert!(
            !answer.headers.iter().any(|(name, _)| of_cors(name)),
            "{answer:?}"
        );
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
}

#[test]
fn keys_are_changed_without_a_restart() {
    let redis = Redis::start();
    let (_folder, file) = keys(KEY);
    let proxy = Proxy::with(&redis, &["--api-key-file", &file]);
    let mut http = api(&proxy);
    let other = "another-key-0123456789abcdef0123456789abcdef";
    let by_other = format!("Authorization: Bearer {other}");
    let get = |http: &mut Http, key: &str| http.ask_with("GET", "/api/bans", &[key], b"").status;
    assert_eq!(
        (http.get("/api/bans").status, get(&mut http, &by_other)),
        (200, 401)
    );
    std::fs::write(&file, format!("{KEY}\n{other}\n")).expect("a file");
    let until = |http: &mut Http, wanted: (u16, u16)| {
        eventually("the keys are those of the file", || {
            let both = (http.get("/api/bans").status, get(http, &by_other));
            (both == wanted).then_some(())
        });
    };
    until(&mut http, (200, 200));
    std::fs::write(&file, other).expect("a file");
    until(&mut http, (401, 200));
    // One that cannot be used changes nothing.
    std::fs::write(&file, "short").expect("a file");
    eventually("it was looked at", || {
        proxy
            .process()
            .printed()
            .contains("what was read last stays")
            .then_some(())
    });
    assert_eq!(get(&mut http, &by_other), 200);
    assert!(!proxy.process().printed().contains(other));
}

#[test]
fn options_that_cannot_work_are_sentences() {
    let (_folder, short) = keys("0123456789abcdef0123456789abcde\n");
    for (options, part) in [
        (
            &["--api-key-file", "/nowhere"][..],
            "--api-key-file: /nowhere: ",
        ),
        (&["--api-key-file", &short], "line 1 has 31 bytes"),
        (&["--api-listen", "127.0.0.1:0"], "needs --api-key-file"),
    ] {
        let mut command = Command::new(built("ROOMCAST_PROXY", "roomcast-proxy"));
        command.args(["--listen", "127.0.0.1:0", "--redis", "redis://127.0.0.1:1"]);
        command.args(options);
        let done = run(command);
        let said = String::from_utf8_lossy(&done.stderr);
        assert_eq!(done.status.code(), Some(2), "{said}");
        assert!(said.contains(part), "{options:?}: {said}");
    }
}

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
            (400, "BADFIELD"),
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

#[test]
fn requests_are_as_many_and_as_slow_as_they_may_be() {
    let redis = Redis::start();
    let options = [
        "--api-requests",
        "2",
        "--handshake-timeout",
        "1s",
        "--http-timeout",
        "2s",
    ];
    let (proxy, _keys) = proxy(&redis, &options);
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n{JSON}\r\nContent-Length: 23\r\n\r\n",
        messages("r")
    );
    // Two that do not end.
    let mut slow = [api(&proxy), api(&proxy)];
    let began = Instant::now();
    slow.iter_mut().for_each(|http| http.send(head.as_bytes()));
    eventually("both are worked on", || {
        (proxy.metric("roomcast_api_under_way") == 2).then_some(())
    });
    let answer = api(&proxy).get("/api/bans");
    assert_eq!(answer.problem(), (429, "TOOFAST".into()));
    assert_eq!(answer.header("retry-after"), Some("1"));
    let answers: Vec<Answer> = slow
        .iter_mut()
        .map(|http| http.answer(false).unwrap())
        .collect();
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert!(
        answers
            .iter()
            .all(|answer| answer.problem() == (408, "TIMEOUT".into()))
    );
    assert_eq!(proxy.metric("roomcast_api_busy_total"), 1);
    assert_eq!(api(&proxy).get("/api/bans").status, 200);
    assert_eq!(proxy.metric("roomcast_api_under_way"), 0);
}

#[test]
fn a_port_of_its_own_keeps_connections_and_has_limits() {
    let redis = Redis::start();
    let options = [
        "--api-connections",
        "4",
        "--http-timeout",
        "1s",
        "--handshake-timeout",
        "1s",
    ];
    let (_proxy, port, _keys) = apart(&redis, &options);
    let mut http = Http::to(port);
    let began = Instant::now();
    while began.elapsed() < Duration::from_millis(1500) {
        http.get("/api/bans").ok();
        std::thread::sleep(Duration::from_millis(50));
    }
    // Of one address two at most.
    let mut second = Http::to(port);
    second.get("/api/bans").ok();
    let mut third = Http::to(port);
    third.send(b"GET /api/bans HTTP/1.1\r\n\r\n");
    assert!(third.answer(false).is_err());
    drop(second);
    eventually("its place is free", || {
        let mut next = Http::to(port);
        next.send(
            format!("GET /api/bans HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n\r\n")
                .as_bytes(),
        );
        next.answer(false).ok()
    });
}

#[test]
fn with_a_certificate_it_speaks_tls() {
    let (redis, authority) = (Redis::start(), Authority::new());
    let pair = authority.certify("localhost");
    let options = pair.options("--tls-cert", "--tls-key");
    let (_proxy, port, _keys) = apart(&redis, &options);
    let stream = std::net::TcpStream::connect(("127.0.0.1", port)).expect("a connection");
    let mut http = Http::over(Stream::tls(stream, authority.client()));
    http.get("/api/bans").ok();
    assert_eq!(Http::to(port).get("/api/bans").status, 400, "in plain");
}
