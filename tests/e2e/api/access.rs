//! Who gets in, and which options there are.

use super::{apart, api, keys, messages, proxy};
use harness::eventually;
use harness::http::{Http, KEY};
use harness::process::{built, run};
use harness::proxy::Proxy;
use harness::redis::Redis;
use serde_json::json;
use std::process::Command;

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
